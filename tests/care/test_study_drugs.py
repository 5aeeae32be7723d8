"""Drugs by name, titration, infusions and treatments given as hazard ratios: what changes in whom on which day."""

import math

import numpy as np
import pytest
from small_care import HOME, SCHEMA, clinic, network, place
from test_interventions import live, people

from popsim.care.strategy_checks import DRUG_COLUMNS, INFUSION, check_strategy
from popsim.care.study_drugs import drugs_by_name
from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError
from popsim.physiology.influences import Influences
from popsim.physiology.organs.treatments import HAZARDS, LOG_HAZARDS, Treatments
from popsim.statistics import Z_95
from popsim.studies.intervention_parameters import intervention_parameters, with_parameters

LOG_RATIO = "heart_failure_admission_log_ratio"
RATIO = {"name": "ratio", "kind": "hazard_ratio", "outcome": "heart_failure_admission", "value": 0.5}


def drug(**said):
    return {"name": "study_drug", "kind": "drug"} | said


def test_a_drug_of_a_class_with_several_is_the_one_that_people_take_from_then_on():
    population = people(2)
    population["beta_blocker_fraction"] = [0.75, 0.0]
    live(population, drug(drug="carvedilol", dose=0.5), days=1)
    assert population["beta_blocker_agent"].tolist() == [1, 1]
    assert population["beta_blocker_fraction"].tolist() == [0.75, 0.5]
    population["beta_blocker_agent"] = [1, 2]
    live(population, drug(drug="carvedilol", mode="stop"), days=1)
    assert population["beta_blocker_fraction"].tolist() == [0.0, 0.5], "who takes bisoprolol keeps it"


def test_a_fixed_combination_brings_its_other_drug_along():
    population = people(1)
    population["ras_inhibitor_fraction"] = 1.0  # of an ACE inhibitor, agent 0
    live(population, drug(drug="sacubitril_valsartan", mode="change", dose=0.5), days=1)
    assert population["neprilysin_inhibitor_fraction"][0] == 0.5
    assert (population["ras_inhibitor_agent"][0], population["ras_inhibitor_fraction"][0]) == (1, 0.5)


def test_doses_of_a_named_drug_are_shares_of_its_target_dose():
    population = people(1)
    live(population, drug(drug="furosemide", dose=2.0), days=1)
    assert population["loop_diuretic_mg_day"][0] == 80.0, "the target dose in its file is 40 mg a day"


def test_a_dose_is_doubled_step_by_step_unless_clinicians_reduce_it():
    population = people(2)
    doses = []

    def clinician(day):
        doses.append(population["beta_blocker_fraction"].tolist())
        if day == 15:
            population["beta_blocker_fraction"][1] = 0.125

    titrated = drug(column="beta_blocker_fraction", dose=0.9, first_dose=0.25, step_days=14)
    live(population, titrated, days=40, on_day=clinician)
    assert [doses[day][0] for day in (0, 13, 14, 27, 28, 39)] == pytest.approx([0.25, 0.25, 0.5, 0.5, 0.9, 0.9])
    assert doses[39][1] == 0.125


def test_a_titrated_dose_is_taken_away_as_a_whole_at_its_end():
    population = people(1)
    population["mra_fraction"] = 0.125
    titrated = drug(column="mra_fraction", dose=1.0, first_dose=0.25, step_days=2, duration_days=6)
    live(population, titrated, days=7)
    assert population["mra_fraction"][0] == 0.125


def test_an_infusion_is_given_on_its_days_only():
    population = people(2, entry_day=[0, 3])
    given = []

    def care(day):
        given.append(population["iv_iron_mg"].tolist())
        population["iv_iron_mg"] = 0.0  # as care does after the day

    live(population, drug(drug="iron", dose=0.5, every_days=5), days=9, on_day=care)
    assert [day[0] for day in given] == [500, 0, 0, 0, 0, 500, 0, 0, 0]
    assert [day[1] for day in given] == [0, 0, 0, 500, 0, 0, 0, 0, 500]


def prevented(population, outcome):
    """Share of people in whom the outcome is prevented, and its standard error."""
    share = float((population[f"{outcome}_log_ratio"] < 0.0).mean())
    return share, np.sqrt(share * (1.0 - share) / len(population))


def test_a_hazard_ratio_below_one_prevents_its_share_in_each_year_anew():
    population = people(4000)
    seen = []
    live(population, RATIO, days=366, on_day=lambda day: seen.append(population[LOG_RATIO] < 0.0))
    for day in (0, 364, 365):
        assert seen[day].mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 4000))
    assert (seen[0] == seen[364]).all()
    both = (seen[0] & seen[365]).mean()
    assert both == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000)), "independently"


def test_a_hazard_ratio_grows_and_wanes_on_the_scale_of_its_logarithm():
    """Full after 4 days, half-life 10: log ratios 0, 1/4, ... of log 0.5 x adherence, half of the whole on day 14."""
    population = people(4000)
    seen = []
    treated = RATIO | {"adherence": 0.5, "full_effect_after_days": 4, "half_life_days": 10.0, "duration_days": 20}
    live(population, treated, days=22, on_day=lambda day: seen.append(float((population[LOG_RATIO] < 0.0).mean())))
    whole = 0.5 * math.log(0.5)
    expected = {0: 0.0, 1: whole / 4, 2: whole / 2, 4: whole, 14: whole / 2, 20: 0.0}
    for day, log_ratio in expected.items():
        share = 1.0 - math.exp(log_ratio)
        assert seen[day] == pytest.approx(share, abs=4 * math.sqrt(share * (1.0 - share) / 4000))


def test_a_hazard_ratio_above_one_multiplies_the_hazard_of_everybody():
    population = people(3)
    live(population, RATIO | {"value": 1.5}, days=1)
    assert np.exp(population[LOG_RATIO]) == pytest.approx([1.5] * 3)


def test_ratios_act_independently_and_outcomes_are_groups_of_hazards():
    """Of sudden death 0.8 x 0.5 are left, of the other modes 0.8; all modes are prevented in the same people."""
    population = people(4000)
    death = {"name": "all", "kind": "hazard_ratio", "outcome": "death", "value": 0.8}
    sudden = {"name": "sudden", "kind": "hazard_ratio", "outcome": "sudden_death", "value": 0.5}
    live(population, death, sudden, days=1)
    share, error = prevented(population, "sudden_death")
    assert share == pytest.approx(0.6, abs=4 * error)
    share, error = prevented(population, "pump_failure_death")
    assert share == pytest.approx(0.2, abs=4 * error)
    for name in ("other_cardiovascular_death", "non_cardiovascular_death"):
        assert (population[f"{name}_log_ratio"] == population["pump_failure_death_log_ratio"]).all()
    assert not population[LOG_RATIO].any()


def test_the_body_reads_every_column_of_a_ratio():
    population = people(1)
    for number, column in enumerate(LOG_HAZARDS | HAZARDS):
        population[column] = 0.1 * (number + 1)
    influences = Influences(1)
    for influence in HAZARDS.values():
        influences[influence] = 2.0
    Treatments().advance(population, influences)
    for column, influence in LOG_HAZARDS.items():
        assert influences[influence][0] == pytest.approx(population[column][0])
    for column, influence in HAZARDS.items():
        assert influences[influence][0] == pytest.approx(2.0 * math.exp(population[column][0]))


def test_two_interventions_may_be_taken_up_by_the_same_people():
    population = people(400)
    training = {"name": "training", "kind": "programme", "uptake": 0.5,
                "effects": [{"column": "usual_salt_g_day", "multiply": 0.75}]}  # fmt: skip
    live(population, training, RATIO | {"uptake": 0.5, "same_people_as": "training", "value": 2.0}, days=1)
    trained = population["usual_salt_g_day"] == 6.0
    np.testing.assert_array_equal(trained, population[LOG_RATIO] > 0.0)
    assert 150 < trained.sum() < 250


def test_a_draw_of_uptake_is_shared_with_an_intervention_that_has_its_own():
    """Of three in a chain, the third would share the name of the second, but not its people."""
    chain = [RATIO | {"name": name, "same_people_as": other} for name, other in (("b", "a"), ("c", "b"))]
    strategy = validate({"name": "s", "interventions": [RATIO | {"name": "a"}, *chain]}, Strategy, "made_up.toml")
    with pytest.raises(DefinitionError, match=r"interventions\.c\.same_people_as = 'b': not another .* allowed: a"):
        check_strategy(strategy, network(HOME, clinic()).definition, SCHEMA, "made_up.toml")


def test_draws_take_the_ratio_from_its_interval():
    """Median 0.5, standard deviation of the logarithm log(0.8 / 0.3125) / 3.92."""
    one = validate({"name": "s", "interventions": [RATIO | {"low": 0.3125, "high": 0.8}]}, Strategy, "made_up.toml")
    parameters = intervention_parameters([one])
    uncertain = parameters.of("ratio.value").uncertainty
    assert uncertain.meanlog == pytest.approx(math.log(0.5))
    assert uncertain.sdlog == pytest.approx(math.log(0.8 / 0.3125) / (2 * Z_95))
    for value in (0.5, 0.3, 0.9):  # one draw in twenty lies outside the interval
        assert with_parameters(one, parameters.with_values({"ratio.value": value})).interventions[0].value == value


@pytest.mark.parametrize(
    ("intervention", "problem"),
    [
        (drug(dose=1.0), "exactly one of column, drug"),
        (drug(drug="iron", column="iv_iron_mg", dose=1.0), "exactly one of column, drug"),
        (drug(drug="carvedilol", dose=1.0, first_dose=0.5), "first_dose, step_days: a titration must have both"),
        (drug(drug="carvedilol", dose=0.5, first_dose=0.5, step_days=7), "must be below dose"),
        (RATIO | {"low": 0.4}, "an interval must have both"),
        (RATIO | {"low": 0.6, "high": 0.9}, "must lie between low"),
        (RATIO | {"outcome": "heart_failure_hospitalisation"}, "heart_failure_admission"),
    ],
)
def test_an_intervention_without_sense_is_refused(intervention, problem):
    with pytest.raises(DefinitionError, match=problem):
        validate({"name": "one", "interventions": [intervention]}, Strategy, "made_up.toml")


def test_every_class_of_the_drug_files_can_be_a_study_drug():
    assert {one.dose_column for one in drugs_by_name().values()} == set(DRUG_COLUMNS)


@pytest.mark.parametrize("name", drugs_by_name())
def test_every_drug_can_be_started_titrated_changed_and_stopped(name):
    drug_file = drugs_by_name()[name]
    column, target = drug_file.dose_column, drug_file.column_at_target
    care = network(HOME, place("ward"), clinic(), presentation="ward").definition
    infusion = column == INFUSION
    modes = [{"dose": 1.0}] if infusion else [{"dose": 1.0}, {"mode": "change", "dose": 0.5}, {"mode": "stop"}]
    for mode, dose in zip(modes, (1.0, 0.5, 0.0), strict=False):
        strategy = validate({"name": "one", "interventions": [drug(drug=name) | mode]}, Strategy, "made_up.toml")
        check_strategy(strategy, care, SCHEMA, "made_up.toml")
        population = people(1)
        if drug_file.agent_column:
            population[drug_file.agent_column] = drug_file.agent
        live(population, drug(drug=name) | mode, days=1)
        assert population[column][0] == pytest.approx(dose * target), mode
