"""What people call the levels of a column: the names of its codes where it is declared, the same in every output."""

from __future__ import annotations

from popsim.simulation.schema import CLINICAL_SCHEMA


def level_label(column: str, level: str | None) -> str:
    """A level of a column by which people are grouped: "men", "most deprived fifth", "age 65 to under 75"."""
    name = column.removesuffix("_years").replace("_", " ")
    if level is None:
        return f"{name} not known"
    codes = CLINICAL_SCHEMA.columns[column].codes if column in CLINICAL_SCHEMA.columns else {}
    number = level.removesuffix(".0")
    if number.isdigit() and int(number) in codes:
        return codes[int(number)]
    return name if number in ("", column) else f"{name} {number}"


def level_of(column: str, label: str) -> str:
    """The level that a label stands for; the label itself where it is none."""
    codes = CLINICAL_SCHEMA.columns[column].codes if column in CLINICAL_SCHEMA.columns else {}
    return next((str(code) for code, name in codes.items() if name.lower() == label.lower()), label)
