"""One patient as a Mesa agent: a handle on one row of the population."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from mesa import Agent

from popsim.errors import InputError, did_you_mean, shorten
from popsim.kernels.codes import PRESENT
from popsim.outcomes.explanation import why_dead, why_ill
from popsim.outcomes.narrative import Event, history, story
from popsim.population.columns import Column
from popsim.simulation.protocols import TwinModel


class TwinEvent(NamedTuple):
    """One line of the event log, as hooks receive it.

    Attributes:
        time_days: days since the start of the simulation.
        kind: event ("start", "end", "visit", ...).
        setting: name of the setting where it happened, or None.
        cause: why the twin seeks or receives care ("heart_failure", ...).
        detail: meaning depends on the kind; see `popsim.kernels.codes`.
    """

    time_days: float
    kind: str
    setting: str | None
    cause: str
    detail: int


class PatientTwin(Agent):  # type: ignore[misc]  # Mesa carries no types
    """A twin: attributes read and write the columns of its row, `unique_id` is the row + 1.

    `twin.systolic_mmhg` is a Python float, `twin.nyha_class` a Python int (so are flags such as `alive`: 0 or 1). Any
    column may be written between steps; a value outside the column's bounds raises `InputError`. Other attributes are
    the user's own and stay with the twin, because a model makes at most one handle per row and keeps it; an attribute
    whose name resembles a column's must be declared in the class.

    Handles are made on demand (`model.agents`), never by calling this class. Give a subclass to the model as
    `agent_class` to override the hooks below; hooks that are not overridden are never called. Names that begin with
    `on_` are reserved for hooks. `remove()` withdraws the twin from `model.agents` only (no more hooks or operations on
    `model.agents`): the person stays in the population and keeps using beds, like a person who leaves a study.
    """

    def __init__(self, model: TwinModel, row: int) -> None:
        super().__init__(model)
        self.unique_id = int(row) + 1
        model.roster.claim(self)

    # Hooks: called by the model at the end of a day, those of events in the order of the log.

    def on_day(self) -> None:
        """A day has passed; called for every twin that has entered and is alive at its end."""

    def on_contact(self, event: TwinEvent) -> None:
        """The twin had a visit at a contact setting."""

    def on_admission(self, event: TwinEvent) -> None:
        """The twin was admitted as an inpatient; a transfer between wards is not an admission."""

    def on_discharge(self, event: TwinEvent) -> None:
        """The twin left inpatient care alive."""

    # The row.

    @property
    def row(self) -> int:
        """Row in the population, counted from 0."""
        return int(self.unique_id) - 1

    @property
    def person_id(self) -> int:
        """Identity of the twin in the cohort, whatever its row; keys its random numbers."""
        return int(self.model.population.person_id[self.row])

    def history(self) -> pl.DataFrame:
        """All events of this twin so far, in order: time_days, person_id, event, setting, cause, detail."""
        return history(self.model.events, self.row)

    def follow(self) -> None:
        """Keep a diary of this twin, so that `explain` can give reasons; call it before the first step.

        Raises:
            InputError: the simulation has begun.
        """
        self.model.recorder.diary.follow(np.array([self.row]))

    def explain(self) -> str:
        """The history of this twin in plain sentences, one per line, with times in days since the start.

        For a followed twin (`follow`), it includes what led to every acute illness and to death: states, drugs, shocks
        and delays, in numbers.
        """
        population, row = self.model.population, self.row
        diary = self.model.recorder.diary.frame(population, row)

        def why(event: Event) -> list[str]:
            if diary is None:
                return []
            constants = self.model.parameters["heart_failure"]
            if event.kind == PRESENT:
                return why_ill(diary, int(event.time), event.cause, constants)
            return why_dead(diary, int(event.time), constants)

        return story(
            self.model.events,
            row,
            self.model.setting_labels,
            entry_day=int(population["entry_day"][row]),
            today=self.model.clock.day,
            why=why,
        )

    def __getattr__(self, name: str) -> Any:
        """The twin's value of column `name`; called only if there is no ordinary attribute."""
        model = self.__dict__.get("model")
        if model is None or name.startswith("__"):
            raise AttributeError(name)
        if name not in model.population.schema:
            raise AttributeError(f"a twin has no '{name}': {did_you_mean(name, _readable(self))}")
        return model.population[name].item(self.__dict__["unique_id"] - 1)

    def __setattr__(self, name: str, value: Any) -> None:
        """Write column `name` of the twin's row, or an attribute of the user's own.

        Raises:
            InputError: the column cannot hold the value, or the name is a mistyped column name.
        """
        model = self.__dict__.get("model")
        if model is not None and name in model.population.schema:
            column = model.population.schema[name]
            model.population[name][self.row] = checked(column, value)
            return
        if model is not None and name not in self.__dict__ and not hasattr(type(self), name):
            model.roster.check_name(name)
        super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self.model.population.schema.columns})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


HOOKS = tuple(name for name in vars(PatientTwin) if name.startswith("on_"))


def checked(column: Column, value: object) -> float:
    """`value`, if the column can hold it.

    Raises:
        InputError: not a number, outside the column's bounds, or not whole where the column holds codes or counts.
    """
    whole = column.kind in {"code", "count"}
    number = float(value) if isinstance(value, Real | np.bool_) else math.nan
    if column.low <= number <= column.high and not (whole and number != int(number)):
        return number
    unit = "" if column.unit == "1" else f" {column.unit}"
    kind = "whole number" if whole else "number"
    raise InputError(f"{column.name} = {shorten(value)}: must be a {kind} from {column.low:g} to {column.high:g}{unit}")


def _readable(twin: PatientTwin) -> list[str]:
    """Candidates for a mistyped attribute: columns and public attributes."""
    return [*twin.model.population.schema.columns, *(a for a in dir(type(twin)) if not a.startswith("_"))]
