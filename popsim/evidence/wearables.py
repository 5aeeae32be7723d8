"""The rules by which readings of devices are thinned: the set in thinning/wearables.toml."""

from __future__ import annotations

from popsim.evidence.parameters import FOLDER, ParameterSet, load_parameters


def wearable_rules() -> ParameterSet:
    """The set of parameters."""
    return load_parameters("wearables", FOLDER / "thinning")
