"""Columns that valuation writes: life time, health and money of each twin, summed over its follow-up and discounted."""

from __future__ import annotations

from popsim.population.columns import Column

MOST_DAYS = 200.0 * 366.0
MOST_MONEY = 1e12


def _cost(name: str, meaning: str) -> Column:
    """A cost component: the currency is that of the experiment's prices."""
    return Column(name, "total", "currency", 0.0, MOST_MONEY, meaning, "valuation")


COST_COLUMNS = (
    _cost("cost_ward", "Discounted cost of nights on wards and in intensive care"),
    _cost("cost_emergency", "Discounted cost of emergency attendances and of nights in emergency and assessment units"),
    _cost("cost_clinic", "Discounted cost of contacts with specialists"),
    _cost("cost_community", "Discounted cost of general practice, nurses, home care, nursing homes and hospice"),
    _cost("cost_drugs", "Discounted cost of drugs taken outside hospital"),
    _cost("cost_devices", "Discounted cost of devices"),
    _cost("cost_telemonitoring", "Discounted cost of telemonitoring equipment and service"),
    _cost("cost_programme", "Discounted cost of the strategy's programmes"),
)

VALUATION_COLUMNS = (
    Column("qaly", "total", "year", -200.0, 200.0, "Discounted quality-adjusted life years", "valuation"),
    Column("life_days", "total", "day", 0.0, MOST_DAYS, "Days alive, not discounted", "valuation"),
    *COST_COLUMNS,
)

COST_NAMES = tuple(column.name for column in COST_COLUMNS)
