"""What a policy search tried and found."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.reporting.figures import style
from popsim.statistics import Estimate


@style.styled
def policy_search(
    trials: pl.DataFrame,
    race: pl.DataFrame,
    verdict: Estimate,
    *,
    gain: str,
    currency: str,
    budget: float | None,
    title: str,
) -> Figure:
    """Left: every variant, by what it spends (by its number, without a budget). Right: finalists and the verdict.

    Args:
        trials, race: as `search.storage` writes them.
        verdict: gain of the winner on replications that had no part in choosing it.
        gain: label of the gain, with its unit.
        currency: of the budget.
        budget: what may be spent per person, or None.
        title: of the search.
    """
    note = (
        "Left: mean and 95% interval of each variant in the search. Right: finalists on new replications, and the "
        "winner on replications that had no part in choosing it: that estimate is free of selection bias. "
        "For research, not for care."
    )
    figure = style.blank(10.0, 4.6, title, note)
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1.0))
    _variants(left, trials, int(race["trial"][0]), budget, currency)
    left.set_ylabel(gain)
    _finalists(right, race, verdict)
    right.set_xlabel(gain)
    return figure


def _variants(axis: Axes, trials: pl.DataFrame, winner: int, budget: float | None, currency: str) -> None:
    """All variants; those beyond the budget are hollow."""
    across = "trial" if budget is None else "spent"
    for able, label in ((True, "within the budget"), (False, "over budget")):
        shown = trials.filter(pl.col("affordable") == able)
        if not len(shown):
            continue
        look = style.look(1 if able else 2)
        reach = [shown["gain"] - shown["low"], shown["high"] - shown["gain"]]
        axis.errorbar(
            shown[across], shown["gain"], reach, fmt=look.marker, color=look.colour, ms=5, elinewidth=0.8, alpha=0.8,
            mfc=look.colour if able else "white", label=label if budget else None,
        )  # fmt: skip
    best = trials.filter(pl.col("trial") == winner)
    axis.plot(
        best[across],
        best["gain"],
        "o",
        ms=13,
        mfc="none",
        mec=style.INK,
        mew=1.4,
        ls="none",
        label="winner of the race",
    )
    axis.axhline(0.0, color=style.RULE, lw=0.9, zorder=1)
    if budget is not None:
        axis.axvline(budget, color=style.INK, lw=1.1, ls=(0, (6, 2)), label="budget")
    axis.set_xlabel("Trial" if budget is None else f"Spent, {currency} per person")
    axis.legend()


def _finalists(axis: Axes, race: pl.DataFrame, verdict: Estimate) -> None:
    """Gain of each finalist in the race, and the verdict below."""
    look, names = style.look(1), []
    for position, row in enumerate(race.iter_rows(named=True)):
        names.append("current" if row["trial"] == 0 else f"trial {row['trial']}")
        _interval(axis, position, (row["gain"], row["low"], row["high"]), look)
    _interval(axis, len(names), (verdict.value, verdict.low, verdict.high), style.look(0))
    axis.set_yticks(range(len(names) + 1), [*names, "winner, judged"])
    axis.invert_yaxis()
    axis.axvline(0.0, color=style.RULE, lw=0.9, zorder=1)
    axis.grid(axis="y", visible=False)


def _interval(axis: Axes, position: int, interval: tuple[float, float, float], look: style.Look) -> None:
    value, low, high = interval
    axis.plot([low, high], [position, position], color=look.colour, lw=1.6)
    axis.plot([value], [position], look.marker, color=look.colour)
