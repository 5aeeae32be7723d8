"""What published figures may be conditional on: what is known at entry, the same people under every strategy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from popsim.calibration.sources import figures, read_source
from popsim.errors import DefinitionError

TARGETS = Path(__file__).parents[2] / "experiments" / "targets" / "discharge.toml"


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
    persons = pl.DataFrame([unit | {"region": region, "entry_day": 10.0 * region} for region in (0, 1)])
    admission = unit | {"region": 1, "admit_time_days": 15.0, "cause": "heart_failure"}
    admission |= {"planned": False, "index_stay": False}
    persons.write_parquet(tmp_path / "persons.parquet")
    pl.DataFrame([admission]).write_parquet(tmp_path / "admissions.parquet")
    [[found]] = figures(replace(source, study=study, targets=(target,)), lambda _: SimpleNamespace(folder=tmp_path))
    assert found.value == 0.5  # of two people one is admitted
