"""Price indices: what a price of one currency and year is in another.

A table has the columns `currency`, `year`, `health` and `consumer` (price indices of health services and of consumer
goods, each on a base of its own for each currency) and `parity` (purchasing power parity: units of the currency for one
United States dollar of the same year). A value that is not known is left empty. Lines that begin with # hold sources.

A price is first brought to the other year by an index of its own currency, then to the other currency by the parities
of that year (Shemilt, Thomas, Morciano, Evid Policy 2010;6:51-9).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from popsim.definitions.fields import currency_code
from popsim.definitions.parameter import PriceIndex
from popsim.errors import DefinitionError
from popsim.population.csv_table import read_csv

SHIPPED_INDICES: Final = Path(__file__).parents[1] / "evidence" / "price_indices.csv"
COLUMNS: Final = ("currency", "year", "health", "consumer", "parity")


class Money(NamedTuple):
    """The currency and the year of a price."""

    currency: str
    year: int

    def __str__(self) -> str:
        return f"{self.currency} of {self.year}"


class PriceIndices(NamedTuple):
    """Indices and parities by kind, currency and year.

    Attributes:
        values: (index or "parity", currency, year).
        file: where they were read.
    """

    values: Mapping[tuple[str, str, int], float]
    file: Path

    @classmethod
    def read(cls, path: Path | None = None) -> PriceIndices:
        """The table that popsim has; a user's own file replaces the rows of each currency that it names.

        Raises:
            DefinitionError: a column is missing or unknown, a row appears twice, or a value is not above 0.
        """
        shipped = _read(SHIPPED_INDICES)
        if path is None:
            return cls(shipped, SHIPPED_INDICES)
        own = _read(path)
        replaced = {currency for _, currency, _ in own}
        return cls({key: value for key, value in shipped.items() if key[1] not in replaced} | own, path)

    def factor(self, index: PriceIndex, price: Money, wanted: Money) -> float:
        """By what a price is multiplied to be in other money.

        Raises:
            ValueError: an index or a parity is not known.
        """
        if price == wanted:
            return 1.0
        grown = 1.0
        if price.year != wanted.year:
            grown = self._of(index, Money(price.currency, wanted.year)) / self._of(index, price)
        if price.currency == wanted.currency:
            return grown
        return grown * self._of("parity", wanted) / self._of("parity", Money(price.currency, wanted.year))

    def _of(self, kind: str, money: Money) -> float:
        known = sorted(year for k, currency, year in self.values if (k, currency) == (kind, money.currency))
        if money.year not in known:
            what = "purchasing power parity" if kind == "parity" else f"{kind} price index"
            years = f"it has {known[0]} to {known[-1]}" if known else "it has none of that currency"
            raise ValueError(f"{self.file.name} has no {what} of {money.currency} of {money.year}: {years}")
        return self.values[kind, money.currency, money.year]


def _read(path: Path) -> dict[tuple[str, str, int], float]:
    table = read_csv(path, missing=frozenset({""}))
    if {*table.frame.columns} != {*COLUMNS}:
        raise DefinitionError(path, "columns", ", ".join(table.frame.columns), f"must be {', '.join(COLUMNS)}")
    found: dict[tuple[str, str, int], float] = {}
    seen = set()
    for number, row in enumerate(table.frame.iter_rows(named=True), start=1):
        where = f"row {number}"
        try:
            currency = currency_code(row["currency"] or "")
        except ValueError as error:
            raise DefinitionError(path, f"{where}, currency", row["currency"], str(error)) from None
        year = table.number(row["year"] or "")
        if year is None or not year.is_integer():
            raise DefinitionError(path, f"{where}, year", row["year"], "must be a year like 2023")
        if (currency, year) in seen:
            raise DefinitionError(path, where, f"{currency} {year:.0f}", "must have one row for a currency and year")
        seen.add((currency, year))
        for kind in COLUMNS[2:]:
            value = math.nan if row[kind] is None else table.number(row[kind])
            if value is None or value <= 0.0 or math.isinf(value):
                raise DefinitionError(path, f"{where}, {kind}", row[kind], "must be a number above 0, or empty")
            if not math.isnan(value):
                found[kind, currency, int(year)] = value
    return found
