"""Every parameter set can be varied by an experiment, and what is varied reaches those who compute with it."""

from dataclasses import replace
from pathlib import Path

import pytest
from slow_cases import with_slow

from popsim.analyses.sensitivity.parameters import varied
from popsim.errors import DefinitionError, InputError
from popsim.evidence.drugs import load_drugs
from popsim.evidence.parameters import FOLDER
from popsim.evidence.sets import INTERVENTION_SET, SHIPPED, Parameters, find_parameter
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes.scores import history, quantities
from popsim.physiology.pharmacology.drugs import Pharmacology
from popsim.population.sampling import sample
from popsim.studies.design import Change, read_study, study_of
from popsim.studies.unit import build
from popsim.studies.warnings import design_warnings

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FILES = {name: EXPERIMENTS / f"{name}.toml" for name in ("heart_failure_discharge", "twin_guided", "whas500_discharge")}
SIZE = {
    "population": Change("--population", 12),
    "draws": Change("--draws", 0),
    "replications": Change("--replications", 1),
    "price_year": Change("test", "as_printed"),  # prices are those of their records
}


def with_parameters(name, draws=0, **said):
    """The study of a shipped experiment with some parameters changed."""
    experiment = read_study(FILES[name]).experiment
    parameters = {**experiment.parameters, **{key.replace("__", "."): value for key, value in said.items()}}
    changes = SIZE | {"parameters": Change("test", parameters), "draws": Change("--draws", draws)}
    return study_of(experiment, EXPERIMENTS, file=FILES[name], changes=changes)


def around(record):
    """Two values between which the parameter's own lies, as it may have them; none where it is at a bound."""
    half = 0.5 * min(record.high - record.value, record.value - record.low, 0.1 * max(abs(record.value), 1.0))
    return record.value - half, record.value + half


def unit_of(study, strategy):
    return next(unit for unit in study.units if unit.strategy.name == strategy)


def source_of(study, strategy):
    """What tells the risks in the model of a guided strategy."""
    return build(unit_of(study, strategy)).monitoring._alert_source._source


def test_every_file_is_a_set_and_every_drug_has_its_numbers():
    assert {path.stem for path in FOLDER.glob("*.toml")} | {"drugs"} == set(SHIPPED)
    assert {key.partition(".")[0] for key in SHIPPED["drugs"]} == {drug.name for drug in load_drugs()}


@pytest.fixture(scope="module")
def plain():
    return read_study(FILES["heart_failure_discharge"], SIZE)


@pytest.mark.parametrize("name", with_slow(SHIPPED, lambda name: name not in ("heart_failure", "lungs")))
def test_one_parameter_of_every_set_is_varied(name, plain):
    """By an experiment, by a sensitivity analysis and by draws; other units than those of the plain experiment."""
    groups = (one for one in SHIPPED[name].groups if one.distribution != "correlated")
    grouped = {key for group in groups for key in group.parameters}  # their distribution is the group's
    alone = {key for key in SHIPPED[name].keys() - grouped if f"{name}.{key}" not in plain.experiment.parameters}
    key = next(key for key in SHIPPED[name] if key in alone and around(SHIPPED[name].of(key))[0] < SHIPPED[name][key])
    record, dotted = SHIPPED[name].of(key), f"{name}.{key}"
    low, high = around(record)
    found = with_parameters("heart_failure_discharge", **{dotted: high})
    assert found.parameters[name][key] == high != plain.parameters[name][key]
    assert {unit.key for unit in found.units}.isdisjoint(unit.key for unit in plain.units)
    assert found.describe()["parameters"][name][key] == high
    (one,) = varied(plain, [f"{dotted}={low!r}:{high!r}"])
    assert (one.value, one.low, one.high) == (record.value, low, high)
    spread = {"uncertainty": {"distribution": "uniform", "low": low, "high": high, "source": "made up"}}
    drawn = with_parameters("heart_failure_discharge", draws=2, **{dotted: spread})
    (values,) = drawn.draw_table().filter(draw=2).select(dotted).rows()
    assert low < drawn.parameters_of(2)[name][key] == values[0] < high
    assert drawn.parameters_of(2)[name].of(key).source == record.source


def test_sets_beside_the_model_say_nothing_in_units_that_leave_them_alone(plain):
    assert "twinning" not in plain.describe()["parameters"]
    assert set(plain.describe()["parameters"]) == set(plain.parameters.counted)


@pytest.mark.slow
def test_numbers_of_drugs_reach_the_body():
    study = with_parameters("heart_failure_discharge", **{"drugs.spironolactone.effects.0.at_target": 0.5})
    model = build(study.units[0])
    (drugs,) = (one.drugs for one in model.build_physiology().systems if isinstance(one, Pharmacology))
    (changed,) = (drug for drug in drugs if drug.name == "spironolactone")
    assert changed.effects[0].at_target.value == 0.5
    (before,) = (drug for drug in load_drugs() if drug.name == "spironolactone")
    assert changed.model_copy(update={"effects": before.effects}).dose_column == before.dose_column


def test_constants_of_beliefs_reach_the_guidance(monkeypatch):
    asked = []

    def counting(cohort, schema, size, *key):
        asked.append(size)
        return sample(cohort, schema, size, *key)

    monkeypatch.setattr("popsim.assimilation.prior.sample", counting)
    study = with_parameters("twin_guided", twinning__donors=300, therapy_choice__stay_days=9)
    source = source_of(study, "twin_guided")
    assert set(asked) == {300}
    assert source._parameters["therapy_choice"]["stay_days"] == 9


def test_constants_of_learning_reach_the_guidance():
    loop = source_of(with_parameters("twin_guided", learning__hold_out_share=0.5), "risk_model_guided").loop
    assert loop.hold_out_share == 0.5


def test_constants_of_scores_reach_them():
    study = with_parameters("whas500_discharge", **{"risk_scores.sodium_mmol_l": 130.0})
    model = build(study.units[0])
    past = history(model.events.frame(), {}, model.population, 0, model.parameters["risk_scores"])
    found = quantities(model.population, 0, past, model.parameters)
    assert set(found["sodium_mmol_l"]) == {130.0}
    height_m = model.population["height_cm"] / 100.0
    assert model.population["weight_kg"] / found["bmi_kg_m2"] == pytest.approx(height_m**2)


@pytest.mark.slow
def test_constants_of_formulas_reach_the_people_of_a_table():
    """Weight goes with the square of height: in a table of body mass indices that of women grows by a factor of 1.21.

    A draw reaches them too.
    """
    plain = with_parameters("whas500_discharge")
    height = plain.parameters["body_size"]["height_female"]
    low = {"uncertainty": {"distribution": "uniform", "low": 0.99 * height, "high": 1.1 * height, "source": "made up"}}
    for study, draw in ((with_parameters("whas500_discharge", body_size__height_female=1.1 * height), 0),
                        (with_parameters("whas500_discharge", draws=1, body_size__height_female=low), 1)):  # fmt: skip
        ratio = study.parameters_of(draw)["body_size"]["height_female"] / height
        before = build(plain.units[0]).population
        after = build(replace(plain.units[0], study=study, draw=draw)).population
        now = sample(replace(plain.cohort, parameters=study.parameters_of(draw)), plain.schema, 12, RandomKey(1))
        was = sample(plain.cohort, plain.schema, 12, RandomKey(1))
        women = was["female"] == 1
        assert women.any()
        assert (now["dry_weight_kg"][women] / was["dry_weight_kg"][women]) == pytest.approx(ratio**2, rel=1e-5)
        assert (now["dry_weight_kg"][~women] == was["dry_weight_kg"][~women]).all()
        assert draw or (after["dry_weight_kg"] != before["dry_weight_kg"]).any()


def test_what_an_experiment_does_not_have_is_refused_and_what_its_runs_do_not_read_is_said():
    with pytest.raises(DefinitionError, match=r"parameters\.blood\.x = 1\.0: no such parameter, allowed: "):
        with_parameters("whas500_discharge", blood__x=1.0)
    with pytest.raises(DefinitionError, match="no parameter set 'twining', did you mean 'twinning'"):
        with_parameters("twin_guided", twining__donors=300)
    with pytest.raises(DefinitionError, match=r"did you mean 'metoprolol\.clearance'"):
        with_parameters("heart_failure_discharge", **{"drugs.metoprolol.clearence": 1.0})
    with pytest.raises(DefinitionError, match="must lie between"):
        with_parameters("heart_failure_discharge", **{"drugs.metoprolol.clearance": 0.0})
    study = with_parameters(
        "twin_guided", twinning__donors=300, learning__hold_out_share=0.2, equity__kolm_aversion=0.1
    )
    (said,) = (one for one in design_warnings(study.experiment, study.sampling) if "parameters." in one)
    assert said.startswith("parameters.equity.kolm_aversion: no run of this experiment reads it, only analyses")
    study = with_parameters("whas500_discharge", body_size__height_male=1.8, inker_2021__scale=141.0)
    (said,) = (one for one in design_warnings(study.experiment, study.sampling) if "parameters." in one)
    assert said.startswith("parameters.inker_2021.scale")


def test_sets_that_somebody_gives_are_checked():
    prices = SHIPPED["nhs_prices"].with_values({"nurse_visit": 1.0})
    assert Parameters({"nhs_prices": prices})["nhs_prices"]["nurse_visit"] == 1.0
    with pytest.raises(InputError, match="no parameter set 'nhs_price', did you mean 'nhs_prices'"):
        Parameters({"nhs_price": prices})
    with pytest.raises(InputError, match="the set 'equity' lacks atkinson_aversion, kolm_aversion"):
        Parameters({"equity": prices})
    assert INTERVENTION_SET not in SHIPPED
    assert find_parameter("learning.hold_out_share", SHIPPED, "f", "k") == ("learning", "hold_out_share")
