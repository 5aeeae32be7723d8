"""The attacks' arithmetic against published figures, and the gate on patients of the Worcester Heart Attack Study."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.stats import fisher_exact
from sksurv.datasets import load_whas500

from popsim.cli import main
from popsim.errors import InputError
from popsim.exchange.privacy.disclosure import assess
from popsim.exchange.privacy.excess import fisher, newcombe
from popsim.exchange.privacy.gate import allow_export
from popsim.exchange.privacy.real_people import split
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.cohort import CohortSource
from popsim.runs.run import StoredRun

ROOT_COHORT = "cohorts/heart_failure_discharge.toml"


def test_newcombes_interval_as_printed():
    """Newcombe, Stat Med 1998;17:873-90, table II: 56/70 and 48/80, method 10: 0.0524 to 0.3339 (recalled)."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-4)


def test_fishers_p_is_that_of_scipy():
    for a, m, b, n in ((10, 250, 0, 250), (5, 60, 4, 61), (0, 20, 3, 20)):
        expected = fisher_exact([[a, m - a], [b, n - b]], alternative="greater").pvalue
        assert fisher(a, m, b, n) == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def patients():
    """The 500 patients of WHAS500, as packaged with scikit-survival."""
    people, outcome = load_whas500()
    frame = pl.DataFrame({name: people[name].astype(float).to_numpy() for name in people.columns})
    return frame.with_columns(lenfol=pl.Series(outcome["lenfol"]))


def thirds(patients, draw):
    """Train, synthetic (honest: other real people) and control."""
    order = np.argsort(keyed(RandomKey(5, draw), np.arange(len(patients), dtype=np.int64), 1))
    return [patients[order[part::3].tolist()] for part in range(3)]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_planted_copies_are_caught(patients, share):
    """At 1% that is 2 of 166 synthetic people."""
    train, synthetic, control = thirds(patients, 1)
    copies = max(1, round(share * len(synthetic)))
    found = assess(train, pl.concat([synthetic[copies:], train[:copies]]), control)
    caught = {one.attack: one for one in found.refused}
    assert "copies" in caught and caught["copies"].columns
    assert caught["copies"].train == pytest.approx(copies / len(train))
    assert "copies by " in found.why
    if share == 0.2:
        assert {"near copies", "membership by distance", "attribute inference"} <= set(caught)


def test_copies_with_a_little_noise_are_caught(patients):
    train, synthetic, control = thirds(patients, 2)
    near = train[:33].with_columns(pl.col("bmi") + 0.01, pl.col("hr") + 1.0)
    assert "near copies" in [one.attack for one in assess(train, pl.concat([synthetic[33:], near]), control).refused]


def test_honest_people_pass(patients):
    """Each of 5 draws passes with a chance of 0.95: that two or more are refused has a chance of 0.023."""
    refused = [assess(*thirds(patients, draw)).refused for draw in range(3, 8)]
    assert sum(map(bool, refused)) <= 1


def test_too_few_people_are_refused_rather_than_believed(patients):
    train, synthetic, control = (one[:24] for one in thirds(patients, 1))
    found = assess(train, synthetic, control)
    assert found.refused and "too few to exclude" in found.why
    with pytest.raises(InputError, match="at least 20"):
        assess(train[:19], synthetic, control)


def test_sets_must_have_the_same_columns(patients):
    train, synthetic, control = thirds(patients, 1)
    with pytest.raises(InputError, match="column 'bmi'"):
        assess(train, synthetic.drop("bmi"), control)
    with pytest.raises(InputError, match="fewer than two columns"):
        assess(train.select(pl.lit(1.0).alias("a"), "bmi").drop("bmi"), synthetic.with_columns(a=pl.lit(1.0)),
               control.with_columns(a=pl.lit(1.0)))  # fmt: skip


def test_who_is_held_out_depends_on_the_key_and_the_row_alone():
    people = pl.DataFrame({"a": range(101)})
    train, control = split(people, 3)
    assert (len(train), len(control)) == (51, 50)
    assert sorted([*train["a"], *control["a"]]) == list(range(101))
    assert split(people, 3)[1]["a"].to_list() == control["a"].to_list() != split(people, 4)[1]["a"].to_list()


@pytest.fixture
def real_cohort(tmp_path, patients, request):
    """A cohort of real people from a table, and the folder."""
    patients.select("age", pl.col("gender").cast(pl.Int64), "sysbp", "hr", "bmi").write_csv(tmp_path / "people.csv")
    (tmp_path / "real.toml").write_text(
        f"""
inherits = "{request.config.rootpath}/{ROOT_COHORT}"
name = "real"
description = "WHAS500"
source = "patients of WHAS500 as packaged with scikit-survival"
size = 300
[table]
path = "people.csv"
format = "csv"
source = "patients of WHAS500 as packaged with scikit-survival"
[table.columns]
age_years = {{ from = "age" }}
female = {{ from = "gender" }}
baseline_systolic_mmhg = {{ from = "sysbp", formula = "usual_systolic" }}
baseline_heart_rate_bpm = {{ from = "hr", formula = "usual_heart_rate" }}
dry_weight_kg = {{ from = "bmi", formula = "weight_from_bmi" }}
height_cm = {{ from = "gender", unit = "cm", codes = {{ "0" = 174.0, "1" = 159.0 }} }}
"""
    )
    return tmp_path / "real.toml"


def run_of(cohort, request, name):
    """A finished run of a cohort of real people, without simulating."""
    text = f"""
name = "{name}"
cohort = "{cohort}"
network = "{request.config.rootpath}/experiments/networks/heart_failure_catchment.toml"
population = 300
replications = 1
follow_up_days = 30
store = "persons"
[[strategies]]
name = "usual"
"""
    path = cohort.with_name(f"{name}.toml")
    path.write_text(text)
    assert main(["run", str(path), "--out", str(cohort.parent / "results"), "--quiet"]) == 0
    return StoredRun.open(cohort.parent / "results" / name)


def test_a_cohort_that_copies_real_people_may_not_leave_and_a_fitted_one_may(real_cohort, request, capfd):
    assert main(["cohort", "disclosure", str(real_cohort)]) == 1
    said = capfd.readouterr().out
    assert "REFUSED: copies by" in said and "dry_weight_kg" in said
    run = run_of(real_cohort, request, "copied")
    with pytest.raises(InputError, match=r"export refused.*copies by.*synthesise"):
        allow_export(run)
    kept = StoredRun.open(run.folder).manifest["disclosure"]
    assert kept["passed"] is False and {one["attack"] for one in kept["attacks"]} >= {"copies", "linkage"}
    with pytest.raises(InputError, match="export refused"):
        allow_export(StoredRun.open(run.folder))  # from the manifest
    fitted = real_cohort.with_name("fitted.toml")
    assert main(["cohort", "synthesise", str(real_cohort), "--out", str(fitted)]) == 0
    assert "PASSED" in capfd.readouterr().out
    definition = CohortSource.read(fitted).definition
    assert definition.table is None and definition.made_from.cohort == "real.toml"
    allowed = run_of(fitted, request, "fitted_run")
    assert allow_export(allowed)["passed"] is True
    assert json.loads((allowed.folder / "manifest.json").read_text())["disclosure"]["passed"] is True


def test_nobody_real_needs_no_gate(request, capfd):
    assert main(["cohort", "disclosure", str(request.config.rootpath / ROOT_COHORT)]) == 0
    assert "nobody behind this cohort is real" in capfd.readouterr().out


def test_wrong_calls_are_refused_in_one_line(real_cohort, capfd):
    for arguments in (
        ["disclosure"],
        ["disclosure", str(real_cohort), "--train", "a.csv"],
        ["disclosure", "--train", "a.csv", "--synthetic", "b.csv", "--control", "c.csv"],
        ["disclosure", str(real_cohort), "--limit", "0"],
        ["disclosure", str(real_cohort), "--size", "0"],
        ["synthesise", str(real_cohort), "--out", str(real_cohort)],
        ["synthesise", str(real_cohort), "--out", "x.txt"],
        ["synthesise", str(real_cohort), "--out", str(real_cohort.with_name("n.toml")), "--held-out", "0.99"],
    ):
        assert main(["cohort", *arguments]) == 2
        assert len(capfd.readouterr().err.strip().splitlines()) == 1


def test_three_tables_of_ones_own(tmp_path, patients, capfd):
    train, synthetic, control = thirds(patients, 1)
    for name, frame in (("t", train), ("s", pl.concat([synthetic, train[:20]])), ("c", control)):
        frame.write_csv(tmp_path / f"{name}.csv")
    paths = {flag: str(tmp_path / f"{flag[2]}.csv") for flag in ("--train", "--synthetic", "--control")}
    assert main(["cohort", "disclosure", *(word for pair in paths.items() for word in pair)]) == 1
    assert "copies" in capfd.readouterr().out
