"""What `popsim decide` says of runs whose answer is known."""

from __future__ import annotations

import re

import polars as pl
import pytest
from finished_run import with_changes, write_run

from popsim.cli import main
from popsim.runs.store import RunStore


@pytest.fixture(scope="module")
def with_draws(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("draws"), draws=60, replications=2)


@pytest.fixture(scope="module")
def without_draws(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("none"), draws=0, replications=6)


def said(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_decide(with_draws, capsys):
    """Early follow-up gives 0.5 x 0.02 QALYs for about 100: a net benefit near 100 at 20,000 a QALY."""
    text = said(capsys, "decide", with_draws, "--people", 1000, "--years", 2)
    assert "200 people, 2 replications, 60 parameter draws" in text
    lines = {line.split("  ")[1].strip(): line for line in text.splitlines() if line.startswith("  ")}
    assert "on the frontier" in text
    assert "dominated" in re.search(r"Telemonitoring .*", text)[0]
    number = r"(-?[\d.]+)"
    found = re.search(rf"Early follow-up \* +{number} \({number} to {number}\) +{number} to {number} +98%", text)
    assert found is not None
    _, low, high, parameter_low, parameter_high = map(float, found.groups())
    assert low < 100 < high
    assert parameter_high - parameter_low > 2 * (high - low), "60 draws average over the parameter"
    assert "100%" in lines["All parameters (EVPI)"]
    assert "prices.clinic" in text, "the cost depends on it"
    assert "prices.other" not in text
    assert "and 1 of the parameters alone, each worth no more than the last line or nothing" in text
    # 1000 people now and 1000 a year later, at 3.5%.
    assert "for 1,966 people" in text


def test_decide_without_draws(without_draws, capsys):
    text = said(capsys, "decide", without_draws)
    assert "Value of information: needs 20 parameter draws, the run has 0." in text
    assert "n/a" not in text
    assert "Probability best and expected loss need parameter draws: popsim run ... --draws 100" in text


def test_decide_values_a_study(with_draws, capsys):
    text = said(capsys, "decide", with_draws, "--study", "prices.clinic=2:1/1000")
    studies = text.split("Value of studies of prices.clinic, standard deviation 2")[1]
    found = {
        name: float(value) for name, value in re.findall(r"  (study of [\d,]+|All.*?|prices.*?)  +([\d.]+)", studies)
    }
    assert found["study of 1"] <= found["study of 1,000"] <= found["All parameters (EVPI)"]
    assert found["study of 1,000"] == pytest.approx(found["prices.clinic, exactly"], abs=0.2)


def test_decide_for_another_price(with_draws, capsys):
    assert "At GBP 1 per QALY gained" in said(capsys, "decide", with_draws, "--willingness-to-pay", 1)


def test_a_parameter_that_cannot_matter_is_left_out(tmp_path, capsys):
    """Lost earnings are no cost of the health system, however well they explain the draws; a ward's price is one."""
    run = write_run(tmp_path, draws=60, replications=2)
    draws = pl.read_parquet(run / "draws.parquet")
    clinic = pl.col("prices.clinic")
    names = {"societal_prices.earnings_day": clinic, "nhs_prices.inpatient_day": clinic, "nhs_prices.other": clinic}
    with_changes(run, run, {"draws": draws.with_columns(**names)})
    text = said(capsys, "decide", run)
    assert re.search(r"^  nhs_prices.inpatient_day ", text, re.MULTILINE)
    assert not re.search(r"^  societal_prices.earnings_day ", text, re.MULTILINE)
    why = "they change neither the costs that the health system perspective counts nor qalys"
    assert f"1 is left out: {why} (societal_prices.earnings_day)" in text
    assert main(["decide", str(run), "--study", "societal_prices.earnings_day=2:10"]) == 2
    assert f"study of 'societal_prices.earnings_day': {why}" in capsys.readouterr().err


def test_parameters_are_valued_by_group(tmp_path, capsys):
    """Groups of the experiment first, the other parameters by their set; knowing more is never worth less."""
    run = write_run(tmp_path, draws=60, replications=2)
    draws = pl.read_parquet(run / "draws.parquet")
    clinic, names = pl.col("prices.clinic"), ("heart_failure.sudden_log_base", "heart_failure.infection_rate_per_day")
    known = draws.with_columns(clinic.alias(names[0]), clinic.rank().alias(names[1]))
    with_changes(run, run, {"draws": known}, information_groups={"Death": [names[0]]})
    text = said(capsys, "decide", run).split("Value of information about groups of parameters")[1]
    found = {
        name: float(value)
        for name, value in re.findall(r"^  (All|Death|heart_failure|prices).*?  +([\d.]+)", text, re.M)
    }
    assert {*found} == {"All", "Death", "heart_failure", "prices"}
    assert found["Death"] == pytest.approx(found["heart_failure"], rel=0.05)
    assert max(found.values()) == found["All"]


def test_horizons_are_told_apart(tmp_path, capsys):
    """DALYs count the years of life lost beyond follow-up: beside QALYs of a year they are told as such."""
    run = write_run(tmp_path, replications=6)
    measures = pl.read_parquet(run / "measures.parquet")
    dalys = measures.filter(pl.col("measure") == "qalys").with_columns(
        measure=pl.lit("dalys"), value=3 - pl.col("value")
    )
    with_changes(run, run, {"measures": pl.concat([measures, dalys])})
    text = said(capsys, "decide", run)
    assert "over 365 days of follow-up" in text
    assert "QALYs per person in follow-up" in text
    assert re.search(r"^  QALY gained  ", text, re.MULTILINE)
    assert re.search(r"^  DALY averted, to the end of life expectancy  ", text, re.MULTILINE)
    assert "longer horizon than the others" in text
    assert "DALYs per person to the end of life expectancy" in said(capsys, "decide", run, "--effect", "dalys")


def test_strategies_that_are_the_same(tmp_path, capsys):
    """No strategy changes anything: nothing is dominated, and each has a third of the probability."""
    run = write_run(tmp_path, draws=30, replications=2)
    measures = pl.read_parquet(run / "measures.parquet")
    usual = measures.filter(pl.col("strategy") == "usual_care")
    same = [usual.with_columns(strategy=pl.lit(name)) for name in ("early_follow_up", "telemonitoring")]
    named = usual.with_columns(pl.col("strategy").cast(pl.String))
    with_changes(run, run, {"measures": pl.concat([named, *same])})
    text = said(capsys, "decide", run)
    assert "dominated" not in text
    assert text.count("same as usual care: no difference in any replication") == 2
    assert text.count("33%") == 3
    assert "Value of information: none. All strategies are the same." in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--effect", "qaly"], "effect 'qaly': did you mean 'qalys'"),
        (["--effect", "dalys"], "no replication has the measures cost_total and dalys"),
        (["--study", "prices.clinics=2:10"], "did you mean 'prices.clinic'"),
        (["--study", "prices.clinic"], "must be like nhs_prices.inpatient_day=200:50/100"),
        (["--willingness-to-pay", "nan"], "--willingness-to-pay = nan: must be 0 or more"),
        (["--top", "-1"], "--top = -1: must be 0 or more"),
        (["--people", "-5"], "people = -5: must not be negative"),
    ],
)
def test_decide_refuses(with_draws, capsys, arguments, complaint):
    assert main(["decide", str(with_draws), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_what_is_missing_comes_with_the_command_of_this_run(tmp_path, capsys):
    """The file and flags of the run, with the flag that mends it in the place of its old value."""
    run = write_run(tmp_path, replications=2)
    store = RunStore(run)
    for name in store.read_manifest()["tables"]:
        store.write_table(name, pl.read_parquet(run / f"{name}.parquet"))
    named = {"files": {"experiments/mine.toml": "0"}, "flags": {"--population": 200, "--replications": 2}}
    store.write_manifest(store.read_manifest() | named)
    text = said(capsys, "decide", run)
    command = "popsim run experiments/mine.toml --population 200"
    assert f"2 replications are too few; {command} --replications 10 gives them." in text
    assert f"the run has 0. {command} --replications 2 --draws 100 gives them." in text
