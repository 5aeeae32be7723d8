"""The drugs of the clinical twin: the files in the folder drugs, in the order of their codes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

from popsim.definitions.drug import Drug
from popsim.errors import DefinitionError, did_you_mean
from popsim.kernels.physiology.influences import INFLUENCES
from popsim.units import canonical

FOLDER = Path(__file__).parent / "drugs"
INFLUENCE_NAMES = tuple(influence.name for influence in INFLUENCES)


def read_drug(path: Path | str) -> Drug:
    """Read the file of a drug.

    Raises:
        DefinitionError: the file is refused, or the drug acts on an unknown influence.
    """
    drug = Drug.read(path)
    if drug.name != (stem := Path(path).stem):
        raise DefinitionError(path, "name", drug.name, f"must be the name of the file, '{stem}'")
    for place, effect in enumerate(drug.effects):
        if effect.influence not in INFLUENCE_NAMES:
            known = did_you_mean(effect.influence, INFLUENCE_NAMES)
            raise DefinitionError(path, f"effects[{place}].influence", effect.influence, f"no such influence, {known}")
        unit = next(one.unit for one in INFLUENCES if one.name == effect.influence)
        if canonical(effect.at_target.unit) != canonical(unit):
            key = f"effects[{place}].at_target.unit"
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
    return tuple(drugs)
