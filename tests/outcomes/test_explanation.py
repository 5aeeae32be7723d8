"""What is said to have led to an illness or a death, against numbers worked out by hand."""

from __future__ import annotations

import math
import re
from pathlib import Path

import polars as pl
import pytest
from flagship import NO_PAST

from popsim.errors import InputError
from popsim.evidence.parameters import load_parameters
from popsim.kernels import codes as code
from popsim.outcomes.differences import PersonCourse, first_differences
from popsim.outcomes.explanation import why_dead, why_ill
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
CONSTANTS = load_parameters("heart_failure").with_values(
    {
        "fluid_per_salt_l_per_g": 0.1,
        "retention_infection_l_day": 0.5,
        "retention_after_hospital_l_day": 0.2,
        "oral_diuretic_most_l_day": 1.0,
        "oral_diuretic_half_mg_day": 40.0,
        "diuretic_resistance_per_l": 0.0,
    }
)
STATE = {
    "filling_pressure_mmhg": 15.0, "baseline_filling_pressure_mmhg": 14.0, "extracellular_fluid_excess_l": 0.5,
    "symptom_score": 3.0, "usual_symptom_score": 3.0, "death_cause": 0,
    "gfr_ml_min": 60.0, "baseline_gfr_ml_min": 60.0, "infection_severity": 0.0,
    "arrhythmia_burden": 0.0, "salt_excess_g_day": 0.0, "deconditioning": 0.0, "adherence_trait": 0.75,
    "adherence": 0.75, "adherence_lapse": 0.0, "loop_diuretic_mg_day": 40.0, "ras_inhibitor_fraction": 0.0,
    "mra_fraction": 0.0, "sglt2_inhibitor_fraction": 0.0, "shock_onset": 0, "frailty": 0.3,
    "ejection_fraction_percent": 55.0, "systolic_mmhg": 120.0, "potassium_mmol_l": 4.5, "alive": 1,
    "death_hazard_per_day": 0.0002,
}  # fmt: skip


def diary(*days: dict[str, float]) -> pl.DataFrame:
    """A diary of consecutive days, each the usual state with some changes."""
    return pl.DataFrame([STATE | {"day": number} | day for number, day in enumerate(days)])


def test_the_litres_of_each_part_are_those_worked_out_by_hand():
    """Two days of salt (5 g at 0.1 L/g), infection (0.4 x 0.5 L) and no tablets.

    Missed at a filtration of 60 (power 1): 1 L x 30 / (30 + 40) = 0.4286 L a day.
    """
    ill = {"salt_excess_g_day": 5.0, "infection_severity": 0.4, "adherence": 0.0}
    days = diary({}, ill | {"extracellular_fluid_excess_l": 1.5}, ill | {"extracellular_fluid_excess_l": 2.5})
    state, fluid = why_ill(days, 2, code.CAUSE_HEART_FAILURE, CONSTANTS)
    assert "filling pressure 15 mmHg (usually 14)" in state
    assert "fluid above the set point 2.5 L (on the first day 0.5)" in state
    assert fluid == (
        "fluid gained since day 0: 2.0 L (salty food 1.0 L, doses missed 0.9 L, infection 0.4 L, "
        "shed or held by the kidneys otherwise -0.3 L)"
    )


def test_shocks_are_named_with_their_size_on_their_day():
    lapse = {"shock_onset": code.SHOCK_LAPSE, "adherence_lapse": 0.6}
    lines = why_ill(diary({}, lapse, {}), 2, code.CAUSE_INFECTION, CONSTANTS)
    assert lines[-1] == "before it: lapse of adherence on day 1 (60% of usual doses missed)"


def test_what_lies_further_back_than_the_window_is_not_named():
    lapse = {"shock_onset": code.SHOCK_LAPSE, "adherence_lapse": 0.6}
    assert why_ill(diary(lapse, *[{}] * 40), 40, code.CAUSE_STROKE, CONSTANTS) == [
        "state: systolic pressure 120 mmHg (on the first day 120)"
    ]


@pytest.mark.parametrize(
    ("died_of", "words", "terms"),
    [
        (code.DIED_OF_NON_CARDIOVASCULAR, "died of a non-cardiovascular cause", {"infection": (0.5, "infection")}),
        (code.DIED_OF_SUDDEN, "died suddenly", {"high potassium": (1.5, "potassium")}),
        (code.DIED_OF_PUMP_FAILURE, "died of pump failure", {"symptoms beyond the usual": (2.0, "per_departure")}),
    ],
)
def test_factors_of_death_are_the_exponentials_of_the_terms_of_its_mode(died_of, words, terms):
    mode = {"died suddenly": "sudden", "died of pump failure": "pump"}.get(words, "non_cardiovascular")
    changes = {"infection_severity": 0.5, "potassium_mmol_l": 6.5, "symptom_score": 5.0, "death_hazard_per_day": 0.01}
    died, said, *_ = why_dead(diary({}, changes | {"death_cause": died_of}), 1, CONSTANTS)
    assert died == words
    assert said.startswith("hazard of death 1% a day; that of this mode is higher than on the first day by ")
    for term, (change, name) in terms.items():
        assert f"{term} x{math.exp(change * CONSTANTS[f'{mode}_log_{name}']):.2g}" in said.split(" by ")[1].split(", ")


@pytest.fixture(scope="module")
def lives():
    """Forty people of the shipped experiment under two strategies, all of them followed."""
    study = read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in ({"draws": 0} | NO_PAST).items()})
    models = {}
    for unit in study.units[:3]:
        model = build(unit, 40)
        for twin in model.agents:
            twin.follow()
        model.run_for(model.days)
        models[unit.strategy.name] = model
    return models


def test_a_followed_twin_says_what_led_to_every_illness_and_death(lives):
    model = lives["usual_care"]
    ill = [twin for twin in model.agents if (twin.history()["event"] == "present").any()]
    dead = [twin for twin in model.agents if not twin.alive]
    assert len(ill) > 20 and dead
    for twin in ill:
        present = (twin.history()["event"] == "present").sum()
        assert len(re.findall(r"^    state: ", twin.explain(), re.MULTILINE)) == present
    for twin in dead:
        assert "hazard of death" in twin.explain()


def test_a_diary_begins_with_the_first_day(lives):
    with pytest.raises(InputError, match="before the first step"):
        lives["usual_care"].recorder.diary.follow(lives["usual_care"].recorder.diary.rows + 1)


def life(model, row: int, title: str) -> PersonCourse:
    return PersonCourse(title, model.agents[row].history(), model.recorder.diary.frame(model.population, row))


def test_a_life_does_not_differ_from_itself(lives):
    model = lives["usual_care"]
    for row in range(40):
        assert first_differences(life(model, row, "one"), life(model, row, "other")) == []


def test_lives_part_at_the_first_event_that_is_not_in_both(lives):
    """The first difference of a life is not before its strategies have done anything for it, and deaths are told."""
    usual, early = lives["usual_care"], lives["early_follow_up"]
    parted = 0
    for row in range(40):
        one, other = life(usual, row, "usual"), life(early, row, "early")
        found = first_differences(one, other)
        assert [d.time_days for d in found] == sorted(d.time_days for d in found)
        columns = [d for d in found if "only under" not in d.what]
        if columns:
            parted += 1
            assert columns[0].time_days > usual.population["entry_day"][row]
        if one.diary["alive"][-1] != other.diary["alive"][-1]:
            assert any(d.what.startswith("death") for d in found)
    assert parted > 10
