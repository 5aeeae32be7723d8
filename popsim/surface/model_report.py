"""What a page on a model of one's own says about the model: its kind, horizon, parameters and provenance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from popsim.definitions.base import validate
from popsim.definitions.experiment import Cheers
from popsim.definitions.parameter import Parameter
from popsim.economics.discounting import rates_in_words
from popsim.evidence.distributions import Distribution
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.microsimulation.base import Model
from popsim.microsimulation.decision_tree import DecisionTree
from popsim.reporting.pages.model import ModelReport
from popsim.runs.work import versions
from popsim.studies.content import file_hash, frame_hash
from popsim.surface.model_checks import findings

if TYPE_CHECKING:
    from popsim.surface.model_analysis import ModelAnalysis

KINDS = {"StateTransitionModel": "State-transition model", "TimeToEventModel": "Model of times to events",
         "PartitionedSurvivalModel": "Partitioned survival", "DecisionTree": "Decision tree",
         "KernelModel": "State-transition model of individuals"}  # fmt: skip

CYCLES = {"a year": 1.0, "half a year": 0.5, "3 months": 0.25, "a month": 1 / 12, "4 weeks": 28 / 365.25,
          "a week": 7 / 365.25, "a day": 1 / 365.25}  # fmt: skip
SAME = 0.01  # relative: a month has 30 or 31 days, a year 52 weeks and a day


def report_of(study: ModelAnalysis, budget: pl.DataFrame | None = None, file: Path | None = None) -> ModelReport:
    """What the page on an analysis shows.

    Args:
        study: the analysis.
        budget: of `study.budget`, to be shown too.
        file: where the model is written.
    """
    model, view = study.model, study.view
    discounting = model.discounting
    rates = f"{rates_in_words(discounting.costs)} for costs, {rates_in_words(discounting.effects)} for effects"
    changes = {
        view.strategies[name]: ", ".join(f"{key} = {value:g}" for key, value in own.items()) or "nothing"
        for name, own in model.strategies.items()
    }
    made_from = {
        **({} if file is None else {"Model": file.name, f"SHA-256 of {file.name}": file_hash(file)}),
        "Hash of the results": frame_hash(study.result.measures),
        "Seed": study.seed,
        **{f"Version of {name}": number for name, number in versions().items()},
    }
    return ModelReport(
        view=view,
        description=study.description,
        said=validate(dict(study.cheers), Cheers, "cheers"),
        kind=kind_in_words(model),
        rates=rates,
        strategies=changes,
        parameters=uncertain_of(model.parameters)[0],
        one_way=study.one_way,
        findings=findings(study),
        budget=budget,
        provenance=made_from,
    )


def kind_in_words(model: Model) -> str:
    """Kind, states and cycles: "Partitioned survival: stable, progressed, dead; 120 cycles of 0.0833 years"."""
    name = type(model).__name__
    kind = KINDS.get(name) or re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
    if isinstance(model, DecisionTree) and model.then is None:
        return kind
    timing = model.timing
    length = next((word for word, years in CYCLES.items() if abs(timing.cycle_years / years - 1.0) < SAME), "")
    length = length or f"{timing.cycle_years:.3g} years"
    return f"{kind}: {', '.join(model.states)}; {timing.cycles:,} cycles of {length}"


def horizon_of(model: Model) -> str:
    """How far a model looks ahead, in words."""
    if isinstance(model, DecisionTree) and model.then is None:
        return "the tree"
    years = horizon_years(model)
    return f"{years:.3g} year{'' if years == 1.0 else 's'}"


def horizon_years(model: Model) -> float:
    """How far a model looks ahead."""
    return model.timing.cycles * model.timing.cycle_years


def uncertain_of(own: Mapping[str, float]) -> tuple[Mapping[str, Parameter | float], Mapping[str, Distribution]]:
    """The records of a model's parameters, and the distributions of those that are uncertain."""
    if not isinstance(own, ParameterSet):
        return own, {}
    known = uncertain_parameters({own.name: own}, (), own.name)
    return {name: own.of(name) for name in own}, {
        name.partition(".")[2]: known.distributions[name] for name in known.names
    }
