"""The numbers of interventions as parameters: overridden, drawn, and no business of strategies without them."""

import pytest

from popsim.errors import DefinitionError
from popsim.studies.design import read_study
from popsim.studies.intervention_parameters import INTERVENTION_SET, intervention_parameters, with_parameters
from popsim.studies.unit import build

MORE = """
[[strategies]]
name = "drug"
[[strategies.interventions]]
name = "sglt2"
kind = "drug"
column = "sglt2_inhibitor_fraction"
dose = 1.0
uptake = 0.5
cost_once = 10.0
[[strategies.interventions]]
name = "diet"
kind = "programme"
effects = [ { column = "usual_salt_g_day", multiply = 0.8 }, { column = "adherence_trait", add = 0.1 } ]
[[strategies]]
name = "both"
inherits = "drug"
[[strategies.interventions]]
name = "diet"
kind = "programme"
effects = [ { column = "usual_salt_g_day", multiply = 0.7 }, { column = "adherence_trait", add = 0.1 } ]
"""
UPTAKE = 'parameters."interventions.sglt2.uptake"'


@pytest.fixture
def study_with(experiment_file):
    text = experiment_file.read_text()

    def read(line=""):
        experiment_file.write_text(text.replace("seed = 7", f"seed = 7\n{line}") + MORE)
        return read_study(experiment_file)

    return read


def strategies(study):
    return {unit.strategy.name: unit.strategy for unit in study.units}


def test_numbers_that_strategies_share_are_parameters(study_with):
    found = study_with().parameters[INTERVENTION_SET]
    assert dict(found) == {
        "sglt2.uptake": 0.5, "sglt2.adherence": 1.0, "sglt2.cost_once": 10.0, "sglt2.cost_per_day": 0.0,
        "sglt2.dose": 1.0, "diet.uptake": 1.0, "diet.adherence": 1.0, "diet.cost_once": 0.0, "diet.cost_per_day": 0.0,
        "diet.effects.1.add": 0.1,
    }  # fmt: skip
    assert [found.of("sglt2.dose").low, found.of("sglt2.dose").high] == [0, 1]


def test_what_they_say_is_put_back_where_it_was(study_with):
    for strategy in (study_with().experiment.strategy(name) for name in ("usual", "drug", "both")):
        parameters = intervention_parameters([strategy])
        assert with_parameters(strategy, parameters) == strategy
        keys = [key for key in parameters if key.endswith("multiply")]
        changed = with_parameters(strategy, parameters.with_values(dict.fromkeys(keys, 0.5)))
        assert {e.multiply for one in changed.interventions[1:] for e in one.effects} - {None} == (
            {0.5} if keys else set()
        )


def test_an_override_changes_the_units_that_have_the_intervention_and_no_others(study_with):
    before, study = study_with(), study_with(f"{UPTAKE} = 0.25")
    uptakes = {name: [one.uptake for one in found.interventions] for name, found in strategies(study).items()}
    assert uptakes == {"usual": [], "other": [], "drug": [0.25, 1.0], "both": [0.25, 1.0]}
    same = {a.strategy.name for a, b in zip(before.units, study.units, strict=True) if a.key == b.key}
    assert same == {"usual", "other"}


def test_uncertain_numbers_are_drawn_for_all_strategies_alike(study_with):
    line = f'draws = 3\n{UPTAKE} = {{ uncertainty = {{ distribution = "beta", standard_error = 0.1 }} }}'
    study = study_with(line)
    drawn = study.draw_table()["interventions.sglt2.uptake"].to_list()
    assert len(set(drawn)) == 3
    units = [unit for unit in study.units if unit.replication == 0 and unit.strategy.name in ("drug", "both")]
    taken = {(unit.draw, build(unit, 20).strategy.interventions[0].uptake) for unit in units}
    assert taken == set(enumerate(drawn, start=1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{UPTAKE} = 1.5", "interventions.sglt2.uptake = 1.5: "),
        ('parameters."interventions.sglt2.uptaek" = 0.5', "no such parameter, did you mean 'sglt2.uptake'?"),
        ('parameters."interventions.diet.effects.0.multiply" = 0.5', "no such parameter"),
    ],
)
def test_what_is_no_parameter_or_out_of_bounds_is_refused_in_one_line(study_with, line, message):
    with pytest.raises(DefinitionError) as caught:
        study_with(line)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
