"""Market shares of strategies by year, as TOML files define them: the mix as it is, and the mix to come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition, validate
from popsim.definitions.fields import AS_TUPLE, Identifier, real
from popsim.errors import DefinitionError
from popsim.plurals import counted

MAX_YEARS = 100
MAX_PEOPLE = 1e10
SUM_TOLERANCE = 1e-6

People = Annotated[float, real(0.0, MAX_PEOPLE)]
Shares = Annotated[tuple[Annotated[float, real(0.0, 1.0)], ...], AS_TUPLE]


class MarketShares(Definition):
    """Who has which strategy in each year, without a decision and after it.

    Attributes:
        eligible: people who become eligible in each year.
        current: share of people on each strategy, year by year, if nothing is decided; a strategy not named has none.
        new: the same after the decision.
        switching: whether the shares of a year are those of everybody who has become eligible so far, so that people
            switch as shares move; otherwise of those who become eligible in that year, who keep their strategy.
    """

    eligible: Annotated[tuple[People, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_YEARS)]
    current: dict[Identifier, Shares]
    new: dict[Identifier, Shares]
    switching: bool = False

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        years = len(self.eligible)
        for mix, shares in (("current", self.current), ("new", self.new)):
            for name, own in shares.items():
                if len(own) != years:
                    raise ValueError(
                        f"{mix}.{name}: {counted(len(own), 'year')}, eligible has {years}: must be as many"
                    )
            for year in range(years):
                total = math.fsum(own[year] for own in shares.values())
                if not math.isclose(total, 1.0, abs_tol=SUM_TOLERANCE):
                    raise ValueError(f"{mix}: the shares of year {year + 1} sum to {total:g}, must sum to 1")
        return self

    @classmethod
    def of(
        cls,
        eligible: float | Sequence[float],
        current: Mapping[str, Sequence[float]],
        new: Mapping[str, Sequence[float]],
        switching: bool,
        known: Iterable[str],
        where: str = "market",
    ) -> Self:
        """Market shares that are given in Python or on the command line.

        Args:
            eligible: people who become eligible, each year or year by year.
            current, new: as the attributes; one share is that of every year.
            switching: as the attribute.
            known: the strategies that there are.
            where: names the source in messages.

        Raises:
            DefinitionError: they do not fit together, or a strategy is unknown.
        """
        people = list(eligible) if isinstance(eligible, Sequence) else [eligible]
        years = max([len(people), *(len(own) for mix in (current, new) for own in mix.values())])

        def each_year(numbers: Sequence[float]) -> list[float]:
            return [*numbers] * (years if len(numbers) == 1 else 1)

        table = {
            "eligible": each_year(people),
            "current": {name: each_year(own) for name, own in current.items()},
            "new": {name: each_year(own) for name, own in new.items()},
            "switching": switching,
        }
        shares = validate(table, cls, where)
        shares.check_strategies(known, where)
        return shares

    def check_strategies(self, known: Iterable[str], file: Path | str) -> None:
        """Refuse a strategy that a run does not have.

        Raises:
            DefinitionError: there is one.
        """
        names = list(known)
        for mix, shares in (("current", self.current), ("new", self.new)):
            for name in shares:
                if name not in names:
                    raise DefinitionError(file, mix, name, known=names)
