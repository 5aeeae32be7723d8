"""Black-box checks of a model of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from popsim.errors import InputError
from popsim.microsimulation.decision_tree import DecisionTree
from popsim.microsimulation.timing import Discounting
from popsim.verification.checking import CheckResult, Finding

if TYPE_CHECKING:
    from popsim.surface.model_analysis import ModelAnalysis

AREA = "Model"
FAR = 4.5  # standard errors; 27 comparisons of a correct model lie within it in 9,998 of 10,000 runs


def findings(study: ModelAnalysis) -> list[Finding]:
    """All checks of a model."""
    return [
        Finding(AREA, title, " ".join((check.__doc__ or "").split()), *check(study)) for title, check in CHECKS.items()
    ]


def _same_again(study: ModelAnalysis) -> CheckResult:
    """Run the base case twice with one seed."""
    once, twice = study.base_case.means, study.run_of(study.model, 0, 1).means
    return CheckResult(bool(np.array_equal(once, twice)), f"largest difference {np.abs(once - twice).max():g}")


def _alive_in_range(study: ModelAnalysis) -> CheckResult:
    """Count the people in all states at every point in time."""
    result = study.base_case
    people = result.counts.sum(axis=-1)
    off = float(np.abs(people - len(result.person_id)).max())
    return CheckResult(off <= 1e-6 * len(result.person_id), f"people lost at any point: {off:g}")


def _nothing_is_free_of_value(study: ModelAnalysis) -> CheckResult:
    """Take all costs and utilities out of the model."""
    model = study.model
    if not hasattr(model, "utilities"):
        return CheckResult(None, "the model has no utilities")
    changes: dict[str, Any] = {"utilities": lambda p: {}, "costs": lambda p: {}}
    changes |= {name: None for name in ("transition_costs", "transition_qalys", "leaving_costs", "leaving_qalys")
                if hasattr(model, name)}  # fmt: skip
    means = study.run_of(replace(model, **changes), 0, 1).means
    return CheckResult(bool((means[..., :2] == 0.0).all()), f"cost and QALYs up to {np.abs(means[..., :2]).max():g}")


def _discounting_lowers(study: ModelAnalysis) -> CheckResult:
    """Discount by nothing, and by 10% a year."""
    if isinstance(study.model, DecisionTree):
        return CheckResult(None, "a tree has no time")
    free, dear = (
        study.run_of(replace(study.model, discounting=Discounting(rate, rate)), 0, 1).means for rate in (0.0, 0.1)
    )
    lower = bool(
        (np.abs(dear[..., :2]) <= np.abs(free[..., :2]) + 1e-9).all() and np.allclose(dear[..., 2], free[..., 2])
    )
    return CheckResult(lower, f"QALYs {free[0, 0, 1]:.4g} undiscounted, {dear[0, 0, 1]:.4g} at 10% a year")


def _simulation_agrees(study: ModelAnalysis) -> CheckResult:
    """Simulate individuals, and evaluate their cohort exactly."""
    if study.model.always_exact:
        return CheckResult(None, "the model is always evaluated exactly")
    try:
        exact = study.model.run(study.individuals, seed=study.seed, exact=True).means
    except InputError as error:
        return CheckResult(None, str(error))
    simulated = study.model.run(study.individuals, seed=study.seed)
    spread = np.sqrt(simulated.variances / len(simulated.person_id))
    off = np.nan_to_num(np.abs(simulated.means - exact) / np.where(spread > 0.0, spread, np.inf))
    return CheckResult(bool((off < FAR).all()), f"largest distance {off.max():.1f} standard errors")


CHECKS: dict[str, Callable[[ModelAnalysis], CheckResult]] = {
    "The same seed gives the same results": _same_again,
    "Everybody is in one state at every point": _alive_in_range,
    "Without costs and utilities nothing is counted": _nothing_is_free_of_value,
    "A discount rate lowers costs and QALYs, not life years": _discounting_lowers,
    "Simulated means agree with the exact cohort": _simulation_agrees,
}
