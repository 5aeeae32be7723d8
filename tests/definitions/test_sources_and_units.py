"""Every number says where it comes from, in a unit that popsim knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.definitions.base import validate
from popsim.definitions.distributions import FixedMarginal
from popsim.definitions.drug import Drug
from popsim.definitions.parameter import Parameter
from popsim.definitions.score import Score
from popsim.definitions.signal import SignalFile
from popsim.definitions.target import Target
from popsim.errors import DefinitionError
from popsim.evidence.drugs import FOLDER as DRUGS
from popsim.evidence.drugs import read_drug
from popsim.units import is_unit

EVIDENCE = Path(__file__).parents[2] / "popsim/evidence"
TARGET = {
    "name": "t", "quantity": "q", "value": 0.2, "low": 0.1, "high": 0.3, "unit": "proportion", "use": "validate",
    "provenance": "seen", "source": "made up for the test",
}  # fmt: skip


@pytest.mark.parametrize("source", ["", " ", "          ", "?"])
def test_a_source_is_a_text(source, tmp_path):
    validate(TARGET, Target, "file")
    for table, model in (
        (TARGET, Target),
        ({"value": 1.0, "unit": "1", "source": ""}, Parameter),
        ({"distribution": "fixed", "value": 1.0, "source": ""}, FixedMarginal),
    ):
        with pytest.raises(DefinitionError, match=r"source = .*must say where the numbers come from"):
            validate(table | {"source": source}, model, "file")
    score = next((EVIDENCE / "scores").glob("*.toml"))
    for path, model in ((score, Score), (EVIDENCE / "devices/signals.toml", SignalFile)):
        lines = path.read_text().splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith("source = "))
        lines[place] = f'source = "{source}"'
        spoilt = tmp_path / path.name
        spoilt.write_text("\n".join(lines))
        with pytest.raises(DefinitionError, match="source"):
            model.read(spoilt)


@pytest.mark.parametrize("unit", ["x", "", "d", "hours", "mg/d"])
def test_a_drug_file_is_in_the_units_that_its_kernel_counts_in(tmp_path, unit):
    text = (DRUGS / "warfarin.toml").read_text()
    start = text.index("[effect_delay]")
    delay = text[start : text.index("[", start + 1)]
    path = tmp_path / "warfarin.toml"
    path.write_text(text.replace(delay, delay.replace('unit = "d"', f'unit = "{unit}"')))
    if unit == "d":
        assert isinstance(read_drug(path), Drug)
        return
    with pytest.raises(DefinitionError, match=r"effect_delay.*unit|must be 'd'"):
        read_drug(path)


def test_an_effect_is_in_the_unit_of_what_it_acts_on(tmp_path):
    text = (DRUGS / "carvedilol.toml").read_text()
    path = tmp_path / "carvedilol.toml"
    path.write_text(text.replace('unit = "mm[Hg]"', 'unit = "%"', 1))
    assert path.read_text() != text
    with pytest.raises(DefinitionError, match=r"effects\[\d\]\.at_target\.unit = '%': must be 'mm\[Hg\]'"):
        read_drug(path)


@pytest.mark.parametrize(
    "unit", ["1", "mmHg/L", "1/(5 mL/min/1.73m2)", "g.mL/(dL.min)", "GBP/day", "1/sqrt(a)", "10 a"]
)
def test_units_of_parameters_are_made_of_known_ones(unit):
    assert is_unit(unit)


@pytest.mark.parametrize("unit", ["x", "mmHgg", "1/x", "mg/fortnight", "£", "gbp/day"])
def test_an_unknown_unit_of_a_parameter_is_refused(unit):
    assert not is_unit(unit)
    with pytest.raises(DefinitionError, match=r"unit = .*unknown unit"):
        validate({"value": 1.0, "unit": unit, "source": "made up for the test"}, Parameter, "file")
