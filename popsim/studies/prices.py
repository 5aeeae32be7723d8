"""The money of an experiment: the currency of its prices, and their years.

Prices are used as printed, without conversion or inflation. An experiment in a currency other than that of its prices
is refused; a mix of years is stated wherever costs are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.parameter import Parameter, ParameterChange
from popsim.errors import DefinitionError
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import SHIPPED, records_of

MONEY = re.compile(r"([A-Z]{3})(/|$)")  # a unit of money, or of money per something


class Price(NamedTuple):
    """Currency and year of a price; the year is None if its source does not state it."""

    currency: str
    year: int | None


def prices(sets: Mapping[str, ParameterSet]) -> dict[str, Price]:
    """Every parameter that is money, by "set.parameter"."""
    return {name: _price(record) for name, record in records_of(sets).items() if MONEY.match(record.unit)}


def check_currency(experiment: ExperimentDefinition, sets: Mapping[str, ParameterSet], file: object) -> None:
    """Refuse an experiment whose prices are not all in its currency.

    Raises:
        DefinitionError: a price is in another currency.
    """
    found: dict[str, str] = {}
    for name, price in prices(sets).items():
        found.setdefault(price.currency, name)
    foreign = {currency: name for currency, name in found.items() if currency != experiment.currency}
    if foreign:
        named = ", ".join(f"{currency} ({name}, ...)" for currency, name in foreign.items())
        both = f"{experiment.currency} and " if experiment.currency in found else ""
        allowed = f"prices are in {both}{named}, and nothing is converted: must be the one currency of all prices"
        raise DefinitionError(file, "currency", experiment.currency, allowed)


def price_years(experiment: ExperimentDefinition) -> dict[str, int | None]:
    """Year of every price by its name; a value that the experiment sets is assumed to be of its `price_year`."""
    years = dict(_years_of_evidence())
    own = [name for name, change in experiment.parameters.items() if name in years and _sets_value(change)]
    return years | dict.fromkeys(own, experiment.price_year)


def prices_in_words(experiment: ExperimentDefinition) -> str:
    """Currency and years of the prices in a clause, to be shown with all costs."""
    years = Counter(price_years(experiment).values())
    own = sum(name in price_years(experiment) and _sets_value(c) for name, c in experiment.parameters.items())
    unknown = years.pop(None, 0)
    if len(years) == 1 and not unknown:
        return f"{experiment.currency} at prices of {next(iter(years))}"
    known = [f"{number} of {year}" for year, number in sorted((year, n) for year, n in years.items() if year)]
    listed = ", ".join([*known, *([f"{unknown} of a year not stated"] if unknown else [])])
    set_here = f"; {own} set by the experiment, assumed to be of {experiment.price_year}" if own else ""
    return f"{experiment.currency} at prices as printed, not inflated ({listed}{set_here})"


@cache
def _years_of_evidence() -> Mapping[str, int | None]:
    return {name: price.year for name, price in prices(SHIPPED.counted).items()}


def _sets_value(change: float | ParameterChange) -> bool:
    return not isinstance(change, ParameterChange) or change.value is not None


def _price(record: Parameter) -> Price:
    return Price(record.unit[:3], record.price_year)
