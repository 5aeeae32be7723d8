"""Valuation against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from valued import PLACE, make_log, make_population, make_valuation, write

from popsim.economics.columns import COST_NAMES
from popsim.economics.discounting import discount_factors
from popsim.economics.prices import PricedSetting, setting_prices
from popsim.errors import InputError
from popsim.evidence.parameters import load_parameters
from popsim.kernels.codes import DEATH, ENTER, START, VISIT
from popsim.population.charges import Charges
from popsim.population.clock import Clock

UNDISCOUNTED = {"discount_rate_costs": 0.0, "discount_rate_qalys": 0.0}


def test_every_kind_of_day_for_ten_days():
    population = make_population(5)
    population["setting"] = [PLACE[n] for n in ("home", "ward", "intensive_care", "nursing_home", "home_care")]
    population["admitted"] = [0, 1, 1, 0, 0]
    population["nyha_class"] = [1, 2, 4, 3, 4]
    population["telemonitored"] = [1, 0, 0, 0, 0]
    valuation, log, clock = make_valuation(**UNDISCOUNTED), make_log(population), Clock()
    for _ in range(10):
        valuation.accrue(population, clock, log)
        clock.tick()
    # Utilities of Griffiths 2014 less the hospital decrement, for ten days.
    expected = [u * 10 / 365.25 for u in (0.82, 0.74 - 0.07, 0.46 - 0.29, 0.64, 0.46)]
    assert population["qaly"] == pytest.approx(expected, rel=1e-12)
    assert population["cost_ward"] == pytest.approx([0, 2920, 16000, 0, 0])
    assert population["cost_community"] == pytest.approx([0, 0, 0, 1400, 350])
    assert population["cost_telemonitoring"] == pytest.approx([57.55, 0, 0, 0, 0])


def test_drugs_are_paid_by_fraction_of_target_dose_and_outside_hospital():
    population = make_population(2)
    population["admitted"] = [0, 1]
    population["beta_blocker_fraction"] = 0.5
    population["ras_inhibitor_fraction"] = 1.0
    population["neprilysin_inhibitor_fraction"] = 1.0
    population["sglt2_inhibitor_fraction"] = 1.0
    population["loop_diuretic_mg_day"] = 80.0
    make_valuation(**UNDISCOUNTED).accrue(population, Clock(), make_log(population))
    # Half a beta-blocker, sacubitril-valsartan at its own price, dapagliflozin, two furosemide tablets.
    assert population["cost_drugs"] == pytest.approx([0.0784 / 2 + 3.27 + 1.3068 + 2 * 0.0784, 0.0])


def test_events_are_priced_where_they_happen():
    population = make_population(1)
    log = make_log(population)
    for moment, kind, setting in [
        (0.0, ENTER, "home"),
        (0.3, VISIT, "heart_failure_clinic"),
        (0.4, VISIT, "general_practice"),
        (0.5, VISIT, "telemonitoring_desk"),
        (0.6, START, "emergency_department"),
        (0.9, START, "ward"),
    ]:
        write(log, moment, 0, kind, setting)
    valuation = make_valuation(**UNDISCOUNTED)
    valuation.accrue(population, Clock(), log)
    costs = {name: population[name][0] for name in COST_NAMES}
    assert costs == pytest.approx(
        {
            "cost_ward": 0.0,
            "cost_emergency": 242.0,
            "cost_clinic": 118.81,
            "cost_community": 42.0,
            "cost_drugs": 0.0,
            "cost_devices": 0.0,
            "cost_telemonitoring": 0.0,
            "cost_programme": 0.0,
            "cost_out_of_pocket": 0.0,
            "cost_travel": 6.0 + 6.0 + 0.0 + 12.0,  # clinic, practice, a telephone call, the emergency department
            "cost_informal_care": 0.8 * 12.0,  # the day at home, class II
            "cost_productivity": 0.0,  # aged 75
        }
    )
    valuation.accrue(population, Clock(day=1), log)
    assert population["cost_clinic"][0] == pytest.approx(118.81), "an event is paid for once"


def test_what_patients_families_and_employers_bear():
    """Two days each: at home in class III aged 60; on the ward aged 60; in a nursing home; at home aged 65.999."""
    population = make_population(4)
    population["setting"] = [PLACE[name] for name in ("home", "ward", "nursing_home", "home")]
    population["admitted"] = [0, 1, 0, 0]
    population["nyha_class"] = [3, 3, 2, 3]
    population["age_years"] = [60.0, 60.0, 80.0, 65.999]
    log, valuation, clock = make_log(population), make_valuation(**UNDISCOUNTED), Clock()
    for _ in range(2):
        valuation.accrue(population, clock, log)
        clock.tick()
    earnings = 95.0 * 0.35
    assert population["cost_out_of_pocket"] == pytest.approx([0, 0, 2 * 56.0, 0])
    assert population["cost_travel"] == pytest.approx([0, 2 * 5.0, 0, 0])
    assert population["cost_informal_care"] == pytest.approx([2 * 2.0 * 12.0, 0, 0, 2 * 2.0 * 12.0])
    # The last one turns 66 between the two days (0.001 a are 0.37 days).
    assert population["cost_productivity"] == pytest.approx([2 * earnings * 0.5, 2 * earnings, 0, earnings * 0.5])
    # Disability weights of class III and II for two days.
    expected = [weight * 2 / 365.25 for weight in (0.072, 0.072, 0.041, 0.072)]
    assert population["disability_years"] == pytest.approx(expected, rel=1e-12)


def test_spending_by_year_is_not_discounted():
    """Two years on the ward from day 10, with a visit on the last day of the first year (365.25 days)."""
    population = make_population(1)
    population["entry_day"] = 10
    population["setting"] = PLACE["ward"]
    population["admitted"] = 1
    charges = Charges()
    log, valuation, clock = make_log(population), make_valuation(730, charges=charges), Clock()
    for day in range(740):
        if day == 10:
            charges.charge_once("cost_programme", np.array([0]), 50.0)
            charges.change_per_day("cost_devices", np.array([0]), 2.0, 1)
        if day in (10 + 365, 10 + 366):
            write(log, day + 0.5, 0, VISIT, "heart_failure_clinic")
        valuation.accrue(population, clock, log)
        clock.tick()
    spending = valuation.spending()
    assert spending["year"].to_list() == [1, 2]
    assert spending["cost_ward"].to_list() == pytest.approx([366 * 292.0, 364 * 292.0])
    assert spending["cost_clinic"].to_list() == pytest.approx([118.81, 118.81])
    assert spending["cost_programme"].to_list() == [50.0, 0.0]
    assert spending["cost_devices"].to_list() == [366 * 2.0, 364 * 2.0]
    assert population["cost_ward"][0] < 730 * 292.0, "the twin's own total is discounted"


def test_who_dies_has_lived_until_then():
    population = make_population(2)
    log = make_log(population)
    valuation, clock = make_valuation(**UNDISCOUNTED), Clock()
    valuation.accrue(population, clock, log)
    clock.tick()
    write(log, 1.25, 0, DEATH, "home")
    write(log, 1.5, 1, DEATH, "ward")
    population["alive"] = 0
    population["setting"] = -1
    for _ in range(3):
        valuation.accrue(population, clock, log)
        clock.tick()
    assert population["qaly"] == pytest.approx([0.74 * 1.25 / 365.25, (0.74 * 1.0 + 0.67 * 0.5) / 365.25])


def test_only_follow_up_counts():
    """Entry on days 0, 2 and 5, followed for 4 days each: days 0-3, 2-5 and 5-8."""
    population = make_population(3)
    population["entry_day"] = [0, 2, 5]
    population["setting"] = PLACE["ward"]
    log, valuation, clock = make_log(population), make_valuation(4, **UNDISCOUNTED), Clock()
    lived = []
    for day in range(10):
        for row in range(3):
            write(log, day + 0.5, row, VISIT, "general_practice")
        valuation.accrue(population, clock, log)
        clock.tick()
        lived.append(population["qaly"] * 365.25 / 0.74)  # class II of Griffiths 2014
    assert lived[0] == pytest.approx([1, 0, 0])
    assert lived[3] == pytest.approx([4, 2, 0])
    assert lived[5] == pytest.approx([4, 4, 1])
    assert lived[9] == pytest.approx([4, 4, 4])
    assert population["cost_community"].tolist() == [168.0] * 3
    assert population["cost_ward"].tolist() == [4 * 292.0] * 3


def test_external_patients_cost_nothing():
    population = make_population(2)
    log = make_log(population)
    for row in (2, 17):
        write(log, 0.5, row, START, "emergency_department")
    before = population.block("total").sum()
    make_valuation(1)._accrue_events(population, Clock(), log)
    assert population.block("total").sum() == before == 0.0


def test_discounting_from_entry():
    """The second twin enters two years later and is worth the same; a sum of 3.5% discounted days by hand."""
    population = make_population(2)
    population["entry_day"] = [0, 730]
    log, valuation, clock = make_log(population), make_valuation(400), Clock()
    for _ in range(1130):
        valuation.accrue(population, clock, log)
        clock.tick()
    by_hand = sum(0.74 / 365.25 * 1.035 ** (-day / 365.25) for day in range(400))
    assert population["qaly"] == pytest.approx([by_hand, by_hand], rel=1e-12)
    assert population["qaly"][0] == population["qaly"][1]


def test_a_longer_step_counts_its_days_and_stops_at_the_end_of_follow_up():
    population = make_population(1)
    population["setting"] = PLACE["ward"]
    log, valuation, clock = make_log(population), make_valuation(100, **UNDISCOUNTED), Clock(step_days=30.0)
    for _ in range(5):
        valuation.accrue(population, clock, log)
        clock.tick()
    assert population["qaly"][0] == pytest.approx(0.74 * 100.0 / 365.25)
    assert population["cost_ward"][0] == pytest.approx(29200.0)


def test_discount_factors():
    """After one and two years of 365.25 days (days 1461 is four years) the NICE rate gives 1/1.035 ** years."""
    factors = discount_factors(0.035, 1462)
    assert factors[0] == 1.0
    assert factors[1461] == pytest.approx(1.035**-4, rel=1e-12)
    assert discount_factors(0.0, 3).tolist() == [1.0, 1.0, 1.0]
    for rate in (-0.01, 1.5, float("nan")):
        with pytest.raises(InputError, match="discount rate"):
            discount_factors(rate, 3)


def test_prices_that_are_missing_or_classes_that_do_not_exist_are_refused():
    prices = load_parameters("nhs_prices"), load_parameters("societal_prices")
    with pytest.raises(InputError, match="did you mean 'inpatient'"):
        setting_prices(*prices, [PricedSetting("ward", "inpatent")])
    with pytest.raises(InputError, match="wizard_visit"):
        setting_prices(*prices, [PricedSetting("tower", "outpatient", "wizard")])


def test_every_price_and_utility_has_a_source_that_says_how_it_is_known():
    for name in ("nhs_prices", "griffiths_2014", "societal_prices", "gbd_disability"):
        parameters = load_parameters(name)
        for key in parameters:
            assert any(word in parameters.of(key).source for word in ("seen", "computed", "assumption")), key
