"""Guidance of clinical twins: the experiment of five kinds, genes known or imagined, laboratory results."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from popsim.simulation.model import PopulationModel
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build, run_to_end, tables_of

FILE = Path(__file__).parents[2] / "experiments" / "twin_guided.toml"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def units():
    sizes = {"population": 150, "follow_up_days": 60, "enrolment_days": 10, "draws": 0, "replications": 1}
    study = read_study(FILE, {name: Change("test", number) for name, number in sizes.items()})
    return {unit.strategy.name: unit for unit in study.units}


def members_of(unit, size: int = 60, days: int = 0, **keys) -> tuple[PopulationModel, object]:
    strategy = unit.strategy
    guidance = strategy.guidance.model_copy(update={"members": 16} | keys)
    changed = replace(unit, strategy=strategy.model_copy(update={"guidance": guidance}))
    model = build(changed, size)
    if days:
        model.run_for(days)
    return model, model.monitoring._alert_source._source


def test_every_strategy_of_the_experiment_lives_and_is_measured(units):
    found = {}
    for name, unit in units.items():
        measures = tables_of(run_to_end(build(unit)), unit)["measures"]
        found[name] = dict(measures.select("measure", "value").iter_rows())
    alerts = {name: values["alerts_per_person_year"] for name, values in found.items()}
    assert alerts["reactive"] == 0.0
    assert min(alerts[name] for name in alerts if name != "reactive") > 0.0
    assert all("adverse_presentations_per_person_year" in values for values in found.values())


def test_known_genes_are_the_persons_and_unknown_ones_are_imagined(units):
    model, source = members_of(units["twin_guided"])
    truth = model.population["cyp2d6"][source._rows]
    assert (source.belief.ensemble.of("cyp2d6") == truth[:, None]).all()
    _, imagining = members_of(units["twin_guided"], genome_known=False)
    imagined = imagining.belief.ensemble.of("cyp2d6")
    assert (imagined != imagined[:, :1]).any(axis=1).mean() > 0.5


def test_results_of_the_laboratory_reach_the_belief(units):
    model, source = members_of(units["twin_guided"], size=200, days=60)
    people = model.population
    rows = source._rows[(people["alive"][source._rows] != 0)]
    place = source._place[rows]
    believed = source.belief.ensemble.mean("gfr_ml_min")[place]
    assert np.corrcoef(believed, people["gfr_ml_min"][rows])[0, 1] > 0.9
    error = believed - people["gfr_ml_min"][rows]
    assert error.std() < 0.5 * people["gfr_ml_min"][rows].std()
