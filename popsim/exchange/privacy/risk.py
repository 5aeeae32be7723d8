"""How alike the people of a table are by stated quasi-identifiers: k-anonymity, l-diversity and t-closeness.

k is the size of the smallest class of people with the same quasi-identifiers (Sweeney 2002); l the least number of
different sensitive values in a class (Machanavajjhala et al. 2007, distinct); t the largest distance of a class's
sensitive values from those of all (Li et al. 2007), here half the sum of absolute differences: the earth mover's
distance where all values are equally far apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from popsim.errors import InputError, did_you_mean

COLUMNS_SHOWN = 12


@dataclass(frozen=True)
class ClassRisk:
    """The classes of people with the same quasi-identifiers.

    Attributes:
        people: in all.
        classes: number of them.
        k: people in the smallest.
        unique: people alone in theirs.
        under: people in classes of fewer than `wanted`.
        wanted: the k that is asked for.
        mean_risk: chance that a guess within the right class is right, mean over people: classes / people.
        l_by, t_by: l and t by sensitive column.
    """

    people: int
    classes: int
    k: int
    unique: int
    under: int
    wanted: int
    mean_risk: float
    l_by: Mapping[str, int]
    t_by: Mapping[str, float]


def class_risk(
    rows: Sequence[Mapping[str, Any]], quasi: Sequence[str], sensitive: Sequence[str], wanted: int
) -> ClassRisk:
    """The risk of rows, one a person.

    Raises:
        InputError: there are no rows, or a column is not among them.
    """
    if not rows:
        raise InputError("--quasi: the output has no people to judge")
    for flag, names in (("--quasi", quasi), ("--sensitive", sensitive)):
        for name in names:
            if name not in rows[0]:
                raise InputError(f"{flag} {name}: {did_you_mean(name, list(rows[0])[:COLUMNS_SHOWN])}")
    classes: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        classes[tuple(row[name] for name in quasi)].append(row)
    sizes = [len(members) for members in classes.values()]
    diversity = {name: min(len({row[name] for row in members}) for members in classes.values()) for name in sensitive}
    closeness = {name: max(_distance(members, rows, name) for members in classes.values()) for name in sensitive}
    return ClassRisk(
        len(rows),
        len(classes),
        min(sizes),
        sizes.count(1),
        sum(size for size in sizes if size < wanted),
        wanted,
        len(classes) / len(rows),
        diversity,
        closeness,
    )


def _distance(some: Sequence[Mapping[str, Any]], every: Sequence[Mapping[str, Any]], name: str) -> float:
    mine, all_ = Counter(row[name] for row in some), Counter(row[name] for row in every)
    return sum(abs(mine[value] / len(some) - all_[value] / len(every)) for value in all_) / 2


def risk_text(risk: ClassRisk, quasi: Sequence[str], expert: str, lapses: date | None) -> str:
    """The report of an expert's determination (45 CFR 164.514(b)(1)), as Markdown, for the expert to judge and sign."""
    lines = [
        "## Risk of re-identification",
        "",
        f"Quasi-identifiers: {', '.join(quasi)}. {risk.people:,} people in {risk.classes:,} classes that share them.",
        "",
        "| measure | value |",
        "| --- | --- |",
        f"| k, people in the smallest class | {risk.k} |",
        f"| largest risk of a person, 1/k | {100 / risk.k:.1f}% |",
        f"| mean risk, classes / people | {100 * risk.mean_risk:.1f}% |",
        f"| people alone in their class | {risk.unique:,} ({100 * risk.unique / risk.people:.1f}%) |",
        f"| people in classes of fewer than {risk.wanted} | {risk.under:,} ({100 * risk.under / risk.people:.1f}%) |",
    ]
    for name, diverse in risk.l_by.items():
        lines += [
            f"| l, different values of {name} in a class, least | {diverse} |",
            f"| t, distance of a class from all by {name}, largest | {risk.t_by[name]:.2f} |",
        ]
    met = "is met" if risk.k >= risk.wanted else "is NOT met: coarsen or leave out a quasi-identifier"
    lines += [
        "",
        f"k of {risk.wanted} {met}.",
        "",
        f"Determined by: {expert or '(name of the expert)'}. "
        f"Lapses on: {lapses.isoformat() if lapses else '(date)'}; judge anew before, and when data are added.",
        "The figures are of the people in the output, not of a population: who is alone here may not be alone "
        "elsewhere. The expert judges whether the quasi-identifiers are all that somebody could know.",
    ]
    return "\n".join(lines)
