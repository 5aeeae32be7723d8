"""The scalar functions of the organ systems: bounds for any input within the columns' bounds, and directions."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.evidence.parameters import load_parameters
from popsim.kernels.codes import (
    CARDIOVASCULAR_DEATHS,
    CAUSE_HEART_FAILURE,
    CAUSE_OTHER,
    DIED_OF_NON_CARDIOVASCULAR,
    DIED_OF_OTHER_CARDIOVASCULAR,
    DIED_OF_PUMP_FAILURE,
    DIED_OF_SUDDEN,
)
from popsim.kernels.numerics import scalars
from popsim.kernels.physiology import acute, death, fluid, heart, kidney, shocks, symptoms

PARAMETERS = load_parameters("heart_failure")
SHOCKS = PARAMETERS.fill(shocks.ShockParameters)
FLUID = PARAMETERS.fill(fluid.FluidParameters)
HEART = PARAMETERS.fill(heart.HeartParameters)
KIDNEY = PARAMETERS.fill(kidney.KidneyParameters)
SYMPTOMS = PARAMETERS.fill(symptoms.SymptomParameters)
ACUTE = PARAMETERS.fill(acute.AcuteParameters)
DEATH = PARAMETERS.fill(death.DeathParameters)

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


def peptide(p=15.0, fraction=30.0, filtration=70.0, age=64.0, fibrillation=0.0, bmi=28.0, residual=0.0):
    return heart.nt_probnp(p, fraction, kidney.slowness(filtration, KIDNEY), age, fibrillation, bmi, residual, HEART)


def test_nt_probnp_at_its_reference_and_by_what_investigators_know_of():
    """Atrial fibrillation 1817 against 1271 pg/mL (Kristensen 2019), HFrEF against HFpEF 4725 against 2378 over 30
    points (PMC8487922), a body mass index of 10 more 1 / 1.59 (GUIDE-IT); a person's residual is log-normal."""
    reference = HEART.nt_probnp_at_reference_pg_ml
    assert peptide() == pytest.approx(reference, rel=1e-12)
    assert peptide(fibrillation=1.0) / reference == pytest.approx(1817 / 1271, rel=0.01)
    assert peptide(fraction=60.0) / reference == pytest.approx(2378 / 4725, rel=0.02)
    assert peptide(bmi=38.0) / reference == pytest.approx(1 / 1.59, rel=0.01)
    assert peptide(residual=1.0) / reference == pytest.approx(math.exp(HEART.nt_probnp_log_residual_sd))


def test_people_without_heart_failure_have_a_natriuretic_peptide_below_its_threshold():
    """125 pg/mL: the European threshold for the chronic setting."""
    assert peptide(p=7.0, fraction=62.0, filtration=85.0, age=60.0) < 125


@quick
@given(pressure, ef, gfr, st.floats(18, 115))
def test_nt_probnp_is_bounded_and_ordered(p, fraction, filtration, age):
    level = peptide(p, fraction, filtration, age)
    assert 5 <= level <= 70000
    assert peptide(p + 5, fraction, filtration, age) >= level
    assert peptide(p, fraction, filtration / 2, age, fibrillation=1.0) >= level
    assert peptide(p, fraction + 10, filtration, age) <= level


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


@pytest.mark.slow
@quick
@given(pressure, ef, share, share, share, share)
def test_symptoms_are_a_score_that_follows_pressure(p, fraction, copd, ill, fast, frailty):
    score = symptoms.symptom_target(p, fraction, copd, ill, fast, frailty, SYMPTOMS)
    assert 0 <= score <= 10
    assert symptoms.symptom_target(p + 3, fraction, copd, ill, fast, frailty, SYMPTOMS) >= score
    assert symptoms.symptom_target(p, fraction, 1.0, 1.0, 1.0, 1.0, SYMPTOMS) >= score
    assert symptoms.functional_class(score, 0.0, SYMPTOMS) in (1, 2, 3, 4)
    assert symptoms.functional_class(score, 1.0, SYMPTOMS) >= symptoms.functional_class(score, -1.0, SYMPTOMS)


@quick
@given(share, st.floats(0, 10), st.floats(0.1, 2))
def test_frailty_only_grows_and_stays_a_share(frailty, days, step):
    after = symptoms.frailty_after(frailty, 0.0, step, SYMPTOMS)
    assert frailty <= after <= symptoms.frailty_after(frailty, 1.0, step, SYMPTOMS) <= 1


@quick
@given(st.floats(0, 10), st.floats(0, 10), pressure, ef)
def test_heart_failure_hazard_is_bounded_and_rises_with_score_pressure_and_weakness(score, usual, p, fraction):
    hazard = acute.heart_failure_hazard(score, usual, p, fraction, 0.0, 0.0, ACUTE)
    assert 0 <= hazard <= ACUTE.heart_failure_highest_per_day
    assert acute.heart_failure_hazard(score + 0.5, usual, p, fraction, 0.0, 0.0, ACUTE) >= hazard
    assert acute.heart_failure_hazard(score, usual, p + 3, fraction, 0.0, 0.0, ACUTE) >= hazard
    assert acute.heart_failure_hazard(score, usual, p, fraction - 5, 0.0, 0.0, ACUTE) >= hazard
    assert acute.heart_failure_hazard(score, usual, p, fraction, 1.0, 0.0, ACUTE) <= hazard
    assert acute.heart_failure_hazard(score, usual, p, fraction, 0.0, 0.5, ACUTE) >= hazard


def test_heart_failure_hazard_is_near_zero_when_compensated_and_certain_in_pulmonary_oedema():
    compensated = symptoms.symptom_target(15.0, 35.0, 0.0, 0.0, 0.0, 0.3, SYMPTOMS)
    oedema = symptoms.symptom_target(34.0, 30.0, 0.0, 0.0, 0.0, 0.3, SYMPTOMS)
    assert acute.heart_failure_hazard(compensated, compensated, 15.0, 35.0, 0.0, 0.0, ACUTE) * 365 < 0.05
    assert acute.heart_failure_hazard(oedema, compensated, 34.0, 30.0, 0.0, 0.0, ACUTE) > 1


def test_chronic_level_and_departure_act_apart():
    """A level that has become usual has a shallow gradient, the same level as news a steep one."""
    usual, worse = 2.0, 5.0
    chronic = acute.heart_failure_hazard(worse, worse, 25.0, 30.0, 0.0, 0.0, ACUTE)
    news = acute.heart_failure_hazard(worse, usual, 25.0, 30.0, 0.0, 0.0, ACUTE)
    calm = acute.heart_failure_hazard(usual, usual, 25.0, 30.0, 0.0, 0.0, ACUTE)
    assert chronic / calm == pytest.approx(math.exp(3 * ACUTE.heart_failure_log_per_usual))
    assert news / calm == pytest.approx(math.exp(3 * ACUTE.heart_failure_log_per_departure))
    assert news > 10 * chronic


def test_a_log_normal_factor_has_mean_one():
    """Quantiles of the normal at equal probabilities; the tails that 4001 points leave out are below 1%."""
    normal = NormalDist()
    factors = [math.exp(acute.log_factor(normal.inv_cdf((k + 0.5) / 4001), 0.8)) for k in range(4001)]
    assert sum(factors) / 4001 == pytest.approx(1.0, rel=0.01)


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


SICK = {"fails": 1.0, "preserved_ef": 0.0, "ef": 30.0, "usual": 2.0, "departure": 0.0, "age": 70.0, "gfr": 60.0,
        "arrhythmia": 0.0, "log_ratio": 0.0}  # fmt: skip


def sudden(**changes):
    return death.sudden_hazard.py_func(**(SICK | {"potassium": 4.5} | changes), p=DEATH)


def pump(**changes):
    usual = {"frailty": 0.25, "deconditioning": 0.0, "systolic": 120.0, "influence": 0.0, "palliative": False}
    return death.pump_hazard.py_func(**(SICK | usual | changes), p=DEATH)


def test_modes_of_a_failing_heart_are_their_base_hazards_where_these_are_quoted():
    assert sudden() == pytest.approx(math.exp(DEATH.sudden_log_base))
    assert pump() == pytest.approx(math.exp(DEATH.pump_log_base))
    assert sudden(fails=0.0) == pump(fails=0.0) == 0
    assert death.failing(8.0, 1.0, DEATH) == 0
    assert death.failing(8.0, 0.0, DEATH) == death.failing(14.0, 1.0, DEATH) == 1


def test_palliative_care_has_a_rate_of_its_own_that_only_treatment_lowers():
    """Median survival 11 d (PMC6233829): half have died after it."""
    rate = pump(palliative=True, fails=0.0, ef=20.0, influence=1.0)
    assert math.exp(-11 * rate) == pytest.approx(0.5, abs=0.01)
    assert pump(palliative=True, influence=math.log(0.4)) == pytest.approx(0.4 * rate)


def test_each_mode_has_its_own_gradients():
    """EF 0.74 per 10 points (PMC7643562); class moves pump failure more than sudden death, acute worsening still more;
    potassium acts on sudden death, pressure and frailty on pump failure."""
    assert sudden(ef=40.0) / sudden() == pytest.approx(0.74, rel=0.01)
    assert pump(ef=40.0) / pump() == pytest.approx(0.74, rel=0.01)
    assert sudden(ef=60.0) == sudden(ef=50.0)
    assert 1 < sudden(usual=4.0) / sudden() < 1.5
    assert pump(usual=4.0) / pump() > sudden(usual=4.0) / sudden()
    assert 1.5 < (pump(usual=4.0) + sudden(usual=4.0)) / (pump() + sudden()) < 3
    assert sudden(departure=5.0) / sudden() < 3
    assert pump(departure=5.0) / pump() > 30
    assert sudden(potassium=5.8) / sudden() == pytest.approx(1.66, rel=0.1)  # PMC6687136
    assert min(pump(systolic=100.0), pump(frailty=0.5)) > pump()
    assert pump(gfr=22.0) / pump() == pytest.approx(2.17, rel=0.25)  # Damman 2014


@quick
@given(st.floats(0, 0.1), share, share, share, gfr, st.floats(0, 40))
def test_the_other_modes_are_in_proportion_to_the_life_table_and_rise_with_illness(table, frail, weak, ill, f, years):
    other = death.other_cardiovascular_hazard(table, years, frail, 0.0, f, 0.0, DEATH)
    rest = death.non_cardiovascular_hazard(table, years, frail, weak, ill, f, 0.0, DEATH)
    assert death.other_cardiovascular_hazard(2 * table, years, frail, 0.0, f, 0.0, DEATH) == pytest.approx(2 * other)
    assert death.non_cardiovascular_hazard(2 * table, years, frail, weak, ill, f, 0.0, DEATH) == pytest.approx(2 * rest)
    assert death.non_cardiovascular_hazard(table, years, 1.0, 1.0, 1.0, f, 0.0, DEATH) >= rest >= 0
    assert death.other_cardiovascular_hazard(table, years, 1.0, 1.0, f, 0.0, DEATH) >= other >= 0


def test_drugs_act_on_the_modes_on_which_trials_showed_it_and_less_with_a_preserved_fraction():
    assert death.sudden_drugs(1.0, 0.0, 0.0, 1.0, DEATH) == DEATH.sudden_log_beta_blocker
    assert death.sudden_drugs(1.0, 1.0, 1.0, 0.0, DEATH) == 0
    assert death.pump_drugs(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, DEATH) == DEATH.pump_log_sglt2
    reduced, preserved = (acute.heart_failure_drugs(1.0, 1.0, 1.0, 0.0, 0.0, kept, ACUTE) for kept in (0.0, 1.0))
    assert preserved / reduced == pytest.approx(ACUTE.heart_failure_preserved_drug_share)
    mra = [acute.heart_failure_drugs(0.0, 0.0, 0.0, 1.0, 0.0, kept, ACUTE) for kept in (0.0, 0.5, 1.0)]
    assert mra == pytest.approx([ACUTE.heart_failure_log_mra, 0.5 * ACUTE.heart_failure_log_mra, 0.0])
    sglt2 = [acute.heart_failure_drugs(0.0, 0.0, 0.0, 0.0, 1.0, kept, ACUTE) for kept in (0.0, 1.0)]
    assert sglt2[0] == sglt2[1] == ACUTE.heart_failure_log_sglt2


@pytest.mark.parametrize(
    ("x", "mode"),
    [(0.5, DIED_OF_SUDDEN), (2.5, DIED_OF_PUMP_FAILURE), (5.0, DIED_OF_OTHER_CARDIOVASCULAR),
     (6.5, DIED_OF_NON_CARDIOVASCULAR)],
)  # fmt: skip
def test_the_mode_of_death_is_the_one_in_whose_interval_the_uniform_falls(x, mode):
    died_of = death.mode_of_death(x, 1.0, 2.0, 3.0)
    assert died_of == mode
    assert (died_of in CARDIOVASCULAR_DEATHS) == (x < 6.0)
