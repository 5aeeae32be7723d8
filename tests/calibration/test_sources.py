"""What published figures may be conditional on: what is known at entry, the same people under every strategy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from popsim.calibration.sources import figures, read_source
from popsim.definitions.network import MAX_CAPACITY, UNLIMITED
from popsim.errors import DefinitionError
from popsim.studies.design import read_study

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TARGETS = EXPERIMENTS / "targets" / "discharge.toml"
TRIAL = EXPERIMENTS / "trials" / "dapa_hf.toml"


@pytest.mark.parametrize("column", ["cost_total", "visits", "ages_years"])
def test_a_condition_on_an_outcome_is_refused(tmp_path, column):
    text = TARGETS.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("experiment"))
    text = text.replace(line, f'experiment = "{(TARGETS.parent / line.split(chr(34))[1]).resolve()}"')
    for name, wanted in (("age_years", None), (column, "must be known at entry")):
        file = tmp_path / "targets.toml"
        head, _, rest = text.partition("[[targets]]")
        file.write_text(
            f"{head}[[targets]]\nwhere = [{{ column = '{name}', at_least = 75.0 }}]{rest}", encoding="utf-8"
        )
        if wanted is None:
            assert read_source(file).targets[0].where
            continue
        with pytest.raises(DefinitionError, match=rf"where = '{column}': {wanted}") as error:
            read_source(file)
    assert str(file) in str(error.value)


def test_people_of_two_regions_are_two_people(tmp_path):
    source = read_source(TARGETS)
    target = next(one for one in source.targets if one.name == "readmission_30d")
    study = replace(source.study, experiment=source.study.experiment.model_copy(update={"regions": 2}))
    unit = {"strategy": "usual_care", "draw": 0, "replication": 0, "person_id": 0}
    life = {"death_day": None, "followed_days": 365.0}
    persons = pl.DataFrame([unit | life | {"region": region, "entry_day": 10.0 * region} for region in (0, 1)])
    admission = unit | {"region": 1, "admit_time_days": 15.0, "planned": False, "cause": "heart_failure"}
    admission |= {"index_stay": False}
    persons.write_parquet(tmp_path / "persons.parquet")
    for name in ("admissions", "urgent_visits"):
        pl.DataFrame([admission]).write_parquet(tmp_path / f"{name}.parquet")
    [[found]] = figures(replace(source, study=study, targets=(target,)), lambda _: SimpleNamespace(folder=tmp_path))
    assert found.value == 0.5  # of two people one is admitted


def queues(network):
    """Whether people wait for beds or slots, or share them with others."""
    beds = [one.capacity not in (None, UNLIMITED) for one in network.settings]
    slots = [one.slots_per_day not in (None, MAX_CAPACITY) for one in network.settings]
    return any(beds + slots) or any(source.per_day > 0.0 for source in network.arrivals)


def test_people_of_a_published_study_do_not_queue_for_each_other():
    for file in (TARGETS, TRIAL):
        assert not queues(read_source(file).study.network)


def test_a_trial_has_no_queues_but_a_catchment_has():
    assert not queues(read_study(TRIAL).network)
    assert queues(read_study(EXPERIMENTS / "heart_failure_discharge.toml").network)
