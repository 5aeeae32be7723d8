"""Parameters of an experiment: what it may change, what is drawn, and what the units depend on."""

import pickle
from pathlib import Path

import made_up_work
import polars as pl
import pytest

from popsim.definitions.distributions import Fixed
from popsim.errors import DefinitionError
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import FOLDER, load_parameters
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

BETA = '"griffiths_2014.utility_nyha_4".uncertainty = { distribution = "beta", standard_error = 0.03 }'
GAMMA = 'nhs_prices.nurse_visit = { value = 31, uncertainty = { distribution = "gamma", standard_error = 4.0 } }'


@pytest.fixture
def study(experiment_file):
    """The study of an experiment with these lines as its parameters and these after them."""

    def of(*parameters, groups="", **flags):
        text = experiment_file.read_text() + "\n".join(["[parameters]", *parameters, groups])
        path = experiment_file.with_name("uncertain.toml")
        path.write_text(text)
        return read_study(path, {key: Change(f"--{key}", value) for key, value in flags.items()})

    return of


def keys(study):
    return {(unit.strategy.name, unit.draw, unit.replication): unit.key for unit in study.units}


def test_draws_reach_the_sets_and_the_table(study):
    found = study(BETA, GAMMA, draws=5)
    table = found.draw_table()
    assert table["draw"].to_list() == [1, 2, 3, 4, 5]
    assert table.schema["draw"] == pl.Int32
    assert {"griffiths_2014.utility_nyha_4", "nhs_prices.nurse_visit"} < {*table.columns}
    for draw in (1, 5):
        sets = found.parameters_of(draw)
        for dotted in table.columns[1:]:
            name, _, parameter = dotted.partition(".")
            assert sets[name][parameter] == table[dotted][draw - 1]
        certain = {*sets} - {dotted.partition(".")[0] for dotted in table.columns}
        assert certain and all(sets[name] == found.parameters[name] for name in certain)
    assert found.parameters_of(0)["nhs_prices"]["nurse_visit"] == 31.0
    assert study(BETA, GAMMA).draw_table()["nhs_prices.nurse_visit"].to_list() == [31.0]


def test_a_number_is_known_for_certain(study):
    found = study('"nhs_prices.specialist_visit" = 100.0', BETA, draws=2)
    assert "nhs_prices.specialist_visit" not in found.uncertain.names
    assert found.parameters_of(2)["nhs_prices"]["specialist_visit"] == 100.0
    assert found.parameters["nhs_prices"].of("specialist_visit").uncertainty == Fixed(distribution="fixed")


def test_strategies_and_replications_share_the_draw(study):
    units = study(BETA, draws=2).units
    assert len(units) == 2 * 2 * 4
    rows = {(unit.draw, unit.study.parameters_of(unit.draw)["griffiths_2014"]["utility_nyha_4"]) for unit in units}
    assert len(rows) == 2


def test_more_draws_keep_those_there_are(study):
    few, more = keys(study(BETA, draws=2)), keys(study(BETA, draws=4))
    assert len(more) == 2 * len(few)
    assert more.items() >= few.items()
    assert len({*more.values()}) == len(more)


def test_another_distribution_changes_every_unit_with_draws_and_none_without(study):
    wider = BETA.replace("0.03", "0.04")
    assert not {*keys(study(BETA, draws=2)).values()} & {*keys(study(wider, draws=2)).values()}
    assert keys(study(BETA)) == keys(study(wider))


def test_a_group_of_the_experiment_says_all_about_its_members(study):
    group = """
[[parameter_groups]]
distribution = "multivariate_normal"
parameters = ["nhs_prices.specialist_visit", "nhs_prices.nurse_visit"]
covariance = [[9.0, 1.0], [1.0, 1.0]]
"""
    found = study('"nhs_prices.nurse_visit" = { value = 50.0 }', groups=group, draws=1).uncertain
    assert found.distributions["nhs_prices.nurse_visit"].mean == 50.0
    assert found.distributions["nhs_prices.specialist_visit"].standard_error == 3.0
    with pytest.raises(DefinitionError, match=r"= 'nhs_prices.nurse_visit': has an uncertainty of its own as well"):
        study(GAMMA, groups=group)


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ('"nhs_price.nurse_visit" = 1.0', "parameters.nhs_price.nurse_visit = 1.0: no parameter set 'nhs_price', did"),
        (
            '"nhs_prices.nurse_visits" = { value = 1.0 }',
            "parameters.nhs_prices.nurse_visits: no such parameter, did you",
        ),
        (
            '"griffiths_2014.utility_nyha_1".uncertainty = { distribution = "normal", standard_error = 0.1 }',
            "uncertain.toml: griffiths_2014.utility_nyha_1.uncertainty: this normal lies outside [-0.594, 1] with "
            "probability 0.036: use beta",
        ),
        ('"griffiths_2014.utility_nyha_1" = 1.5', "griffiths_2014.utility_nyha_1 = 1.5: value 1.5 must lie between"),
    ],
)
def test_what_is_refused(study, line, refusal):
    with pytest.raises(DefinitionError) as caught:
        study(line)
    assert refusal in str(caught.value)
    assert "\n" not in str(caught.value)


def test_draws_of_nothing_are_refused(study, monkeypatch):
    monkeypatch.setattr("popsim.studies.parameters.uncertain_parameters", lambda *_: NothingUncertain)
    assert study().draws == (0,)
    with pytest.raises(DefinitionError, match=r"draws = 3: must be 0: no parameter is uncertain"):
        study(draws=3)


class NothingUncertain:
    names = ()


ROOT = Path(__file__).parents[2]


def test_every_parameter_set_says_where_its_uncertainty_comes_from():
    sets = {path.stem: load_parameters(path.stem) for path in FOLDER.glob("*.toml")}
    found = uncertain_parameters(sets, (), "evidence")
    assert len(found.names) > 40
    for dotted in found.names:
        name, _, key = dotted.partition(".")
        assert len(sets[name].of(key).uncertainty.source) > 8, dotted


@pytest.mark.slow
def test_the_experiment_of_uncertainty_draws_what_the_models_take():
    """Into the compiled prices of a model goes what was drawn, and the same in a worker's copy of the study."""
    study = read_study(ROOT / "experiments" / "heart_failure_uncertainty.toml")
    assert (study.experiment.draws, study.experiment.store) == (40, "measures")
    table = study.draw_table()
    copy = pickle.loads(pickle.dumps(study))
    for unit in (study.units[2], study.units[-1]):
        assert unit.strategy.name == "telemonitoring"
        row = table.row(unit.draw - 1, named=True)
        valuation = build(unit, 8).valuation
        assert valuation.daily.telemonitoring == row["nhs_prices.telemonitoring_day"]
        again = copy.parameters_of(unit.draw)
        assert all(again[n.partition(".")[0]][n.partition(".")[2]] == row[n] for n in table.columns[1:])
    assert table["nhs_prices.telemonitoring_day"].n_unique() == 40


@pytest.mark.slow
def test_a_run_keeps_what_was_drawn(study, tmp_path):
    found = study(BETA, GAMMA, draws=3)
    result = run_study(found, tmp_path, Engine(1, 1), simulate=made_up_work.tables)
    assert pl.read_parquet(result.folder / "draws.parquet").equals(found.draw_table())
    without = run_study(study(BETA), tmp_path, Engine(1, 1), simulate=made_up_work.tables)
    assert not (without.folder / "draws.parquet").exists()
