"""Health and cost of each person over the whole follow-up, and the measures derived from them."""

from __future__ import annotations

import polars as pl

from popsim.definitions.experiment import Perspective
from popsim.economics.columns import COST_COLUMNS, COST_NAMES
from popsim.economics.disability import life_years_lost
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
NET_BENEFIT = OutcomeMeasure(
    "net_monetary_benefit", "Net benefit per person", "{currency}",
    "Willingness to pay times QALYs, less cost: of the difference from the comparator", "higher", "Net benefit",
)  # fmt: skip


def outcome_values(
    twins: pl.DataFrame, people: pl.DataFrame, perspective: Perspective, rate_per_year: float
) -> pl.DataFrame:
    """Health and cost of each person.

    Args:
        twins: `population.frame()`; a component of cost that it does without is 0.
        people: `follow_up(...)` of the same twins, in the same order.
        perspective: whose costs `cost_total` counts.
        rate_per_year: at which QALYs and life years lost are discounted.

    Returns:
        person_id, qaly, life_days, disability_years, life_years_lost, daly (their sum), the cost components and
        cost_total.
    """
    lost = life_years_lost(people, twins["age_years"].to_numpy(), twins["female"].to_numpy(), rate_per_year)
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
    means = persons.select(
        *(pl.col(name).mean() for name in (*COST_NAMES, TOTAL)),
        (pl.col("life_days").mean() / DAYS_PER_YEAR).alias("life_years"),
        pl.col("qaly").mean().alias("qalys"),
        pl.col("disability_years").mean().alias("years_lived_with_disability"),
        pl.col("life_years_lost").mean().alias("years_of_life_lost"),
        pl.col("daly").mean().alias("dalys"),
    )
    by_year = spending.unpivot(index="year").select(
        measure=pl.format("spending_year_{}.{}", "year", pl.col("variable").str.strip_prefix("cost_")),
        value=pl.when(len(persons) > 0).then(pl.col("value") / len(persons)),
    )
    table = pl.concat([means.unpivot(variable_name="measure"), mean_costs(persons), by_year], how="vertical_relaxed")
    return table.with_columns(weight=pl.lit(float(len(persons))))
