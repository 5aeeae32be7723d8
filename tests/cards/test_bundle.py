"""A bundle is complete, the same whenever it is written, and its command finds the hash of the run."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from docx import Document
from flagship import AS_DESCRIBED

from popsim.cli import main
from popsim.errors import InputError
from popsim.reporting.bundle.archive import same_times, zipped
from popsim.reporting.bundle.environment import requirements
from popsim.reporting.bundle.inputs import refuse_what_cannot_be_handed_on
from popsim.reporting.bundle.reduced import reduced_experiment
from popsim.runs.run import StoredRun

SIZE = ["--population", "40", "--draws", "0", "--replications", "2", "--days", "12", "--enrolment-days", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> StoredRun:
    results = tmp_path_factory.mktemp("results")
    assert main(["run", str(AS_DESCRIBED), *SIZE, "--workers", "1", "--quiet", "--out", str(results)]) == 0
    return StoredRun.open(results / "heart_failure_discharge")


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "review"
    assert main(["bundle", str(run.folder), "--out", str(out), "--no-verify", "--quiet", "--workers", "1"]) == 0
    return out


@pytest.fixture(scope="module")
def packed(bundle) -> bytes:
    """The zip of the folder as it was written, before anything is reproduced in it."""
    return zipped(bundle, "review")


def test_it_has_all_that_a_reviewer_asks_for(bundle):
    there = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*")}
    assert {
        "README.md", "reproduce.sh", "reproduce.py", "expected.json", "CHANGES.md", "SHA256SUMS",
        "inputs/experiment.toml", "inputs/reduced.toml", "inputs/inputs.xlsx", "inputs/inputs.csv",
        "environment/requirements.txt", "environment/environment.toml", "source/popsim/cli/run.py",
        "results/decision.xlsx", "results/r/load.R", "report/technical.html", "report/technical.docx",
    } <= there  # fmt: skip
    assert not [name for name in there if ".tmp" in name or name.endswith(".pyc")]
    head = (bundle / "inputs" / "inputs.csv").read_text().split("\n")[0]
    assert {"id", "value", "unit", "distribution", "min", "max", "source"} <= set(head.split(","))
    listed = [line.split("  ")[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()]
    assert set(listed) == {name for name in there if (bundle / name).is_file()} - {"SHA256SUMS"}


def test_its_readme_lists_what_is_there(bundle):
    """The fixture is made with --no-verify, so no verification is listed."""
    rows = [
        line.split(" | ")[0].strip("| ") for line in (bundle / "README.md").read_text().splitlines() if "| " in line
    ]
    listed = {row for row in rows if not row.startswith(("Folder", "---"))}
    assert {name.rstrip("/") for name in listed} == {path.name for path in bundle.iterdir()} - {
        "README.md", "reproduce.sh", "reproduce.py", "expected.json", "reproduced",
    }  # fmt: skip


def test_the_environment_is_a_plain_list(bundle):
    lines = (bundle / "environment" / "requirements.txt").read_text().splitlines()
    assert lines == requirements() == sorted(lines)
    assert all(line.count("==") == 1 and "/" not in line and "@" not in line for line in lines)
    assert {"numpy", "numba", "polars", "mesa"} <= {line.split("==")[0] for line in lines}
    said = tomllib.loads((bundle / "environment" / "environment.toml").read_text())
    assert {"python", "platform", "cores", "run"} <= set(said)


def test_its_command_finds_the_hash_of_the_run(packed, bundle, run):
    ended = subprocess.run(
        [sys.executable, "reproduce.py"], cwd=bundle, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"found  {run.manifest['content_hash']}\nTHE SAME RESULTS" in ended.stdout


@pytest.mark.slow
def test_another_input_gives_another_hash(packed, bundle):
    path = bundle / "inputs" / "reduced.toml"
    text = path.read_text()
    assert "seed = 20261122" in text
    path.write_text(text.replace("seed = 20261122", "seed = 2"))
    command = [sys.executable, "reproduce.py", "reduced"]
    ended = subprocess.run(command, cwd=bundle, capture_output=True, text=True, timeout=600, check=False)
    path.write_text(text)
    assert ended.returncode == 1 and "OTHER RESULTS" in ended.stdout and "6 of 6 units differ" in ended.stdout
    wrong = subprocess.run([*command, "x"], cwd=bundle, capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 2 and "must be full or reduced" in wrong.stderr


def test_the_report_says_where_each_of_the_28_items_is(bundle):
    page = (bundle / "report" / "technical.html").read_text()
    assert page.count('<a href="#section_') >= 14 + 15
    document = Document(str(bundle / "report" / "technical.docx"))
    headings = [one.text for one in document.paragraphs if one.style.name == "Heading 1"]
    assert headings[0] == "1 Summary" and "12 CHEERS 2022" in headings and len(headings) == 14
    table = next(one for one in document.tables if one.rows[0].cells[-1].text == "Where reported")
    rows = [[cell.text for cell in row.cells] for row in table.rows][1:]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 29)]
    for number, _, where in rows:
        assert where.startswith("not reported: ") or f"{where.split(', ')[1]}" in " ".join(headings), number
    xml = zipfile.ZipFile(bundle / "report" / "technical.docx").read("word/document.xml").decode()
    fields = set(_fields(xml))
    assert fields and all(f'w:name="{name}"' in xml for name in fields)


def _fields(xml: str) -> list[str]:
    return [part.split(" ", 1)[0] for part in xml.split(" PAGEREF ")[1:]]


def test_the_zip_of_the_same_folder_has_the_same_bytes(bundle, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("x")
    first = zipped(tmp_path / "a", "a")
    (tmp_path / "a" / "x.txt").touch()
    assert zipped(tmp_path / "a", "a") == first
    content = (bundle / "report" / "technical.docx").read_bytes()
    assert same_times(content) == content


@pytest.mark.slow
def test_a_bundle_made_again_as_a_zip_has_the_same_bytes(run, packed, tmp_path):
    path = tmp_path / "review.zip"
    assert main(["bundle", str(run.folder), "--out", str(path), "--no-verify", "--quiet", "--workers", "1"]) == 0
    assert path.read_bytes() == packed


def test_the_reduced_run_is_smaller(run):
    large = StoredRun(run.folder, {**run.manifest, "units": [{"seconds": 1000.0}] * 60})
    small = reduced_experiment(large)
    assert small.population <= run.experiment.population and small.replications <= 2


def test_what_cannot_be_handed_on_is_refused(run, bundle, tmp_path, capsys):
    assert main(["bundle", str(run.folder), "--out", str(bundle)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["bundle", str(run.folder), "--out", str(tmp_path / "none" / "b.zip")]) == 2
    assert "does not exist" in capsys.readouterr().err
    changed = StoredRun(run.folder, {**run.manifest, "run_id": "0" * 16})
    with pytest.raises(InputError, match="have changed since this run"):
        refuse_what_cannot_be_handed_on(changed, with_table=False)
