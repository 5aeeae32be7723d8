"""Health and cost of each person over the whole follow-up, and the measures derived from them."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from popsim.definitions.money import Perspective
from popsim.economics.columns import COST_COLUMNS, COST_NAMES
from popsim.economics.disability import life_years_lost
from popsim.economics.discounting import Steps
from popsim.economics.perspectives import PERSPECTIVES, mean_costs, total_cost
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.survival import survival_times
from popsim.units import DAYS_PER_YEAR

TOTAL = "cost_total"
ICER = "icer"  # the difference in cost by that in QALYs: no measure of one strategy
_SHORT = (  # in the order of COST_COLUMNS
    "Wards and intensive care", "Emergency and assessment", "Specialist contacts", "Community, home care, facilities",
    "Drugs", "Devices", "Telemonitoring", "Programme", "Charges that patients pay", "Travel", "Informal care",
    "Lost work",
)  # fmt: skip
_COSTS = tuple(zip(COST_COLUMNS, _SHORT, strict=True))

COSTS = (
    *(
        OutcomeMeasure(column.name, f"Cost per person, {short.lower()}", "{currency}", column.meaning, "lower", short)
        for column, short in _COSTS
    ),
    OutcomeMeasure(TOTAL, "Cost per person", "{currency}",
                   "Discounted sum of the components that the experiment's perspective counts", "lower", "Total"),
    *(
        OutcomeMeasure(f"cost_{name}", f"Cost per person, {name.replace('_', ' ')} perspective", "{currency}",
                       "Discounted sum of the components that this perspective counts", "lower")
        for name in PERSPECTIVES
    ),
    *(
        OutcomeMeasure(f"spending_year_*.{column.name.removeprefix('cost_')}",
                       f"Spending per person in a year since entry, {short.lower()}", "{currency}",
                       "Not discounted, per person who entered", "lower", short, "year")
        for column, short in _COSTS
    ),
)  # fmt: skip
HEALTH = (
    OutcomeMeasure("life_years", "Life years per person in follow-up", "years", "Years alive, not discounted", "higher",
                   "Life years in follow-up, not discounted"),
    OutcomeMeasure("qalys", "QALYs per person in follow-up", "QALYs", "Discounted quality-adjusted life years",
                   "higher", "QALYs in follow-up"),
    OutcomeMeasure("years_lived_with_disability", "Years lived with disability per person in follow-up", "years",
                   "Discounted, weighted with disability", "lower"),
    OutcomeMeasure("years_of_life_lost", "Years of life lost per person", "years",
                   "Discounted life expectancy at the age of death", "lower", horizon="lifetime"),
    OutcomeMeasure("dalys", "DALYs per person to the end of life expectancy", "DALYs",
                   "Disability-adjusted life years: years lived with disability and years of life lost", "lower",
                   "DALYs to the end of life expectancy", horizon="lifetime"),
)  # fmt: skip
LATER_PART = (
    *(
        OutcomeMeasure(f"{name}_after_share", f"{of} after the observed part, %", "%",
                       "Share of the sum over all people that comes after the experiment's observed days", "neither",
                       f"{of}, %")
        for name, of in (("life_years", "Life years"), ("qalys", "QALYs"), ("cost", "Cost"))
    ),
    OutcomeMeasure("life_years_after", "Life years per person after the observed part", "years",
                   "Years alive after the experiment's observed days, not discounted", "higher", "Life years"),
    OutcomeMeasure("qalys_after", "QALYs per person after the observed part", "QALYs",
                   "Discounted to entry, after the experiment's observed days", "higher", "QALYs"),
    OutcomeMeasure("cost_after", "Cost per person after the observed part", "{currency}",
                   "Discounted to entry, in the experiment's perspective, after its observed days", "lower", "Cost"),
)  # fmt: skip
NET_BENEFIT = OutcomeMeasure(
    "net_monetary_benefit", "Net benefit per person", "{currency}",
    "Willingness to pay times QALYs, less cost: of the difference from the comparator", "higher", "Net benefit",
)  # fmt: skip


def outcome_values(
    twins: pl.DataFrame, people: pl.DataFrame, perspective: Perspective, rate_per_year: float, steps: Steps = ()
) -> pl.DataFrame:
    """Health and cost of each person.

    Args:
        twins: `population.frame()`; a component of cost that it does without is 0.
        people: `follow_up(...)` of the same twins, in the same order.
        perspective: whose costs `cost_total` counts.
        rate_per_year, steps: at which QALYs and life years lost are discounted.

    Returns:
        person_id, qaly, life_days, disability_years, life_years_lost, daly (their sum), the cost components and
        cost_total.
    """
    lost = life_years_lost(people, twins["age_years"].to_numpy(), twins["female"].to_numpy(), rate_per_year, steps)
    nothing = [pl.lit(0.0).alias(name) for name in COST_NAMES if name not in twins.columns]
    return twins.with_columns(nothing).select(
        "person_id",
        "qaly",
        survival_times(people)["days"].alias("life_days"),
        "disability_years",
        pl.Series("life_years_lost", lost),
        (pl.col("disability_years") + pl.Series(lost)).alias("daly"),
        *COST_NAMES,
        total_cost(perspective).alias(TOTAL),
    )


def value_measures(persons: pl.DataFrame, spending: pl.DataFrame) -> pl.DataFrame:
    """Means per person of costs, life years, QALYs and DALYs, discounted, and what each year cost, not discounted.

    Args:
        persons: one row for each person, with the columns of `worth(...)`.
        spending: `Valuation.spending()` of the same people.

    Returns:
        measure, value (null without persons), weight (the number of persons): every cost component, cost_total, the
        cost in every perspective, life_years (not discounted), qalys, years_lived_with_disability, years_of_life_lost,
        dalys, and spending_year_<n>.<component>, undiscounted per person who entered, by year since entry.
    """
    extrapolated = "life_days_extrapolated" in persons.columns
    lived = pl.col("life_days") + (pl.col("life_days_extrapolated") if extrapolated else 0.0)
    means = persons.select(
        *(pl.col(name).mean() for name in (*COST_NAMES, TOTAL)),
        (lived.mean() / DAYS_PER_YEAR).alias("life_years"),
        pl.col("qaly").mean().alias("qalys"),
        pl.col("disability_years").mean().alias("years_lived_with_disability"),
        pl.col("life_years_lost").mean().alias("years_of_life_lost"),
        pl.col("daly").mean().alias("dalys"),
        *(_later_part(lived) if "life_days_after" in persons.columns else ()),
    )
    by_year = spending.unpivot(index="year").select(
        measure=pl.format("spending_year_{}.{}", "year", pl.col("variable").str.strip_prefix("cost_")),
        value=pl.when(len(persons) > 0).then(pl.col("value") / len(persons)),
    )
    table = pl.concat([means.unpivot(variable_name="measure"), mean_costs(persons), by_year], how="vertical_relaxed")
    return table.with_columns(weight=pl.lit(float(len(persons))))


def _later_part(lived: pl.Expr) -> Iterator[pl.Expr]:
    """LATER_PART; `lived`: days over the whole horizon."""
    pairs = {
        "life_years": (pl.col("life_days_after"), lived, DAYS_PER_YEAR),
        "qalys": (pl.col("qaly_after"), pl.col("qaly"), 1.0),
        "cost": (pl.col("cost_total_after"), pl.col(TOTAL), 1.0),
    }
    for name, (after, whole, unit) in pairs.items():
        yield pl.when(whole.sum() != 0.0).then(after.sum() / whole.sum()).alias(f"{name}_after_share")
        yield (after.mean() / unit).alias(f"{name}_after")
