"""Plans and runs that go on until they are precise, on the real model, small."""

from pathlib import Path

import polars as pl
import pytest
from flagship import AS_DESCRIBED as MAIN

from popsim.cli import main
from popsim.runs.run import StoredRun


@pytest.mark.slow
def test_the_plan(capsys, tmp_path):
    sizes = ["--population", "100", "--draws", "0", "--replications", "10"]
    assert main(["plan", str(MAIN), *sizes, "--precision", "cost_total=100", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "30 units: 3 strategies x 1 draw x 10 replications x 1 region, 100 people" in printed
    assert "+-100 for difference in cost per person, GBP" in printed


@pytest.mark.slow
def test_a_measure_that_the_follow_up_is_too_short_for(capsys, tmp_path):
    """Nobody is followed for 30 days after discharge: the plan leaves the measure out, or refuses it on request."""
    flags = ["--population", "60", "--draws", "0", "--days", "20", "--enrolment-days", "0", "--out", str(tmp_path)]
    assert main(["plan", str(MAIN), *flags]) == 0
    printed = capsys.readouterr().out
    assert "cost per person" in printed and "readmission" not in printed
    for command in (["plan", "--precision"], ["run", "--until"]):
        assert main([command[0], str(MAIN), *flags, command[1], "readmission_30d=0.1"]) == 2
        assert "measure 'readmission_30d': no replication gives it a value" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("wanted", "replications"), [("cost_total=1000000", 6), ("cost_total=0.01", 8)])
def test_going_on_until_it_is_precise(wanted, replications, capsys, tmp_path):
    """A wide interval needs no more than the least number of replications; what cannot be reached stops at the most."""
    flags = ["--population", "40", "--draws", "0", "--replications", "2", "--days", "20", "--enrolment-days", "0"]
    flags += ["--quiet", "--until", wanted, "--most", "8", "--out", str(tmp_path), "--workers", "1"]
    assert main(["run", str(MAIN), *flags]) == 0
    run = StoredRun.open(Path(capsys.readouterr().out.split()[0]))
    assert run.experiment.replications == replications
    assert run.frame("measures")["replication"].n_unique() == replications


@pytest.mark.parametrize("text", ["cost_total", "cost_total=0", "=3"])
def test_a_precision_that_is_none(text, capsys, tmp_path):
    assert main(["run", str(MAIN), "--until", text, "--out", str(tmp_path)]) == 2
    assert "MEASURE=HALF_WIDTH" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "--precision", "cst_total=20"],
        ["run", "--until", "cst_total=20"],
        ["sensitivity", "one-way", "--outcome", "cst_total"],
        ["sensitivity", "two-way", "--outcome", "cst_total", "--parameter", "nhs_prices.nurse_visit=1:2"],
        ["sensitivity", "threshold", "--outcome", "cst_total"],
        ["sensitivity", "sobol", "--outcome", "cst_total"],
        ["sensitivity", "morris", "--outcome", "cst_total"],
    ],
)
def test_a_misspelt_measure_is_refused_before_anything_is_simulated(command, capsys, tmp_path):
    """With people in numbers that no test could wait for."""
    kinds = [word for word in command if not word.startswith("-")][: 2 if command[0] == "sensitivity" else 1]
    flags = [*command[len(kinds) :], "--population", "1000000", "--out", str(tmp_path / "results")]
    if command[0] == "sensitivity":
        flags += ["--parameter", "nhs_prices.inpatient_day=200:400"]
    assert main([*kinds, str(MAIN), *flags]) == 2
    assert "measure 'cst_total': did you mean 'cost_total'?" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_tornado(capsys, tmp_path):
    command = ["sensitivity", "one-way", str(MAIN), "--population", "60", "--replications", "2", "--out", str(tmp_path)]
    prices = ["--parameter", "nhs_prices.inpatient_day=200:400", "--parameter", "nhs_prices.critical_day=1000:2000"]
    table = tmp_path / "tornado.csv"
    assert main([*command, "--outcome", "cost_ward", *prices, "--csv", str(table)]) == 0
    assert "nhs_prices.inpatient_day, GBP/day" in capsys.readouterr().out
    rows = pl.read_csv(table)
    # The cost of wards is nights times their prices, 292 GBP on a ward and 1600 GBP in intensive care.
    at = pl.col("parameter").replace_strict({"nhs_prices.inpatient_day": 292.0, "nhs_prices.critical_day": 1600.0})
    nights = (pl.col("outcome_high") - pl.col("outcome_low")) / (pl.col("high_value") - pl.col("low_value"))
    costs = rows.group_by("strategy").agg((nights * at).sum().alias("nights"), pl.col("base").first())
    assert len(costs) == 2 and costs["nights"].to_list() == pytest.approx(costs["base"].to_list(), rel=1e-6)
