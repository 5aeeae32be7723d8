"""The policy table of a small run with two regions: what it shows is what the tables of the run say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from popsim.cli import main
from popsim.reporting.text.outcomes import outcome_text
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.runner import run_study
from popsim.studies.design import read_study

EXPERIMENT = """
name = "policy"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 240
regions = 2
replications = 3
seed = 3
follow_up_days = 100
store = "{store}"
[[strategies]]
name = "usual"
label = "Usual care"
[[strategies]]
name = "clinic"
label = "Clinic"
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 7
uptake = 0.9
"""


def finished(folder: Path, root: Path, store: str = "persons") -> StoredRun:
    path = folder / "policy.toml"
    path.write_text(EXPERIMENT.format(root=root, store=store))
    return StoredRun.open(run_study(read_study(path), folder / "results", Engine(1, 1)).folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory, request) -> StoredRun:
    return finished(tmp_path_factory.mktemp("policy"), request.config.rootpath)


def line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_the_numbers_are_those_of_the_run(run):
    text = outcome_text(run)
    cell = run.frame("summary").filter((pl.col("strategy") == "usual") & (pl.col("measure") == "readmission_30d"))
    change = run.frame("comparisons").filter(pl.col("measure") == "readmission_30d")
    shown = line(text, "Within 30 days, %")
    assert f"{100 * cell['mean'].item():.1f} (" in shown
    mean, low = (f"{100 * change[name].item():+.2f}" for name in ("mean", "low"))
    assert f" {'0.00' if float(mean) == 0.0 else mean} ({low} to" in shown  # nothing has no sign
    assert line(text, "Usual care and differences").endswith("(95% interval of the mean over replications)")
    assert "240 people, 3 replications, 2 regions" in text


def test_the_comparator_is_the_standard(run):
    """The mean over three replications of observed / expected is not exactly 1: their numbers of discharges differ."""
    ratio = float(line(outcome_text(run), "Within 30 days, observed / expected").split()[6])
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_sections_and_detail(run):
    short, long = outcome_text(run), outcome_text(run, everything=True)
    for title in ("Readmission", "Days alive per person, mean", "Wait for a bed", "Readmission by region",
                  "Equity: most less least deprived fifth", "Share of days with most places taken, %"):  # fmt: skip
        assert title in short.splitlines() or line(short, title)
    assert "slope index" not in short
    assert "slope index" in long
    assert "c-statistic 0." in long
    assert len(long.splitlines()) > len(short.splitlines()) + 40
    assert "Emergency department, over 4 h, %" in short, "settings have their labels"
    assert "first 90 days" in short and "365 days" not in short, "follow-up is 100 days"


def test_each_region_has_its_ratio(run):
    lines = outcome_text(run).splitlines()
    start = next(number for number, text in enumerate(lines) if text.startswith("Readmission by region"))
    assert [text.split()[0] for text in lines[start + 1 : start + 3]] == ["0", "1"]
    assert "drawn towards the average" in lines[start + 3]


def test_gaps_are_in_the_tables_of_the_run(run):
    """Pooled over regions first: the gap is that of the fifths' means of all persons."""
    means = run.frame("measures").filter((pl.col("strategy") == "usual") & (pl.col("replication") == 0))
    value = dict(means.select("measure", "value").rows())
    persons = run.frame("persons").filter((pl.col("strategy") == "usual") & (pl.col("replication") == 0))
    fifth = persons.group_by("deprivation_quintile").agg(pl.col("qaly").mean())
    by_fifth = dict(fifth.rows())
    assert value["gap_deprivation.qalys"] == pytest.approx(by_fifth[1] - by_fifth[5], rel=1e-9)
    assert value["mortality"] == pytest.approx(persons["died"].mean(), rel=1e-12)


@pytest.mark.slow
def test_without_persons_there_is_no_risk_model(tmp_path, request):
    text = outcome_text(finished(tmp_path, request.config.rootpath, "measures"))
    assert 'needs the persons of the run: store = "persons"' in text
    assert "risk-standardised, %" not in text
    assert "Within 30 days, %" in text


def test_the_command(run, capsys):
    assert main(["outcomes", str(run.folder)]) == 0
    assert capsys.readouterr().out.strip() == outcome_text(run)
    assert main(["outcomes", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
