"""Personal interventions: who gets them when, what they change and what they cost, against closed forms."""

import numpy as np
import pytest
from small_care import HOME, SCHEMA, clinic, network, place

from popsim.care.interventions import Interventions
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.economics.charges import book_charges
from popsim.economics.columns import COST_NAMES
from popsim.errors import DefinitionError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.population import Population

DRUG = {"name": "sglt2", "kind": "drug", "column": "sglt2_inhibitor_fraction", "dose": 1.0}
DIET = {"name": "diet", "kind": "programme", "effects": [{"column": "usual_salt_g_day", "multiply": 0.75}]}


def composed(*interventions):
    return validate({"name": "one", "interventions": list(interventions)}, Strategy, "made_up.toml").composed


def people(size=4, entry_day=0):
    """Alive from their entry day on, eating 8 g of salt; ids run against the rows."""
    population = Population(SCHEMA, 10_000 - np.arange(size))
    population["entry_day"] = entry_day
    population["usual_salt_g_day"] = 8.0
    return population


def live(population, *interventions, days, follow_up_days=1000, discount=None, on_day=None):
    """Live through some days of interventions alone; `on_day(day)` happens between the morning and the evening."""
    at_work = Interventions(composed(*interventions), population, key=RandomKey(5), parameters=SHIPPED)
    weights = np.ones(follow_up_days) if discount is None else discount
    years, spending = np.zeros(follow_up_days, np.int64), np.zeros((2, 1, len(COST_NAMES)))
    account, costs = np.array([SCHEMA.index(name) for name in COST_NAMES]), population.block("total")
    for day in range(days):
        clock = Clock(day)
        at_work.apply(population, clock)
        population["alive"][population["entry_day"] == day] = 1
        if on_day:
            on_day(day)
        first, last = np.searchsorted(population["entry_day"], [day - follow_up_days + 1, day + 1])
        book_charges(
            at_work.charges,
            population,
            clock,
            slice(first, last),
            follow_up_days,
            weights,
            years,
            account,
            costs,
            spending,
        )
    if discount is None:
        np.testing.assert_allclose(spending.sum(axis=(0, 1)), costs[account].sum(axis=1))
    return population


def test_a_drug_starts_at_entry_or_on_its_first_day_whichever_is_later():
    population = people(4, entry_day=[0, 2, 5, 9])
    doses = []
    live(
        population,
        DRUG | {"dose": 0.8, "adherence": 0.5, "from_day": 4, "until_day": 8},
        days=10,
        on_day=lambda day: doses.append(population["sglt2_inhibitor_fraction"].tolist()),
    )
    on = pytest.approx(0.4)
    assert doses[:4] == [[0, 0, 0, 0]] * 4
    assert doses[4] == [on, on, 0, 0]
    assert doses[5:8] == [[on, on, on, 0]] * 3
    assert doses[8:] == [[0, 0, 0, 0]] * 2


@pytest.mark.parametrize(
    ("mode", "after"),
    [
        ({"mode": "start", "dose": 0.5}, [0.5, 1]),
        ({"mode": "change", "dose": 0.5}, [0.5, 0.5]),
        ({"mode": "stop"}, [0, 0]),
    ],
)
def test_modes_of_a_drug(mode, after):
    population = people(2)
    population["mra_fraction"] = [0.25, 1.0]
    live(population, {"name": "mra", "kind": "drug", "column": "mra_fraction", **mode}, days=1)
    assert population["mra_fraction"].tolist() == after


def test_at_its_end_what_was_added_is_taken_back_and_what_clinicians_did_stays():
    population = people(1)
    population["mra_fraction"] = 0.25

    def clinician(day):
        if day == 1:
            population["mra_fraction"] -= 0.125

    drug = {"name": "mra", "kind": "drug", "column": "mra_fraction", "dose": 0.5, "duration_days": 3}
    live(population, drug, days=3, on_day=clinician)
    assert population["mra_fraction"][0] == 0.375
    population = people(1)
    population["mra_fraction"] = 0.25
    live(population, drug, days=4, on_day=clinician)
    assert population["mra_fraction"][0] == 0.125


def test_each_person_has_it_for_its_own_duration():
    population = people(5, entry_day=[0, 1, 3, 4, 9])
    salt = []
    live(
        population, DIET | {"duration_days": 4, "from_day": 2}, days=12,
        on_day=lambda day: salt.append((population["usual_salt_g_day"] == 6.0).tolist()),
    )  # fmt: skip
    expected = [[max(2, entry) <= day < max(2, entry) + 4 for entry in (0, 1, 3, 4, 9)] for day in range(12)]
    assert salt == expected


def test_effects_are_scaled_by_adherence_and_stay_within_bounds():
    population = people(1)
    device = {
        "name": "valve",
        "kind": "device",
        "adherence": 0.5,
        "effects": [
            {"column": "usual_salt_g_day", "multiply": 0.5},  # 8 x (1 - 0.5 / 2)
            {"column": "untreated_ejection_fraction_percent", "add": 6.0},  # 0 + 6 / 2
            {"column": "adherence_trait", "add": 3.0},  # at most 1
        ],
    }
    live(population, device, days=1)
    assert population["usual_salt_g_day"][0] == 6.0
    assert population["untreated_ejection_fraction_percent"][0] == 3.0
    assert population["adherence_trait"][0] == 1.0


def test_who_is_eligible_is_seen_when_it_is_offered():
    population = people(4)
    population["age_years"] = [60, 70, 80, 90]
    population["presenting_cause"] = [1, 1, 2, 1]
    rules = [
        {"column": "age_years", "at_least": 70},
        {"column": "age_years", "below": 90},
        {"column": "presenting_cause", "is": "heart_failure"},
    ]
    live(population, DRUG | {"eligible": rules}, days=3, on_day=lambda day: population["age_years"].fill(75))
    assert population["sglt2_inhibitor_fraction"].tolist() == [0, 1, 0, 0]


def test_uptake_is_the_share_asked_for_and_the_same_people_by_name():
    size, share = 4000, 0.3
    first, again, other = (people(size) for _ in range(3))
    live(first, DRUG | {"uptake": share}, days=1)
    live(again, DIET | {"uptake": 0.5}, DRUG | {"uptake": share, "dose": 0.5}, days=1)
    live(other, DRUG | {"uptake": share, "name": "another"}, days=1)
    has = [population["sglt2_inhibitor_fraction"] > 0 for population in (first, again, other)]
    assert abs(has[0].mean() - share) < 4 * np.sqrt(share * (1 - share) / size)
    assert np.array_equal(has[0], has[1])
    # An independent draw: both with probability share squared, within 4 standard errors.
    assert abs((has[0] & has[2]).mean() - share**2) < 4 * np.sqrt(share**2 * (1 - share**2) / size)


def test_the_dead_are_not_asked():
    population = people(2)
    live(population, DRUG | {"from_day": 3}, days=5, on_day=lambda day: population["alive"].__setitem__(0, 0))
    assert population["sglt2_inhibitor_fraction"].tolist() == [0, 1]


def test_costs_are_days_times_price():
    """Row 0 is in hospital on days 3 and 4, row 1 dies on day 6, row 2 enters on day 5; follow-up ends after 8 days."""
    population = people(3, entry_day=[0, 0, 5])

    def on_day(day):
        population["admitted"][0] = day in (3, 4)
        population["alive"][1] = day < 6

    costs = {"cost_once": 10.0, "cost_per_day": 2.0}
    live(
        population,
        DRUG | costs,
        DIET | costs,
        {"name": "valve", "kind": "device", **costs, "duration_days": 2},
        days=20,
        follow_up_days=8,
        on_day=on_day,
    )
    assert population["cost_drugs"].tolist() == [10 + 6 * 2, 10 + 6 * 2, 10 + 8 * 2]
    assert population["cost_programme"].tolist() == [10 + 8 * 2, 10 + 6 * 2, 10 + 8 * 2]
    assert population["cost_devices"].tolist() == [10 + 2 * 2] * 3


def test_costs_are_discounted_at_their_day():
    population = people(2, entry_day=[0, 1])
    weights = 0.5 ** np.arange(4)
    live(
        population,
        DIET | {"cost_once": 10.0, "cost_per_day": 1.0, "from_day": 2},
        days=9,
        follow_up_days=4,
        discount=weights,
    )
    assert population["cost_programme"].tolist() == [10 / 4 + 1 / 4 + 1 / 8, 10 / 2 + 1 / 2 + 1 / 4 + 1 / 8]


def test_nobody_gets_it_after_follow_up_for_money():
    population = people(1)
    live(population, DIET | {"cost_once": 10.0, "cost_per_day": 1.0, "from_day": 4}, days=9, follow_up_days=4)
    assert population["cost_programme"][0] == 0.0


@pytest.mark.parametrize(
    "inert",
    [{"uptake": 0.0}, {"eligible": [{"column": "age_years", "at_least": 200}]}, {"from_day": 30}],
)
def test_an_inert_intervention_changes_no_bit(inert):
    with_it, without = people(50), people(50)
    live(with_it, DRUG | {"cost_once": 5.0, "cost_per_day": 1.0} | inert, DIET | inert, days=10)
    live(without, days=10)
    assert all(np.array_equal(with_it[name], without[name]) for name in SCHEMA.columns)


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (
            DRUG | {"column": "sglt2_fraction"},
            "interventions.sglt2.column = 'sglt2_fraction': not a drug of the care columns, did you mean",
        ),
        (DRUG | {"column": "age_years"}, "interventions.sglt2.column = 'age_years': not a drug of the care columns"),
        (DRUG | {"dose": 2.0}, "interventions.sglt2.dose = 2.0: must be between 0 and 1 (of the target dose)"),
        (
            {"name": "drug", "kind": "drug", "drug": "carvedilolol", "dose": 1.0},
            "interventions.drug.drug = 'carvedilolol': no such drug, did you mean 'carvedilol'?",
        ),
        (
            {"name": "drug", "kind": "drug", "drug": "carvedilol", "dose": 1.0, "every_days": 7},
            "interventions.drug.every_days = 7: only goes with iv_iron_mg",
        ),
        (
            {"name": "iron", "kind": "drug", "drug": "iron", "dose": 1.0, "mode": "change"},
            "interventions.iron.mode = 'change': an infusion is given whole on one day",
        ),
        (
            DRUG | {"same_people_as": "sglt3"},
            "interventions.sglt2.same_people_as = 'sglt3': not another intervention on persons of the strategy",
        ),
        (
            DRUG | {"eligible": [{"column": "ages", "below": 3}]},
            "interventions.sglt2.eligible = 'ages': unknown column, did you mean",
        ),
        (
            DRUG | {"eligible": [{"column": "presenting_cause", "is": "heart"}]},
            "interventions.sglt2.eligible.is = 'heart': unknown value of presenting_cause",
        ),
        (
            DIET | {"effects": [{"column": "weight_kg", "add": -1.0}]},
            "interventions.diet.effects.0.column = 'weight_kg': not a column that an effect can change for good",
        ),
        (
            {"name": "beds", "kind": "capacity", "setting": "wards", "places": 3},
            "interventions.beds.setting = 'wards': not a setting with places or slots, did you mean 'ward'?",
        ),
        (
            {"name": "early", "kind": "policy", "follow_up": [{"setting": "ward", "within_days": 7}]},
            "interventions.early.follow_up.0.setting = 'ward': not a contact setting of the network, allowed: clinic",
        ),
    ],
)
def test_what_the_network_or_the_people_do_not_have_is_refused_in_one_line(intervention, message):
    strategy = validate({"name": "one", "interventions": [intervention]}, Strategy, "made_up.toml")
    with pytest.raises(DefinitionError) as caught:
        check_strategy(
            strategy, network(HOME, place("ward"), clinic(), presentation="ward").definition, SCHEMA, "made_up.toml"
        )
    assert str(caught.value).startswith(f"made_up.toml: strategies.one.{message}")
    assert "\n" not in str(caught.value)


def test_a_strategy_that_still_has_to_inherit_is_refused():
    strategy = Strategy(name="child", inherits="usual")
    with pytest.raises(DefinitionError, match=r"use experiment\.strategy"):
        check_strategy(strategy, network(HOME, clinic()).definition, SCHEMA, "made_up.toml")
