"""popsim budget and popsim capacity as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from flagship import AS_DESCRIBED

from popsim.cli import main

MAIN = str(AS_DESCRIBED)
SMALL = ["--population", "60", "--draws", "0", "--replications", "3", "--days", "20", "--enrolment-days", "5"]
SMALL += ["--workers", "1"]
WARD = ["--setting", "cardiology_ward"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    assert main(["run", MAIN, *SMALL, "--out", str(folder), "--quiet"]) == 0
    return folder


def test_a_budget_is_printed_for_every_other_strategy(results, capsys):
    run = str(results / "heart_failure_discharge")
    assert main(["budget", run, "--eligible", "1000", "--uptake", "0.1,0.3"]) == 0
    out = capsys.readouterr().out
    for words in ("payer perspective", "Early follow-up", "Telemonitoring", "Year 2", "Net impact", "for 0.1 years"):
        assert words in out
    programme = next(line for line in out.splitlines() if line.strip().startswith("Programme")).split()
    assert programme[1:] == ["+5,000", "+15,000"]  # 50 GBP for each of 100 and 300 people


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--eligible", "1,2", "--uptake", "0.1"], "must be the same number"),
        (["--eligible", "x", "--uptake", "0.1"], "--eligible = x: must be numbers"),
        (["--eligible", "nan", "--uptake", "0.1"], "--eligible = nan: must be numbers"),
        (["--eligible", "1", "--uptake", "inf"], "--uptake = inf: must be numbers"),
        (["--eligible", "1", "--eligible", "2", "--uptake", "0.1"], "command line: --eligible: named twice"),
        (["--eligible", "1", "--uptake", "0.1", "--perspective", "payr"], "did you mean 'payer'"),
        (["--eligible", "1", "--uptake", "0.1", "--strategy", "usual_care"], "allowed"),
    ],
)
def test_budgets_that_are_refused(results, capsys, options, says):
    assert main(["budget", str(results / "heart_failure_discharge"), *options]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.slow
def test_every_perspective_is_a_run_of_its_own(results, tmp_path, capsys):
    """The same lives, other totals: societal costs are those of the health system and more."""
    text = Path(MAIN).read_text(encoding="utf-8").replace('"health_system"', '"societal"')
    (tmp_path / "societal.toml").write_text(text, encoding="utf-8")
    assert main(["run", str(tmp_path / "societal.toml"), *SMALL, "--out", str(results)]) == 0
    out = capsys.readouterr().out
    assert "societal perspective" in out
    assert "Informal care" in out
    assert "Charges that patients pay" not in out


def test_capacity_prints_occupancy_and_what_a_place_is_worth(results, capsys):
    assert main(["capacity", MAIN, *WARD, "--places", "200,2000", *SMALL, "--out", str(results), "--quiet"]) == 0
    out = capsys.readouterr().out
    for words in ("places in 'Cardiology ward'", "2000 places", "Occupancy", "Cost per QALY", "Fieller", "200 to 2000"):
        assert words in out
    cost = next(line for line in out.splitlines() if line.startswith("Cost per person"))
    assert cost == "Cost per person, GBP"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--setting", "cardiolgy_ward", "--places", "1,2"], "did you mean 'cardiology_ward'"),
        (["--setting", "general_practice", "--places", "100,200"], "slots a day"),
        (["--setting", "heart_failure_clinic", "--places", "100,200"], "'early_follow_up' sets the capacity"),
        (
            ["--setting", "home", "--places", "100,200"],
            "its capacity is unlimited",
        ),
        ([*WARD, "--places", "2,3"], "2 and 3 places are both 1 for 60 people: simulate more people"),
        ([*WARD, "--places", "200,2000", "--places", "20,200"], "command line: --places: named twice"),
        ([*WARD, "--places", "20"], "must be 2 to 50"),
        ([*WARD, "--places", "20,20.5"], "whole numbers"),
        ([*WARD, "--places", "0,20"], "between 1"),
    ],
)
def test_capacities_that_are_refused(tmp_path, capsys, options, says):
    assert main(["capacity", MAIN, *options, *SMALL, "--out", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("method", ["one-way", "two-way", "sobol", "morris"])
def test_a_parameter_named_twice_is_refused(tmp_path, capsys, method):
    twice = ["--parameter", "nhs_prices.inpatient_day=250:350"] * 2
    assert main(["sensitivity", method, MAIN, "--population", "40", *twice, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "popsim: parameter 'nhs_prices.inpatient_day': named twice\n"
    assert not list(tmp_path.iterdir()), "nothing was simulated"
