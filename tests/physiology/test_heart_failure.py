"""Heart failure in populations: set points, directions of effect, what is written, and what does not matter."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from people import NO_AGEING, NO_SHOCKS, alike, core, discharged, extreme, lived, sets

from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import (
    CAUSE_HEART_FAILURE,
    LEVEL_EMERGENCY,
    LEVEL_WARD,
    ONSET_ACUTE,
    ONSET_DEATH,
    ONSET_SHOCK,
)
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import COLUMNS, SET_BY_COHORT, HeartFailurePhysiology
from popsim.physiology.influences import Influences
from popsim.physiology.organs.heart_failure import UNTREATED
from popsim.population.clock import Clock
from popsim.simulation.schema import SCHEMA

OWN = [column.name for column in COLUMNS]
QUIET = sets(heart_failure=NO_SHOCKS | NO_AGEING)
TEN_YEARS = 3652
DAYS_AFTER = (0, 1, 7, 21, 42, 84, 120)


def test_without_shocks_everyone_stays_at_the_own_set_point_for_ten_years():
    """After one year (slowest time constant 120 d: 5% of any start is left) and until the tenth nobody moves.

    Tolerances: float32 columns stop moving when a step is below half their spacing; for the ejection fraction (up to
    75, a share of 0.0083 a day) that is 4e-6 / 0.0083 = 5e-4 of a point; the largest error elsewhere is smaller. Where
    the set point itself is off by such an error, fluid and pressure follow in proportion. 0.02 of each unit covers all.
    """
    people = discharged(400)
    people["deconditioning"] = 0.0
    settled = lived(people, TEN_YEARS, QUIET)
    near = {
        "filling_pressure_mmhg": "baseline_filling_pressure_mmhg",
        "ejection_fraction_percent": "baseline_ejection_fraction_percent",
        "systolic_mmhg": "baseline_systolic_mmhg",
        "heart_rate_bpm": "baseline_heart_rate_bpm",
        "gfr_ml_min": "baseline_gfr_ml_min",
        "potassium_mmol_l": "baseline_potassium_mmol_l",
        "weight_kg": "dry_weight_kg",
        "adherence": "adherence_trait",
    }
    assert np.abs(settled["extracellular_fluid_excess_l"]).max() < 0.02
    for name, own in near.items():
        assert np.abs(settled[name] - settled[own]).max() < 0.02, name
    assert np.array_equal(settled["frailty"], people["frailty"])


def test_a_residual_excess_is_shed_over_weeks_and_nobody_overshoots():
    course = [lived(discharged(300), days, QUIET)["extracellular_fluid_excess_l"] for days in (60, 120, 240)]
    assert np.median(course[0]) < 1.5
    assert (np.abs(course[2]) <= np.abs(course[1]) + 1e-3).all()
    assert course[2].min() > -0.1
    assert np.abs(course[2]).max() < 1.0


def test_ageing_moves_set_points_slowly():
    """With ageing on, ten years cost filtration what the parameters say, and fluid stays near the set point in most."""
    people = discharged(300)
    aged = lived(people, TEN_YEARS, sets(heart_failure=NO_SHOCKS))
    parameters = load_parameters("heart_failure")
    yearly = parameters["gfr_loss_per_year"] + parameters["gfr_loss_diabetes_per_year"] * people["diabetes"]
    spared = 1 - parameters["gfr_loss_spared_by_sglt2"] * people["sglt2_inhibitor_fraction"] * people["adherence_trait"]
    before = lived(people, 0, QUIET)["untreated_gfr_ml_min"]
    expected = np.maximum(before - TEN_YEARS / 365.25 * yearly * spared, 5.0)
    np.testing.assert_allclose(aged["untreated_gfr_ml_min"], expected, atol=0.05)  # 3652 roundings of float32
    assert np.median(np.abs(aged["extracellular_fluid_excess_l"])) < 1.5  # nobody adapts a dose to a falling filtration
    assert (aged["frailty"] > people["frailty"]).all()


def compare(days: int, name: str, worse: dict[str, float], better: dict[str, float]) -> float:
    """Difference of a column between two typical twins after some quiet days under different care or traits."""
    return float(lived(alike(), days, QUIET, **worse)[name][0] - lived(alike(), days, QUIET, **better)[name][0])


@pytest.mark.parametrize("name", ["extracellular_fluid_excess_l", "filling_pressure_mmhg", "weight_kg",
                                  "symptom_score", "nt_probnp_pg_ml", "death_hazard_per_day"])  # fmt: skip
@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"usual_salt_g_day": 9.0}, {"usual_salt_g_day": 8.0}),
        ({"usual_salt_g_day": 10.0}, {"usual_salt_g_day": 9.0}),
        ({"loop_diuretic_mg_day": 0.0}, {}),
        ({}, {"loop_diuretic_mg_day": 160.0}),
        ({"beta_blocker_fraction": 0.0, "ras_inhibitor_fraction": 0.0}, {}),
        ({}, {"mra_fraction": 1.0, "sglt2_inhibitor_fraction": 1.0}),
        ({"adherence_trait": 0.4}, {}),
    ],
)
def test_more_salt_and_fewer_drugs_are_worse(name, worse, better):
    assert compare(90, name, worse, better) > 0


@pytest.mark.parametrize(("dose", "least", "most"), [(40.0, 0.15, 0.4), (80.0, 0.2, 0.5), (160.0, 0.25, 0.6)])
def test_stopping_the_diuretic_gains_fluid_at_once_and_reaches_a_plateau(dose, least, most):
    """What the model is meant to do: 0.2 to 0.5 L a day at first for 80 mg, then less and less, short of 15 L."""
    people = alike(len(DAYS_AFTER), loop_diuretic_mg_day=dose)
    course = [lived(people, days, QUIET, loop_diuretic_mg_day=0.0)["extracellular_fluid_excess_l"][0]
              for days in DAYS_AFTER]  # fmt: skip
    gain = np.diff(course) / np.diff(DAYS_AFTER)
    assert least < gain[0] < most
    assert (np.diff(gain) < 0).all()
    assert gain[-1] < gain[0] / 20
    assert 3 < course[-1] < 15


def test_optimal_drugs_raise_a_reduced_ejection_fraction_within_a_year_and_leave_a_preserved_one():
    full = {"beta_blocker_fraction": 1.0, "ras_inhibitor_fraction": 1.0, "neprilysin_inhibitor_fraction": 1.0,
            "mra_fraction": 1.0, "sglt2_inhibitor_fraction": 1.0}  # fmt: skip
    start = {"baseline_systolic_mmhg": 140.0, "beta_blocker_fraction": 0.0, "ras_inhibitor_fraction": 0.0}
    reduced = lived(alike(**start), 365, QUIET, **full)
    preserved = lived(alike(**start, baseline_ejection_fraction_percent=60.0), 365, QUIET, **full)
    assert 5 < reduced["ejection_fraction_percent"][0] - 32 < 20
    assert preserved["ejection_fraction_percent"][0] == pytest.approx(60, abs=1e-3)
    assert reduced["systolic_mmhg"][0] < 140
    assert reduced["heart_rate_bpm"][0] < 74
    assert reduced["potassium_mmol_l"][0] > 4.4


def test_an_sglt2_inhibitor_spares_filtration_over_years():
    """Half of the loss; its dip at once is tested in test_fluid_balance.py."""
    slow = sets(heart_failure=NO_SHOCKS | {"gfr_loss_per_year": 3.0})
    late = [lived(alike(adherence_trait=1.0), 3000, slow, **drug)["gfr_ml_min"][0]
            for drug in ({"sglt2_inhibitor_fraction": 1.0}, {})]  # fmt: skip
    assert late[0] > late[1]


def days_to_decongest(gfr: float, dose: float) -> float:
    wet = alike(baseline_gfr_ml_min=gfr, extracellular_fluid_excess_l=6.5)
    for days in range(1, 40):
        care = {"care_level": LEVEL_WARD, "iv_diuretic_mg_day": dose}
        if lived(wet, days, QUIET, **care)["extracellular_fluid_excess_l"][0] < 0.8:
            return days
    return 40


def test_a_ward_stay_decongests_faster_with_more_diuretic_and_a_better_kidney():
    """6.5 L at GFR 55 take about a working week at 120 mg/day: median stays are 4 to 5 days (Hernandez 2010: 4,
    quartiles 2-6; Medicare 2007-11: 5, quartiles 4-8)."""
    assert 4 <= days_to_decongest(55, 120) <= 8
    assert days_to_decongest(55, 60) > days_to_decongest(55, 120) > days_to_decongest(55, 300)
    assert days_to_decongest(20, 120) > days_to_decongest(55, 120)


def test_congestion_lowers_filtration_and_a_deficit_lowers_pressure_and_filtration():
    wet = lived(alike(extracellular_fluid_excess_l=7.0), 10, QUIET)
    dry = lived(alike(), 10, QUIET, care_level=LEVEL_WARD, iv_diuretic_mg_day=2000.0)
    usual = lived(alike(), 10, QUIET)
    assert wet["gfr_ml_min"][0] < usual["gfr_ml_min"][0] - 3
    assert dry["gfr_ml_min"][0] < usual["gfr_ml_min"][0]
    assert dry["systolic_mmhg"][0] < usual["systolic_mmhg"][0] < wet["systolic_mmhg"][0]


def presenting(**values: float) -> float:
    """Share of 4000 typical twins, whose propensity is the mean one, that present with heart failure in two days."""
    people = alike(4000, **values)
    physiology = core(
        sets(heart_failure=NO_SHOCKS | NO_AGEING | {"heart_failure_log_propensity_sd": 0.0}), RandomKey(8)
    )
    physiology.initialise(people)
    seen = np.zeros(len(people), bool)
    clock = Clock()
    for _ in range(2):
        physiology.advance(people, clock)
        clock.tick()
        seen |= people["acute_cause"] == CAUSE_HEART_FAILURE
    return float(seen.mean())


def test_presentation_emerges_from_the_state():
    """Near never when compensated, near certain within two days in pulmonary oedema."""
    shares = [presenting(extracellular_fluid_excess_l=excess) for excess in (0.0, 4.0, 7.0, 11.0)]
    assert shares[0] < 0.002
    assert shares == sorted(shares)
    assert shares[3] > 0.95


def test_nobody_presents_while_in_acute_care():
    people = extreme(2000)
    physiology = core(key=RandomKey(3))
    physiology.initialise(people)
    people["care_level"] = LEVEL_EMERGENCY
    physiology.advance(people, Clock())
    assert (people["onset"] & ONSET_ACUTE == 0).all()
    assert (people["acute_cause"] == 0).all()
    assert (people["onset"] & ONSET_DEATH > 0).any()


def test_onset_bits_agree_with_what_they_announce():
    people = discharged(20_000)
    physiology = core(key=RandomKey(3))
    physiology.initialise(people)
    physiology.advance(people, Clock())
    assert ((people["onset"] & ONSET_ACUTE > 0) == (people["acute_cause"] > 0)).all()
    assert ((people["onset"] & ONSET_SHOCK > 0) == (people["shock_onset"] > 0)).all()
    assert ((people["onset"] & ONSET_DEATH > 0) == (people["dies_of"] > 0)).all()
    for bit in (ONSET_ACUTE, ONSET_DEATH, ONSET_SHOCK):
        assert (people["onset"] & bit > 0).any()


def test_deaths_come_as_often_as_the_hazard_says():
    """Deaths of one day against the sum of hazards: Poisson-binomial, 4 standard errors."""
    people = discharged(300_000)
    physiology = core(key=RandomKey(11))
    physiology.initialise(people)
    physiology.advance(people, Clock())
    chance = 1 - np.exp(-people["death_hazard_per_day"].astype(float))
    deaths = (people["onset"] & ONSET_DEATH > 0).sum()
    assert abs(deaths - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    assert deaths > 100


def test_only_own_columns_change_and_all_of_them_do():
    people = discharged(5000)
    people["extracellular_fluid_excess_l"] += 3
    physiology = core(key=RandomKey(3))
    physiology.initialise(people)
    before, clock = people.copy(), Clock()
    changed: set[str] = set()
    for _ in range(20):
        physiology.advance(people, clock)
        clock.tick()
        changed |= {name for name in SCHEMA.columns if not np.array_equal(before[name], people[name])}
    assert changed == set(OWN) - UNTREATED


def test_initialise_fills_every_own_column_but_those_of_the_cohort():
    people = discharged(50)
    for name in set(OWN) - set(SET_BY_COHORT):
        people[name] = 99
    before = people.copy()
    HeartFailurePhysiology(SHIPPED).initialise(people, Influences(50))
    written = {name for name in SCHEMA.columns if not np.array_equal(before[name], people[name])}
    assert written == set(OWN) - set(SET_BY_COHORT)


def test_the_dead_and_those_not_entered_do_not_change():
    people = discharged(1000)
    people["entry_day"] = np.repeat([0, 7], 500)
    physiology = core(key=RandomKey(3))
    physiology.initialise(people)
    physiology.advance(people, Clock(day=7))
    people["alive"][::3] = 0
    before = people.copy()
    physiology.advance(people, Clock(day=6))
    still = np.flatnonzero((people["alive"] == 0) & (people["entry_day"] == 0))
    for name in OWN:
        expected = 0 if name in ("onset", "acute_cause", "shock_onset", "dies_of") else before[name][still]
        assert (people[name][still] == expected).all(), name
        assert np.array_equal(people[name][500:], before[name][500:]), name
    lives = np.flatnonzero((people["alive"] == 1) & (people["entry_day"] == 0))
    assert (people["filling_pressure_mmhg"][lives] != before["filling_pressure_mmhg"][lives]).any()


def test_columns_stay_within_their_declared_bounds_on_extreme_people():
    people = extreme(20_000)
    physiology = core(key=RandomKey(3))
    for cycle in range(3):
        if cycle == 1:
            physiology.initialise(people)
        for day in range(4):
            physiology.advance(people, Clock(day=day, step_days=0.5 + 0.5 * cycle))
        for column in COLUMNS:
            values = people[column.name].astype(float)
            assert np.isfinite(values).all(), column.name
            assert values.min() >= column.low, (column.name, values.min())
            assert values.max() <= column.high + 1e-6 * abs(column.high), (column.name, values.max())


def run_days(people, threads: int, seed: int = 3) -> bytes:
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        physiology = core(key=RandomKey(seed))
        physiology.initialise(people)
        for day in range(10):
            physiology.advance(people, Clock(day=day))
    finally:
        numba.set_num_threads(before)
    return b"".join(people.block(kind).tobytes() for kind in ("real", "code"))


def test_any_number_of_threads_gives_the_same_bits():
    most = numba.config.NUMBA_NUM_THREADS
    results = {run_days(discharged(4001), threads) for threads in {1, min(2, most), most}}
    assert len(results) == 1
    assert run_days(discharged(4001), 1, seed=4) not in results


def test_luck_belongs_to_the_person_not_to_the_row():
    """Rows in another order, with other people between: each person has the same bits."""
    people = discharged(600)
    order = np.random.default_rng(4).permutation(600)[:400]
    some = discharged(400)
    some.person_id[:] = people.person_id[order]
    for kind in ("real", "code", "count"):
        some.block(kind)[:] = people.block(kind)[:, order]
    run_days(people, 1)
    run_days(some, 1)
    for kind in ("real", "code"):
        assert np.array_equal(some.block(kind), people.block(kind)[:, order])


def test_half_a_day_s_step_gives_nearly_the_same_course():
    """First-order method: the error halves with the step; at one day it is below 3% of the excess after three weeks."""
    wet = alike(extracellular_fluid_excess_l=6.0)
    course = [lived(wet, 21, QUIET, step_days=step)["extracellular_fluid_excess_l"][0] for step in (1.0, 0.5, 0.25)]
    assert abs(course[0] - course[1]) < 0.03 * course[1]
    assert abs(course[1] - course[2]) < abs(course[0] - course[1])
