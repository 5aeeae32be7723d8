"""A strategy in the form the event loop takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.network import CareNetwork
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, did_you_mean
from popsim.kernels.care_records import FOLLOW_UP, Policy


def compile_policy(strategy: Strategy, network: CareNetwork, file: object = "strategy") -> Policy:
    """The strategy's telemonitoring.

    Raises:
        DefinitionError: its desk is not a contact setting of the network.
    """
    tele = strategy.telemonitoring
    if tele is None:
        return Policy(desk=-1, uptake=0.0, duration_days=0.0)
    desk = _contact(tele.desk, f"strategies.{strategy.name}.telemonitoring.desk", network, file)
    return Policy(desk=desk, uptake=tele.uptake, duration_days=tele.duration_days)


def compile_follow_ups(strategy: Strategy, network: CareNetwork, file: object = "strategy") -> NDArray[Any]:
    """The strategy's follow-up contacts as a table.

    A contact within n days is booked for day n/2 (rounded down, at least 1): the other half is for a full clinic.

    Raises:
        DefinitionError: one of them is not a contact setting of the network.
    """
    key = f"strategies.{strategy.name}.follow_up.setting"
    rows = [(p.uptake, _contact(p.setting, key, network, file), max(1, p.within_days // 2)) for p in strategy.follow_up]
    return np.array(rows, FOLLOW_UP)


def _contact(name: str, key: str, network: CareNetwork, file: object) -> int:
    """Number of a contact setting."""
    contacts = {s.name for s in network.settings if s.setting_class == "outpatient"}
    if name not in contacts:
        raise DefinitionError(file, key, name, f"must be a contact setting, {did_you_mean(name, contacts)}")
    return network.index(name)
