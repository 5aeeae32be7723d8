"""Interventions in the whole model: inert ones change nothing, others act from their day on, costs are days x price."""

from pathlib import Path

import numpy as np
import pytest

from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.threads import use_threads
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parents[2]
EXPERIMENT = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_interventions.toml")
TELEMONITORING = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_discharge.toml").strategy(
    "telemonitoring"
)
USUAL = EXPERIMENT.strategy("usual_care")
DAYS = 50
DRUG = {"name": "sglt2", "kind": "drug", "column": "sglt2_inhibitor_fraction", "dose": 1.0}
EVERYTHING = (
    DRUG | {"uptake": 0.6, "adherence": 0.8, "from_day": 10, "cost_once": 20.0, "cost_per_day": 1.0},
    {
        "name": "valve", "kind": "device", "cost_once": 9000.0, "uptake": 0.2, "duration_days": 20,
        "eligible": [{"column": "ejection_fraction_percent", "below": 40}],
        "effects": [{"column": "untreated_ejection_fraction_percent", "add": 8.0}],
    },
    {
        "name": "coaching", "kind": "programme", "cost_per_day": 2.0, "from_day": 15, "until_day": 35,
        "effects": [{"column": "adherence_trait", "add": 0.1}, {"column": "usual_salt_g_day", "multiply": 0.8}],
    },
    {"name": "beds", "kind": "capacity", "setting": "general_ward", "places": 300, "from_day": 20},
    {"name": "clinic", "kind": "capacity", "setting": "heart_failure_clinic", "places": 200, "from_day": 25},
    {
        "name": "watch", "kind": "policy", "from_day": 30, "until_day": 45,
        "telemonitoring": TELEMONITORING.telemonitoring.model_dump(),
        "follow_up": [{"setting": "heart_failure_clinic", "within_days": 4}],
        "eligible": [{"column": "age_years", "at_least": 70}],
    },
)  # fmt: skip


def doing(*interventions, **keys) -> Strategy:
    more = validate(
        {"name": "more", "inherits": "usual_care", "interventions": list(interventions), **keys}, Strategy, "x"
    )
    return more.inheriting(USUAL)


def make(strategy, size=800, days=DAYS, enrolment_days=12, parameters=None) -> PopulationModel:
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    people = sample(cohort, SCHEMA, size, RandomKey(5), enrolment_days=enrolment_days)
    return PopulationModel(
        people, network, strategy, seed=5, follow_up_days=days, enrolment_days=enrolment_days, parameters=parameters
    )


def state(model: PopulationModel) -> dict[str, bytes]:
    columns = {name: model.population[name].tobytes() for name in model.population}
    return columns | {"events": model.events.records[: len(model.events)].tobytes()}


def after(strategy, days=DAYS) -> dict[str, bytes]:
    model = make(strategy)
    model.run_for(days)
    return state(model)


@pytest.fixture(scope="module")
def usual() -> dict[str, bytes]:
    return after(USUAL)


NOBODY = {"column": "age_years", "at_least": 300}
INERT = {
    "nobody takes it up": [one | {"uptake": 0.0} for one in EVERYTHING[:3]],
    "nobody is eligible": [one | {"eligible": [NOBODY]} for one in (*EVERYTHING[:3], EVERYTHING[5])],
    "it begins after the end": [
        {key: value for key, value in one.items() if key != "until_day"} | {"from_day": 400} for one in EVERYTHING
    ],
    "it changes nothing": [
        {"name": "beds", "kind": "capacity", "setting": "general_ward", "places": 480, "from_day": 20},
        {"name": "talk", "kind": "programme", "effects": [{"column": "usual_salt_g_day", "multiply": 1.0}]},
        DRUG | {"mode": "start", "dose": 0.0},
    ],
}


@pytest.mark.parametrize("case", INERT)
def test_an_inert_strategy_changes_no_bit_even_with_queues(case, usual):
    assert usual["events"] != b""
    assert after(doing(*INERT[case])) == usual


def test_a_strategy_is_its_comparator_until_its_first_day():
    """The first to act is the drug on day 10; the device, which acts from entry on, is left out."""
    acting = [one for one in EVERYTHING if one["name"] != "valve"]
    one, other = make(USUAL), make(doing(*acting))
    for model in (one, other):
        model.run_for(10)
    assert state(one) == state(other)
    for model in (one, other):
        model.run_for(1)
    assert state(one) != state(other)


def test_the_number_of_threads_does_not_matter():
    found = []
    for threads in (1, 2):
        use_threads(threads)
        found.append(after(doing(*EVERYTHING)))
    use_threads(2)
    assert found[0] == found[1]


def test_values_stay_within_their_bounds():
    model = make(doing(*EVERYTHING))
    model.run_for(DAYS)
    for name, column in SCHEMA.columns.items():
        values = model.population[name]
        assert values.min() >= column.low, name
        assert values.max() <= column.high, name


def test_a_drug_costs_days_alive_out_of_hospital_times_price_times_dose():
    """Every other price of a drug and both discount rates are 0, the drug costs 2 a day at target dose.

    The dose is what it was started at: 0.5, the dose times adherence, until a specialist raises it to 1; days are
    counted at midnight from the columns, by the person.
    """
    prices = load_parameters("nhs_prices")
    free = [
        name for name in prices if name.endswith(("blocker_day", "inhibitor_day", "mra_day", "mg_day", "valsartan_day"))
    ]
    assert len(free) == 6
    changed = prices.with_values(
        dict.fromkeys(free, 0.0) | {"sglt2_inhibitor_day": 2.0, "discount_rate_costs": 0.0, "discount_rate_qalys": 0.0}
    )
    others = load_parameters("clinical_prices")
    others = others.with_values({name: 0.0 for name in others if name.endswith(("_day", "_mg"))})
    drug = DRUG | {"dose": 1.0, "adherence": 0.5, "cost_once": 7.0, "cost_per_day": 0.25}
    given = {"nhs_prices": changed, "clinical_prices": others}
    model = make(doing(drug), size=300, days=30, enrolment_days=0, parameters=given)
    at_home, doses = np.zeros(300), np.zeros(300)
    for _ in range(30):
        model.run_for(1)
        pays = (model.population["alive"] == 1) & (model.population["admitted"] == 0)
        at_home += pays
        doses += pays * model.population["sglt2_inhibitor_fraction"]
    assert set(np.unique(model.population["sglt2_inhibitor_fraction"])) == {0.5, 1.0}
    assert at_home.min() < 15 < at_home.max() == 30
    np.testing.assert_allclose(model.population["cost_drugs"], 7.0 + 0.25 * at_home + 2.0 * doses, rtol=1e-12)


def test_telemonitoring_costs_the_price_of_the_programme_in_force_on_each_day():
    """2 a day from the first day on, 5 a day from day 15, the price set's from day 25, 2 again from day 35."""
    prices = load_parameters("nhs_prices")
    changed = prices.with_values({"telemonitoring_day": 11.0, "discount_rate_costs": 0.0, "discount_rate_qalys": 0.0})
    own = TELEMONITORING.telemonitoring.model_copy(update={"cost_per_day": 2.0, "uptake": 0.5}).model_dump()
    service = {"kind": "policy", "until_day": 35}
    strategy = doing(
        service | {"name": "dear", "from_day": 15, "telemonitoring": own | {"cost_per_day": 5.0}},
        service | {"name": "priced", "from_day": 25, "telemonitoring": own | {"cost_per_day": None}},
        telemonitoring=own,
    )
    model = make(strategy, size=200, days=50, enrolment_days=0, parameters={"nhs_prices": changed})
    expected = np.zeros(200)
    for day in range(50):
        model.run_for(1)
        price = 2.0 if day < 15 or day >= 35 else 5.0 if day < 25 else 11.0
        expected += price * ((model.population["alive"] == 1) & (model.population["telemonitored"] == 1))
    assert 0.3 < (expected > 0).mean() < 0.7
    np.testing.assert_allclose(model.population["cost_telemonitoring"], expected, rtol=1e-12)


def test_a_drug_that_helps_prevents_presentations_with_heart_failure():
    """The same people under the same luck: with an SGLT2 inhibitor from discharge on fewer have too much fluid."""
    models = [make(USUAL), make(doing(DRUG))]
    for model in models:
        model.run_for(DAYS)
    fluid = [
        model.population["extracellular_fluid_excess_l"][model.population["alive"] == 1].mean() for model in models
    ]
    assert fluid[1] < fluid[0]
    presented = [(model.events.frame()["cause"] == "heart_failure").sum() for model in models]
    assert presented[1] < presented[0]


def test_a_strategy_that_does_not_fit_is_refused_before_the_first_day():
    with pytest.raises(DefinitionError, match=r"interventions\.sglt2\.column"):
        make(doing(DRUG | {"column": "weight_kg"}))
    with pytest.raises(DefinitionError, match=r"strategies\.child\.inherits"):
        make(Strategy(name="child", inherits="usual_care"))
