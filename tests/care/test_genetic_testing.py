"""Genetic tests: who is tested when, what a result changes, what it costs; expected values worked out by hand."""

import numpy as np
import pytest
from small_care import HOME, clinic, network

from popsim.care.genetic_testing import prescribing_rules
from popsim.care.interventions import Interventions
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.genome import gene_table, sample_genes
from popsim.population.population import Population
from popsim.population.warfarin import WarfarinTaker, genetic_dose_mg_week
from popsim.simulation.schema import SCHEMA

POOR, INTERMEDIATE, NORMAL, WHITE = 1, 2, 3, 4
SEED = 5
PANEL = {"name": "panel", "kind": "genetic_test"}
REACTIVE = PANEL | {"when": "trigger", "triggers": [{"column": "presenting_cause", "is": "arrhythmia"}]}
ARRHYTHMIA = 3


def people(size, entry_day=0):
    """Everybody a poor metaboliser of everything, on metoprolol, clopidogrel and the highest dose of a statin."""
    population = Population(SCHEMA, 10_000 - np.arange(size))
    population["entry_day"] = entry_day
    population["ethnicity"] = WHITE
    for gene in ("cyp2d6", "cyp2c19", "cyp2c9", "vkorc1", "slco1b1"):
        population[gene] = POOR
    for drug in ("beta_blocker", "antiplatelet", "statin"):
        population[f"{drug}_fraction"] = 1.0
    return population


def composed(*tests):
    return validate({"name": "one", "interventions": list(tests)}, Strategy, "made_up.toml").composed


def live(population, *tests, days, on_day=None):
    """Some mornings of tests alone; `on_day(day)` happens after the morning. Returns what was charged on each day."""
    at_work = Interventions(composed(*tests), population, key=RandomKey(SEED), parameters=SHIPPED)
    charged = []
    for day in range(days):
        at_work.apply(population, Clock(day))
        population["alive"][population["entry_day"] == day] = 1
        charged.append([(charge.amount, charge.rows.tolist()) for charge in at_work.charges.once])
        at_work.charges.once.clear()
        if on_day:
            on_day(day)
    return charged


def test_a_panel_is_taken_at_entry_and_known_after_its_turnaround():
    population = people(3, entry_day=[0, 1, 4])
    known = []
    charged = live(
        population, PANEL | {"turnaround_days": 2, "cost_once": 90.0}, days=7,
        on_day=lambda day: known.append(population["genotype_known"].tolist()),
    )  # fmt: skip
    assert known == [[0, 0, 0]] * 2 + [[1, 0, 0]] + [[1, 1, 0]] * 3 + [[1, 1, 1]]
    assert charged == [[(90.0, [0])], [(90.0, [1])], [], [], [(90.0, [2])], [], []]


def test_those_who_are_there_on_its_first_day_are_tested_then_and_the_dead_are_not():
    population = people(3)

    def die(day):
        population["alive"][1] = 0

    live(population, PANEL | {"from_day": 3}, days=5, on_day=die)
    assert population["genotype_known"].tolist() == [1, 0, 1]


def test_no_result_reaches_the_dead():
    population = people(2)

    def die(day):
        population["alive"][1] = 0

    live(population, PANEL | {"turnaround_days": 3, "guides": ["clopidogrel"]}, days=5, on_day=die)
    assert population["antiplatelet_agent"].tolist() == [1, 0]


def test_a_reactive_test_follows_its_trigger_once():
    population = people(4, entry_day=[0, 0, 0, 3])
    population["presenting_cause"] = [ARRHYTHMIA, 0, 0, 0]  # the first is so at entry: no reaction
    when = {}

    def happen(day):
        for row in np.flatnonzero(population["genotype_known"]):
            when.setdefault(int(row), day)
        population["presenting_cause"][1] = ARRHYTHMIA if day in (2, 6) else 0
        population["presenting_cause"][0] = 0 if day == 4 else ARRHYTHMIA

    charged = live(population, REACTIVE | {"cost_once": 50.0}, days=9, on_day=happen)
    assert when == {1: 3, 0: 6}  # in the morning after; the first when it comes again
    assert sum(len(rows) for day in charged for _, rows in day) == 2


def test_one_trigger_does_not_hide_another():
    population = people(2)
    population["antiplatelet_fraction"] = [1.0, 0.0]  # on the drug at entry, which is no start of it
    triggers = [*REACTIVE["triggers"], {"column": "antiplatelet_fraction", "at_least": 0.1}]
    known = []

    def happen(day):
        known.append(population["genotype_known"].tolist())
        population["presenting_cause"][0] = ARRHYTHMIA if day == 1 else 0
        population["antiplatelet_fraction"][1] = 1.0 if day >= 2 else 0.0

    live(population, REACTIVE | {"triggers": triggers}, days=4, on_day=happen)
    assert known == [[0, 0], [0, 0], [1, 0], [1, 1]]


def test_uptake_and_sensitivity_are_shares():
    """Within 4 binomial standard errors."""
    population = people(4000)
    live(population, PANEL | {"uptake": 0.6, "sensitivity": 0.9, "guides": ["clopidogrel"]}, days=1)
    known, changed = population["genotype_known"] == 1, population["antiplatelet_agent"] == 1
    assert abs(known.mean() - 0.6) < 4 * np.sqrt(0.24 / 4000)
    assert abs(changed[known].mean() - 0.9) < 4 * np.sqrt(0.09 / 2400)
    assert not changed[~known].any()


def test_each_rule_acts_on_the_people_whom_it_is_about():
    population = people(4)
    population["cyp2d6"] = [POOR, INTERMEDIATE, POOR, POOR]
    population["beta_blocker_agent"] = [0, 0, 1, 0]
    population["beta_blocker_fraction"] = [1.0, 1.0, 1.0, 0.25]
    population["cyp2c19"] = [POOR, INTERMEDIATE, NORMAL, 5]
    population["slco1b1"] = [POOR, INTERMEDIATE, NORMAL, 0]
    guides = ["metoprolol_dose", "clopidogrel", "statin_poor", "statin_decreased"]
    live(population, PANEL | {"guides": guides}, days=1)
    assert population["beta_blocker_limit_percent"].tolist() == [50, 0, 0, 50]
    assert population["beta_blocker_fraction"].tolist() == [0.5, 1.0, 1.0, 0.25]
    assert population["beta_blocker_agent"].tolist() == [0, 0, 1, 0]
    assert population["antiplatelet_agent"].tolist() == [1, 1, 0, 0]
    assert population["statin_fraction"].tolist() == [0.25, 0.5, 1.0, 1.0]


def test_another_beta_blocker_instead_of_less_of_it():
    population = people(2)
    population["cyp2d6"] = [POOR, NORMAL]
    live(population, PANEL | {"guides": ["bisoprolol"]}, days=1)
    assert population["beta_blocker_agent"].tolist() == [2, 0]
    assert population["beta_blocker_fraction"].tolist() == [1.0, 1.0]


def test_warfarin_is_dosed_by_the_algorithm():
    """Against the algorithm itself, checked in tests/population/test_warfarin.py; 5 mg a day is a fraction of 1."""
    population = people(300)
    sample_genes(population, (), RandomKey(SEED))
    population["age_years"], population["height_cm"], population["dry_weight_kg"] = 65.0, 170.0, 80.0
    population["anticoagulant_fraction"] = np.where(np.arange(300) < 200, 1.0, 0.0)
    population["anticoagulant_agent"] = np.where(np.arange(300) < 150, 0, 1)
    live(population, PANEL | {"guides": ["warfarin"]}, days=1)
    assert (population["anticoagulant_fraction"][150:200] == 1.0).all()
    assert (population["anticoagulant_fraction"][200:] == 0.0).all()
    found = np.round(population["anticoagulant_fraction"][:150].astype(float) * 35.0, 3)
    person = WarfarinTaker(65.0, 170.0, 80.0)
    iwpc, values = load_parameters("klein_2009"), gene_table("cyp2c9").activity
    possible = {
        round(float(genetic_dose_mg_week(iwpc, person, np.array([v]), np.array([[a], [b]]))[0]), 3)
        for v in (1, 2, 3) for a in values for b in values
    }  # fmt: skip
    assert set(found.tolist()) <= possible
    usual = (population["vkorc1"][:150] == NORMAL) & (population["cyp2c9"][:150] == NORMAL)
    assert found[usual] == pytest.approx(42.7585, abs=1e-3)
    assert usual.any()


def test_a_test_that_guides_nothing_changes_nothing_but_the_record():
    population = people(50)
    before = {name: population[name].tobytes() for name in population}
    live(population, PANEL, days=3)
    changed = {name for name in population if population[name].tobytes() != before[name]}
    assert changed == {"genotype_known", "alive"}


def test_every_rule_names_columns_of_the_clinical_twin():
    for rule in prescribing_rules().values():
        names = [rule.gene, *rule.set_codes, *rule.at_most, *([rule.iwpc_dose] if rule.iwpc_dose else [])]
        names += [rule.agent.column] if rule.agent else []
        assert set(names) <= set(SCHEMA.columns)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (PANEL | {"when": "trigger"}, "triggers: must be given with when = 'trigger'"),
        (PANEL | {"guides": ["clopidogel"]}, "did you mean 'clopidogrel'"),
        (PANEL | {"eligible": [{"column": "cyp2d7", "is": 1}]}, "cyp2d7"),
        (PANEL | {"uptake": 1.5}, "must be between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(test, message):
    with pytest.raises(DefinitionError, match=message):
        strategy = validate({"name": "one", "interventions": [test]}, Strategy, "made_up.toml")
        check_strategy(strategy, network(HOME, clinic()).definition, SCHEMA, "made_up.toml")
