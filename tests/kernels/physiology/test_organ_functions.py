"""The scalar functions of the organ systems: bounds for any input within the columns' bounds, and directions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.evidence.parameters import load_parameters
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_OTHER
from popsim.kernels.numerics import scalars
from popsim.kernels.physiology import acute, fluid, heart, kidney, shocks, symptoms

PARAMETERS = load_parameters("heart_failure")
SHOCKS = PARAMETERS.fill(shocks.ShockParameters)
FLUID = PARAMETERS.fill(fluid.FluidParameters)
HEART = PARAMETERS.fill(heart.HeartParameters)
KIDNEY = PARAMETERS.fill(kidney.KidneyParameters)
SYMPTOMS = PARAMETERS.fill(symptoms.SymptomParameters)
ACUTE = PARAMETERS.fill(acute.AcuteParameters)

share = st.floats(0, 1)
chance = st.floats(2**-33, 1 - 2**-33)
excess = st.floats(-4, 20)
more = st.floats(0.01, 5)
gfr = st.floats(2, 160)
ef = st.floats(5, 80)
pressure = st.floats(2, 45)
systolic = st.floats(40, 240)
quick = settings(max_examples=200, deadline=None)


@quick
@given(st.floats(0, 0.2))
def test_small_chance_is_the_exponential_s_complement(x):
    """Against math.expm1; the next term of the series, x**5 / 120, is the stated 3e-6 at 0.2."""
    assert scalars.small_chance(x) == pytest.approx(-math.expm1(-x), abs=3e-6)


@quick
@given(st.floats(0, 10), st.floats(0, 10))
def test_small_chance_is_a_chance_that_grows_with_the_rate(x, y):
    low, high = sorted((x, y))
    assert 0 <= scalars.small_chance(low) <= scalars.small_chance(high) <= 1


@quick
@given(share, share, st.floats(0, 2), chance, share)
def test_shock_strength_stays_between_0_and_1(level, remaining, rate, u, weakest):
    strength, began = shocks.shock(level, remaining, rate, 1.0, u, weakest, 1.0)
    assert 0 <= strength <= 1 + 1e-12
    assert began in (0.0, 1.0)
    if began:
        assert strength >= min(weakest, 1)
    else:
        assert strength == level * remaining


def test_no_rate_no_shock():
    assert shocks.shock(0.5, 0.5, 0.0, 1.0, 2**-33, 0.1, 1.0) == (0.25, 0.0)


@quick
@given(share, share, share)
def test_shock_rates_are_positive_and_ordered(frailty, lost, copd):
    rate = shocks.infection_rate(0.0, frailty, lost, SHOCKS)
    assert 0 < rate <= shocks.infection_rate(1.0, frailty, lost, SHOCKS) < 1
    assert 0 <= shocks.lapse_rate(frailty, lost, 1.0, SHOCKS) <= shocks.lapse_rate(frailty, lost, 0.0, SHOCKS) < 1
    assert 0 <= shocks.arrhythmia_rate(1.0, 5.0, 1.0, SHOCKS) <= shocks.arrhythmia_rate(1.0, 5.0, copd, SHOCKS) < 1


@quick
@given(share, share, share)
def test_adherence_is_a_share_raised_by_support_and_cut_by_a_lapse(trait, support, lapse):
    today = shocks.adherence_today(trait, support, lapse, 0.0, 0.0, SHOCKS)
    assert 0 <= today <= 1
    assert today <= shocks.adherence_today(trait, support, 0.0, 0.0, 0.0, SHOCKS)
    assert today >= shocks.adherence_today(trait, 0.0, lapse, 0.0, 0.0, SHOCKS)
    assert shocks.adherence_today(trait, support, lapse, 0.0, 1.0, SHOCKS) == 1


def test_support_fades_as_a_squared_ramp():
    whole = 1 / SHOCKS.support_fading_per_day
    assert shocks.review_support(0.0, SHOCKS) == 1
    assert shocks.review_support(whole / 2, SHOCKS) == pytest.approx(0.25, rel=1e-12)
    assert shocks.review_support(whole * (1 - math.sqrt(0.5)), SHOCKS) == pytest.approx(0.5, rel=1e-12)
    assert shocks.review_support(1000.0, SHOCKS) == 0


@quick
@given(excess, more, gfr)
def test_more_fluid_more_natriuresis_without_drugs(e, step, filtration):
    """The kidney alone always works against an excess: the set point is stable."""
    power = fluid.kidney_power(filtration, FLUID)
    assert fluid.volume_natriuresis(e + step, power, FLUID) > fluid.volume_natriuresis(e, power, FLUID)
    assert fluid.volume_natriuresis(0.0, power, FLUID) == 0


@quick
@given(st.floats(0, 19), st.floats(0.01, 1), st.floats(15, 160), st.floats(0, 1000))
def test_the_set_point_is_stable_with_drugs_whose_effect_congestion_blunts(e, step, filtration, dose):
    """Restoring force beats the resistance to diuretics at every excess: no second steady state at constant GFR."""
    power, loop = fluid.kidney_power(filtration, FLUID), fluid.loop_response(dose, FLUID)

    def out(x):
        return fluid.volume_natriuresis(x, power, FLUID) + fluid.drug_natriuresis(x, power, loop, 1, 1, 1, FLUID)

    assert out(e + step) > out(e)


@quick
@given(excess, gfr, st.floats(0, 900), more, share)
def test_natriuresis_grows_with_dose_and_kidney(e, filtration, dose, step, exposure):
    weak, strong = (fluid.kidney_power(x, FLUID) for x in (filtration, filtration + step))
    assert strong > weak > 0
    low, high = fluid.loop_response(dose, FLUID), fluid.loop_response(dose + step, FLUID)
    assert 0 <= low < high < 1
    usual = fluid.drug_natriuresis(e, weak, low, exposure, exposure, exposure, FLUID)
    assert usual >= 0
    assert fluid.drug_natriuresis(e, weak, high, exposure, exposure, exposure, FLUID) > usual
    assert fluid.drug_natriuresis(e, strong, high, exposure, exposure, exposure, FLUID) > usual
    assert (
        0
        <= fluid.intravenous_natriuresis(e, weak, dose, FLUID)
        <= fluid.intravenous_natriuresis(e, strong, dose + step, FLUID)
    )


def test_fluid_balance_in_closed_form():
    """8.18 g of salt are 1 L (140 mmol/L x 58.44 g/mol): eating that with 0.4 L out adds 0.6 L a day."""
    after = fluid.fluid_after(1.0, 0.140 * 58.44, 0.4, 2.0, FLUID)
    assert after == pytest.approx(1 + 2 * 0.6, rel=1e-4)


@quick
@given(pressure, excess, share, st.floats(-60, 60), st.floats(-30, 30), share, share)
def test_filling_pressure_is_bounded_and_rises_with_everything_that_is_bad(own, e, stiff, load, lost, fast, ill):
    def target(e=e, load=load, lost=lost, fast=fast, ill=ill, stiff=stiff):
        return heart.filling_pressure_target(own, e, stiff, load, lost, fast, ill, HEART)

    assert 3 <= target() <= 45
    assert target(e=e + 1) >= target()
    assert target(load=load + 5) >= target()
    assert target(lost=lost + 5) >= target()
    assert target(fast=1.0) >= target()
    assert target(ill=1.0) >= target()
    assert target(e=5.0, stiff=1.0) >= target(e=5.0, stiff=0.0)


@quick
@given(ef, share, share, share, share, share, st.floats(-20, 40))
def test_ejection_fraction_gains_from_each_drug_only_if_reduced(untreated, beta, ras, arni, mra, sglt2, rise):
    drugs = (beta, ras, arni, mra, sglt2)
    gain = heart.ejection_fraction_gain(1.0, *drugs, HEART)
    assert gain >= 0 == heart.ejection_fraction_gain(0.0, *drugs, HEART)
    target = heart.ejection_fraction_target(untreated, gain, rise, 0.3, HEART)
    assert 8 <= target <= 78
    assert heart.ejection_fraction_target(untreated, gain, rise + 5, 0.3, HEART) <= target
    assert heart.ejection_fraction_target(untreated, gain, rise, 1.0, HEART) <= target


@quick
@given(systolic, share, excess, st.floats(-20, 30), share, share)
def test_circulation_is_bounded(untreated, beta, e, lost, ill, fast):
    drugs = heart.systolic_drugs(beta, beta, beta, beta, beta, HEART)
    low = heart.systolic_target(untreated, drugs, e, lost, ill, fast, HEART)
    assert 50 <= low <= heart.systolic_target(untreated, 0.0, e, lost, 0.0, 0.0, HEART) <= 230
    slow = heart.heart_rate_target(75.0, beta, lost, e, ill, fast, HEART)
    assert 35 <= slow <= heart.heart_rate_target(75.0, 0.0, lost, e, ill, 1.0, HEART) <= 190


def test_nt_probnp_at_its_reference():
    """PARADIGM-HF at baseline: 1608 pg/mL (PMC8576483 Table 2) is what the reference twin has."""
    slow = kidney.slowness(70.0, KIDNEY)
    assert heart.nt_probnp(15.0, 30.0, slow, 64.0, 0.0, HEART) == pytest.approx(1608, rel=1e-12)


@quick
@given(pressure, ef, gfr, st.floats(18, 115))
def test_nt_probnp_is_bounded_and_ordered(p, fraction, filtration, age):
    slow = kidney.slowness(filtration, KIDNEY)
    slower = kidney.slowness(filtration / 2, KIDNEY)
    assert 0 < slow < slower
    level = heart.nt_probnp(p, fraction, slow, age, 0.0, HEART)
    assert 5 <= level <= 70000
    assert heart.nt_probnp(p + 5, fraction, slow, age, 0.0, HEART) >= level
    assert heart.nt_probnp(p, fraction, slower, age, 1.0, HEART) >= level
    assert heart.nt_probnp(p, fraction + 10, slow, age, 0.0, HEART) <= level


@quick
@given(gfr, st.floats(0, 20), st.floats(-20, 40), systolic, systolic, excess, share)
def test_filtration_is_bounded_and_falls_with_every_insult(chronic, dip, rise, pressure_now, own, e, ill):
    target = kidney.gfr_target(chronic, dip, rise, pressure_now, own, e, ill, KIDNEY)
    assert 4 <= target <= 160
    assert kidney.gfr_target(chronic, dip + 2, rise, pressure_now, own, e, ill, KIDNEY) <= target
    assert kidney.gfr_target(chronic, dip, rise + 5, pressure_now, own, e, ill, KIDNEY) <= target
    assert kidney.gfr_target(chronic, dip, rise, pressure_now - 20, own, e, ill, KIDNEY) <= target
    assert kidney.gfr_target(chronic, dip, rise, pressure_now, own, e, 1.0, KIDNEY) <= target


@quick
@given(gfr, share, share, share)
def test_potassium_rises_with_a_weak_kidney_and_its_drugs_and_falls_with_a_loop_diuretic(filtration, loop, ras, mra):
    slow = kidney.slowness(filtration, KIDNEY)
    shift = kidney.potassium_shift(slow, loop, ras, mra, KIDNEY)
    assert -1 < shift < 8
    assert kidney.potassium_shift(kidney.slowness(filtration / 2, KIDNEY), loop, ras, mra, KIDNEY) > shift
    assert kidney.potassium_shift(slow, 1.0, ras, mra, KIDNEY) <= shift
    assert kidney.potassium_shift(slow, loop, 1.0, 1.0, KIDNEY) >= shift


@quick
@given(pressure, ef, share, share, share, share)
def test_symptoms_are_a_score_that_follows_pressure(p, fraction, copd, ill, fast, frailty):
    score = symptoms.symptom_target(p, fraction, copd, ill, fast, frailty, SYMPTOMS)
    assert 0 <= score <= 10
    assert symptoms.symptom_target(p + 3, fraction, copd, ill, fast, frailty, SYMPTOMS) >= score
    assert symptoms.symptom_target(p, fraction, 1.0, 1.0, 1.0, 1.0, SYMPTOMS) >= score
    assert symptoms.functional_class(score, SYMPTOMS) in (1, 2, 3, 4)


@quick
@given(share, st.floats(0, 10), st.floats(0.1, 2))
def test_frailty_only_grows_and_stays_a_share(frailty, days, step):
    after = symptoms.frailty_after(frailty, 0.0, step, SYMPTOMS)
    assert frailty <= after <= symptoms.frailty_after(frailty, 1.0, step, SYMPTOMS) <= 1


@quick
@given(st.floats(0, 10), pressure)
def test_heart_failure_hazard_is_bounded_and_rises_with_score_and_pressure(score, p):
    hazard = acute.heart_failure_hazard(score, p, ACUTE)
    assert 0 <= hazard <= ACUTE.heart_failure_highest_per_day
    assert acute.heart_failure_hazard(score + 0.5, p, ACUTE) >= hazard
    assert acute.heart_failure_hazard(score, p + 3, ACUTE) >= hazard


def test_heart_failure_hazard_is_near_zero_when_compensated_and_certain_in_pulmonary_oedema():
    compensated = symptoms.symptom_target(15.0, 35.0, 0.0, 0.0, 0.0, 0.3, SYMPTOMS)
    oedema = symptoms.symptom_target(34.0, 30.0, 0.0, 0.0, 0.0, 0.3, SYMPTOMS)
    assert acute.heart_failure_hazard(compensated, 15.0, ACUTE) * 365 < 0.05
    assert acute.heart_failure_hazard(oedema, 34.0, ACUTE) > 1


@quick
@given(st.floats(2, 9), systolic, gfr, st.floats(5, 160))
def test_renal_hazard_is_bounded(potassium, s, filtration, chronic):
    hazard = acute.renal_hazard(potassium, s, filtration, chronic, ACUTE)
    most = ACUTE.renal_potassium_per_day + ACUTE.renal_systolic_per_day + ACUTE.renal_gfr_per_day
    assert 0 <= hazard <= most + 1e-12
    assert acute.renal_hazard(4.5, 120.0, 60.0, 60.0, ACUTE) == 0


@quick
@given(chance, st.lists(st.floats(0, 3), min_size=6, max_size=6))
def test_the_cause_is_the_one_in_whose_interval_the_uniform_falls(u, hazards):
    total = sum(hazards)
    cause = acute.chosen_cause(u, *hazards[:5], total)
    assert CAUSE_HEART_FAILURE <= cause <= CAUSE_OTHER
    edges = [sum(hazards[: k + 1]) for k in range(6)]
    expected = next((k + 1 for k in range(6) if u * total < edges[k]), 6)
    assert cause == expected


@quick
@given(st.floats(0, 0.1), st.floats(18, 115), ef, st.floats(0, 10), share, share, share, gfr, systolic, st.floats(2, 9))
def test_death_hazard_is_bounded_and_rises_with_what_is_bad(table, age, fraction, score, ill, fast, weak, f, s, k):
    def hazard(score=score, ill=ill, weak=weak, beta=0.5):
        return acute.death_hazard(table, age, 0.5, fraction, score, ill, fast, weak, weak, f, s, k, beta, 0.0, ACUTE)

    assert 0 <= hazard() <= ACUTE.death_highest_per_day
    assert hazard(score=score + 1) >= hazard()
    assert hazard(ill=1.0) >= hazard()
    assert hazard(weak=1.0) >= hazard()
    assert hazard(beta=1.0) <= hazard()
