"""The drugs: the files in the folder drugs, in the order of their codes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from popsim.definitions.base import Definition
from popsim.definitions.drug import Drug
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.physiology.influences import INFLUENCES
from popsim.units import canonical

FOLDER = Path(__file__).parent / "drugs"
DRUG_SET = "drugs"
# Bounds of numbers in place of those of their records, by the last part of the name.
BOUNDS = {
    **dict.fromkeys(("bioavailability", "renal_share", "extraction", "gut_congestion", "share"), (0.0, 1.0)),
    **dict.fromkeys(("absorption", "exchange", "age_slope", "variability", "per_day"), (0.0, 1e6)),
    **dict.fromkeys(("target_dose", "volume", "peripheral_volume", "clearance", "effect_delay"), (1e-6, 1e6)),
}
INFLUENCE_NAMES = tuple(influence.name for influence in INFLUENCES)


def read_drug(path: Path | str) -> Drug:
    """Read the file of a drug.

    Raises:
        DefinitionError: the file is refused, or the drug acts on an unknown influence.
    """
    drug = Drug.read(path)
    if drug.name != (stem := Path(path).stem):
        raise DefinitionError(path, "name", drug.name, f"must be the name of the file, '{stem}'")
    for index, effect in enumerate(drug.effects):
        if effect.influence not in INFLUENCE_NAMES:
            known = did_you_mean(effect.influence, INFLUENCE_NAMES)
            raise DefinitionError(path, f"effects[{index}].influence", effect.influence, f"no such influence, {known}")
        unit = next(one.unit for one in INFLUENCES if one.name == effect.influence)
        if canonical(effect.at_target.unit) != canonical(unit):
            key = f"effects[{index}].at_target.unit"
            raise DefinitionError(path, key, effect.at_target.unit, f"must be '{unit}', as {effect.influence} is")
    return drug


@cache
def load_drugs(folder: Path | str = FOLDER) -> tuple[Drug, ...]:
    """All drugs of a folder, ordered by code.

    Raises:
        DefinitionError: there is no such folder, a file is refused, or two drugs share a code.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DefinitionError(folder, "folder", None, "no such folder")
    drugs = sorted((read_drug(path) for path in sorted(folder.glob("*.toml"))), key=lambda drug: drug.code)
    for one, next_one in pairwise(drugs):
        if one.code == next_one.code:
            raise DefinitionError(folder / f"{next_one.name}.toml", "code", one.code, f"is that of {one.name}")
    names = [drug.name for drug in drugs]
    for drug in drugs:
        if drug.contains is not None and drug.contains not in names:
            raise DefinitionError(folder / f"{drug.name}.toml", "contains", drug.contains, known=names)
    return tuple(drugs)


def drug_parameters() -> ParameterSet:
    """The numbers of all drugs as a set: "furosemide.clearance", "spironolactone.effects.0.at_target"."""
    found = {}
    for key, record in (pair for drug in load_drugs() for pair in _numbers(drug, drug.name)):
        low, high = BOUNDS.get(key.rpartition(".")[2], (record.low, record.high))
        found[key] = record.model_copy(update={"low": low, "high": high})
    return ParameterSet(DRUG_SET, found)


def drugs_with(parameters: ParameterSet) -> tuple[Drug, ...]:
    """All drugs with the numbers of a set."""
    return tuple(_with(drug, drug.name, parameters) for drug in load_drugs())


def _numbers(one: object, name: str) -> Iterator[tuple[str, Parameter]]:
    """Every number within a definition by its path."""
    if isinstance(one, Parameter):
        yield name, one
    elif isinstance(one, Definition | tuple):
        for key, value in enumerate(one) if isinstance(one, tuple) else one:
            yield from _numbers(value, f"{name}.{key}")


def _with(one: Any, name: str, parameters: ParameterSet) -> Any:
    """A part of a definition with the numbers of a set."""
    if isinstance(one, Parameter):
        return parameters.of(name)
    if isinstance(one, tuple):
        return tuple(_with(value, f"{name}.{key}", parameters) for key, value in enumerate(one))
    if isinstance(one, Definition):
        return one.model_copy(update={key: _with(value, f"{name}.{key}", parameters) for key, value in one})
    return one
