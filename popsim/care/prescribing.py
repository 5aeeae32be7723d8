"""Prescribing: compiles the drug files and the file of indications into the tables that visits use."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.compiled import CLINICIAN_CODES, column_index, condition_rows
from popsim.definitions.drug import Drug
from popsim.definitions.indication import Indication, Indications
from popsim.errors import DefinitionError, did_you_mean
from popsim.evidence.drugs import load_drugs
from popsim.evidence.parameters import FOLDER
from popsim.kernels.care import records
from popsim.kernels.physiology.reactions import REACTIONS
from popsim.population.columns import Schema

FILE = FOLDER / "practice" / "indications.toml"
ACTIONS = {"stop": records.STOP, "reduce": records.REDUCE, "not_start": records.NOT_START}
# At a visit, one drug is reduced for each of these signals; the bit is that of the reaction that the signal predicts.
REASONS = {
    "systolic_mmhg": REACTIONS["hypotension"],
    "heart_rate_bpm": REACTIONS["bradycardia"],
    "potassium_mmol_l": REACTIONS["hyperkalaemia"],
}


@cache
def load_indications(path: Path = FILE) -> tuple[Indication, ...]:
    """The indications in their order.

    Raises:
        DefinitionError: the file is refused, or a class has no drug.
    """
    found = Indications.read(path).indications
    classes = {drug.drug_class for drug in load_drugs()}
    for place, one in enumerate(found):
        if one.drug_class not in classes:
            words = f"no such class, {did_you_mean(one.drug_class, classes)}"
            raise DefinitionError(path, f"indications.{place}.drug_class", one.drug_class, words)
    return found


def prescribed_classes() -> tuple[str, ...]:
    """Classes that have an indication, the most important first."""
    return tuple(dict.fromkeys(one.drug_class for one in load_indications()))


class PrescribingTables:
    """The tables of drugs for a population.

    Args:
        schema: columns of the population; one without `stopped_drugs` is treated without the tables.
        first_condition: number of conditions already in the care network's table.
        not_started: classes that clinicians neither start nor raise.

    Attributes:
        conditions: rows to append to the network's table of conditions.
    """

    def __init__(self, schema: Schema, first_condition: int, not_started: Collection[str] = ()) -> None:
        self.conditions: list[tuple[Any, ...]] = []
        self._schema, self._first_condition = schema, first_condition
        self._drug_records: list[tuple[Any, ...]] = []
        self._rungs: list[float] = []
        self._warnings: list[tuple[Any, ...]] = []
        self._indications: list[tuple[Any, ...]] = []
        if "stopped_drugs" in schema:
            for drug_class in prescribed_classes():
                self._add_class(drug_class, drug_class not in not_started)

    def tables(self) -> dict[str, NDArray[Any]]:
        """The fields of `care_records.Arrays` that describe drugs, by name."""
        return {
            "drug_records": np.array(self._drug_records, records.DRUG),
            "rungs": np.array(self._rungs, np.float64),
            "warnings": np.array(self._warnings, records.WARNING),
            "indications": np.array(self._indications, records.INDICATION),
        }

    def _add_class(self, drug_class: str, started: bool) -> None:
        drugs = [drug for drug in load_drugs() if drug.drug_class == drug_class]
        first = len(self._indications)
        if started:
            for place, one in enumerate(load_indications()):
                if one.drug_class == drug_class:
                    self._add_indication(one, f"{FILE.name}: indications.{place}")
        span = (len(self._drug_records), len(self._drug_records) + len(drugs))
        for drug in drugs:
            self._add_drug(drug, span, (first, len(self._indications)))

    def _add_indication(self, said: Indication, where: str) -> None:
        begin = self._first_condition + len(self.conditions)
        self.conditions += condition_rows(said.when, self._schema, where)
        also = (-1, 0)
        if said.also_sets is not None:
            also = (self._schema.index(said.also_sets.column), said.also_sets.code)
        prescribers = sum(1 << CLINICIAN_CODES[name] for name in set(said.raised_by))
        conditions = (begin, self._first_condition + len(self.conditions))
        self._indications.append((said.starts_at or 0.0, said.up_to, *conditions, prescribers, said.raised, *also))

    def _add_drug(self, drug: Drug, of_class: tuple[int, int], indications: tuple[int, int]) -> None:
        schema = self._schema
        rungs, warnings = len(self._rungs), len(self._warnings)
        self._rungs += [share * drug.column_at_target for share in drug.ladder]
        for said in drug.conditions:
            block, place = column_index(said.column, schema, drug.name)
            below = said.below is not None
            value, operator = (said.below, records.BELOW) if below else (said.at_least, records.AT_LEAST)
            reason = REASONS.get(said.column, 0)
            self._warnings.append((value, place, block, operator, ACTIONS[said.action], reason))
        agent = -1 if drug.agent_column is None else schema.index(drug.agent_column)
        limit = f"{drug.drug_class}_limit_percent"
        self._drug_records.append(
            (
                drug.column_at_target,
                schema.index(drug.dose_column),
                drug.code,
                agent,
                drug.agent,
                schema.index(limit) if limit in schema else -1,
                sum(REACTIONS[name] for name in drug.implicated_in),
                *of_class,
                rungs,
                len(self._rungs),
                warnings,
                len(self._warnings),
                *indications,
            )
        )
