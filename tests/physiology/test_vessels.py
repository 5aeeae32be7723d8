"""Vessels: hazards in closed form, what events leave behind, extremes, rates of the cohort, clopidogrel."""

from __future__ import annotations

import numpy as np
import pytest
from people import NO_AGEING, NO_SHOCKS, sets
from scipy.stats import norm
from vessel_people import PER_100_YEARS, Day, discharged, reference, usual_drugs, with_core

from popsim.evidence.parameters import load_parameters
from popsim.kernels.codes import CAUSE_BLEEDING, CAUSE_INFARCTION, CAUSE_STROKE, LEVEL_CRITICAL, LEVEL_WARD
from popsim.physiology.organs.vessels import COLUMNS
from popsim.population.columns import DTYPE

SET = load_parameters("vessels")
ALIVE_TO_HOSPITAL = 1 - SET["infarction_dead_before_hospital"]
STROKE_TO_HOSPITAL = 1 - SET["stroke_dead_before_hospital"]


def hazards(drugs=None, years=0.0, **state):
    """(infarction, stroke, bleeding, sudden death) per 100 person-years on the first day of a person."""
    people = reference(1, **state)
    people["entry_day"] = -365.25 * years
    influences = Day(people, **(drugs or {})).live()
    names = ("infarction_per_day", "stroke_per_day", "bleeding_per_day", "cardiovascular_death_per_day")
    return tuple(float(influences[name][0]) * PER_100_YEARS for name in names)


def test_the_reference_person_has_the_rates_of_the_file():
    infarction, stroke, bleeding, sudden = hazards()
    assert infarction == pytest.approx(ALIVE_TO_HOSPITAL * SET["infarction_per_day"] * PER_100_YEARS, rel=1e-5)
    assert stroke == pytest.approx(STROKE_TO_HOSPITAL * SET["stroke_per_day"] * PER_100_YEARS, rel=1e-5)
    assert bleeding == pytest.approx(SET["bleeding_per_day"] * PER_100_YEARS, rel=1e-5)
    never = infarction * (1 / ALIVE_TO_HOSPITAL - 1) + stroke * (1 / STROKE_TO_HOSPITAL - 1)
    assert sudden == pytest.approx(never, rel=1e-4)


@pytest.mark.parametrize(
    ("state", "drugs", "infarction", "stroke"),
    [
        ({"coronary_disease": 1, "prior_infarction": 1}, {}, 2.5 * 1.44, 1.0),
        ({"baseline_ldl_mmol_l": 4.0}, {}, 1 / 0.78, 1 / 0.83),
        ({"baseline_ldl_mmol_l": 4.0}, {"ldl_reduction": 0.25}, 1.0, 1.0),
        ({"smoking": 2}, {}, 2.07, 1.58),
        ({"smoking": 1}, {}, 1.37, 1.17),
        ({"hba1c_percent": 7.4}, {}, 1.15, 1.11),
        ({"systolic_mmhg": 135.0}, {}, 1 / 0.83, 1 / 0.73),
        ({"gfr_ml_min": 37.0}, {}, np.exp(0.028 * 23), 1.0),
        ({"age_years": 85.0}, {}, np.exp(0.46), np.exp(0.4)),
        ({}, {"platelet_inhibition": 0.45}, 0.8, 0.8),
        ({"prior_stroke": 1}, {}, 1.0, 2.5),
    ],
)
def test_ratios_are_those_of_the_sources(state, drugs, infarction, stroke):
    """CTT, Mons, Zhang, Ettehad, Go, CURE: ratios as cited in evidence/vessels.toml (rounded there to four digits)."""
    usual, now = hazards(), hazards(drugs, **state)
    assert now[0] / usual[0] == pytest.approx(infarction, rel=1e-3)
    assert now[1] / usual[1] == pytest.approx(stroke, rel=1e-3)


def test_anticoagulants_prevent_64_percent_of_the_strokes_of_atrial_fibrillation():
    """Hart: 64%; the strokes of others are not prevented. Ratios of CHA2DS2: 2.0, 1.7, 2.5, 1.5 per decade."""
    beside = hazards()[1]

    def of_heart(drugs=None, **state):
        return hazards(drugs, atrial_fibrillation=1, **state)[1] - beside

    alone = of_heart()
    assert alone == pytest.approx(STROKE_TO_HOSPITAL * SET["stroke_fibrillation_per_day"] * PER_100_YEARS, rel=1e-4)
    assert of_heart({"anticoagulation": 1.0}) / alone == pytest.approx(0.36, rel=1e-3)
    assert of_heart({"anticoagulation": 2.0}) / alone == pytest.approx(0.36, rel=1e-3)
    assert of_heart(hypertension=1, diabetes=1) / alone == pytest.approx(2.0 * 1.7, rel=1e-3)


def test_bleeding_follows_has_bled_and_rises_steeply_above_range():
    """At INR 4 (effect 2) 2.2 to 4 times INR 3 (effect 1.33); doubled by anticoagulants in range (INR 2.5)."""
    rate = {effect: hazards({"anticoagulation": effect})[2] for effect in (0.0, 1.0, 1.33, 2.0)}
    assert rate[1.0] / rate[0.0] == pytest.approx(2.0, rel=1e-3)
    assert 2.2 < rate[2.0] / rate[1.33] < 4.0
    assert hazards({"platelet_inhibition": 0.45})[2] / rate[0.0] == pytest.approx(1.66 / 0.93, rel=1e-3)
    assert hazards(alcohol_g_day=40.0)[2] / rate[0.0] == pytest.approx(2.28, rel=1e-3)
    assert hazards(gfr_ml_min=25.0)[2] / rate[0.0] == pytest.approx(np.exp(0.7), rel=1e-3)
    assert hazards(systolic_mmhg=180.0)[2] / hazards(systolic_mmhg=160.0)[2] == pytest.approx(np.exp(0.3), rel=1e-3)


def test_nothing_is_shifted_at_entry():
    """But hazards; also in those with all that the past can hold."""
    people = reference(4, atrial_fibrillation=1, prior_stroke=1, prior_infarction=1, coronary_disease=1, hypertension=1)
    influences = Day(people).live()
    for name in ("systolic_shift_mmhg", "ejection_fraction_shift_percent", "filling_pressure_shift_mmhg",
                 "symptom_shift", "arrhythmia_log_rate", "non_cardiovascular_log_hazard", "fall_per_day"):  # fmt: skip
        assert (influences[name] == 0).all(), name
    assert (people["has_atrial_fibrillation"] == 1).all()


def test_without_events_nothing_changes_but_pressure_that_stiffens():
    people = reference(2, hypertension=np.array([0, 1]))
    day = Day(people, sets(vessels={"fibrillation_per_day": 0.0}))
    before = {column.name: people[column.name].copy() for column in COLUMNS}
    influences = day.live(3653)
    for name, values in before.items():
        assert (people[name] == values).all(), name
    # 0.2 and 0.6 mmHg a year for ten years.
    np.testing.assert_allclose(influences["systolic_shift_mmhg"], [2.0, 6.0], rtol=1e-3)


STILL = {"heart_failure": NO_SHOCKS | NO_AGEING, "vessels": {"fibrillation_per_day": 0.0, "stiffening_mmhg_year": 0.0,
                                                            "stiffening_hypertension_mmhg_year": 0.0}}  # fmt: skip


def test_around_the_core_a_person_at_the_baseline_stays_there():
    """Two years; float32 rounding alone moves what was measured at entry."""
    people = reference(2, atrial_fibrillation=1, prior_stroke=1, prior_infarction=1, coronary_disease=1, hypertension=1)
    with_core(people, sets(**STILL)).live(730)
    for now in ("systolic_mmhg", "ejection_fraction_percent", "filling_pressure_mmhg"):
        np.testing.assert_allclose(people[now], people[f"baseline_{now}"], rtol=2e-4)


def test_around_the_core_a_scar_is_a_lower_ejection_fraction_and_more_congestion():
    """Two years on, the scar and a little more, as the pressure that goes with it dilates; the others stay."""
    people = reference(2, baseline_ejection_fraction_percent=45.0)
    day = with_core(people, sets(**STILL))
    people["acute_cause"] = np.array([CAUSE_INFARCTION, 0])
    day.live(730)
    lost = 45.0 - people["ejection_fraction_percent"]
    scarred = float(people["infarct_scar_percent"][0])
    assert scarred < lost[0] < 1.5 * scarred
    assert lost[1] == pytest.approx(0.0, abs=0.02)
    assert people["filling_pressure_mmhg"][0] > people["filling_pressure_mmhg"][1]
    assert people["symptom_score"][0] > people["symptom_score"][1]


def test_an_infarction_leaves_a_scar_and_a_year_of_risk():
    """Scars: 1 + 14 v^2 with v uniform, mean 5.67, standard deviation 14 sqrt(1/5 - 1/9) = 4.17."""
    size = 4000
    people = reference(size, acute_cause=CAUSE_INFARCTION, prior_infarction=1, coronary_disease=1)
    day = Day(people)
    usual = hazards(prior_infarction=1, coronary_disease=1)[0]
    influences = day.live()
    scars = people["infarct_scar_percent"].astype(float)
    assert scars.mean() == pytest.approx(1 + 14 / 3, abs=4 * 4.17 / np.sqrt(size))
    assert scars.min() >= 1.0
    assert scars.max() <= 15.0
    assert (people["days_since_infarction"] == 0).all()
    np.testing.assert_allclose(influences["ejection_fraction_shift_percent"], -scars, rtol=1e-6)
    np.testing.assert_allclose(influences["infarction_per_day"] * PER_100_YEARS, 5 * usual, rtol=1e-4)
    assert influences["filling_pressure_shift_mmhg"][0] == 2.0
    people["acute_cause"] = 0
    assert influences["cardiovascular_death_per_day"][0] > 0.014
    influences = day.live(7)
    assert influences["cardiovascular_death_per_day"][0] < 0.001
    influences = day.live(366)
    np.testing.assert_allclose(influences["infarction_per_day"] * PER_100_YEARS, usual * np.exp(0.046 * 374 / 365.25),
                               rtol=1e-3)  # fmt: skip
    assert (influences["filling_pressure_shift_mmhg"] == 0).all()
    np.testing.assert_array_equal(people["infarct_scar_percent"], scars.astype(np.float32))


def test_stents_are_set_in_hospital_only_and_need_platelets_blocked():
    """Rates of 0.2 and 1.0 a day for five days: 1 - e^-1 and 1 - e^-5, with standard error 0.011; 2000 people each."""
    shares = {}
    for level in (0, LEVEL_WARD, LEVEL_CRITICAL):
        people = reference(2000, acute_cause=CAUSE_INFARCTION, care_level=level)
        day = Day(people)
        day.live()
        people["acute_cause"] = 0
        day.live(10)
        shares[level] = people["coronary_stent"].mean()
    assert shares[0] == 0
    assert shares[LEVEL_WARD] == pytest.approx(1 - np.exp(-1), abs=4 * 0.011)
    assert shares[LEVEL_CRITICAL] > 0.98

    def hazard(stent, inhibition):
        people = reference(1, coronary_disease=1)
        day = Day(people, platelet_inhibition=inhibition)
        people["coronary_stent"], people["days_since_infarction"] = stent, 10.0
        return float(day.live()["infarction_per_day"][0])

    assert hazard(1, 0.8) == hazard(0, 0.8)
    # (1 - P / 0.47): a quarter, a half, 1.
    excess = [hazard(1, 0.47 * blocked) - hazard(0, 0.47 * blocked) for blocked in (0.75, 0.5, 0.0)]
    assert excess[1] / excess[0] == pytest.approx(2, rel=1e-3)
    assert excess[2] / excess[0] == pytest.approx(4, rel=1e-3)


def test_a_stroke_disables_for_good():
    """Disability 0.05 + 0.95 v^2: mean 0.367, standard deviation 0.95 sqrt(1/5 - 1/9) = 0.283."""
    size = 4000
    people = reference(size, acute_cause=CAUSE_STROKE)
    day = Day(people)
    influences = day.live()
    disability = people["stroke_disability"].astype(float)
    assert disability.mean() == pytest.approx(0.05 + 0.95 / 3, abs=4 * 0.283 / np.sqrt(size))
    np.testing.assert_allclose(influences["symptom_shift"], disability, rtol=1e-5)
    np.testing.assert_allclose(influences["non_cardiovascular_log_hazard"], disability, rtol=1e-5)
    np.testing.assert_allclose(influences["fall_per_day"], 0.0008 * disability, rtol=1e-5)
    assert influences["cardiovascular_death_per_day"][0] == pytest.approx(0.22, abs=0.001)
    assert influences["stroke_per_day"][0] * PER_100_YEARS == pytest.approx(2.5 * hazards()[1], rel=1e-3)
    people["acute_cause"] = 0
    influences = day.live()
    assert influences["cardiovascular_death_per_day"][0] < 0.001
    people["acute_cause"] = CAUSE_STROKE
    day.live()
    assert (people["stroke_disability"] > disability).all()


def test_a_bleeding_is_remembered():
    people = reference(1, acute_cause=CAUSE_BLEEDING)
    assert float(Day(people).live()["bleeding_per_day"][0]) * PER_100_YEARS == pytest.approx(3 * hazards()[2], rel=1e-3)
    assert people["has_bled"][0] == 1


def test_new_atrial_fibrillation_raises_the_rate_of_fast_arrhythmia_as_the_old_does():
    """Two years at 0.01 a day, x 1.5 with hypertension: 1 - exp(-0.01 1.5 100) after 100 days; 3000 people."""
    people = reference(3000, hypertension=1, ejection_fraction_percent=60.0)
    day = Day(people, sets(vessels={"fibrillation_per_day": 0.01}))
    influences = day.live(100)
    share = 1 - np.exp(-1.5)
    new = people["has_atrial_fibrillation"] == 1
    assert new.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 3000))
    more = load_parameters("heart_failure")["arrhythmia_more_with_atrial_fibrillation"]
    np.testing.assert_allclose(np.exp(influences["arrhythmia_log_rate"][new]), 1 + more, rtol=1e-6)
    assert (influences["arrhythmia_log_rate"][~new] == 0).all()
    assert (people["atrial_fibrillation"] == 0).all()


def test_extremes_stay_in_bounds():
    random = np.random.default_rng(8)
    people = reference(500)
    for name, column in people.schema.columns.items():
        if column.writer in ("cohort", "physiology") and name != "entry_day":
            people[name] = random.choice([column.low, column.high], 500)
    people["alive"] = 1
    day = Day(people, anticoagulation=4.0, platelet_inhibition=3.0, ldl_reduction=2.0)
    for drugs in ({}, day.drugs):
        day.drugs = drugs
        for _ in range(60):
            people["acute_cause"] = random.choice([0, CAUSE_INFARCTION, CAUSE_STROKE, CAUSE_BLEEDING], 500)
            people["care_level"] = random.integers(-1, 5, 500)
            influences = day.live()
            for column in COLUMNS:
                values = people[column.name]
                assert np.isfinite(values).all(), column.name
                assert (values >= np.float32(column.low)).all(), column.name
                assert (values <= np.float32(column.high)).all(), column.name
            assert np.isfinite(influences.values).all()
            for name in ("infarction_per_day", "stroke_per_day", "bleeding_per_day", "cardiovascular_death_per_day"):
                assert (influences[name] >= 0).all()
                assert (influences[name] < 1).all(), name


def test_half_the_step_gives_the_same_hazards_and_states():
    """Sixty days after an infarction and a stroke: hazards and the sum of deaths to 1%; platelets blocked."""
    ends = {}
    for step_days in (1.0, 0.5):
        people = reference(2000, acute_cause=CAUSE_INFARCTION, care_level=LEVEL_WARD, coronary_disease=1)
        day = Day(people, step_days=step_days, platelet_inhibition=0.8)
        deaths = float(day.live(step_days)["cardiovascular_death_per_day"][0]) * step_days
        people["acute_cause"] = CAUSE_STROKE
        deaths += float(day.live(step_days)["cardiovascular_death_per_day"][0]) * step_days
        people["acute_cause"] = 0
        for _ in range(round(58 / step_days)):
            influences = day.live(step_days)
            deaths += float(influences["cardiovascular_death_per_day"][0]) * step_days
        ends[step_days] = deaths, influences["infarction_per_day"].mean(), people["coronary_stent"].mean()
    assert ends[0.5][0] == pytest.approx(ends[1.0][0], rel=0.01)
    assert ends[0.5][1] == pytest.approx(ends[1.0][1], rel=0.01)
    # Two samples of 2000: standard error of their difference 0.015.
    assert ends[0.5][2] == pytest.approx(ends[1.0][2], abs=4 * 0.015)


def test_the_dead_stay_as_they_were():
    people = reference(4, alive=np.array([1, 0, 1, 0]), acute_cause=CAUSE_INFARCTION)
    Day(people).live(3)
    assert (people["infarct_scar_percent"][1::2] == 0).all()
    assert (people["days_since_infarction"][1::2] == 366).all()
    assert (people["infarct_scar_percent"][::2] > 0).all()


def test_a_twin_needs_no_more_than_sixteen_bytes():
    assert sum(np.dtype(DTYPE[column.kind]).itemsize for column in COLUMNS) <= 16


def test_rates_of_the_cohort_are_those_of_elderly_people_with_heart_failure():
    """Presentations per 100 person-years at entry, on usual drugs: between 2 and 3 infarctions, 1.5 and 2.5 strokes, 2
    and 3 major bleeds. 4000 people of another seed than the calibration's; four standard errors, each below 0.08.
    """
    people = discharged(4000, seed=13)
    influences = Day(people, **usual_drugs(people)).live()
    for name, expected in (("infarction", 2.8), ("stroke", 2.2), ("bleeding", 2.8)):
        rates = influences[f"{name}_per_day"].astype(float) * PER_100_YEARS
        error = rates.std() / np.sqrt(len(rates))
        assert error < 0.08
        assert rates.mean() == pytest.approx(expected, abs=4 * error), name


def events_after_a_stent(active, **state):
    """Mean cumulative hazard of infarction, stroke and death of them in the year after a stent, on clopidogrel.

    active: share of the active metabolite that a usual metaboliser forms; people differ by 35% besides. Of platelet
    reactivity, 0.855 c / (c + 0.9) is blocked: 0.45 in the usual metaboliser (as the drug's file has it).
    """
    exposure = active * np.exp(0.35 * norm.ppf((np.arange(40) + 0.5) / 40))
    people = reference(40, coronary_disease=1, prior_infarction=1, **state)
    day = Day(people, platelet_inhibition=0.855 * exposure / (exposure + 0.9), ldl_reduction=0.4)
    people["coronary_stent"], people["days_since_infarction"] = 1, 8.0
    total = 0.0
    for _ in range(365):
        influences = day.live()
        for name in ("infarction_per_day", "stroke_per_day", "cardiovascular_death_per_day"):
            total += influences[name].astype(float).mean()
    return total


@pytest.mark.slow
@pytest.mark.parametrize(
    "state", [{"age_years": 60.0, "gfr_ml_min": 80.0}, {"age_years": 82.0, "gfr_ml_min": 40.0, "hypertension": 1}]
)
def test_carriers_of_a_loss_of_function_have_more_events_on_clopidogrel(state):
    """Mega, JAMA 2010: hazard ratio 1.57 (1.13 to 2.16) for carriers. One allele forms 0.65, two 0.35 of the active
    metabolite (assumption); 26 and 2 of 28 carriers (Hardy-Weinberg at 15%). No sampling error: ratio of hazards.
    """
    usual, one, two = (events_after_a_stent(active, **state) for active in (1.0, 0.65, 0.35))
    ratio = (26 * one + 2 * two) / 28 / usual
    assert 1.13 < ratio < 2.16
    assert ratio == pytest.approx(1.5, abs=0.1)
    assert one < two
