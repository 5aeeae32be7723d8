"""popsim: populations of patient digital twins in a health system with limited beds, slots and staff.

    import popsim as ps

    run = ps.Experiment.read("experiments/heart_failure_discharge.toml").with_(population=2000).run()
    run.decide()

The names below are all that a notebook needs; they are loaded when first used, so that `import popsim` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from popsim.errors import DefinitionError, InputError, PopsimError, RunError, did_you_mean

if TYPE_CHECKING:
    from popsim.analyses.plan import Plan
    from popsim.care.flow import PatientFlow
    from popsim.care.network import CareNetwork
    from popsim.definitions.strategy import Strategy
    from popsim.evidence.parameters import ParameterSet
    from popsim.learning.loop import LearningLoop
    from popsim.learning.risk_model import RiskModel
    from popsim.microsimulation.decision_tree import Chance, DecisionTree, Leaf
    from popsim.microsimulation.fits import FittedSurvival
    from popsim.microsimulation.kernel_model import KernelModel
    from popsim.microsimulation.partitioned_survival import PartitionedSurvivalModel
    from popsim.microsimulation.state_transition import StateTransitionModel
    from popsim.microsimulation.survival import Survival
    from popsim.microsimulation.time_to_event import TimeToEventModel
    from popsim.microsimulation.timing import Discounting, Timing
    from popsim.outcomes.kidney_failure import kidney_failure_risk
    from popsim.physiology.clinical import ORGAN_SYSTEMS
    from popsim.physiology.organ_system import OrganSystem
    from popsim.population.columns import Column
    from popsim.population.genome import diplotypes
    from popsim.population.population import Population
    from popsim.registry.service import Report
    from popsim.registry.summary import TwinSummary
    from popsim.simulation.model import PopulationModel
    from popsim.simulation.twin import PatientTwin
    from popsim.surface.cohort import Cohort
    from popsim.surface.comparison import compare, sweep
    from popsim.surface.examples import example, examples
    from popsim.surface.experiment import Experiment
    from popsim.surface.knowledge import drugs, indications, landmarks
    from popsim.surface.model_analysis import ModelAnalysis
    from popsim.surface.models import load_model, save_model
    from popsim.surface.registry import Registry, Twin
    from popsim.surface.run import Run
    from popsim.surface.validation import validate

__all__ = [
    "ORGAN_SYSTEMS",
    "CareNetwork",
    "Chance",
    "Cohort",
    "Column",
    "DecisionTree",
    "DefinitionError",
    "Discounting",
    "Experiment",
    "FittedSurvival",
    "InputError",
    "KernelModel",
    "Leaf",
    "LearningLoop",
    "ModelAnalysis",
    "OrganSystem",
    "ParameterSet",
    "PartitionedSurvivalModel",
    "PatientFlow",
    "PatientTwin",
    "Plan",
    "PopsimError",
    "Population",
    "PopulationModel",
    "Registry",
    "Report",
    "RiskModel",
    "Run",
    "RunError",
    "StateTransitionModel",
    "Strategy",
    "Survival",
    "TimeToEventModel",
    "Timing",
    "Twin",
    "TwinSummary",
    "compare",
    "diplotypes",
    "drugs",
    "example",
    "examples",
    "indications",
    "kidney_failure_risk",
    "landmarks",
    "load_model",
    "save_model",
    "sweep",
    "validate",
]

_HOME = {
    "CareNetwork": "popsim.care.network",
    "Chance": "popsim.microsimulation.decision_tree",
    "Cohort": "popsim.surface.cohort",
    "Column": "popsim.population.columns",
    "DecisionTree": "popsim.microsimulation.decision_tree",
    "Discounting": "popsim.microsimulation.timing",
    "Experiment": "popsim.surface.experiment",
    "FittedSurvival": "popsim.microsimulation.fits",
    "KernelModel": "popsim.microsimulation.kernel_model",
    "Leaf": "popsim.microsimulation.decision_tree",
    "LearningLoop": "popsim.learning.loop",
    "ModelAnalysis": "popsim.surface.model_analysis",
    "ORGAN_SYSTEMS": "popsim.physiology.clinical",
    "OrganSystem": "popsim.physiology.organ_system",
    "ParameterSet": "popsim.evidence.parameters",
    "PartitionedSurvivalModel": "popsim.microsimulation.partitioned_survival",
    "PatientFlow": "popsim.care.flow",
    "PatientTwin": "popsim.simulation.twin",
    "Plan": "popsim.analyses.plan",
    "Population": "popsim.population.population",
    "PopulationModel": "popsim.simulation.model",
    "Registry": "popsim.surface.registry",
    "Report": "popsim.registry.service",
    "RiskModel": "popsim.learning.risk_model",
    "Run": "popsim.surface.run",
    "StateTransitionModel": "popsim.microsimulation.state_transition",
    "Strategy": "popsim.definitions.strategy",
    "Survival": "popsim.microsimulation.survival",
    "TimeToEventModel": "popsim.microsimulation.time_to_event",
    "Timing": "popsim.microsimulation.timing",
    "Twin": "popsim.surface.registry",
    "TwinSummary": "popsim.registry.summary",
    "compare": "popsim.surface.comparison",
    "diplotypes": "popsim.population.genome",
    "drugs": "popsim.surface.knowledge",
    "example": "popsim.surface.examples",
    "examples": "popsim.surface.examples",
    "indications": "popsim.surface.knowledge",
    "kidney_failure_risk": "popsim.outcomes.kidney_failure",
    "landmarks": "popsim.surface.knowledge",
    "load_model": "popsim.surface.models",
    "save_model": "popsim.surface.models",
    "sweep": "popsim.surface.comparison",
    "validate": "popsim.surface.validation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'popsim' has no attribute '{name}', {did_you_mean(name, __all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
