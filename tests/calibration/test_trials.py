"""Trials: who is recruited, one file is enough, a null trial finds nothing, and the command prints and writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popsim.calibration.sources import read_source
from popsim.cli import main
from popsim.errors import DefinitionError
from popsim.kernels.numerics.random import RandomKey
from popsim.studies.design import Change
from popsim.studies.recruitment import followed_days, recruit

ROOT = Path(__file__).parents[2] / "experiments"
TRIALS = sorted((ROOT / "trials").glob("*.toml"))
TRIAL = """
name = "null_trial"
title = "A trial of nothing"
cohort = "{cohort}"
network = "{network}"
population = 150
replications = 1
follow_up_days = 200
store = "persons"

[[strategies]]
name = "placebo"

[[strategies]]
name = "nothing"

[trial]
least_follow_up_days = 100

[trial.columns.age_years]
distribution = "normal"
mean = 60.0
sd = 8.0
bounds = [40.0, 80.0]
unit = "years"
source = "made up for the test"

[[trial.inclusion]]
column = "baseline_ejection_fraction_percent"
below = 40.0

[[trial.inclusion]]
column = "nyha_class"
at_least = 2

[[targets]]
name = "null_hazard_ratio"
quantity = "hazard_ratio"
endpoint = "death_or_hospitalisation"
arm = "nothing"
value = 1.0
low = 0.8
high = 1.25
unit = "ratio"
use = "validate"
source = "by construction"
provenance = "computed"

[[targets]]
name = "impossible_share"
quantity = "admitted"
days = 100
value = 0.999
size = 100000
unit = "proportion"
use = "calibrate"
source = "by construction"
provenance = "computed"
"""


@pytest.fixture
def trial_file(tmp_path):
    path = tmp_path / "null_trial.toml"
    cohort, network = Path(__file__).parents[2] / "cohorts", ROOT / "networks"
    path.write_text(
        TRIAL.format(cohort=cohort / "heart_failure_discharge.toml", network=network / "heart_failure_catchment.toml")
    )
    return path


def recruited(study, size):
    """Recruits of a trial, as its units have them."""
    key = RandomKey(1)
    physiology = study.build_physiology(study.parameters, key)
    return recruit(study.experiment.trial, study.cohort, study.schema, physiology, size, key)


@pytest.mark.parametrize("path", [*TRIALS, *sorted((ROOT / "targets").glob("*.toml"))], ids=lambda path: path.stem)
def test_every_shipped_file_of_targets_is_sound(path):
    source = read_source(path, {"population": Change("--population", 100)})
    assert source.targets and source.study.experiment.population == 100


@pytest.mark.slow
def test_no_target_is_named_twice_or_used_in_two_ways():
    names = [
        target.name for path in [*TRIALS, *(ROOT / "targets").glob("*.toml")] for target in read_source(path).targets
    ]
    assert len(names) == len(set(names)) > 50


def test_everybody_recruited_meets_the_criteria_and_has_the_baseline_table(trial_file):
    """Mean age within four standard errors of 60 (criteria do not select by age beyond the copula's correlations)."""
    study = read_source(trial_file).study
    people = recruited(study, 400)
    people["alive"] = 1
    study.build_physiology(study.parameters, RandomKey(1)).initialise(people)
    assert len(people) == 400 and not people["entry_day"].any()
    assert (people["baseline_ejection_fraction_percent"] < 40.0).all() and (people["nyha_class"] >= 2).all()
    assert abs(people["age_years"].mean() - 60.0) < 4.0 * 8.0 / np.sqrt(400) + 1.0


def test_who_is_recruited_depends_on_nobody_else(trial_file):
    study = read_source(trial_file).study
    few, many = (recruited(study, n) for n in (30, 60))
    assert np.array_equal(few.person_id, many.person_id[:30])


def test_follow_up_is_uniform_between_its_ends(trial_file):
    """Mean (100 + 200) / 2 within four standard errors of a uniform."""
    trial = read_source(trial_file).study.experiment.trial
    days = followed_days(trial, 200, np.arange(2_000), RandomKey(1))
    assert days.min() >= 100.0 and days.max() <= 200.0
    assert days.mean() == pytest.approx(150.0, abs=4.0 * 100.0 / np.sqrt(12.0 * 2_000))


def test_a_criterion_that_nobody_meets_is_refused_in_one_line(trial_file):
    text = trial_file.read_text().replace("below = 40.0", "below = 8.5")
    trial_file.write_text(text)
    study = read_source(trial_file).study
    with pytest.raises(DefinitionError, match=r"only 0 of [0-9]+ people are eligible"):
        recruited(study, 20)


@pytest.mark.slow
def test_validate_prints_and_writes_what_it_found(trial_file, tmp_path, capsys):
    """A null trial finds a ratio of exactly 1, its arms have the same people and luck; the other target is missed."""
    assert main(["validate", str(trial_file), "--out", str(tmp_path / "results"), "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert "not fitted: 1 of 1 targets inside (100%)" in shown
    assert "fitted: 0 of 1 targets inside (0%)" in shown
    table = pl.read_csv(tmp_path / "results" / "validation" / "validation.csv")
    assert table["simulated"][0] == pytest.approx(1.0, abs=1e-9) and table["inside"].to_list() == [True, False]
    assert (tmp_path / "results" / "validation" / "validation.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('quantity = "admitted"', 'quantity = "admited"', "did you mean 'admitted'"),
        ('arm = "nothing"', 'arm = "placebo"', "other than the comparator"),
        ("days = 100\nvalue", "days = 300\nvalue", "must not be above follow_up_days"),
        ('endpoint = "death_or_hospitalisation"\n', "", "must be given for hazard_ratio"),
        ('name = "impossible_share"', 'name = "null_hazard_ratio"', "the name is used twice"),
        ("least_follow_up_days = 100", "least_follow_up_days = 300", "must not be above follow_up_days"),
        ("[trial]\n", "[capacity]\ninpatient = 3\n[trial]\n", "capacity.inpatient: must be absent"),
    ],
)
def test_a_file_without_sense_is_refused_in_one_line(trial_file, capsys, old, new, says):
    trial_file.write_text(trial_file.read_text().replace(old, new))
    assert main(["validate", str(trial_file)]) == 2
    complaint = capsys.readouterr().err
    assert says in complaint and complaint.count("\n") == 1
