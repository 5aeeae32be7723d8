"""Individual-level state-transition models: a user's own disease as states, transitions and rewards.

`StateTransitionModel` is given by tables of probabilities, `KernelModel` by functions of one individual. Both are
without beds and queues; a disease whose patients compete for these is an organ system of a `PopulationModel`.
"""

from popsim.microsimulation.kernel_model import KernelModel
from popsim.microsimulation.result import Microsimulation
from popsim.microsimulation.state_transition import StateTransitionModel
from popsim.microsimulation.timing import Discounting, Timing

__all__ = ["Discounting", "KernelModel", "Microsimulation", "StateTransitionModel", "Timing"]
