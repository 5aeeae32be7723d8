"""Labels of measures, and of the levels of a column: as declared, the same in every output."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.analyses.decision_view import StudyFacts
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.outcome_valuation import ICER, NET_BENEFIT
from popsim.simulation.schema import SCHEMA
from popsim.studies.measures import measure_of
from popsim.units import canonical


def measure_label(name: str, currency: str, settings: Mapping[str, str] | None = None) -> str:
    """A measure with its unit, and the setting that it is of by its title: "Wait for a bed, hours, mean: Ward"."""
    measure = measure_of(name)
    title = measure.title(currency)
    if not measure.each:
        return title
    member = measure.member(name)
    return f"{title}: {(settings or {}).get(member, member)}"


def difference_label(name: str, experiment: ExperimentDefinition | StudyFacts) -> str:
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
    """The label of a subgroup: "men", "most deprived fifth", "age 65 to under 75 years", "gfr under 30 mL/min"."""
    unit = _unit_in_words(column)
    name = column.removesuffix("_years").replace("_", " ")
    for ending in _ENDINGS.get(unit, ()):
        name = name.removesuffix(ending)
    if level is None:
        return f"{name} not known"
    codes = codes_of(column)
    number = level.removesuffix(".0")
    if number.isdigit() and int(number) in codes:
        return codes[int(number)]
    if number in ("", column):
        return name
    band, more = (number.removesuffix(OVER), OVER) if number.endswith(OVER) else (number, "")
    return f"{name} {band}" + (unit if unit == "%" else f" {unit}" if unit else "") + more


OVER = " and over"  # of the last band
_ENDINGS = {  # of a column's name that say its unit again
    "%": (" percent",), "mmHg": (" mmhg",), "kg": (" kg",), "mL/min": (" ml min",), "mmol/L": (" mmol l",),
    "pg/mL": (" pg ml",), "g/dL": (" g dl",), "bpm": (" bpm",), "L": (" l",), "mg/g": (" mg g",),
}  # fmt: skip
_UNITS = {
    "a": "years",
    "1": "",
    "": "",
    "mm[Hg]": "mmHg",
    "{beats}/min": "beats/min",
    "/min": "per minute",
    "d": "days",
}


def _unit_in_words(column: str) -> str:
    """The unit of a column's values; empty where they have none or are codes."""
    if column not in SCHEMA.columns or SCHEMA.columns[column].codes:
        return ""
    unit = canonical(SCHEMA.columns[column].unit)
    return _UNITS.get(unit, unit.replace("/1.73m2", ""))


def level_of(column: str, label: str) -> str:
    """The level that a label stands for; the label itself where it is unknown."""
    codes = codes_of(column)
    return next((str(code) for code, name in codes.items() if name.lower() == label.lower()), label)
