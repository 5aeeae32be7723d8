"""The uncertain parameters of a finished run whose value of information is worth asking for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from popsim.economics.cost_effectiveness import QALYS
from popsim.economics.information import ProposedStudy
from popsim.economics.prices import priced
from popsim.economics.relevance import without_influence
from popsim.errors import InputError
from popsim.studies.parameters import unconverted_parameters

if TYPE_CHECKING:
    from popsim.runs.run import StoredRun

DRAWS_TABLE = "draws"


@dataclass(frozen=True, slots=True)
class UncertainRun:
    """The draws of a run, without parameters that cannot matter under its perspective.

    Attributes:
        draws: draw and a column for each parameter that may matter.
        idle: uncertain parameters that change neither the costs that count nor the effect.
        groups: the others by what a study would inform together: the experiment's groups, then their sets.
        left_out: how many parameters are left out, and why; empty where none is.
    """

    draws: pl.DataFrame
    idle: tuple[str, ...]
    groups: dict[str, list[str]]
    left_out: str

    @classmethod
    def of(cls, run: StoredRun, effect: str = QALYS) -> Self:
        """Of a run, for a measure of effect."""
        experiment = run.experiment
        draws = (
            run.frame(DRAWS_TABLE)
            if DRAWS_TABLE in run.tables
            else run.frame("measures").select("draw").unique(maintain_order=True)
        )
        sets = unconverted_parameters(experiment, run.folder)
        names = draws.drop("draw").columns
        idle = tuple(without_influence(names, sets, priced(run.network), experiment.perspective, effect))
        group_of = {name: group for group, members in experiment.information_groups.items() for name in members}
        groups: dict[str, list[str]] = {}
        for name in names:
            if name not in idle:
                groups.setdefault(group_of.get(name, name.partition(".")[0]), []).append(name)
        perspective = experiment.perspective.replace("_", " ")
        number = f"{len(idle)} uncertain parameters are" if len(idle) > 1 else "1 is"
        why = f"they change neither the costs that the {perspective} perspective counts nor {effect}"
        return cls(draws.drop(idle), idle, groups, f"{number} left out: {why}" if idle else "")

    def check_study(self, study: ProposedStudy) -> None:
        """Refuse a study of a parameter that cannot matter.

        Raises:
            InputError: it is one.
        """
        if study.parameter in self.idle:
            raise InputError(f"study of '{study.parameter}': {self.left_out.partition(': ')[2]}")
