"""What `popsim subgroups` and `popsim equity` say of a run whose people are made up."""

from __future__ import annotations

import re

import polars as pl
import pytest
from finished_run import with_changes, write_run

from popsim.cli import main
from popsim.cli.decide import groupings
from popsim.errors import InputError
from popsim.runs.run import StoredRun


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"), replications=8)


def said(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def numbers(line):
    return [float(found) for found in re.findall(r"-?\d+\.?\d*", line.replace(",", ""))]


def test_subgroups(run, capsys):
    """Women gain 0.02 QALYs for 100 GBP, a net benefit of 300 at 20,000; men lose 100; choosing by sex is worth 50."""
    text = said(capsys, "subgroups", run, "--by", "female,age_years=60/75")
    lines = text.splitlines()
    women = numbers(next(line for line in lines if line.strip().startswith("Women ")))
    assert 45 < women[0] < 55
    assert women[1] == 100
    assert women[-2] < 300 < women[-1]
    assert any("Age 60 to under 75" in line for line in lines)
    assert "harmed" not in text
    health = re.search(r"Health: (\d+)% gain QALYs, (\d+)% lose QALYs, (\d+)% have the same", text)
    # Women gain and nobody loses; of those who do not gain, all pay for it: a loss of net benefit, not of health.
    gain, loss, same = map(int, health.groups())
    assert (loss, gain + same) == (0, pytest.approx(100, abs=1))
    worth = re.search(
        r"Net benefit at 20,000 per QALY, GBP: (\d+)% have a gain, (\d+)% a loss because they lose health, "
        r"(\d+)% a loss without losing health \(cost above value\)",
        text,
    )
    assert int(worth[2]) == 0
    assert int(worth[3]) == pytest.approx(100 - int(worth[1]), abs=1)
    assert int(worth[3]) >= same
    assert lines[4].split()[-4:] == ["Health", "Worth", "its", "cost"]
    early = text.split("Telemonitoring  ")[0]
    found = {words[0]: words[-2:] for words in map(str.split, early.splitlines()) if words[:1] in (["Men"], ["Women"])}
    assert found == {"Women": ["gained", "yes"], "Men": ["same", "no"]}
    value = numbers(next(line for line in lines if "best strategy by female, age_years" in line))
    assert value[1] < 50 < value[2]
    best = text.split("Best by female | age_years")[1]
    assert "Early follow-up for" in best
    assert "women | age under 60 years" in best


def test_equity(run, capsys):
    """Gains fall from 5/3 to 1/3 of 0.01 QALYs over the fifths; 100 GBP displaces 0.005 QALYs from everybody."""
    text = said(capsys, "equity", run, "--by", "deprivation_quintile,female")
    assert "borne equally by everybody (assumption)" in text
    early = text.split("\n\nEarly follow-up ")[1].split("\n\n")[0].splitlines()
    first, last = numbers(early[1]), numbers(early[5])
    assert early[1].strip().startswith("most deprived fifth")
    assert first[2] < 0.01 * 5 / 3 < first[3]
    assert last[2] < 0.01 / 3 < last[3]
    assert first[5:6] == [0.005]
    gradient = next(line for line in text.splitlines() if "Early follow-up, difference" in line)
    assert numbers(gradient)[2] < 0, "gains go to the most deprived: the slope falls"
    assert text.count("Slope index") == 1, "sex has no order"
    assert "Atkinson 10.95" in text


def test_the_aversion_to_inequality_is_that_of_the_experiment(run, capsys, tmp_path):
    changed = with_changes(run, tmp_path, parameters={"equity.atkinson_aversion": 3.5})
    assert "Atkinson 3.5" in said(capsys, "equity", changed, "--by", "female")
    assert "Atkinson 3.5" not in said(capsys, "equity", run, "--by", "female")


def test_equity_by_lifetime_health(run, capsys):
    """The gains of women alone, who are given the shorter lives: less inequality; their care displaced: more."""
    both = ("--by", "female", "--lifetime", "0=70,1=60")
    fair = said(capsys, "equity", run, *both)
    assert fair == said(capsys, "equity", run, "--by", "female", "--lifetime", "men=70,women=60")
    assert "(lifetime health as given)" in fair
    unfair = said(capsys, "equity", run, *both, "--opportunity-cost", "0=0,1=1")
    assert "borne by given shares (assumption)" in unfair
    equity = [
        numbers(next(line for line in text.splitlines() if "of which equity" in line))[0] for text in (fair, unfair)
    ]
    assert equity[0] > equity[1]
    assert main(["equity", str(run), "--by", "female,age_years", "--lifetime", "0=70,1=60"]) == 2
    assert "name exactly one column" in capsys.readouterr().err
    assert main(["equity", str(run), "--by", "female", "--lifetime", "0:70"]) == 2
    assert "--lifetime 0:70: must be like" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["subgroups", "equity"])
def test_what_is_refused(run, capsys, command, tmp_path):
    assert main([command, str(run), "--by", "femal"]) == 2
    assert "no column 'femal': did you mean 'female'" in capsys.readouterr().err
    assert main([command, str(run), "--by", "age_years=old"]) == 2
    assert "--by age_years=old: must be a column, or one with bands like age_years=65/75" in capsys.readouterr().err
    for bands in ("nan", "inf", "65/65"):
        assert main([command, str(run), "--by", f"age_years={bands}"]) == 2
        assert f"--by age_years={bands}: must be a column, or one with bands" in capsys.readouterr().err
    assert main([command, str(run), "--by", "female,female"]) == 2
    assert "--by female: named twice" in capsys.readouterr().err
    for outcome in ("cost_total", "qaly"):
        assert main([command, str(run), "--by", outcome]) == 2
        assert f"column '{outcome}': an outcome, not known at entry" in capsys.readouterr().err
    assert main([command, str(with_changes(run, tmp_path / "run", store="measures"))]) == 2
    assert "keeps no persons (the experiment's store is 'measures')" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--lifetime", "--opportunity-cost"])
@pytest.mark.parametrize("levels", ["0=0.5,1=nan", "0=0.5,1=inf", "0=0.5,1=-1", "0=0.5,0=0.5"])
def test_numbers_by_level_that_are_refused(run, capsys, option, levels):
    assert main(["equity", str(run), "--by", "female", option, levels]) == 2
    assert f"command line: {option}" in capsys.readouterr().err


def test_a_group_in_health_worse_than_death(tmp_path, capsys):
    """Atkinson's index is not defined for it; all else is."""
    persons = pl.read_parquet(write_run(tmp_path, replications=4) / "persons.parquet")
    worse = pl.when(pl.col("female") == 1).then(pl.col("qaly") - 5).otherwise("qaly")
    run = with_changes(tmp_path, tmp_path, {"persons": persons.with_columns(qaly=worse)})
    text = said(capsys, "equity", run, "--by", "female")
    assert text.count("not defined: a group's health is 0 or less") == 2 * 2
    assert re.search(r"Kolm 0\.15 +-?\d", text)
    assert "mean" in text


@pytest.mark.parametrize("command", ["subgroups", "equity", "decide"])
def test_two_replications_give_plain_numbers_and_one_note(tmp_path, capsys, command):
    by = [] if command == "decide" else ["--by", "female"]
    text = said(capsys, command, write_run(tmp_path, replications=2), *by)
    assert text.count("No Monte Carlo intervals: 2 replications are too few; popsim run ... --replications 10") == 1
    assert "n/a" not in text
    assert not re.search(r"\(-?[\d.,]+ to", text)


@pytest.mark.parametrize("command", ["subgroups", "equity", "decide"])
def test_the_mix_of_price_years_is_said(run, tmp_path, capsys, command):
    printed = with_changes(run, tmp_path, price_year="as_printed")
    text = said(capsys, command, printed, *([] if command == "decide" else ["--by", "female"]))
    assert "Costs are in GBP at prices as printed, not inflated (1 of 2011" in text


@pytest.mark.parametrize("command", ["decide", "subgroups", "equity"])
def test_a_run_of_one_strategy_is_refused(run, capsys, command, tmp_path):
    first = StoredRun.open(run).manifest["experiment"]["strategies"][:1]
    assert main([command, str(with_changes(run, tmp_path / "run", strategies=first))]) == 2
    assert "the run has only one strategy" in capsys.readouterr().err


def test_groupings():
    assert groupings("female, age_years=65/75.5") == (["female", "age_years"], {"age_years": [65.0, 75.5]})
    with pytest.raises(InputError, match="age_years="):
        groupings("age_years=")
