"""Reasons in clinical words: the rules that forbid, what drove the choice, and what would change it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from chosen_for import believed, dose, metabolisers

from popsim.assimilation import choice
from popsim.assimilation.choice import NOTICE
from popsim.assimilation.ensemble import believed as shown_as_believed
from popsim.assimilation.reasons import _select, drivers_of, explain
from popsim.evidence.sets import SHIPPED

MORE, MRA = dose("more", "loop_diuretic", 1, label="More furosemide"), dose("mra", "spironolactone", 1)


compare = partial(choice.compare, parameters=SHIPPED)


@pytest.mark.slow
def test_a_contraindication_is_said_with_its_value_and_limit():
    comparison = compare(believed(), [MRA], 5, seen={"potassium_mmol_l": np.array([5.6])})
    why = explain(comparison)
    assert why.refusals == {"mra": "Potassium 5.6 mmol/L is above 5.0: spironolactone is not started."}
    assert why.refusals["mra"] in why.sentences
    assert why.sentences[-1] == "For research, not for care."


def test_a_missing_indication_and_a_budget_are_said():
    comparison = compare(believed(baseline_ejection_fraction_percent=60.0), [MRA, MORE], 5, budget=0.0)
    why = explain(comparison)
    assert "is not below 40: spironolactone is not started." in why.refusals["mra"]
    assert "more than the budget" in why.refusals["more"]


def test_what_is_believed_is_the_median_that_the_page_shows():
    """Of a belief with two humps the mean (50%) is nobody's; rules go by the majority, words by the median."""
    belief = believed(members=64)
    belief.ensemble.people["ejection_fraction_percent"] = np.where(np.arange(64) < 24, 36.0, 58.0)
    belief.ensemble.people["systolic_mmhg"] = 120.0
    median, low, high = shown_as_believed(belief.ensemble, "ejection_fraction_percent")[0]
    assert (median, low, high) == (58.0, 36.0, 58.0)
    why = explain(compare(belief, [MRA], 1))
    assert "Ejection fraction 58% (believed) is not below 40" in why.refusals["mra"]


def test_a_reaction_too_likely_is_said():
    belief = believed(baseline_potassium_mmol_l=5.25, baseline_gfr_ml_min=35.0)
    comparison = compare(belief, [MRA], 60, seen={"potassium_mmol_l": np.array([4.6])}, highest_risk=0.01)
    assert "an adverse reaction in" in explain(comparison).refusals["mra"]


def test_the_recommendation_names_doses_and_risks():
    why = explain(compare(believed(fluid=4.0, members=128), [MORE], 90))
    assert why.sure
    assert why.sentences[0].startswith("Recommended: More furosemide (furosemide 80 to 120 mg a day);")
    assert "GBP a QALY" in why.sentences[0]
    assert why.sentences[1].startswith("Risk of decompensation")


def test_what_is_within_noise_is_said():
    comparison = compare(believed(fluid=4.0, members=128), [MORE, dose("twin", "furosemide", 1)], 90)
    why = explain(comparison)
    assert not why.sure
    assert "Not sure: More furosemide and Twin are within noise of one another." in why.sentences
    nothing = explain(compare(believed(), [dose("idle", "loop_diuretic", 0)], 5))
    best = "Recommended: No change; the best option in 100% of what is believed possible."
    assert nothing.sentences == (best, NOTICE)
    assert nothing.refusals == {"idle": "Changes nothing in this person."}


def test_fluid_drives_the_choice_of_a_diuretic_where_nobody_knows_it():
    """Fluid anywhere above the set point, and all else known, how readily the person presents or dies too: the members'
    differences hang on fluid, or on what goes with it hour by hour (filling pressure, weight, symptoms)."""
    belief = believed(members=512, fluid=4.0, fluid_sd=2.5)
    for propensity in ("presentation_propensity", "death_propensity"):
        belief.ensemble.people[propensity] = 0.0
    comparison = compare(belief, [MORE], 30)
    drivers = drivers_of(comparison, 1, 0, 0)
    assert drivers
    signs = {"extracellular_fluid_excess_l", "filling_pressure_mmhg", "weight_kg", "symptom_score", "nt_probnp_pg_ml"}
    assert drivers[0].column in signs
    assert drivers[0].per_sd > 0.0


def test_the_threshold_is_where_the_fitted_difference_is_zero():
    """A comparison made up of one difference, 100 (fluid - 1.2): the driver is fluid, and the choice turns at 1.2 L."""
    belief = believed(members=256, fluid=2.0, fluid_sd=1.0)
    comparison = compare(belief, [MORE], 1)
    fluid = belief.ensemble.of("extracellular_fluid_excess_l")[0].astype(float)
    comparison.simulated.cost[0] = 0.0
    comparison.simulated.qaly[0] = 0.0
    comparison.simulated.cost[0, 1] = -100.0 * (fluid - 1.2)
    driver = drivers_of(comparison, 1, 0, 0)[0]
    assert driver.column == "extracellular_fluid_excess_l"
    assert driver.share == pytest.approx(1.0)
    assert driver.threshold == pytest.approx(1.2, abs=1e-4)
    assert driver.per_sd == pytest.approx(100.0 * fluid.std(), rel=1e-6)
    assert any("below about 1.2 L it would be No change" in sentence for sentence in explain(comparison).sentences)


def test_noise_drives_nothing():
    """40 columns of noise against noise: the bound on what counts leaves all out in 99 of 100 of 200 trials or more.

    Bound as in `drivers_of`: z squared / n with z for 5% / 40; expected 5% of trials with a driver, 4 standard errors
    of 1.5% above: 11%.
    """
    rng = np.random.default_rng(5)
    weights = np.full(200, 1 / 200)
    found = [
        bool(_select(rng.standard_normal((40, 200)), rng.standard_normal(200), weights, 3, 3.23**2 / 200)[0])
        for _ in range(200)
    ]
    assert np.mean(found) < 0.11


def test_forward_selection_finds_a_planted_pair():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((20, 500))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    y = 3.0 * x[4] - 1.0 * x[11] + 0.5 * rng.standard_normal(500)
    places, slopes, shares = _select(x, y, np.full(500, 1 / 500), 3, 0.03)
    assert places == [4, 11]
    # Standard error of a slope: 0.5 / sqrt(500) = 0.022; four of them.
    assert slopes == pytest.approx([3.0, -1.0], abs=0.09)
    assert sum(shares) == pytest.approx(10.0 / 10.25, abs=0.02)


def test_a_known_phenotype_is_said_where_the_drug_depends_on_it():
    belief = metabolisers()
    comparison = compare(belief, [dose("start", "metoprolol", share=0.25)], 90)
    assert any("CYP2D6 poor metaboliser: it breaks down metoprolol." in s for s in explain(comparison, 0).sentences)
    assert not any("metaboliser" in sentence for sentence in explain(comparison, 1).sentences)
