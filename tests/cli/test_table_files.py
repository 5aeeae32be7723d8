"""Tables as files: every command that prints one writes it as CSV, JSON and a workbook, and two runs are compared."""

import json
import re
import zipfile

import numpy as np
import polars as pl
import pytest
from command_tree import TREE
from flagship import AS_DESCRIBED as MAIN
from flagship import ROOT
from scipy.stats import ttest_ind, ttest_rel

from popsim.cli import main
from popsim.reporting.table_files import collects, tabled, write_tables
from popsim.runs.run import StoredRun

SMALL = ["--population", "40", "--draws", "0", "--replications", "3", "--enrolment-days", "5", "--workers", "1"]
NO_TABLE = {  # and why
    "new": "writes files", "check": "prints a verdict", "schema": "prints JSON", "plot": "draws", "report": "a page",
    "pathway show": "draws",
    "cohort synthesise": "writes files", "deidentify": "writes files",
    "card": "writes files", "bundle": "writes files", "dashboard": "a page", "twin page": "a page",
    "model report": "a page",
    **{f"export {one}": "writes files" for one in ("fhir", "omop", "excel", "r", "twin")},
    **{f"twin {one}": "prints sentences" for one in ("key", "encrypt", "decrypt", "backup", "restore")},
    **{f"twin {one}": "prints sentences" for one in ("new", "update", "watch", "explain", "forget", "migrate")},
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Three small runs: `a`, `b` of longer follow-up, `c` of another seed."""
    folder = tmp_path_factory.mktemp("results")
    for more in (["--days", "20"], ["--days", "22"], ["--days", "20", "--seed", "5"]):
        assert main(["run", str(MAIN), *SMALL, *more, "--out", str(folder), "--quiet"]) == 0
    runs = [StoredRun.open(path.parent) for path in (folder / MAIN.stem).glob("*/persons.parquet")]
    flags = {run.folder: run.manifest["flags"] for run in runs if run.folder.name != "latest"}
    names = {"c" if "--seed" in given else "b" if given["--days"] == 22 else "a": at for at, given in flags.items()}
    assert len(names) == len(flags) == 3
    return names


@pytest.mark.parametrize("name", TREE)
def test_every_command_that_prints_a_table_writes_it(name):
    """A new command prints tables, or says why it has none."""
    assert getattr(TREE[name].callback, "prints_tables", False) == (name not in NO_TABLE), name


def test_a_runs_tables_in_every_form(results, tmp_path, capsys):
    files = {kind: tmp_path / f"decide.{kind}" for kind in ("csv", "json", "xlsx")}
    command = [
        "decide",
        str(results["a"]),
        *(part for kind, path in files.items() for part in (f"--{kind}", str(path))),
    ]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "Incremental analysis" in said.out
    assert all(f"popsim: {path} written\n" in said.err for path in files.values())
    run = StoredRun.open(results["a"])
    content = json.loads(files["json"].read_text(), parse_constant=pytest.fail)
    assert content["head"] == {
        "command": f"popsim {' '.join(command)}", "popsim": "0.1.0", "seed": run.experiment.seed,
        "content_hash": run.manifest["content_hash"],
    }  # fmt: skip
    first = content["tables"][0]
    assert (first["title"], first["units"]["cost"]) == ("Incremental analysis", "GBP of 2023")
    assert {row["strategy"] for row in first["records"]} == set(run.strategies.values())
    csv = pl.read_csv(files["csv"])
    assert csv.columns[:3] == ["strategy", "cost, GBP of 2023", "effect, QALYs per person in follow-up"]
    assert csv["cost, GBP of 2023"].to_list() == pytest.approx([row["cost"] for row in first["records"]])
    means = run.frame("summary").filter(measure="cost_total")
    assert sorted(csv["cost, GBP of 2023"]) == pytest.approx(sorted(means["mean"]))
    with zipfile.ZipFile(files["xlsx"]) as book:
        sheets = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        properties = book.read("docProps/core.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert sheets == [table["title"] for table in content["tables"]]
    assert run.manifest["content_hash"] in properties
    assert all(title in texts for title in run.strategies.values())


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        (["outcomes"], ["strategy", "measure", "label", "unit"]),
        (["subgroups", "--by", "female"], ["subgroup", "level", "share", "strategy"]),
        (["equity", "--by", "deprivation_quintile"], ["subgroup", "level", "strategy"]),
        (["budget", "--eligible", "100", "--uptake", "0.5"], ["year", "component", "current_mix, GBP"]),
        (["explain"], ["person_id", "admissions"]),
        (["status"], ["units", "done", "missing", "given_up"]),
    ],
    ids=lambda one: one[0],
)
def test_what_reads_a_run_writes_its_tables_with_labels(results, tmp_path, command, columns):
    file = tmp_path / "table.csv"
    assert main([command[0], str(results["a"]), *command[1:], "--csv", str(file)]) == 0
    run = StoredRun.open(results["a"])
    table = pl.read_csv(file, infer_schema_length=None)
    assert set(columns) <= set(table.columns)
    assert "strategy" not in columns or set(table["strategy"]) <= set(run.strategies.values())
    if "level" in columns:
        assert set(table["level"]) & {"women", "most deprived fifth"}
    settings = {setting.name for setting in run.network.settings}
    labels = table["label"].to_list() if "label" in table.columns else []
    assert not [one for one in labels if one.rpartition(": ")[2] in settings]


def test_json_alone_on_the_standard_output(results, capsys):
    assert main(["explain", str(results["a"]), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"][0]["title"] == "Admitted most often"


@pytest.mark.parametrize(
    ("flag", "file", "say"),
    [
        ("--csv", "table.txt", "must be the path of a .csv file in a folder that exists"),
        ("--json", "none/table.json", "must be the path of a .json file in a folder that exists"),
        ("--xlsx", "folder.xlsx", "must be the path of a .xlsx file in a folder that exists"),
        ("--csv", "-", "must be the path of a .csv file in a folder that exists"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_simulated(tmp_path, capsys, flag, file, say):
    (tmp_path / "folder.xlsx").mkdir()
    path = file if file == "-" else str(tmp_path / file)
    assert main(["run", str(MAIN), "--out", str(tmp_path / "results"), flag, path]) == 2
    assert capsys.readouterr().err == f"popsim: command line: {flag} {path}: {say}\n"
    assert not (tmp_path / "results").exists()


def test_formulas_codes_and_names_that_no_sheet_can_have(tmp_path):
    evil = pl.DataFrame({"text": ["=1+1", "@x"], "nyha_class": [2, None], "list": [["a", "b"], []], "x": [1.5, np.inf]})
    with collects("popsim test") as collection:
        tabled("Best by a | b: [x]/*?, a title that is far too long for a sheet", evil, x="mmHg")
        tabled("best by A | B: [x]/*?, a title that is far too long for a sheet", evil)
    write_tables(collection, tmp_path / "t.csv", tmp_path / "t.json", tmp_path / "t.xlsx")
    csv = pl.read_csv(tmp_path / "t.csv")
    assert csv.columns == ["text", "nyha_class", "list", "x, mmHg"]
    assert csv.row(0) == ("'=1+1", "NYHA class II", "a; b", 1.5)
    assert json.loads((tmp_path / "t.json").read_text())["tables"][0]["records"][1]["x"] is None
    with zipfile.ZipFile(tmp_path / "t.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
        sheets = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
    assert len({sheet.lower() for sheet in sheets}) == 2


def test_the_baseline_table_has_labels_instead_of_codes(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["cohort", "summary", str(ROOT / "cohorts/heart_failure_discharge.toml"), "--size", "300"]) == 0
    out = capsys.readouterr().out
    labels = ("second most deprived fifth", "carvedilol", "stopped smoking", "angiotensin blocker")
    assert all(label in out for label in labels)
    assert "0 metoprolol" not in out and "CAUSE_" not in out


def measures(folder, measure):
    frame = StoredRun.open(folder).frame("measures").filter(strategy="usual_care", measure=measure)
    return frame.sort("replication")["value"].to_numpy()


@pytest.mark.parametrize(("second", "paired"), [("b", True), ("c", False)])
def test_two_runs_are_compared_in_pairs_where_people_are_the_same(results, tmp_path, capsys, second, paired):
    """Expected intervals: scipy's t tests, paired or Welch's."""
    file = tmp_path / "both.json"
    assert main(["compare", str(results["a"]), str(results[second]), "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert ("paired by replication" in out) == paired
    assert ("independent: not the same seed" in out) != paired
    found, definition = (table["records"] for table in json.loads(file.read_text())["tables"])
    for name in ("cost_total", "qalys"):
        (row,) = (one for one in found if (one["strategy"], one["measure"]) == ("Usual care", name))
        here, there = measures(results["a"], name), measures(results[second], name)
        test = ttest_rel(there, here) if paired else ttest_ind(there, here, equal_var=False)
        low, high = test.confidence_interval(0.95)
        assert row["difference"] == pytest.approx(there.mean() - here.mean())
        assert (row["low"], row["high"]) == pytest.approx((low, high))
    changes = {row["key"]: (row["first"], row["second"]) for row in definition}
    key = "experiment.follow_up_days" if paired else "experiment.seed"
    assert changes == {key: ("20", "22") if paired else (str(StoredRun.open(results["a"]).experiment.seed), "5")}


def test_runs_that_cannot_be_compared_are_refused_in_one_line(results, tmp_path, capsys):
    run = str(results["a"])
    for other, say in (
        (run, "is the same run as"),
        (str(tmp_path), "no finished run in it"),
        ("none", "no such folder"),
    ):
        assert main(["compare", run, other]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and say in said


def test_the_newest_run_is_found_whatever_flags_it_had(results, capsys):
    newest = StoredRun.open(results["c"])
    assert main(["status", str(MAIN), "--out", str(newest.folder.parents[1])]) == 0
    said = capsys.readouterr()
    assert said.out == "9 of 9 units done, 0 missing, 0 given up\n"
    assert said.err == f"popsim: {newest.described}\n" and "--seed 5" in said.err
    assert main(["outcomes", str(newest.folder.with_name("latest"))]) == 0
    assert capsys.readouterr().err == f"popsim: {newest.described}\n"
