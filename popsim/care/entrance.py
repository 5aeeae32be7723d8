"""Where twins enter the care network, if not at the network's own entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.care.records import Arrays
from popsim.population.population import Population

if TYPE_CHECKING:
    from popsim.care.system import CareSystem


@dataclass(frozen=True)
class Entrance:
    """How twins that have lived before enter a network.

    Attributes:
        entered_as: where follow-up begins (codes.ENTERED_*).
        setting: index of the setting, by twin.
        uses: how often each twin has used each setting, (twins, settings): its random numbers go on; None: never.
        network: the network that the twins are in, which goes on from where it is, and their rows there; None: it
            begins empty.
    """

    entered_as: int
    setting: NDArray[np.int8]
    uses: NDArray[np.int32] | None = None
    network: tuple[CareSystem, NDArray[np.int64]] | None = None

    def prepare(self, arrays: Arrays, population: Population) -> None:
        """Set the twins' records for their entry; at the hospital door with the cause of their illness."""
        patients = arrays.patients[: arrays.twins]
        patients["entry"], patients["entered_as"] = self.setting, self.entered_as
        patients["cause"] = population["presenting_cause"]
        if self.uses is not None:
            arrays.uses[: arrays.twins] = self.uses
