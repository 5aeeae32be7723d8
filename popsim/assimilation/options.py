"""Options of therapy: what an option changes in the members of a belief, and what forbids it.

Doses, ladders and contraindications come from the drug files and indications from the file of indications, as for the
clinicians of the simulated care (care/prescribing.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.ensemble import Ensemble
from popsim.care.network import operand
from popsim.care.prescribing import load_indications
from popsim.definitions.conditions import Condition
from popsim.definitions.drug import Drug
from popsim.definitions.drug import DrugCondition as DrugRule
from popsim.definitions.options import DoseChange, OptionFile, TherapyOption
from popsim.errors import InputError, did_you_mean
from popsim.evidence.drugs import load_drugs
from popsim.evidence.parameters import FOLDER
from popsim.population.population import Population

FILE = FOLDER / "practice" / "options.toml"
NOTHING = TherapyOption(name="nothing", label="No change")
SAME = 1e-6  # share of the target dose below which two doses are the same
PER_CENT = 0.01

type Seen = Mapping[str, NDArray[np.float64]]
"""Last observed values of persons, (persons,) by column, NaN where there is none."""


def load_options(path: Path | str = FILE) -> tuple[TherapyOption, ...]:
    """The options of a file; the default file holds those compared when none are named.

    Raises:
        DefinitionError: the file is refused.
    """
    return OptionFile.read(path).options


class Refusal(NamedTuple):
    """A rule that forbids a dose.

    Attributes:
        drug: the drug that is not started or raised.
        rule: from the drug's file, or the indication that does not hold.
        indication: whether the rule is an indication.
    """

    drug: Drug
    rule: DrugRule | Condition
    indication: bool


def check_options(options: Sequence[TherapyOption]) -> None:
    """Check that the names of options are unique and that there are their drugs.

    Raises:
        InputError: a name is used twice, or there is no such drug.
    """
    names = [option.name for option in options]
    for option in options:
        if names.count(option.name) > 1:
            raise InputError(f"option '{option.name}': named twice")
        for change in dose_changes(option):
            drugs_of(change.drug)


def dose_changes(option: TherapyOption) -> Iterator[DoseChange]:
    """The dose changes of an option."""
    return (change for change in option.changes if isinstance(change, DoseChange))


def drugs_of(name: str) -> tuple[Drug, ...]:
    """The drug of a name, or all drugs of a class.

    Raises:
        InputError: no drug or class has this name.
    """
    found = tuple(drug for drug in load_drugs() if name in (drug.name, drug.drug_class))
    if not found:
        known = [drug.name for drug in load_drugs()] + [drug.drug_class for drug in load_drugs()]
        raise InputError(f"no drug or class '{name}': {did_you_mean(name, dict.fromkeys(known))}")
    return found


def takes(people: Population, drug: Drug, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows in which this drug is the one of its class that is taken, or would be."""
    if drug.agent_column is None:
        return np.full(len(rows), drug.agent == 0)
    return np.asarray(people[drug.agent_column][rows] == drug.agent)


def warned(people: Population, drug: Drug, rows: NDArray[np.int64], actions: Sequence[str]) -> NDArray[np.bool_]:
    """Rows in which a warning of the drug's file calls for one of these actions, by the true state of the members."""
    found = np.zeros(len(rows), np.bool_)
    for rule in drug.conditions:
        if rule.action in actions:
            found |= holds(rule, people[rule.column][rows].astype(np.float64))
    return found


def holds(rule: DrugRule | Condition, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the rule holds."""
    if rule.at_least is not None:
        return np.asarray(values >= rule.at_least)
    if rule.below is not None:
        return np.asarray(values < rule.below)
    assert isinstance(rule, Condition)
    return np.asarray(values == operand(rule))


def change_dose(people: Population, change: DoseChange, rows: NDArray[np.int64], *, guarded: bool) -> None:
    """Change the dose of a drug in some rows.

    Args:
        people: changed in place.
        change: of the dose.
        rows: to change.
        guarded: skip rows in which a warning of the drug's file forbids a higher dose on this day.
    """
    for drug in drugs_of(change.drug):
        mine = rows if drug.name == change.drug else rows[takes(people, drug, rows)]
        old = people[drug.dose_column][mine].astype(np.float64)
        new = _new_dose(people, drug, change, mine, old)
        if guarded:
            new = np.where((new > old) & warned(people, drug, mine, ("not_start", "reduce", "stop")), old, new)
        people[drug.dose_column][mine] = new
        if drug.name == change.drug and drug.agent_column is not None:
            people[drug.agent_column][mine] = drug.agent
        _set_companions(people, drug, mine[(old <= 0.0) & (new > 0.0)])


def make_safe(people: Population, rows: NDArray[np.int64]) -> None:
    """Stop drugs, or reduce them by one rung, where the drug files call them unsafe, as at a visit."""
    for drug in load_drugs():
        mine = rows[takes(people, drug, rows) & (people[drug.dose_column][rows] > 0.0)]
        old = people[drug.dose_column][mine].astype(np.float64)
        lower = np.where(warned(people, drug, mine, ("reduce",)), _rung(drug, old, -1), old)
        people[drug.dose_column][mine] = np.where(warned(people, drug, mine, ("stop",)), 0.0, lower)


def refusals(
    ensemble: Ensemble, option: TherapyOption, seen: Seen, majority: float
) -> list[tuple[Refusal, NDArray[np.bool_]]]:
    """Every rule that may forbid an option that starts or raises a drug, and the persons for whom it does.

    A rule uses the observed value of a person; without one, it holds if it holds in most of the members.

    Returns:
        rules with (persons,) where they forbid the option.
    """
    people, members = ensemble.people, ensemble.members
    everybody = np.arange(len(people))
    found: list[tuple[Refusal, NDArray[np.bool_]]] = []

    def said(rule: DrugRule | Condition) -> NDArray[np.bool_]:
        share = (ensemble.weights() * holds(rule, ensemble.of(rule.column).astype(np.float64))).sum(axis=1)
        values = seen.get(rule.column, np.full(ensemble.persons, np.nan))
        return np.where(np.isnan(values), share >= majority, holds(rule, values))

    for change in dose_changes(option):
        for drug in drugs_of(change.drug):
            old = people[drug.dose_column].astype(np.float64)
            more = _new_dose(people, drug, change, everybody, old) > old
            if drug.name != change.drug:
                more &= takes(people, drug, everybody)
            raised = more.reshape(-1, members).any(axis=1)
            for rule in drug.conditions:
                found.append((Refusal(drug, rule, False), raised & said(rule)))
            reasons = [one.when for one in load_indications() if one.drug_class == drug.drug_class]
            missing = [np.stack([~said(rule) for rule in when]) for when in reasons]
            if missing:
                unmet = np.all([one.any(axis=0) for one in missing], axis=0)
                for index, wanted in enumerate(reasons[0]):
                    found.append((Refusal(drug, wanted, True), raised & unmet & missing[0][index]))
    return found


def _new_dose(
    people: Population, drug: Drug, change: DoseChange, rows: NDArray[np.int64], old: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The dose after a change, never raised above what a genotype's rule allows."""
    if change.share is not None:
        new = np.full(len(old), change.share * drug.column_at_target)
    else:
        new = _rung(drug, old, change.rungs or 0)
    limit = f"{drug.drug_class}_limit_percent"
    if limit in people.schema:
        percent = people[limit][rows]
        most = np.where(percent > 0, PER_CENT * percent * drug.column_at_target, np.inf)
        new = np.where(new > most, np.maximum(most, np.minimum(old, new)), new)
    column = people.schema[drug.dose_column]
    return np.asarray(np.clip(new, column.low, column.high), np.float64)


def _rung(drug: Drug, dose: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """The dose this many rungs up or down the ladder; the same dose if there is no such rung."""
    ladder = np.array(drug.ladder) * drug.column_at_target
    same = SAME * drug.column_at_target
    if steps > 0:
        index = np.searchsorted(ladder, dose + same, side="right") + steps - 1
        return np.maximum(dose, ladder[np.minimum(index, len(ladder) - 1)])
    if steps < 0:
        index = np.searchsorted(ladder, dose - same, side="left") + steps
        return np.minimum(dose, np.where(index < 0, 0.0, ladder[np.maximum(index, 0)]))
    return dose.copy()


def _set_companions(people: Population, drug: Drug, rows: NDArray[np.int64]) -> None:
    """Codes that change with the start of a drug, e.g. no ACE inhibitor beside sacubitril."""
    for one in load_indications():
        also = one.also_sets
        if one.drug_class == drug.drug_class and also is not None:
            people[also.column][rows] = also.code
