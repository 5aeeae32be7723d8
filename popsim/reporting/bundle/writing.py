"""The bundle: what is in it, and how it is put together.

    README.md, reproduce.sh, reproduce.py, expected.json    one command, and the hash that it must find
    inputs/            experiment, cohort and network as TOML, data files, and all inputs on one sheet (xlsx, csv)
    environment/       requirements.txt (name==version), environment.toml (Python, platform, machine)
    source/            popsim itself
    results/           tables of the run as CSV, decision.xlsx with live formulas, r/ for R
    report/            technical.html and technical.docx: CHEERS 2022 by section and page
    verification/      tech_ver.csv
    CHANGES.md         what differs from the experiment's file, earlier runs, changes of popsim
    SHA256SUMS         of every file

It is made in a temporary folder and takes its name when it is complete. The zip of the same run has the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from popsim.errors import InputError, RunError
from popsim.exchange.tables.csv_file import write_csv
from popsim.exchange.tables.decision_tables import DecisionTables, created_at
from popsim.exchange.tables.r_files import write_r_files
from popsim.exchange.tables.workbook import write_workbook
from popsim.plurals import counted
from popsim.reporting.bundle.archive import zipped
from popsim.reporting.bundle.changes import change_log
from popsim.reporting.bundle.environment import unit_seconds, write_environment, write_source
from popsim.reporting.bundle.inputs import EXPERIMENT, REDUCED, refuse_what_cannot_be_handed_on, write_inputs
from popsim.reporting.bundle.page import report_as_page
from popsim.reporting.bundle.reduced import MAX_SECONDS, expected, reduced_experiment
from popsim.reporting.bundle.technical import technical_report
from popsim.reporting.bundle.word import need_docx, write_word
from popsim.reporting.text.verification import findings_frame
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.runner import RunResult, run_study
from popsim.runs.work import OnProgress
from popsim.studies.content import file_hash
from popsim.studies.design import read_study
from popsim.verification.checking import Finding

SCRIPT = """#!/bin/sh
# The whole run: sh reproduce.sh      A reduced run: sh reproduce.sh reduced
# Another Python: PYTHON=environment/bin/python sh reproduce.sh
set -eu
cd "$(dirname "$0")"
exec "${PYTHON:-python3}" reproduce.py "$@"
"""
TABLES = ("summary", "comparisons", "cost_effectiveness", "draws", "measures")  # of the run, as CSV


class Bundled(NamedTuple):
    """A bundle that was written.

    Attributes:
        path: of the folder or the zip.
        files: how many.
        reduced: the reduced run.
    """

    path: Path
    files: int
    reduced: RunResult


def check_target(path: Path) -> None:
    """Refuse a target that is there or cannot be made, before anything is simulated.

    Raises:
        InputError: it is.
    """
    if path.exists():
        raise InputError(f"--out {path}: is there already; name a new folder, or a new .zip file")
    if not path.parent.is_dir():
        raise InputError(f"--out {path}: the folder {path.parent} does not exist")
    if path.suffix not in ("", ".zip"):
        raise InputError(f"--out {path}: must be a folder or end in .zip")


def write_bundle(
    run: StoredRun,
    path: Path,
    findings: Sequence[Finding],
    engine: Engine,
    on_progress: OnProgress,
    *,
    with_table: bool = False,
) -> Bundled:
    """Write the bundle of a run as a folder, or as a zip where the name ends in .zip.

    Args:
        run: finished.
        path: that is not there yet.
        findings: of the run's verification; none when it was not verified.
        engine: for the reduced run.
        on_progress: of the reduced run.
        with_table: put a table of people into it.

    Raises:
        InputError: the run cannot be handed on, or the target is refused.
        RunError: the disk is full or fails.
    """
    check_target(path)
    refuse_what_cannot_be_handed_on(run, with_table=with_table)
    need_docx()
    try:
        with tempfile.TemporaryDirectory(prefix=".tmp-bundle-", dir=path.parent) as temporary:
            folder = Path(temporary) / path.stem
            folder.mkdir()
            reduced = _fill(run, folder, findings, engine, on_progress, Path(temporary))
            count = sum(one.is_file() for one in folder.rglob("*"))
            if path.suffix == ".zip":
                packed = Path(temporary) / path.name
                packed.write_bytes(zipped(folder, path.stem))
                packed.replace(path)
            else:
                folder.rename(path)
    except OSError as error:
        raise RunError(f"--out {path}: {error.strerror or error}") from None
    return Bundled(path, count, reduced)


def _fill(
    run: StoredRun, folder: Path, findings: Sequence[Finding], engine: Engine, on_progress: OnProgress, scratch: Path
) -> RunResult:
    """All files; the reduced run is made from the bundle's own inputs, which shows that they are complete."""
    small = reduced_experiment(run)
    write_inputs(run, folder / "inputs", small)
    reduced = run_study(read_study(folder / "inputs" / REDUCED), scratch / "results", engine, on_progress)
    found = StoredRun.open(reduced.folder).manifest
    said = {"full": expected(run.manifest, f"inputs/{EXPERIMENT}"), "reduced": expected(found, f"inputs/{REDUCED}")}
    (folder / "expected.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    (folder / "reproduce.sh").write_text(SCRIPT, encoding="utf-8")
    (folder / "reproduce.sh").chmod(0o755)
    script = files("popsim.reporting.bundle").joinpath("reproduce.py").read_text(encoding="utf-8")
    (folder / "reproduce.py").write_text(script, encoding="utf-8")
    write_environment(run, folder / "environment")
    write_source(folder / "source")
    _results(run, folder / "results")
    changes = change_log(run)
    (folder / "CHANGES.md").write_text(changes, encoding="utf-8")
    report = technical_report(run, findings, changes)
    (folder / "report").mkdir()
    (folder / "report" / "technical.html").write_text(report_as_page(report), encoding="utf-8")
    write_word(report, folder / "report" / "technical.docx", created_at(run))
    if findings:
        (folder / "verification").mkdir()
        write_csv(findings_frame(findings), folder / "verification" / "tech_ver.csv", "--out")
    (folder / "README.md").write_text(_read_me(run, folder, small.population, len(found["units"])), encoding="utf-8")
    sums = [
        f"{file_hash(one)}  {one.relative_to(folder).as_posix()}\n"
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    ]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return reduced


def _results(run: StoredRun, folder: Path) -> None:
    folder.mkdir()
    for name in TABLES:
        if name in run.tables:
            write_csv(run.frame(name), folder / f"{name}.csv", "--out")
    if len(run.strategies) > 1:
        tables = DecisionTables.of(run)
        write_workbook(tables, folder / "decision.xlsx")
        write_r_files(tables, folder / "r")


def _read_me(run: StoredRun, folder: Path, people: int, units: int) -> str:
    seconds = unit_seconds(run)
    experiment = run.experiment
    compared = (
        "; decision.xlsx with live formulas; r/ for BCEA, dampack, hesim, SAVI" if len(run.strategies) > 1 else ""
    )
    verified = (
        "| verification/ | TECH-VER checks: what was done and seen |\n" if (folder / "verification").is_dir() else ""
    )
    return f"""# {experiment.title or experiment.name}

A reviewer's bundle of run {run.manifest["run_id"]}, written by popsim {run.manifest["versions"]["popsim"]}.

## Run it again

```sh
python3 -m venv env
env/bin/pip install -r environment/requirements.txt
PYTHON=env/bin/python sh reproduce.sh reduced
PYTHON=env/bin/python sh reproduce.sh
```

Each says whether the results are the same, bit by bit. The whole run took {seconds:,.0f} s of one processor for
{counted(len(run.manifest["units"]), "unit")}. The reduced run has {people:,} people and {counted(units, "unit")}, so
that it takes less than {MAX_SECONDS / 60:.0f} minutes. To vary an input, change a file in inputs/ and run
`env/bin/python -m popsim.cli run inputs/experiment.toml` with `PYTHONPATH=source`.

## What is here

| Folder or file | Contents |
| --- | --- |
| inputs/ | experiment, cohort and network as TOML; all inputs as inputs.xlsx and inputs.csv |
| environment/ | packages as name==version; Python, platform, machine |
| source/ | popsim itself |
| results/ | tables of the run{compared} |
| report/ | technical report (HTML and Word): CHEERS 2022 by section and page |
{verified}| CHANGES.md | what differs from the experiment's file, earlier runs, changes of popsim |
| SHA256SUMS | `sha256sum -c SHA256SUMS` |
"""
