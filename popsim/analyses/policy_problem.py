"""A policy search with everything that it names read and checked: the strategy, its variants and the comparator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.search import Level, Search
from popsim.definitions.strategy import Strategy
from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import TOTAL_COST
from popsim.economics.perspectives import PERSPECTIVES
from popsim.errors import DefinitionError
from popsim.studies.design import Change, Study, read_study, resolve
from popsim.studies.strategy_values import value_at, with_values

COSTS = (*COST_NAMES, TOTAL_COST, *(f"cost_{perspective}" for perspective in PERSPECTIVES))


class Variant(NamedTuple):
    """One combination of all choices.

    Attributes:
        number: of the trial; 0 is the current strategy.
        values: in the order of the choices.
    """

    number: int
    values: tuple[Level, ...]


@dataclass(frozen=True)
class PolicyProblem:
    """A search with everything that it names read and checked.

    Attributes:
        search: its definition.
        study: of the experiment, with only the comparator and the varied strategy.
        file: of the search.
    """

    search: Search
    study: Study
    file: Path

    @property
    def experiment(self) -> ExperimentDefinition:
        """The simulated experiment."""
        return self.study.experiment

    @property
    def own(self) -> tuple[Level, ...]:
        """The current values of the strategy at the choices."""
        strategy = self.experiment.strategy(self.search.strategy)
        return tuple(value_at(strategy, choice.path, self.file, "choices") for choice in self.search.choices)

    def strategy(self, variant: Variant) -> Strategy:
        """The strategy with a variant's values and their price.

        Raises:
            DefinitionError: a value is refused.
        """
        choices = self.search.choices
        chosen = {c.path: v for c, v in zip(choices, variant.values, strict=True) if v is not None}
        varied = with_values(self.experiment.strategy(self.search.strategy), chosen, self.file, "choices")
        price = sum(c.price * float(chosen[c.path]) for c in choices if c.price and c.path in chosen)
        name = {"name": f"trial_{variant.number}", "label": f"Trial {variant.number}"}
        return varied.model_copy(update=name | {"cost_per_person": varied.cost_per_person + price})


def read_problem(
    path: Path | str, trials: int | None = None, changes: Mapping[str, Change] | None = None
) -> PolicyProblem:
    """Read a search and its experiment, and check that they fit together.

    Args:
        path: the search's file.
        trials: number that replaces the file's.
        changes: values that replace the experiment's, as for `read_study`, and the search's own population.

    Raises:
        DefinitionError: a file is refused, or a choice names a value that the strategy does not have.
    """
    file = Path(path)
    search = Search.read(file)
    if trials is not None:
        search = validate(dict(search) | {"trials": trials}, Search, "command line")
    return problem_of(search, file, changes)


def problem_of(search: Search, file: Path, changes: Mapping[str, Change] | None = None) -> PolicyProblem:
    """As `read_problem`, for a search made in Python; its paths are relative to the folder of `file`.

    Raises:
        DefinitionError: a file is refused, or a choice names a value that the strategy does not have.
    """
    sizes = {"population": Change("population", search.population)} if search.population else {}
    study = read_study(file.parent / search.experiment, sizes | dict(changes or {}))
    experiment = study.experiment
    names = [strategy.name for strategy in experiment.strategies if strategy.name != experiment.reference]
    if search.strategy not in names:
        raise DefinitionError(file, "strategy", search.strategy, known=names)
    kept = tuple(experiment.strategy(name) for name in (experiment.reference, search.strategy))
    for name in search.budget.measures if search.budget else ():
        if name not in COSTS:
            raise DefinitionError(file, "budget.measures", name, known=COSTS)
    update = {"strategies": kept, "comparator": experiment.reference, "scenarios": (), "store": "measures"}
    study = with_experiment(study, experiment.model_copy(update=update))
    problem = PolicyProblem(search, study, file)
    for choice, own in zip(search.choices, problem.own, strict=True):
        for level in {choice.levels[0], choice.levels[-1], *choice.options}:
            values = tuple(level if c is choice else o for c, o in zip(search.choices, problem.own, strict=True))
            one = problem.strategy(Variant(1, values))
            with_experiment(study, study.experiment.model_copy(update={"strategies": (kept[0], one)}))
        if isinstance(own, dict | list):
            raise DefinitionError(file, "choices.path", choice.path, "must lead to a value, not to a table")
    return problem


def with_experiment(study: Study, experiment: ExperimentDefinition) -> Study:
    """The study with another experiment of the same cohort and network, checked.

    Raises:
        DefinitionError: the experiment names something that the cohort or the network does not have.
    """
    changed = resolve(experiment, study.cohort, study.network, study.file, study.flags, study.made_in_python)
    return replace(study, experiment=experiment, parameters=changed.parameters, uncertain=changed.uncertain)
