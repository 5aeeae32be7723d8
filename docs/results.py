"""Make the results that the documentation shows, each by the commands that a reader would type.

    python docs/results.py                  make all: text and figures in docs/generated, and the table in README.md
    python docs/results.py outcomes twin    make these, one after another; a line each says how long it took
    python docs/results.py --list           say what there is, and what takes long
    python docs/results.py --quick          try all commands at small sizes; writes to the work folder only

Every text begins with its commands, seed and content hash; every figure holds them in its metadata. Pages include these
files and type no result, so that no page can contradict another. Runs are kept in build/results-of-docs: a command
that was interrupted is finished by the next call, as everywhere in popsim.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).resolve().parent.parent
GENERATED, NOTEBOOKS = ROOT / "docs" / "generated", ROOT / "docs" / "notebooks"
WORK = ROOT / "build" / "results-of-docs"
WIDTH = "120"  # of tables that fit themselves to the terminal, and of sentences
TWIN_ID = "7h3k9q2m"  # of a made-up person, so that the twin is the same each time
README_TABLE = re.compile(r"(<!-- table -->\n```text\n).*?(```\n<!-- end of table -->)", re.DOTALL)
UNSPACED = re.compile(r",(?! )")  # commas of CSV files
README_ROWS = (  # of the tables of outcomes and of differences
    "30-day readmission, all causes, %",
    "30-day readmission, index condition, %",
    "Died during follow-up, %",
    "Cost per person",
    "Total",
    "QALYs",
    "Incremental cost per QALY",
    "Net benefit at 20,000 per QALY",
)


@dataclass(frozen=True)
class Result:
    """Commands, the last of which prints what is shown; `{size}` in them is `size`, or `quick` for a trial.

    Attributes:
        commands: as a reader would type them.
        size, quick: flags, of the result and of a trial.
        figures: the file in the work folder of each PNG, by the name it has in docs/generated.
        texts: which command prints each text, by its name, where it is not the last one alone under the result's name.
        notebook: the notebook that the last command runs; it is kept in docs/notebooks, and no text is.
        long: whether it takes more than about a minute.
    """

    commands: tuple[str, ...]
    size: str = ""
    quick: str = ""
    figures: dict[str, str] = field(default_factory=dict)
    long: bool = False
    texts: dict[str, int] = field(default_factory=dict)
    notebook: str = ""

    def typed(self, quick: bool) -> list[str]:
        """The commands with their sizes."""
        size = self.quick if quick else self.size
        return [" ".join(command.replace("{size}", size).split()) for command in self.commands]


MAIN = "experiments/heart_failure_discharge.toml"
SMALL = "popsim run experiments/heart_failure_discharge.toml {size} --quiet"
SIZE = "--population 2000 --draws 4 --replications 2"
TRIAL = "--population 60 --draws 2 --replications 1 --days 40 --enrolment-days 10"
FEW = "--population 60 --draws 0 --replications 2"
RUN = "results/heart_failure_discharge"
TWIN = (
    "popsim twin new docs/examples/record.toml --cohort cohorts/heart_failure_discharge.toml"
    f" --genome docs/examples/genes.csv --registry twins.db --id {TWIN_ID}",
    f"popsim twin update docs/examples/week.csv --twin {TWIN_ID} --registry twins.db",
    f"popsim twin forecast {TWIN_ID} --days 90 --registry twins.db",
    f"popsim twin compare {TWIN_ID} --registry twins.db",
    f"popsim twin explain {TWIN_ID} --registry twins.db",
    f"popsim twin show {TWIN_ID} --registry twins.db --out page.png",
)


SCALE = (
    TWIN[0],
    f"popsim twin update docs/examples/weight.csv --twin {TWIN_ID} --day-zero 2026-03-01 --today 9 --registry twins.db",
)


def on_run(command: str, **figures: str) -> Result:
    """What a command makes of the main experiment's run at a small size."""
    return Result((SMALL, command), SIZE, TRIAL, figures)


RESULTS: dict[str, Result] = {
    "heart_failure_discharge": Result((f"popsim run {MAIN} {{size}}",), "", TRIAL, long=True),
    "whas500_discharge": Result(("popsim run experiments/whas500_discharge.toml {size}",), "", TRIAL, long=True),
    "check": Result((f"popsim check {MAIN}",)),
    "provenance": Result((f"popsim parameters {MAIN} --provenance",)),
    "cohort": Result(("popsim cohort summary cohorts/heart_failure_discharge.toml",)),
    "register": Result(
        (
            "popsim cohort from-table docs/examples/register.csv --out my_register.toml --bad-as-missing --force",
            "popsim cohort summary my_register.toml",
        ),
        texts={"register": 0, "register_summary": 1},
    ),
    "fhir": Result(
        (
            "popsim twin new docs/examples/person.json --cohort cohorts/heart_failure_discharge.toml"
            f" --registry twins.db --day-zero 2024-03-10 --id {TWIN_ID}",
            f"popsim twin update docs/examples/person.json --twin {TWIN_ID} --registry twins.db --day-zero 2024-03-10",
        ),
        texts={"fhir_new": 0, "fhir_update": 1},
    ),
    "disclosure": Result(("python benchmarks/disclosure.py {size}",), "100 100 250", "4 100", long=True),
    "network": Result(
        ("popsim pathway show experiments/networks/heart_failure_catchment.toml --out network.png",),
        figures={"network": "network.png"},
    ),
    "outcomes": on_run(f"popsim outcomes {RUN}"),
    "subgroups": on_run(f"popsim subgroups {RUN} --by female,age_years=65/80"),
    "equity": on_run(f"popsim equity {RUN} --by deprivation_quintile"),
    "explain": on_run(f"popsim explain {RUN} --person 6715"),
    "explain_differences": on_run(f"popsim explain {RUN} --strategy early_follow_up --against usual_care"),
    "compare": Result(
        (
            f"popsim run {MAIN} {{size}} --quiet",
            f"popsim run {MAIN} {{size}} --quiet --out shorter --days 180",
            f"popsim compare {RUN} shorter/heart_failure_discharge --csv comparison.csv",
            "head -4 comparison.csv",
        ),
        "--population 400 --draws 0 --replications 3",
        "--population 60 --draws 0 --replications 2 --enrolment-days 10",
        texts={"compare": 2, "comparison_file": 3},
        long=True,
    ),
    "plots": on_run(
        f"popsim plot {RUN} --only readmission --only plane --only costs --only occupancy --out figures",
        readmission="figures/readmission.png",
        plane="figures/plane.png",
        costs="figures/costs.png",
        occupancy="figures/occupancy.png",
    ),
    "interventions": Result(
        ("popsim run experiments/heart_failure_interventions.toml {size}",),
        SIZE,
        TRIAL,
        long=True,
    ),
    "scenarios": Result(
        ("popsim scenarios experiments/heart_failure_interventions.toml {size}",), SIZE, FEW, long=True
    ),
    "budget": Result(
        (
            f"popsim run {MAIN} --days 1096 {{size}} --quiet",
            f"popsim budget {RUN} --eligible 10000 --uptake 0.1,0.3,0.5",
        ),
        "--population 2000 --draws 6 --replications 2",
        FEW,
        long=True,
    ),
    "budget_market": Result(
        (
            f"popsim run {MAIN} --days 1096 {{size}} --quiet",
            f"popsim budget {RUN} --market experiments/markets/heart_failure_follow_up.toml",
        ),
        "--population 100 --draws 0 --replications 3",
        FEW,
    ),
    "capacity": Result(
        (f"popsim capacity {MAIN} --setting cardiology_ward --places 160,205,260 {{size}}",),
        "--population 2000 --draws 6 --replications 2",
        "--population 1000 --draws 0 --replications 2",
        long=True,
    ),
    "decide": Result(
        (
            "popsim run experiments/heart_failure_uncertainty.toml {size} --quiet",
            "popsim decide results/heart_failure_uncertainty",
        ),
        "",
        TRIAL.replace("--draws 2", "--draws 3"),
        long=True,
    ),
    "value_of_information": Result(
        ("python docs/examples/value_of_information.py",),
        figures={name: f"{name}.png" for name in ("net_benefit", "evpi", "evppi")},
    ),
    "one_way": Result(
        (
            "popsim sensitivity one-way experiments/heart_failure_uncertainty.toml {size}"
            " --parameter nhs_prices.specialist_visit --parameter nhs_prices.inpatient_day"
            " --parameter griffiths_2014.utility_nyha_2 --parameter heart_failure.infection_rate_per_day"
            " --parameter heart_failure.lapse_rate_per_day",
        ),
        "--population 2000 --replications 2",
        FEW,
        long=True,
    ),
    "genetic_tests": Result(
        ("popsim run experiments/heart_failure_pharmacogenetics.toml {size}",),
        "--population 2000 --draws 4 --replications 2",
        TRIAL,
        long=True,
    ),
    "heat_wave": Result((f"popsim run {MAIN} --scenario heat_wave {{size}}",), SIZE, TRIAL, long=True),
    "guidance": Result(
        ("popsim run experiments/twin_guided.toml {size}",),
        "--population 400 --draws 4 --replications 1 --days 90 --enrolment-days 30",
        TRIAL,
        long=True,
    ),
    "score": Result(
        (f"popsim score {MAIN} {{size}} --plot calibration.png",),
        "--population 3000",
        "--population 300",
        {"forecasts": "calibration.png"},
        long=True,
    ),
    "learn": Result((f"popsim learn {MAIN} {{size}}",), "--population 4000", "--population 600", long=True),
    "search": Result(
        ("popsim search experiments/searches/telemonitoring_budget.toml {size}",),
        "",
        "--population 60",
        long=True,
    ),
    "data_value": Result(("popsim data-value experiments/data_value/home_readings.toml {size}",), "", FEW, long=True),
    "validate": Result(
        ("popsim validate {size}",),
        "--population 1000",
        "--population 100",
        {"validation": "results/validation/validation.png"},
        long=True,
    ),
    "calibrate": Result(
        ("popsim calibrate experiments/calibration/heart_failure.toml {size}",),
        "",
        "--people 100",
        {
            "calibration_parameters": "results/calibration/heart_failure/*/parameters.png",
            "calibration_fit": "results/calibration/heart_failure/*/fit.png",
        },
        long=True,
    ),
    "verify": Result((f"popsim verify {MAIN}",), long=True),
    "twin": Result(
        TWIN,
        figures={"twin": "page.png"},
        texts={"twin_update": 1, "twin_forecast": 2, "twin_compare": 3, "twin_explain": 4},
    ),
    "flow": Result(("python docs/examples/flow.py",)),
    "hospital_week": Result(("python docs/examples/hospital_week.py",)),
    "sick_sicker": Result(("python docs/examples/sick_sicker.py",)),
    "kernel_model": Result(("python docs/examples/kernel_model.py",)),
    "recurrence": Result(("python docs/examples/recurrence.py",)),
    "oncology": Result(("python docs/examples/oncology.py",)),
    "oncology_decide": Result(("popsim model decide docs/examples/oncology.py",)),
    "kidney_disease": Result(("python docs/published.py kidney_disease",)),
    "organ_systems": Result(("python docs/published.py organ_systems",)),
    "notebook_of_a_run": Result(
        (SMALL, "python docs/notebook.py heart_failure_discharge heart_failure_discharge.ipynb"),
        SIZE,
        TRIAL,
        notebook="heart_failure_discharge",
    ),
    "wearables": Result(SCALE),
    "notebook_of_a_twin": Result(
        ("python docs/notebook.py digital_twin digital_twin.ipynb",), notebook="digital_twin", long=True
    ),
}

LESSONS = (
    "what-a-twin-is", "read-a-forecast", "when-not-to-trust-it", "a-policy-question", "fairness", "privacy-and-ethics",
)  # fmt: skip
RESULTS |= {f"course_{one.replace('-', '_')}": Result((f"python docs/lesson.py {one}",)) for one in LESSONS}


class CommandError(Exception):
    """A command of a result that returned an error."""


def make(name: str, *, quick: bool = False) -> None:
    """Run the commands of a result and write what it shows.

    Raises:
        CommandError: the first that returns an error.
    """
    result, folder = RESULTS[name], WORK / "quick" if quick else WORK
    _prepare(folder)
    typed = result.typed(quick)
    environment = os.environ | {
        "COLUMNS": WIDTH,
        "POLARS_TABLE_WIDTH": WIDTH,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    outputs: list[str] = []
    for command in typed:
        done = subprocess.run(
            command, shell=True, check=False, cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise CommandError(f"{command}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
        outputs.append(done.stdout.strip())
    target = folder if quick else GENERATED
    if result.notebook:
        if not quick:
            shutil.copy(folder / f"{result.notebook}.ipynb", NOTEBOOKS)
        return
    for text, last in (result.texts or {name: len(typed) - 1}).items():
        head = _head(typed[: last + 1], outputs[: last + 1], folder)
        (target / f"{text}.txt").write_text(f"{head}\n\n{_folded(outputs[last])}\n", encoding="utf-8")
    for figure, path in result.figures.items():
        newest = max(folder.glob(path), key=lambda file: file.stat().st_mtime)
        _save(newest, target / f"{figure}.png", _head(typed, outputs, folder))


def _prepare(folder: Path) -> None:
    """A folder where commands find what is shipped, and no twin of the last time.

    Experiments are copied: paths like `../../results` of a notebook then lead to this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "experiments").is_symlink():
        (folder / "experiments").unlink()
    shutil.copytree(ROOT / "experiments", folder / "experiments", dirs_exist_ok=True)
    for name in ("cohorts", "docs", "benchmarks"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    for left in folder.glob("twins.db*"):
        left.unlink()


def _folded(text: str) -> str:
    """Sentences broken at the width; lines of tables, which have gaps, and of CSV files are left alone."""
    return "\n".join(line if _is_row(line) else _broken(line) for line in text.splitlines())


def _is_row(line: str) -> bool:
    return len(line) <= int(WIDTH) or "  " in line.strip() or "│" in line or len(UNSPACED.findall(line)) > 5


def _broken(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(textwrap.wrap(line, int(WIDTH), subsequent_indent=indent))


def _head(typed: list[str], outputs: list[str], folder: Path) -> str:
    """Commands, then seed and hash."""
    hashes = re.findall(r"content hash ([0-9a-f]+)", "\n".join(outputs))
    content = f"content hash {hashes[0]}" if hashes else f"SHA-256 of the text {_digest(outputs[-1])}"
    origin = f"# seed {_seed(typed[0], folder)}, {content}, popsim {version('popsim')}"
    return "\n".join([*(f"$ {command}" for command in typed), origin])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seed(command: str, folder: Path) -> int:
    """Of the experiment that the command is about; 1 where nobody says another."""
    named = re.search(r"\S+\.toml", command)
    while named:
        path = folder / named[0]
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if "experiment" not in table:
            return int(table.get("seed", 1))
        folder, named = path.parent, re.match(r".*", str(table["experiment"]))
    return 1


def _save(source: Path, target: Path, head: str) -> None:
    """A figure with its commands, seed and hash."""
    information = PngInfo()
    information.add_text("Description", head)
    with Image.open(source) as image:
        image.save(target, pnginfo=information, optimize=True)


def readme_table() -> str:
    """The rows of the main result that README.md has."""
    text = (GENERATED / "heart_failure_discharge.txt").read_text(encoding="utf-8")
    tables = (part.splitlines() for part in text.split("\n\n") if part.startswith("    "))
    return "\n\n".join("\n".join([head, *_chosen(rows)]) for head, *rows in tables) + "\n"


def _chosen(rows: list[str]) -> list[str]:
    return [row for row in rows if row.strip().startswith(README_ROWS)]


def write_readme() -> None:
    """Put the table into README.md."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(README_TABLE.sub(lambda found: found[1] + readme_table() + found[2], text), encoding="utf-8")


def main() -> None:
    """The command line of this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="names of all results")
    parser.add_argument("--short", action="store_true", help="only those that take about a minute or less")
    parser.add_argument("--quick", action="store_true", help="small sizes, into the work folder only")
    given = parser.parse_args()
    unknown = set(given.names) - set(RESULTS)
    if unknown:
        parser.error(f"no such result: {', '.join(sorted(unknown))}; allowed: {', '.join(RESULTS)}")
    chosen = given.names or [name for name, result in RESULTS.items() if not (given.short and result.long)]
    if given.list:
        for name in chosen:
            print(f"{name}{' (long)' if RESULTS[name].long else ''}", *RESULTS[name].typed(given.quick), sep="\n  ")
        return
    failed = [name for name in chosen if not _made(name, given.quick)]
    if not given.quick and "heart_failure_discharge" in set(chosen) - set(failed):
        write_readme()
    sys.exit(bool(failed))


def _made(name: str, quick: bool) -> bool:
    """Make a result and say in a line how that went; whether it went well."""
    start = time.monotonic()
    try:
        make(name, quick=quick)
        how = "ok"
    except (CommandError, OSError, ValueError) as error:
        how = f"failed: {' '.join(str(error).split())}"
    print(f"{name}: {time.monotonic() - start:.0f} s, {how}", flush=True)
    return how == "ok"


if __name__ == "__main__":
    main()
