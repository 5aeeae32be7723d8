"""What an experiment says of its money: whose prices, of which year, and by which norms of utility."""

from __future__ import annotations

from typing import Annotated, Literal

from popsim.arguments import is_whole
from popsim.definitions.fields import MAX_PATH_LENGTH, Checked, real
from popsim.definitions.parameter import MAX_PRICE_YEAR, MIN_PRICE_YEAR

AS_PRINTED = "as_printed"  # prices of every year, used as they are
OF_COUNTRY = "country"  # utility norms of the country of the prices


def _price_year(value: object) -> object:
    if value != AS_PRINTED and not (is_whole(value) and MIN_PRICE_YEAR <= value <= MAX_PRICE_YEAR):
        raise ValueError(f'must be a year between {MIN_PRICE_YEAR} and {MAX_PRICE_YEAR}, or "{AS_PRINTED}"')
    return value


def _utility_norms(value: object) -> object:
    if not isinstance(value, str) or not (value == OF_COUNTRY or value.endswith(".csv")):
        raise ValueError(f'must be "{OF_COUNTRY}", or the path of a .csv file')
    return value


PriceCountry = Literal["england", "united_states", "netherlands"]
UtilityNormsName = Annotated[str, Checked(_utility_norms, (("maxLength", MAX_PATH_LENGTH),))]
MoneyYear = Annotated[int | str, Checked(_price_year, (("minimum", MIN_PRICE_YEAR), ("maximum", MAX_PRICE_YEAR)))]
Perspective = Literal["payer", "health_system", "societal", "patient"]
WillingnessToPay = Annotated[float, real(0.0, 1e9)]
