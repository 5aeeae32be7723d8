"""Forecasts judged on simulated people: the people live as they would have, and what happened is what the log says."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from flagship import NO_PAST
from sklearn.metrics import brier_score_loss

from popsim.analyses.forecasting import (
    BASE_RATE,
    JUDGED,
    SIGNALS,
    TRUTH,
    TWIN,
    EvaluatedForecasts,
    ShadowMonitoring,
    evaluate_forecasts,
    risk_table,
    signal_table,
)
from popsim.errors import InputError
from popsim.outcomes.scores import SCORES
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

FILE = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
SIZES = {"population": 120, "draws": 0, "enrolment_days": 28} | NO_PAST
SMALL = {key: Change(f"--{key}", value) for key, value in SIZES.items()}
WEEKS, DAYS, MEMBERS = 2, 14, 8


@pytest.fixture(scope="module")
def study():
    return read_study(FILE, SMALL)


@pytest.fixture(scope="module")
def judged(study):
    return evaluate_forecasts(study, "", weeks=WEEKS, days=DAYS, members=MEMBERS)


@pytest.fixture(scope="module")
def undisturbed(study):
    """The same people without beliefs beside them, to the end of what was forecast."""
    model = build(study.units[0], schema=study.schema)
    model.run_for(28 + 7 * WEEKS + 30)
    return model


def test_beliefs_leave_the_people_alone(study, undisturbed):
    model = build(study.units[0], schema=study.schema)
    model.monitoring = ShadowMonitoring(model, study, MEMBERS)
    model.run_for(28 + 7 * WEEKS)
    before = undisturbed.events.frame().filter(pl.col("time_days") < 28 + 7 * WEEKS)
    assert len(before) > 300
    assert model.events.frame().equals(before)


def test_what_happened_is_what_the_log_says(judged, undisturbed):
    first = judged.day + 1
    assert first == 28 + 7 * WEEKS
    log = undisturbed.events.frame().filter(pl.col("time_days").is_between(first, first + DAYS, closed="left"))
    died = set(log.filter(pl.col("event") == "death")["person_id"])
    presented = set(log.filter(pl.col("event") == "present")["person_id"])
    for event, whose in {"death": died, "presentation": presented}.items():
        rows = judged.risks.filter((pl.col("event") == event) & (pl.col("forecaster") == TWIN))
        assert set(rows.filter("happened")["person_id"]) == whose & set(rows["person_id"])
    assert presented & set(judged.risks["person_id"])


def test_everybody_judges_the_same_people(judged):
    people = [part["person_id"].to_list() for _, part in judged.risks.group_by("event", "forecaster")]
    assert len(people) == len(JUDGED) * (len(SCORES) + 3)
    assert all(one == people[0] for one in people)
    told = judged.risks.filter("is_risk")
    assert told["value"].is_between(0.0, 1.0).all()
    # Weight is measured at home every day, so a belief knows it far better than the mean of all people does.
    weights = signal_table(judged).filter((pl.col("column") == "weight_kg") & (pl.col("forecaster") == TWIN))
    assert (weights["crps"] < 0.3 * weights["crps_of_everybody"]).all()
    assert set(judged.signals["column"]) == set(SIGNALS)


def test_tables_of_made_up_forecasts():
    happened = np.array([True, False, False, True, False, False, False, True, False, False])
    said = np.array([0.9, 0.2, 0.1, 0.4, 0.3, 0.1, 0.2, 0.6, 0.5, 0.1])
    frames = [
        pl.DataFrame({"person_id": np.arange(10), "value": values, "happened": happened}).with_columns(
            event=pl.lit("death"), forecaster=pl.lit(name), is_risk=pl.lit(is_risk)
        )
        for name, values, is_risk in (
            (TWIN, said, True), ("LACE", 10 * said, False), (BASE_RATE, np.full(10, 0.3), True),
        )
    ]  # fmt: skip
    observed = np.linspace(60.0, 96.0, 10)
    signals = pl.DataFrame({"person_id": np.arange(10), "observed": observed, "crps": np.arange(10.0)}).with_columns(
        column=pl.lit("weight_kg"), day=7, forecaster=pl.lit(TWIN), covered=pl.Series([True] * 9 + [False])
    )
    made = EvaluatedForecasts(41, 14, pl.concat(frames), signals)
    twin, lace, base = risk_table(made).iter_rows(named=True)
    assert twin["brier"] == pytest.approx(brier_score_loss(happened, said))
    assert base["brier"] == pytest.approx(0.21)
    assert (lace["mean_risk"], base["c_statistic"]) == (pytest.approx(0.3), 0.5)
    assert lace["c_statistic"] == twin["c_statistic"]  # points order people as the risks do
    assert (lace["slope"], base["slope"]) == (None, None)
    row = signal_table(made).row(0, named=True)
    assert (row["crps"], row["covered"]) == (4.5, 0.9)
    # CRPS of ten equally spaced values, 4 apart, for each of them: mean |x - y| - half the mean over different pairs.
    apart = np.abs(observed[:, None] - observed)
    assert row["crps_of_everybody"] == pytest.approx(apart.mean() - 0.5 * apart.sum() / 90)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"strategy": "usual_car"}, "did you mean 'usual_care'"),
        ({"members": 1}, "--members = 1: must be between 2 and 1024"),
        ({"weeks": 0}, "--weeks = 0: must be between 1 and 52"),
        ({"weeks": 50, "days": 60}, "too short for 50 weeks and 60 days"),
    ],
)
def test_what_cannot_be_judged_is_refused(study, asked, refusal):
    with pytest.raises(InputError, match=refusal):
        evaluate_forecasts(study, **({"strategy": ""} | asked))


def test_the_true_state_is_judged_beside(judged):
    assert {TWIN, TRUTH, BASE_RATE, "LACE", "HOSPITAL", "MAGGIC", "GWTG-HF"} == set(judged.risks["forecaster"])
