"""Individual-level state-transition models: a user's own disease as states, transitions and rewards.

`StateTransitionModel` is given by tables of probabilities, `KernelModel` by functions of one individual; in
`TimeToEventModel` time is continuous and transitions have survival distributions. `PartitionedSurvivalModel` and
`DecisionTree` are evaluated as cohorts. All are without beds and queues; a disease whose patients compete for these is
an organ system of a `PopulationModel`.
"""

from popsim.microsimulation.decision_tree import Chance, DecisionTree, Leaf
from popsim.microsimulation.fits import FittedSurvival
from popsim.microsimulation.kernel_model import KernelModel
from popsim.microsimulation.partitioned_survival import PartitionedSurvivalModel
from popsim.microsimulation.result import Microsimulation
from popsim.microsimulation.state_transition import StateTransitionModel
from popsim.microsimulation.survival import Survival
from popsim.microsimulation.time_to_event import TimeToEventModel
from popsim.microsimulation.timing import Discounting, Timing

__all__ = [
    "Chance",
    "DecisionTree",
    "Discounting",
    "FittedSurvival",
    "KernelModel",
    "Leaf",
    "Microsimulation",
    "PartitionedSurvivalModel",
    "StateTransitionModel",
    "Survival",
    "TimeToEventModel",
    "Timing",
]
