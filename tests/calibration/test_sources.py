"""What published figures may be conditional on: what is known at entry, the same people under every strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.calibration.sources import read_source
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
