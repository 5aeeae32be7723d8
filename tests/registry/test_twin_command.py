"""popsim twin ...: one person from the first record to a recommendation, and data as they arrive."""

import json
import os
import threading

import polars as pl
import pytest
from small_registry import COHORT, RECORD, ROOT, WEEK, registry_of, state, stream

from popsim.cli import main
from popsim.registry.follow import watch_folder, watch_pipe
from popsim.registry.service import TwinRegistry
from popsim.registry.views import summarise

GENES = "gene,diplotype\nCYP2D6,*4/*4\nVKORC1,G/A\n"


def run(capsys, *arguments):
    """Standard output of a command that works, read as JSON."""
    assert main(["twin", *map(str, arguments), "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_from_the_first_record_to_a_recommendation(tmp_path, capsys):
    file = tmp_path / "twins.db"
    where = ("--registry", file)
    (tmp_path / "record.toml").write_text(RECORD)
    made = run(capsys, "new", tmp_path / "record.toml", *where, "--cohort", COHORT, "--members", 24)
    twin = made["twin"]
    (tmp_path / "week.csv").write_bytes(stream(*WEEK, "4,reviewed,,,event", "4,furosemide,80,mg/d,medication"))
    report = run(capsys, "update", tmp_path / "week.csv", *where, "--twin", twin)
    assert (report["days"], report["taken"]) == ({twin: 7}, len(WEEK) + 2)
    ahead = run(capsys, "forecast", twin, *where, "--days", 10)
    assert {risk["name"] for risk in ahead["risks"]} >= {"decompensation", "readmission", "death"}
    assert all(0 <= risk["low"] <= risk["high"] <= 1 for risk in ahead["risks"])
    assert ahead["signals"]["weight_kg"]["days"] == list(range(8, 18))
    advice = run(capsys, "compare", twin, *where, "--days", 10)
    assert sum(option["chosen"] for option in advice["options"]) == 1
    assert sum(option["probability_best"] for option in advice["options"]) == pytest.approx(1.0)
    assert run(capsys, "explain", twin, *where) == advice
    shown = run(capsys, "show", twin, *where)
    assert shown["known"]["Furosemide"] == "80 mg/d"
    assert shown["known"]["Sex"] == "female"
    assert shown["events"] == [[4, "Furosemide 80 mg/d"], [4, "reviewed by a clinician"]]
    weight = shown["signals"][0]
    assert (weight["label"], len(weight["readings"]), weight["belief"]["days"]) == ("Weight", 8, list(range(8)))
    assert shown["options"] == advice["options"] and shown["risks"] == ahead["risks"]
    actions = [entry["action"] for entry in run(capsys, "audit", *where)["entries"]]
    assert actions == ["new", "update", "forecast", "compare"]
    assert main(["twin", "show", twin, "--registry", str(file)]) == 0
    text = capsys.readouterr().out
    for words in ("Risks from day 7", "Options on day 7", "Recommended", "For research, not for care."):
        assert words in text
    run(capsys, "forget", twin, *where)
    assert main(["twin", "show", twin, "--registry", str(file)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["html", "png"])
def test_a_page_is_written_that_only_its_owner_reads(kind, tmp_path, capsys):
    """What is on it is tested with the page; what began with neither forecast nor comparison has one too."""
    _, [twin] = registry_of(tmp_path)
    page = tmp_path / f"page.{kind}"
    where = ("--registry", str(tmp_path / "twins.db"))
    assert main(["twin", "show", twin, *where, "--out", str(page)]) == 0
    assert capsys.readouterr().out == f"page.{kind}: written\n\nFor research, not for care.\n"
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.read_bytes()[:4] == {"html": b"<!DO", "png": b"\x89PNG"}[kind]
    assert main(["twin", "show", twin, *where, "--out", str(tmp_path / "page.pdf")]) == 2
    assert capsys.readouterr().err == "popsim: --out page.pdf: must end in .html or .png\n"


@pytest.mark.slow
def test_tables_of_a_twin_as_files_that_only_their_owner_reads(tmp_path, capsys):
    """The numbers are those of the JSON."""
    _, [twin] = registry_of(tmp_path)
    where = ("--registry", str(tmp_path / "twins.db"))
    ahead = run(capsys, "forecast", twin, *where, "--days", 10)
    files = [f"--{kind}={tmp_path / f'twin.{kind}'}" for kind in ("csv", "xlsx")]
    assert main(["twin", "show", twin, *where, *files]) == 0
    said = capsys.readouterr()
    assert "popsim: twin.csv written\n" in said.err and str(tmp_path) not in said.err
    day = ahead["day"]
    assert f"Risks from day {day}" in said.out
    written = sorted(path.name for path in tmp_path.glob("twin*.csv"))
    believed = "twin_believed_with_90_intervals.csv"
    assert {"twin.csv", believed, f"twin_risks_from_day_{day}.csv"} <= set(written)
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in (*written, "twin.xlsx"))
    table = pl.read_csv(tmp_path / f"twin_risks_from_day_{day}.csv")
    death = [risk for risk in ahead["risks"] if risk["name"] == "death"]
    row = table.filter(pl.col("%") == death[0]["label"]).row(0, named=True)
    for risk in death:
        column = f"within {risk['within_days']} days"
        found = [row[column], row[f"{column}, low"], row[f"{column}, high"]]
        assert found == pytest.approx([100 * risk[key] for key in ("probability", "low", "high")])
    assert pl.read_csv(tmp_path / believed)["signal"][0] == "Weight"


@pytest.mark.slow
def test_files_of_a_twin_that_cannot_be_are_refused_without_their_folder(tmp_path, capsys):
    _, [twin] = registry_of(tmp_path)
    for flag, path in (("--csv", tmp_path / "a.txt"), ("--xlsx", tmp_path / "none" / "a.xlsx")):
        assert main(["twin", "forecast", twin, "--registry", str(tmp_path / "twins.db"), flag, str(path)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"popsim: command line: {flag}: must be the path") and str(tmp_path) not in said


def test_a_command_names_all_that_it_lacks(capsys):
    for given, lacking in (([], "RECORD, --registry, --cohort"), (["Jane.toml", "--cohort=c.toml"], "--registry")):
        assert main(["twin", "new", *given]) == 2
        assert capsys.readouterr().err == f"popsim: command line: {lacking}: missing, see 'popsim twin new --help'\n"


def test_a_twin_that_has_died_is_not_forecast(tmp_path, capsys):
    registry, [twin] = registry_of(tmp_path)
    registry.update(stream("2,died,,,event"), "a.csv", twin=twin)
    for command in ("forecast", "compare"):
        assert main(["twin", command, twin, "--registry", str(registry.database.path)]) == 2
        assert "has died" in capsys.readouterr().err


@pytest.mark.slow
def test_a_clinical_twin_has_its_genes(tmp_path, capsys):
    where = ("--registry", tmp_path / "twins.db")
    (tmp_path / "record.json").write_text(json.dumps({"age_years": 70, "sex": "male", "traits": {"height_cm": 178}}))
    (tmp_path / "genes.csv").write_text(GENES)
    cohort = ROOT / "cohorts" / "heart_failure_discharge.toml"
    flags = ("--cohort", cohort, "--genome", tmp_path / "genes.csv", "--members", 16)
    twin = run(capsys, "new", tmp_path / "record.json", *where, *flags)["twin"]
    (tmp_path / "day.csv").write_bytes(stream("1,metoprolol,100,mg/d,medication", "1,iron,1000,mg/d,medication"))
    run(capsys, "update", tmp_path / "day.csv", *where, "--twin", twin)
    known = run(capsys, "show", twin, *where)["known"]
    assert (known["CYP2D6"], known["VKORC1"]) == ("poor metaboliser", "intermediate metaboliser")
    assert known["Metoprolol"] == "100 mg/d"
    _, belief = TwinRegistry(tmp_path / "twins.db").belief(twin)
    assert (belief.ensemble.of("iv_iron_mg") == 0).all()  # given on its day, and not every day
    assert (belief.ensemble.of("iron_store_mg") > 900).all()


def test_a_folder_is_watched(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    folder = tmp_path / "arriving"
    folder.mkdir()
    (folder / f"{twin}.csv").write_bytes(stream(*WEEK[:3])[:-10])
    (folder / "zz_refused.csv").write_bytes(stream("1,29463-7,800,kg,observation"))
    (folder / "notes.txt").write_text("not looked at")
    arriving = watch_folder(registry, folder, every_s=0.01)
    name, report = next(arriving)
    assert (name, report.taken, report.unfinished) == (f"{twin}.csv", 2, True)
    name, error = next(arriving)
    assert name == "zz_refused.csv" and "twin: must be the id" in str(error)
    (folder / f"{twin}.csv").write_bytes(stream(*WEEK))
    name, report = next(arriving)
    assert (name, report.taken, report.known) == (f"{twin}.csv", len(WEEK) - 2, 2)
    arriving.close()


def test_a_pipe_is_watched_and_bad_lines_are_passed_over(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    bad = "1,29463-7,800,kg,observation"

    def write():
        with pipe.open("wb", buffering=0) as stream_in:
            stream_in.write(stream(*WEEK[:3], bad, *WEEK[3:]) + b"8,29463-7,8\xff0,kg,observation\n9,29463-7,8")

    writer = threading.Thread(target=write)
    writer.start()
    became = list(watch_pipe(registry, pipe, twin=twin))
    writer.join()
    reports = [one for _, one in became if not isinstance(one, Exception)]
    error, not_utf8 = (str(one) for _, one in became if isinstance(one, Exception))
    assert error.startswith("pipe:5: value = '800'")
    assert not_utf8 == f"pipe:{len(WEEK) + 3}: value: must be a number"
    assert sum(report.taken for report in reports) == len(WEEK)
    assert state(registry, twin)[0] == 7


def test_a_summary_is_plain_data(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    summary = summarise(registry, twin)
    assert json.loads(json.dumps(summary.as_dict()))["twin"] == twin
    assert (summary.day, summary.forecast_day, summary.options, summary.risks) == (0, None, (), ())
    weight = summary.signals[0]
    assert weight.readings[0].value == pytest.approx(180 * 0.45359237)
    assert weight.belief.low[0] < weight.belief.median[0] < weight.belief.high[0]
