"""Budget impact: the undiscounted cost to a payer of adopting a strategy, year by year.

The conventions are ISPOR's (assumption: recalled from the 2012 task force report): the payer's perspective, no
discounting, by calendar year, the current mix of strategies against a new mix.

A cohort of newly eligible people enters at the start of each calendar year t. In its n-th year a person costs the
simulation's mean spending, per person who entered, under a strategy s in the n-th year since entry:

    budget(t) = sum over n and s of eligible(t - n + 1) x share(s) x spending(s, n)

The share of a strategy is that of the year of entry, t - n + 1, if nobody switches later, or that of the year t if
people switch as shares move: who switches then costs what a person in the same year since entry does who had the
strategy from the start (assumption). The net impact is the budget under the new mix less that under the current one.

Years after the end of follow-up cost nothing here, so the run must cover all years of the budget; a partial year of
follow-up counts as it is. Each strategy was simulated with everybody on it: a mix whose people compete for the same
beds need not lie halfway, which this sum ignores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.market import MAX_YEARS, MarketShares
from popsim.definitions.money import Perspective
from popsim.economics.checks import check_finite, check_measures, check_names
from popsim.economics.perspectives import SIGNS, perspective_named
from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError, did_you_mean

TOTAL = "total"
MEASURE = r"^spending_year_(\d+)\.(.+)$"


def budgets_of_adoption(
    measures: pl.DataFrame,
    comparator: str,
    strategies: Iterable[str],
    eligible: float | Sequence[float],
    uptake: Sequence[float],
    perspective: Perspective = "payer",
) -> pl.DataFrame:
    """`budget_impact` of each strategy but the comparator, one after the other.

    Args:
        strategies: all of them.
        eligible: people who become eligible, each year or year by year.
        measures, comparator, uptake, perspective: as for `budget_impact`.

    Returns:
        strategy, and the columns of `budget_impact`.

    Raises:
        InputError: there is no strategy but the comparator, or as of `budget_impact`.
    """
    new = [name for name in strategies if name != comparator]
    if not new:
        raise InputError("there is only one strategy, so there is nothing to compare")
    people = list(eligible) if isinstance(eligible, Sequence) else [float(eligible)] * len(uptake)
    return pl.concat(
        [
            budget_impact(measures, comparator, name, people, uptake, perspective).select(
                pl.lit(name).alias("strategy"), pl.all()
            )
            for name in new
        ]
    )


def budget_impact(
    measures: pl.DataFrame,
    current: str,
    new: str,
    eligible: Sequence[float],
    uptake: Sequence[float],
    perspective: Perspective = "payer",
) -> pl.DataFrame:
    """Budget with and without the new strategy, by calendar year and component.

    Args:
        measures: strategy, draw, replication, measure, value, with spending_year_<n>.<component>.
        current, new: strategies.
        eligible: people who become eligible in each calendar year, one number for each year of `uptake`.
        uptake: share of them that has the new strategy, 0 to 1.
        perspective: whose budget; what patients pay themselves is taken off the payer's.

    Returns:
        One row for each year (1, 2, ...) and component (as in `cost_<component>`, last `total`): year, component,
        current_mix, new_mix and net, in the currency of the run, and the columns of `nested_means` for net (`mean` is
        net). Differences are taken within draws and replications.

    Raises:
        InputError: a strategy has no spending, a number is out of bounds, or the lists differ in length.
    """
    people, share = _path(eligible, uptake)
    check_names("strategy", [current, new])
    nobody = np.zeros(len(people))
    mixes = ({current: nobody + 1.0, new: nobody}, {current: 1.0 - share, new: share})
    return _impact(measures, people, *mixes, switching=False, perspective=perspective)


def market_impact(measures: pl.DataFrame, market: MarketShares, perspective: Perspective = "payer") -> pl.DataFrame:
    """Budget under two mixes of strategies, by calendar year and component; see `budget_impact`.

    Raises:
        InputError: a strategy has no spending.
    """
    mixes = ({name: np.array(shares) for name, shares in mix.items()} for mix in (market.current, market.new))
    return _impact(measures, np.array(market.eligible), *mixes, switching=market.switching, perspective=perspective)


type Mix = Mapping[str, NDArray[np.float64]]  # share of people by year, for each strategy


def _impact(
    measures: pl.DataFrame,
    people: NDArray[np.float64],
    current: Mix,
    new: Mix,
    *,
    switching: bool,
    perspective: Perspective,
) -> pl.DataFrame:
    """The rows of `budget_impact` for any two mixes."""
    check_measures(measures)
    spent = spending_by_year(measures, perspective)
    names = list(dict.fromkeys([*current, *new]))
    for name in names:
        if name not in spent["strategy"]:
            raise InputError(f"strategy '{name}': {did_you_mean(name, spent['strategy'].unique().to_list())}")
    costs = (
        spent.filter(pl.col("strategy").is_in(names))
        .filter(pl.len().over("draw", "replication", "component", "n") == len(names))
        .join(_people_by_year(people, current, new, switching), on=["strategy", "n"], maintain_order="left")
    )
    years = (
        costs.group_by("year", "component", "draw", "replication", maintain_order=True)
        .agg(
            current_mix=(pl.col("current") * pl.col("value")).sum(),
            net=((pl.col("new") - pl.col("current")) * pl.col("value")).sum(),
        )
        .sort("year", maintain_order=True)
    )
    together = years.group_by("year", "draw", "replication", maintain_order=True).agg(
        pl.lit(TOTAL).alias("component"), pl.col("current_mix", "net").sum()
    )
    table = pl.concat([years, together.select(years.columns)]).sort("year", maintain_order=True)
    groups = ["year", "component"]
    now = table.group_by(groups, maintain_order=True).agg(pl.col("current_mix").mean())
    net = nested_means(table.rename({"net": "value"}), groups)
    return now.join(net, on=groups, maintain_order="left").select(
        *groups,
        "current_mix",
        (pl.col("current_mix") + pl.col("mean")).alias("new_mix"),
        pl.col("mean").alias("net"),
        pl.exclude(*groups, "current_mix"),
    )


def _people_by_year(people: NDArray[np.float64], current: Mix, new: Mix, switching: bool) -> pl.DataFrame:
    """strategy, year, n (since entry), current, new: people on each strategy in each calendar year."""
    nobody = np.zeros(len(people))
    rows = []
    for name in dict.fromkeys([*current, *new]):
        for entered, number in enumerate(people):
            for year in range(entered, len(people)):
                place = year if switching else entered
                shares = (mix.get(name, nobody)[place] for mix in (current, new))
                rows.append((name, year + 1, year - entered + 1, *(float(number * share) for share in shares)))
    return pl.DataFrame(rows, ["strategy", "year", "n", "current", "new"], orient="row")


def _path(eligible: Sequence[float], uptake: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eligible people and uptake by year, validated."""
    if not 1 <= len(uptake) <= MAX_YEARS:
        raise InputError(f"uptake: {len(uptake)} years, must be 1 to {MAX_YEARS}")
    if len(eligible) != len(uptake):
        raise InputError(f"eligible: {len(eligible)} years, uptake: {len(uptake)}: must be the same number")
    people, share = np.asarray(eligible, np.float64), np.asarray(uptake, np.float64)
    check_finite(eligible=people, uptake=share)
    if not np.all(people >= 0):
        raise InputError("eligible: must be numbers of people, 0 or more")
    if not np.all((share >= 0) & (share <= 1)):
        raise InputError("uptake: must be shares, 0 to 1")
    return people, share


def spending_by_year(measures: pl.DataFrame, perspective: Perspective) -> pl.DataFrame:
    """Signed spending per person in a perspective.

    Returns:
        strategy, draw, replication, component, n (year since entry), value.

    Raises:
        InputError: the measures have no spending by year.
    """
    signs = {name.removeprefix("cost_"): sign for name, sign in SIGNS[perspective_named(perspective)].items()}
    found = measures.with_columns(parts=pl.col("measure").str.extract_groups(MEASURE)).select(
        pl.col("strategy").cast(pl.String),
        "draw",
        "replication",
        component=pl.col("parts").struct.field("2"),
        n=pl.col("parts").struct.field("1").cast(pl.Int64),
        value="value",
    )
    kept = found.filter(pl.col("component").is_in(list(signs)))
    if kept.is_empty():
        raise InputError("no spending by year in these measures: an older popsim wrote them, run the experiment again")
    return kept.with_columns(pl.col("value") * pl.col("component").replace_strict(signs, return_dtype=pl.Float64))
