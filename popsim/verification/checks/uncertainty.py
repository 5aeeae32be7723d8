"""Parameters: their distributions, their draws, and whether they affect the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.analyses.sensitivity.parameters import quantiles
from popsim.errors import PopsimError
from popsim.verification.checking import CheckResult, check, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench

MOST_WITHOUT_EFFECT = 0.05  # share of the uncertain parameters
AREA = "Parameter uncertainty"
DRAWS = 4000
ERRORS = 5.0  # standard errors that a moment of the draws may be off by chance: once in two million
FAR = np.array([0.001, 0.999])


def _draws(bench: ModelBench, count: int = DRAWS) -> NDArray[np.float64]:
    return bench.uncertain.draw(bench.experiment.seed, range(1, count + 1))


def _asked(bench: ModelBench) -> CheckResult | None:
    return None if bench.uncertain.names else not_applicable("no parameter is uncertain")


@check(AREA, "Draws lie within the bounds of their parameters")
def within_bounds(bench: ModelBench) -> CheckResult:
    """Draw every uncertain parameter 4,000 times and compare with its bounds."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    uncertain = bench.uncertain
    low, high = np.array([uncertain.bounds[name] for name in uncertain.names]).T
    draws = _draws(bench)
    return never((draws < low) | (draws > high), "draws outside")


@check(AREA, "Draws have the mean and the standard error of their distributions")
def moments(bench: ModelBench) -> CheckResult:
    """Compare mean and standard deviation of 4,000 draws with what each distribution says, in standard errors."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    wrong = []
    for name, values in zip(bench.uncertain.names, _draws(bench).T, strict=True):
        said = bench.uncertain.distributions[name]
        spread, count = values.std(ddof=1), len(values)
        kurtosis = float(np.mean(((values - values.mean()) / spread) ** 4))
        off_mean = abs(values.mean() - said.mean) / (spread / math.sqrt(count))
        off_spread = abs(spread - said.standard_error) / (spread * math.sqrt((kurtosis - 1.0) / (4.0 * count)))
        if max(off_mean, off_spread) > ERRORS:
            wrong.append(f"{name} (mean off by {off_mean:.1f}, spread by {off_spread:.1f} standard errors)")
    names = bench.uncertain.names
    return CheckResult(not wrong, f"{len(names)} parameters" + (f"; wrong: {'; '.join(wrong)}" if wrong else ""))


@check(AREA, "A standard error or interval that a file gives is that of the draws")
def as_the_file_says(bench: ModelBench) -> CheckResult:
    """Compare the spread of 4,000 draws with the standard error, or their share within the interval, as written."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    wrong, asked = [], 0
    for name, values in zip(bench.uncertain.names, _draws(bench).T, strict=True):
        set_name, _, key = name.partition(".")
        written = bench.study.parameters[set_name].of(key).uncertainty
        error, low, high = (getattr(written, field, None) for field in ("standard_error", "low", "high"))
        if error is not None:
            asked += 1
            if not 0.9 < values.std(ddof=1) / error < 1.1:
                wrong.append(f"{name}: {values.std(ddof=1):.4g} where {error:.4g} is written")
        elif low is not None and high is not None:
            asked += 1
            width = float(np.subtract(*np.quantile(values, [0.975, 0.025])))
            if getattr(written, "coverage", 0.95) == 0.95 and not 0.85 < width / (high - low) < 1.15:
                wrong.append(f"{name}: 95% of the draws span {width:.4g} where {high - low:.4g} is written")
    if not asked:
        return not_applicable("no file gives a standard error or an interval")
    return CheckResult(not wrong, f"{asked} parameters" + (f"; wrong: {'; '.join(wrong)}" if wrong else ""))


@check(AREA, "A parameter's base-case value is no outlier among its draws")
def value_among_draws(bench: ModelBench) -> CheckResult:
    """Compare each value with the central 99.8% of its distribution."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    outside = []
    for name in bench.uncertain.names:
        set_name, _, key = name.partition(".")
        low, high = quantiles(bench.study, name, FAR)
        outside.append(not low <= bench.study.parameters[set_name][key] <= high)
    return never(np.array(outside), "parameters")


@check(AREA, "A draw does not depend on how many are drawn")
def repeatable_draws(bench: ModelBench) -> CheckResult:
    """Draw ten times at once, and the tenth alone, and compare."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    alone = bench.uncertain.draw(bench.experiment.seed, [10])
    return same(_draws(bench, 10)[9], alone[0], "parameters")


@check(AREA, "Draws differ from each other, and between seeds")
def draws_differ(bench: ModelBench) -> CheckResult:
    """Look for parameters with a value that comes back in the next draw, or under the next seed."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    draws = _draws(bench, 50)
    other = bench.uncertain.draw(bench.experiment.seed ^ 1, range(1, 51))
    stuck = [n for n, a, b in zip(bench.uncertain.names, draws.T, other.T, strict=True)
             if len(np.unique(a)) == 1 or (a == b).all()]  # fmt: skip
    return CheckResult(not stuck, f"{draws.shape[1]} parameters" + (f"; stuck: {', '.join(stuck)}" if stuck else ""))


@check(AREA, "Parameters that belong to no group are independent")
def independent(bench: ModelBench) -> CheckResult:
    """Correlate the draws of every pair of parameters that no group joins."""
    uncertain = bench.uncertain
    if len(uncertain.names) < 2:
        return not_applicable("fewer than two parameters are uncertain")
    ranks = np.argsort(np.argsort(_draws(bench), axis=0), axis=0)
    correlation = np.asarray(np.corrcoef(ranks, rowvar=False)).reshape(ranks.shape[1], -1)
    for names in [*(names for names, _ in uncertain.copulas), *(names for names, _ in uncertain.shares)]:
        members = [uncertain.names.index(name) for name in names]
        correlation[np.ix_(members, members)] = 0.0
    np.fill_diagonal(correlation, 0.0)
    worst = float(np.abs(correlation).max())
    return CheckResult(worst < ERRORS / math.sqrt(DRAWS), f"largest rank correlation {worst:.3f}")


@check(AREA, "The model gets the values that were drawn")
def drawn_is_used(bench: ModelBench) -> CheckResult:
    """Compare the parameter sets of three draws with the values drawn, and all other parameters with their own."""
    if (nothing := _asked(bench)) is not None:
        return nothing
    wrong = 0
    for draw in (1, 2, 3):
        sets = bench.study.parameters_of(draw)
        values = dict(zip(bench.uncertain.names, bench.uncertain.draw(bench.experiment.seed, [draw])[0], strict=True))
        for name, parameters in bench.study.parameters.items():
            for key, own in parameters.items():
                wrong += sets[name][key] != values.get(f"{name}.{key}", own)
    return CheckResult(wrong == 0, f"{wrong} values differ")


@check(AREA, "Uncertain parameters have an effect")
def no_dead_parameter(bench: ModelBench) -> CheckResult:
    """Set each uncertain parameter to either end of its range and look whether any person of any strategy changes.

    Parameters without an effect are tried again with ten times the people: few people use some services. One in twenty
    may have none: what nobody has or uses in this experiment, such as a heat wave.
    """
    if (nothing := _asked(bench)) is not None:
        return nothing
    if not bench.full.experiment.draws:
        return not_applicable("nothing is drawn")
    names = bench.uncertain.names
    dead = [name for name in names if not _moves(bench, [name])]
    larger, few = bench.larger(10), ""
    if dead and larger.experiment.population > bench.experiment.population:
        dead = without_effect(larger, dead)
    elif dead:
        few = f" in {bench.experiment.population} people, all that the experiment has: too few for what is rare"
    found = f"{len(names)} parameters" + (f"; without effect{few}: {', '.join(dead)}" if dead else "")
    return CheckResult(len(dead) <= MOST_WITHOUT_EFFECT * len(names), found)


def without_effect(bench: ModelBench, names: Sequence[str]) -> list[str]:
    """Those of the parameters that change nothing for anybody: together first, by halves where together they do."""
    if not names or not _moves(bench, names):
        return list(names)
    half = len(names) // 2
    return [] if half == 0 else [*without_effect(bench, names[:half]), *without_effect(bench, names[half:])]


def _moves(bench: ModelBench, names: Sequence[str]) -> bool:
    """Whether parameters at their extreme values change anything for anybody."""
    ends = np.array([quantiles(bench.study, name, FAR) for name in names]).T.tolist()
    try:
        return any(
            not bench.run(s, dict(zip(names, values, strict=True))).persons.equals(bench.run(s).persons)
            for values in ends
            for s in bench.strategies
        )
    except PopsimError:
        if len(names) == 1:
            raise
        return True  # values that do not go together


@check(AREA, "Setting a parameter to its base-case value changes nothing")
def own_value(bench: ModelBench) -> CheckResult:
    """Set every parameter of every set to the value that it has and compare persons."""
    values = {
        f"{n}.{key}": value for n, parameters in bench.study.parameters.items() for key, value in parameters.items()
    }
    return together(
        same(bench.run().persons.hash_rows(), bench.run(None, values).persons.hash_rows(), "persons"),
        CheckResult(True, f"{len(values)} parameters set"),
    )
