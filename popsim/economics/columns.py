"""Columns that valuation writes: discounted health and cost of each twin, summed over its follow-up."""

from __future__ import annotations

from popsim.population.columns import Column

MAX_MONEY = 1e12


def _cost(name: str, meaning: str) -> Column:
    """A cost component: the currency is that of the experiment's prices."""
    return Column(name, "total", "currency", 0.0, MAX_MONEY, meaning, "valuation")


# In the order of the components in kernels/accrual.py.
COST_COLUMNS = (
    _cost("cost_ward", "Discounted cost of nights on wards and in intensive care"),
    _cost("cost_emergency", "Discounted cost of emergency attendances and of nights in emergency and assessment units"),
    _cost("cost_clinic", "Discounted cost of contacts with specialists"),
    _cost("cost_community", "Discounted cost of general practice, nurses, home care, nursing homes and hospice"),
    _cost("cost_drugs", "Discounted cost of drugs taken outside hospital"),
    _cost("cost_devices", "Discounted cost of devices"),
    _cost("cost_telemonitoring", "Discounted cost of telemonitoring equipment and service"),
    _cost("cost_programme", "Discounted cost of the strategy's programmes"),
    _cost("cost_out_of_pocket", "Discounted charges that the patient pays towards the care of the components above"),
    _cost("cost_travel", "Discounted cost of patients' and visitors' travel"),
    _cost("cost_informal_care", "Discounted value of unpaid care at home"),
    _cost("cost_productivity", "Discounted value of paid work not done, of people below retirement age"),
)

VALUATION_COLUMNS = (
    Column("qaly", "total", "year", -200.0, 200.0, "Discounted quality-adjusted life years", "valuation"),
    Column("disability_years", "total", "year", 0.0, 200.0, "Discounted years lived with disability", "valuation"),
    *COST_COLUMNS,
)

COST_NAMES = tuple(column.name for column in COST_COLUMNS)
