"""The money of an experiment: all its prices in one currency and of one year, or as printed where it says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.money import AS_PRINTED, PriceCountry
from popsim.definitions.parameter import Parameter, ParameterChange
from popsim.economics.price_indices import Money, PriceIndices
from popsim.errors import DefinitionError
from popsim.evidence.money import converted
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters, records_of


def prices(sets: Mapping[str, ParameterSet]) -> dict[str, Parameter]:
    """Every parameter that is money, by "set.parameter"."""
    return {name: record for name, record in records_of(sets).items() if record.currency is not None}


def in_money_of(
    experiment: ExperimentDefinition, parameters: Parameters, indices: PriceIndices | None, file: object
) -> Parameters:
    """The parameters with every price in the experiment's currency and of its price year.

    Args:
        experiment: its `price_year` may be "as_printed": nothing is converted.
        parameters: as their sets have them, without the experiment's own values, which are in its money already.
        indices: those that popsim has where None.
        file: named in errors.

    Raises:
        DefinitionError: a price cannot be converted; as printed, a price is in another currency.
    """
    if experiment.price_year == AS_PRINTED:
        _check_currency(experiment, parameters.counted, file)
        return parameters
    wanted = Money(experiment.currency, int(experiment.price_year))
    table = indices or PriceIndices.read()

    def refused(name: str, why: str) -> DefinitionError:
        return DefinitionError(file, "price_year", wanted.year, f"{name} cannot be in {wanted.currency} of it: {why}")

    def convert(values: ParameterSet) -> ParameterSet:
        def factor(key: str, record: Parameter) -> float:
            name = f"{values.name}.{key}"
            if record.price_year is None or record.currency is None:
                raise refused(name, "it has no price_year of its own")
            try:
                return table.factor(record.price_index or "health", Money(record.currency, record.price_year), wanted)
            except ValueError as error:
                raise refused(name, str(error)) from None

        try:
            return converted(values, *wanted, factor)
        except ValueError as error:
            raise refused(values.name, str(error)) from None

    return parameters.given({name: convert(values) for name, values in parameters.counted.items() if _priced(values)})


def price_years(experiment: ExperimentDefinition) -> dict[str, int | None]:
    """Year of every price as printed, by its name; None where nobody says it, as for an experiment's own price."""
    printed = {name: record.price_year for name, record in _of_country(experiment.prices).items()}
    return printed | dict.fromkeys(_own_prices(experiment))


def money_in_words(experiment: ExperimentDefinition) -> str:
    """What amounts of an experiment are in."""
    year = "at prices as printed" if experiment.price_year == AS_PRINTED else f"of {experiment.price_year}"
    return f"{experiment.currency} {year}"


def prices_in_words(experiment: ExperimentDefinition) -> str:
    """Currency and years of the prices in a clause, to be shown with all costs."""
    if experiment.price_year != AS_PRINTED:
        return money_in_words(experiment)
    own = _own_prices(experiment)
    years = Counter(year for name, year in price_years(experiment).items() if name not in own)
    if len(years) == 1 and not own and None not in years:
        return f"{experiment.currency} of {next(iter(years))}"
    listed = [f"{number} of {year}" for year, number in sorted((y, n) for y, n in years.items() if y is not None)]
    listed += [f"{years[None]} of a year not stated"] if None in years else []
    listed += [f"{len(own)} set by the experiment"] if own else []
    return f"{money_in_words(experiment)}, not inflated ({', '.join(listed)})"


@cache
def _of_country(country: PriceCountry) -> Mapping[str, Parameter]:
    return prices(Parameters(country=country).counted)


def _own_prices(experiment: ExperimentDefinition) -> set[str]:
    """Names of the prices whose value the experiment sets."""
    known, changes = _of_country(experiment.prices), experiment.parameters.items()
    return {name for name, change in changes if name in known and _sets_value(change)}


def _sets_value(change: float | ParameterChange) -> bool:
    return not isinstance(change, ParameterChange) or change.value is not None


def _priced(values: ParameterSet) -> bool:
    return any(values.of(key).currency is not None for key in values)


def _check_currency(experiment: ExperimentDefinition, sets: Mapping[str, ParameterSet], file: object) -> None:
    """Refuse prices in several currencies, or in another than the experiment's, where nothing is converted."""
    found: dict[str, str] = {}
    for name, record in prices(sets).items():
        found.setdefault(str(record.currency), name)
    foreign = {currency: name for currency, name in found.items() if currency != experiment.currency}
    if foreign:
        named = ", ".join(f"{currency} ({name}, ...)" for currency, name in foreign.items())
        both = f"{experiment.currency} and " if experiment.currency in found else ""
        allowed = f"prices are in {both}{named}, and as printed nothing is converted: set a price_year, like 2023"
        raise DefinitionError(file, "currency", experiment.currency, allowed)
