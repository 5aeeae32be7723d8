"""Labels of measures, and of the levels of a column: as declared, the same in every output."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.outcome_valuation import ICER, NET_BENEFIT
from popsim.simulation.schema import SCHEMA
from popsim.studies.measures import measure_of


def measure_label(name: str, currency: str, settings: Mapping[str, str] | None = None) -> str:
    """A measure with its unit, and the setting that it is of by its title: "Wait for a bed, hours, mean: Ward"."""
    measure = measure_of(name)
    title = measure.title(currency)
    if not measure.each:
        return title
    member = measure.member(name)
    return f"{title}: {(settings or {}).get(member, member)}"


def difference_label(name: str, experiment: ExperimentDefinition) -> str:
    """What a measure's difference from the comparator is called within a sentence."""
    if name == ICER:
        return f"cost per QALY gained, {experiment.currency}"
    if name == NET_BENEFIT.name:
        return f"net benefit at {experiment.willingness_to_pay:,.0f} {experiment.currency} per QALY"
    label = measure_label(name, experiment.currency)
    return f"difference in {label if label[1:2].isupper() else label[:1].lower() + label[1:]}"


def parameter_label(name: str) -> str:
    """A parameter "set.name" as words, without its set."""
    return (name.partition(".")[2] or name).replace("_", " ")


def codes_of(column: str) -> Mapping[int, str]:
    """The label of each code of a column; empty where its values are their own labels."""
    return SCHEMA.columns[column].codes if column in SCHEMA.columns else {}


def code_label(column: str, code: float) -> str:
    """The label of a code; the number itself where it has none."""
    return codes_of(column).get(int(code), f"{code:g}") if float(code).is_integer() else f"{code:g}"


def level_label(column: str, level: str | None) -> str:
    """The label of a subgroup: "men", "most deprived fifth", "age 65 to under 75"."""
    name = column.removesuffix("_years").replace("_", " ")
    if level is None:
        return f"{name} not known"
    codes = codes_of(column)
    number = level.removesuffix(".0")
    if number.isdigit() and int(number) in codes:
        return codes[int(number)]
    return name if number in ("", column) else f"{name} {number}"


def level_of(column: str, label: str) -> str:
    """The level that a label stands for; the label itself where it is unknown."""
    codes = codes_of(column)
    return next((str(code) for code, name in codes.items() if name.lower() == label.lower()), label)
