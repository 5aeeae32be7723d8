"""Parameters: their distributions, their draws, and whether they affect the model."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from popsim.analyses.sensitivity.parameters import quantiles
from popsim.verification.checking import Saw, check, never, not_asked, same, together
from popsim.verification.test_bench import Laboratory

AREA = "Parameter uncertainty"
DRAWS = 4000
ERRORS = 5.0  # standard errors that a moment of the draws may be off by chance: once in two million
FAR = np.array([0.001, 0.999])


def _draws(lab: Laboratory, count: int = DRAWS) -> NDArray[np.float64]:
    return lab.uncertain.draw(lab.experiment.seed, range(1, count + 1))


def _asked(lab: Laboratory) -> Saw | None:
    return None if lab.uncertain.names else not_asked("no parameter is uncertain")


@check(AREA, "Draws lie within the bounds of their parameters")
def within_bounds(lab: Laboratory) -> Saw:
    """Draw every uncertain parameter 4,000 times and compare with its bounds."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    uncertain = lab.uncertain
    low, high = np.array([uncertain.bounds[name] for name in uncertain.names]).T
    draws = _draws(lab)
    return never((draws < low) | (draws > high), "draws outside")


@check(AREA, "Draws have the mean and the standard error of their distributions")
def moments(lab: Laboratory) -> Saw:
    """Compare mean and standard deviation of 4,000 draws with what each distribution says, in standard errors."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    wrong = []
    for name, values in zip(lab.uncertain.names, _draws(lab).T, strict=True):
        said = lab.uncertain.distributions[name]
        spread, count = values.std(ddof=1), len(values)
        kurtosis = float(np.mean(((values - values.mean()) / spread) ** 4))
        off_mean = abs(values.mean() - said.mean) / (spread / math.sqrt(count))
        off_spread = abs(spread - said.standard_error) / (spread * math.sqrt((kurtosis - 1.0) / (4.0 * count)))
        if max(off_mean, off_spread) > ERRORS:
            wrong.append(f"{name} (mean off by {off_mean:.1f}, spread by {off_spread:.1f} standard errors)")
    names = lab.uncertain.names
    return Saw(not wrong, f"{len(names)} parameters" + (f"; wrong: {'; '.join(wrong)}" if wrong else ""))


@check(AREA, "A standard error or interval that a file gives is that of the draws")
def as_the_file_says(lab: Laboratory) -> Saw:
    """Compare the spread of 4,000 draws with the standard error, or their share within the interval, as written."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    wrong, asked = [], 0
    for name, values in zip(lab.uncertain.names, _draws(lab).T, strict=True):
        set_name, _, key = name.partition(".")
        written = lab.study.parameters[set_name].of(key).uncertainty
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
        return not_asked("no file gives a standard error or an interval")
    return Saw(not wrong, f"{asked} parameters" + (f"; wrong: {'; '.join(wrong)}" if wrong else ""))


@check(AREA, "A parameter's base-case value is no outlier among its draws")
def value_among_draws(lab: Laboratory) -> Saw:
    """Compare each value with the central 99.8% of its distribution."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    outside = []
    for name in lab.uncertain.names:
        set_name, _, key = name.partition(".")
        low, high = quantiles(lab.study, name, FAR)
        outside.append(not low <= lab.study.parameters[set_name][key] <= high)
    return never(np.array(outside), "parameters")


@check(AREA, "A draw does not depend on how many are drawn")
def repeatable_draws(lab: Laboratory) -> Saw:
    """Draw ten times at once, and the tenth alone, and compare."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    alone = lab.uncertain.draw(lab.experiment.seed, [10])
    return same(_draws(lab, 10)[9], alone[0], "parameters")


@check(AREA, "Draws differ from each other, and between seeds")
def draws_differ(lab: Laboratory) -> Saw:
    """Look for parameters with a value that comes back in the next draw, or under the next seed."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    draws = _draws(lab, 50)
    other = lab.uncertain.draw(lab.experiment.seed ^ 1, range(1, 51))
    stuck = [n for n, a, b in zip(lab.uncertain.names, draws.T, other.T, strict=True)
             if len(np.unique(a)) == 1 or (a == b).all()]  # fmt: skip
    return Saw(not stuck, f"{draws.shape[1]} parameters" + (f"; stuck: {', '.join(stuck)}" if stuck else ""))


@check(AREA, "Parameters that belong to no group are independent")
def independent(lab: Laboratory) -> Saw:
    """Correlate the draws of every pair of parameters that no group joins."""
    uncertain = lab.uncertain
    if len(uncertain.names) < 2:
        return not_asked("fewer than two parameters are uncertain")
    ranks = np.argsort(np.argsort(_draws(lab), axis=0), axis=0)
    correlation = np.asarray(np.corrcoef(ranks, rowvar=False)).reshape(ranks.shape[1], -1)
    for names in [*(names for names, _ in uncertain.copulas), *(names for names, _ in uncertain.shares)]:
        members = [uncertain.names.index(name) for name in names]
        correlation[np.ix_(members, members)] = 0.0
    np.fill_diagonal(correlation, 0.0)
    worst = float(np.abs(correlation).max())
    return Saw(worst < ERRORS / math.sqrt(DRAWS), f"largest rank correlation {worst:.3f}")


@check(AREA, "The model gets the values that were drawn")
def drawn_is_used(lab: Laboratory) -> Saw:
    """Compare the parameter sets of three draws with the values drawn, and all other parameters with their own."""
    if (nothing := _asked(lab)) is not None:
        return nothing
    wrong = 0
    for draw in (1, 2, 3):
        sets = lab.study.parameters_of(draw)
        values = dict(zip(lab.uncertain.names, lab.uncertain.draw(lab.experiment.seed, [draw])[0], strict=True))
        for name, parameters in lab.study.parameters.items():
            for key, own in parameters.items():
                wrong += sets[name][key] != values.get(f"{name}.{key}", own)
    return Saw(wrong == 0, f"{wrong} values differ")


@check(AREA, "Every uncertain parameter has an effect")
def no_dead_parameter(lab: Laboratory) -> Saw:
    """Set each uncertain parameter to either end of its range and look whether any person of any strategy changes.

    Parameters without an effect are tried again with ten times the people: few people use some services.
    """
    if (nothing := _asked(lab)) is not None:
        return nothing
    if not lab.full.experiment.draws:
        return not_asked("nothing is drawn")
    names = lab.uncertain.names
    dead = [name for name in names if not _moves(lab, name)]
    if dead:
        larger = lab.larger(10)
        dead = [name for name in dead if not _moves(larger, name)]
    return Saw(not dead, f"{len(names)} parameters" + (f"; without effect: {', '.join(dead)}" if dead else ""))


def _moves(lab: Laboratory, name: str) -> bool:
    """Whether a parameter at an extreme value changes anything for anybody."""
    ends = quantiles(lab.study, name, FAR).tolist()
    return any(not lab.run(s, {name: end}).persons.equals(lab.run(s).persons) for end in ends for s in lab.strategies)


@check(AREA, "Setting a parameter to its base-case value changes nothing")
def own_value(lab: Laboratory) -> Saw:
    """Set every parameter of every set to the value that it has and compare persons."""
    values = {
        f"{n}.{key}": value for n, parameters in lab.study.parameters.items() for key, value in parameters.items()
    }
    return together(
        same(lab.run().persons.hash_rows(), lab.run(None, values).persons.hash_rows(), "persons"),
        Saw(True, f"{len(values)} parameters set"),
    )
