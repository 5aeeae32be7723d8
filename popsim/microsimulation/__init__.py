"""Individual-level state-transition models: a user's own disease as states, transitions and rewards."""

from popsim.microsimulation.model import KernelModel, StateTransitionModel
from popsim.microsimulation.result import Microsimulation
from popsim.microsimulation.timing import Discounting, Timing

__all__ = ["Discounting", "KernelModel", "Microsimulation", "StateTransitionModel", "Timing"]
