"""What is read at entry is set by somebody: by the cohort, by a stated value or by whoever writes the column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from popsim.care.network import CareNetwork
from popsim.cli import main
from popsim.definitions.base import validate
from popsim.definitions.cohort import CohortDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, InputError
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.population.columns import Column, Schema
from popsim.population.sampling import plan, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

ROOT = Path(__file__).parents[2]
COHORT = CohortSource.read(ROOT / "cohorts/heart_failure_discharge.toml")
FOUR = (
    "baseline_ejection_fraction_percent", "dry_weight_kg", "baseline_gfr_ml_min", "baseline_systolic_mmhg",
)  # fmt: skip


def without(cohort: CohortSource, *names: str) -> CohortSource:
    definition = cohort.definition
    table = dict(definition) | {
        "columns": {name: one for name, one in definition.columns.items() if name not in names},
        "correlations": tuple(one for one in definition.correlations if not {one.a, one.b} & set(names)),
    }
    return CohortSource(validate(table, CohortDefinition, cohort.path), cohort.path)


def model_of(people, schema=SCHEMA, **others) -> PopulationModel:
    network = CareNetwork.read(ROOT / "experiments/networks/heart_failure_catchment.toml", schema.columns)
    return PopulationModel(people, network, Strategy(name="usual_care"), seed=1, **others)


def test_each_column_that_nobody_else_knows_is_missed():
    plan(COHORT, SCHEMA)
    required = [name for name, one in SCHEMA.columns.items() if one.required and name in COHORT.definition.columns]
    assert set(FOUR) | {"frailty", "adherence_trait", "copd"} <= set(required)
    for name in set(required) - {"age_years", "female"}:  # these the life table asks for first
        with pytest.raises(DefinitionError, match=f"columns: missing: {name};"):
            plan(without(COHORT, name), SCHEMA)


def test_the_refusal_names_all_that_are_missing(tmp_path, capsys):
    with pytest.raises(DefinitionError) as refused:
        sample(without(COHORT, *FOUR), SCHEMA, 10, RandomKey(1))
    assert all(name in str(refused.value) for name in FOUR)
    text = (ROOT / "cohorts/heart_failure_discharge.toml").read_text()
    start = text.index("[columns.baseline_heart_rate_bpm]")
    rate = text[start : text.index("[columns.baseline_gfr_ml_min]")]
    path = tmp_path / "cohort.toml"
    path.write_text(text[: text.index("# Correlations")].replace(rate, ""))
    assert main(["check", str(path)]) == 2
    refusal = capsys.readouterr().err
    assert "cohort.toml: columns: missing: baseline_heart_rate_bpm;" in refusal
    assert 'inherits = "heart_failure_discharge.toml"' in refusal


@pytest.mark.parametrize("name", ["weight_kg", "systolic_mmhg", "alive", "qaly", "measured_weight_kg"])
def test_a_column_that_is_worked_out_cannot_be_given(name):
    column = {"distribution": "fixed", "value": 100.0, "unit": SCHEMA[name].unit, "source": "made up for the test"}
    with pytest.raises(DefinitionError, match=rf"columns\.{name}: is worked out by \w+ at entry"):
        plan(validated(COHORT, name, column), SCHEMA)


def validated(cohort: CohortSource, name: str, column: dict) -> CohortSource:
    table = dict(cohort.definition) | {"columns": dict(cohort.definition.columns) | {name: column}}
    return CohortSource(validate(table, CohortDefinition, cohort.path), cohort.path)


def test_what_is_worked_out_depends_on_nothing_that_stood_there():
    """The check of the declarations: junk in every column that physiology is said to fill changes no bit."""
    models = []
    for junk in (False, True):
        people = sample(COHORT, SCHEMA, 60, RandomKey(2))
        for name, column in SCHEMA.columns.items():
            if junk and column.writer == "physiology" and not column.settable:
                people[name] = np.random.default_rng(3).uniform(column.low, column.high, 60)
        models.append(model_of(people))
        models[-1].run_for(4)
    for name in SCHEMA.columns:
        assert np.array_equal(models[0].population[name], models[1].population[name]), name


@pytest.mark.parametrize(
    ("name", "value"), [(name, 0.0) for name in FOUR] + [("age_years", -3.0), ("dry_weight_kg", np.nan)]
)
def test_a_model_refuses_people_that_nobody_can_be(name, value):
    people = sample(COHORT, SCHEMA, 20, RandomKey(1))
    people[name][7] = value
    with pytest.raises(InputError, match=rf"population: {name} = .* in 1 of 20 rows, must be .*\(row 7\)"):
        model_of(people)


class Silent:
    """An organ system that forgets to fill its column."""

    def initialise(self, population, influences):
        pass

    def advance(self, population, clock, influences):
        pass


def test_own_organ_systems_set_their_columns_and_own_traits_are_given():
    written = Schema((*SCHEMA.columns.values(), Column("own_g_l", "real", "g/L", 30, 220, "Own.", "physiology")))
    people = sample(COHORT, written, 20, RandomKey(1))
    with pytest.raises(InputError, match="own_g_l = 0 in 20 of 20 rows, must be 30 to 220 g/L"):
        model_of(people, written, organ_systems=[Silent()])
    trait = Schema((*SCHEMA.columns.values(), Column("own_trait", "real", "1", 0, 1, "Own.", "cohort")))
    with pytest.raises(DefinitionError, match="missing: own_trait;"):
        sample(COHORT, trait, 20, RandomKey(1))
    stated = Column("own_trait", "real", "1", 0, 1, "Own.", "cohort", at_entry=0.5)
    people = sample(COHORT, Schema((*SCHEMA.columns.values(), stated)), 20, RandomKey(1))
    assert (people["own_trait"] == 0.5).all()
