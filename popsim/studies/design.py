"""The design of a run: an experiment with everything it refers to, resolved and divided into units.

A unit is one strategy in one replication. It is pure: its key is the hash of everything that its result depends on, so
a stored result need never be computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.calibration import Calibrated
from popsim.definitions.experiment import MAX_DRAWS, MAX_REGIONS_OF_DRAWS, MAX_REPLICATIONS, ExperimentDefinition
from popsim.definitions.horizon import horizon_in_words
from popsim.definitions.money import OF_COUNTRY
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.economics.price_indices import PriceIndices
from popsim.economics.utility_norms import FOLDER as NORMS_FOLDER
from popsim.economics.utility_norms import UtilityNorms
from popsim.errors import DefinitionError
from popsim.evidence.distributions import Floats
from popsim.evidence.draws import DesignedParameters, UncertainParameters
from popsim.evidence.sets import INTERVENTION_SET, Parameters, read_sets, records_of
from popsim.html import html_table
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import Physiology, build_physiology
from popsim.physiology.own import OrganSystemInFile, Own, own_parameter_files, title
from popsim.plurals import counted
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.formulas import FORMULAS
from popsim.population.sampling import SamplingPlan, plan
from popsim.studies.calibrated import with_calibration
from popsim.studies.content import SHOWN, code_hash, file_hash, json_hash
from popsim.studies.intervention_parameters import with_parameters
from popsim.studies.organ_systems import (
    organ_systems_of,
    own_organ_systems_of,
    refuse_left_out,
    schema_of,
    try_for_a_day,
)
from popsim.studies.own_code import own_code_hash
from popsim.studies.parameters import discount_steps, resolve_parameters
from popsim.studies.usual_care import entry_content, lived_at_first, refuse_homeless, unlimited
from popsim.studies.warnings import refuse_impossible_conditions, refuse_unscaled

MADE_IN_PYTHON = "made in Python"


class Change(NamedTuple):
    """A value given on the command line instead of the file's."""

    flag: str
    value: object


@dataclass(frozen=True, slots=True)
class Study:
    """An experiment with everything it names read and checked: all that a unit needs.

    Attributes:
        experiment: with the flags of the command line applied.
        cohort: the people.
        network: their care network.
        parameters: every parameter set with the experiment's values, by name.
        uncertain: what differs between parameter draws.
        file: where the experiment came from.
        flags: what the command line said instead of the file.
        sampling: the cohort, ready to be sampled.
        environment_series: None: the usual ones.
        utility_norms: by which utilities are multiplied; None: by none.
        own_organ_systems: a user's, in files or made in Python.
    """

    experiment: ExperimentDefinition
    cohort: CohortSource
    network: NetworkDefinition
    parameters: Parameters
    uncertain: UncertainParameters | DesignedParameters
    file: Path
    flags: Mapping[str, object]
    sampling: SamplingPlan
    environment_series: EnvironmentSeries | None = None
    own_organ_systems: tuple[Own, ...] = ()
    utility_norms: UtilityNorms | None = None
    _latest: dict[int, Parameters] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def schema(self) -> Schema:
        """All columns that a twin can have; `needed_schema` tells those that it has under a strategy."""
        return schema_of(self.own_organ_systems)

    @property
    def made_in_python(self) -> tuple[Own, ...]:
        """The organ systems that no file names."""
        return tuple(one for one in self.own_organ_systems if not isinstance(one, OrganSystemInFile))

    @property
    def organ_systems(self) -> tuple[str | Own, ...]:
        """The organ systems around the heart-failure core."""
        return (*organ_systems_of(self.experiment), *self.own_organ_systems)

    def build_physiology(self, parameters: Parameters, key: RandomKey) -> Physiology:
        """The physiology of a twin with these parameters."""
        return build_physiology(
            self.schema,
            parameters,
            key=key,
            environment_series=self.environment_series,
            organ_systems=self.organ_systems,
        )

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units, draw by draw, replication by replication, so that an interrupted run has whole comparisons."""
        shared = json_hash(self.shared_content())
        numbers = self.parameters[INTERVENTION_SET]
        strategies = [with_parameters(strategy, numbers) for strategy in self.experiment.resolved_strategies]
        contents = [(strategy, json_hash(strategy.model_dump(mode="json"))) for strategy in strategies]
        units = []
        for draw in self.draws:
            values = json_hash([shared, self.uncertain.content(draw) if draw else self._drawn().tolist()[0]])
            for replication, region in product(range(self.experiment.replications), range(self.experiment.regions)):
                place = (draw, replication, region)
                units += [Unit(self, s, *place, json_hash([values, *place, content])) for s, content in contents]
        return tuple(units)

    def _repr_html_(self) -> str:
        """For notebooks: sizes and strategies."""
        experiment = self.experiment
        sizes = f"{experiment.population:,} people, {counted(experiment.replications, 'replication')}, "
        sizes += counted(experiment.draws, "draw")
        caption = f"{experiment.title or experiment.name}: {sizes}, {horizon_in_words(experiment)}"
        rows = [(strategy.title, strategy.description) for strategy in experiment.strategies]
        return html_table(caption, ["Strategy", "What is done"], rows)

    @property
    def draws(self) -> Sequence[int]:
        """Numbers of the parameter draws; draw 0 is the base case."""
        return range(1, self.experiment.draws + 1) if self.experiment.draws else (0,)

    def parameters_of(self, draw: int) -> Parameters:
        """Every parameter set in a draw, the same for all strategies."""
        if draw == 0:
            return self.parameters
        drawn = self._latest.get(draw)
        if drawn is None:  # the units of a draw come one after another
            (values,) = self.uncertain.draw(self.experiment.seed, [draw]).tolist()
            drawn = self.parameters.with_values(dict(zip(self.uncertain.names, values, strict=True)))
            self._latest.clear()
            self._latest[draw] = drawn
        return drawn

    def draw_table(self) -> pl.DataFrame:
        """Values by draw: draw (Int32) and a column (Float64) for each uncertain parameter, "set.parameter"."""
        draw = pl.Series("draw", list(self.draws), pl.Int32)
        values = self._drawn()
        return pl.DataFrame([draw, *(pl.Series(n, values[:, i]) for i, n in enumerate(self.uncertain.names))])

    def _drawn(self) -> Floats:
        """Values[draw, uncertain parameter]."""
        if self.experiment.draws:
            return self.uncertain.draw(self.experiment.seed, self.draws)
        records = records_of(self.parameters.counted)
        return np.array([[records[name].value for name in self.uncertain.names]])

    def region_size(self, region: int) -> int:
        """People who live in a region."""
        size, more = divmod(self.experiment.population, self.experiment.regions)
        return size + (region < more)

    @property
    def past_size(self) -> int:
        """People of the largest region who live through a run-in, at first."""
        return lived_at_first(self.experiment, self.region_size(0))

    @property
    def run_id(self) -> str:
        """Short hash of the resolved experiment: the same experiment with the same flags has the same folder."""
        whole = {"experiment": self.experiment.model_dump(mode="json"), "units": [unit.key for unit in self.units]}
        return json_hash(whole)[:SHOWN]

    def describe(self) -> dict[str, Any]:
        """Everything that the results depend on, for the manifest."""
        return {
            "experiment": self.experiment.model_dump(mode="json"),
            "flags": dict(self.flags),
            "parameters": {name: dict(values) for name, values in self.parameters.counted.items()},
            "uncertain": self.uncertain.described(),
            "files": {str(path): file_hash(path) if path.is_file() else MADE_IN_PYTHON for path in self._files()},
            "code": code_hash(),
            "own_organ_systems": [title(one) for one in self.made_in_python],
            **self._inputs(),
        }

    def _files(self) -> list[Path]:
        """Every file that the experiment was read from, its own first."""
        said = self.experiment
        named = (said.network, said.calibration, said.environment, said.price_indices)
        others = [self.file.parent / name for name in named if name]
        code = {one.path: None for one in self.own_organ_systems if isinstance(one, OrganSystemInFile)}
        sets = own_parameter_files(self.own_organ_systems).values()
        return [self.file, *others, *self.cohort.input_files(), *code, *sets]

    def shared_content(self) -> dict[str, Any]:
        """The inputs that all units share."""
        experiment, extrapolation = self.experiment, self.experiment.extrapolation
        return {
            **self._inputs(),
            "parameters": {n: dict(v) for n, v in self.parameters.counted.items() if n != INTERVENTION_SET},
            "population": experiment.population,
            "regions": experiment.regions,
            "seed": experiment.seed,
            "follow_up_days": experiment.follow_up_days,
            "enrolment_days": experiment.enrolment_days,
            "entry": entry_content(experiment, self.parameters),
            "horizon": [experiment.follow_up, experiment.observed_days, extrapolation and extrapolation.model_dump()],
            "discount_steps": discount_steps(experiment),
            "perspective": experiment.perspective,
            "stored": [experiment.store, *experiment.entry_columns, *sorted(experiment.index_causes)],
            "organ_systems": [*organ_systems_of(experiment), *map(own_code_hash, self.own_organ_systems)],
            "draws_share_luck": self.uncertain.common_random_numbers,
            "code": code_hash(),
        }

    def _inputs(self) -> dict[str, Any]:
        """The content of the files that the experiment names, without their comments."""
        data = [path for path in self.cohort.input_files() if path != self.cohort.path]
        if self.experiment.environment:
            data.append(self.file.parent / self.experiment.environment)
        if norms := _norms_file(self.experiment, self.file.parent):
            data.append(norms)
        return {
            "cohort": self.cohort.definition.model_dump(mode="json"),
            "data": {path.name: file_hash(path) for path in data},
            "network": self.network.table(),
        }


@dataclass(frozen=True, slots=True)
class Unit:
    """One strategy in one region of one replication of one draw; `key` is the hash of everything it depends on."""

    study: Study
    strategy: Strategy
    draw: int
    replication: int
    region: int
    key: str

    @property
    def name(self) -> str:
        """Name in messages."""
        draw = f", draw {self.draw}" if self.draw else ""
        region = f", region {self.region}" if self.study.experiment.regions > 1 else ""
        return f"{self.strategy.name}{draw}, replication {self.replication}{region}"

    @property
    def random_key(self) -> RandomKey:
        """Strategies share it, all other units differ: the stream counts replication, draw and region.

        Regions beyond those that parameter draws may have are counted after them all.
        """
        draw = 0 if self.study.uncertain.common_random_numbers else self.draw
        beyond = max(self.region - MAX_REGIONS_OF_DRAWS, 0)
        place = draw + (MAX_DRAWS + 1) * (self.region - beyond) + beyond
        return RandomKey(self.study.experiment.seed, self.replication + MAX_REPLICATIONS * place)


def read_study(path: Path | str, changes: Mapping[str, Change] | None = None, scenario: str | None = None) -> Study:
    """Read an experiment and everything it names, and check that they fit together.

    Args:
        path: the experiment's file.
        changes: values that replace the file's, by key, each with the flag that named it.
        scenario: name of one of its scenarios; the experiment itself when None.

    Raises:
        DefinitionError: a file is refused, or names something that does not exist.
        InputError: there is no such scenario.
    """
    return study_of(ExperimentDefinition.read(path), Path(path).parent, file=path, changes=changes, scenario=scenario)


def study_of(
    experiment: ExperimentDefinition,
    folder: Path | str = ".",
    *,
    file: Path | str | None = None,
    changes: Mapping[str, Change] | None = None,
    scenario: str | None = None,
    cohort: CohortSource | None = None,
    network: CareNetwork | None = None,
    organ_systems: Sequence[Own] = (),
) -> Study:
    """Read everything that an experiment names, and check that it fits together.

    Args:
        experiment: read from a file, or made in Python.
        folder: to which the paths of its cohort and its network are relative.
        file: its origin, for errors and the manifest; None: it was made in Python.
        changes: values that replace the experiment's, by key, each with the flag that named it.
        scenario: name of one of its scenarios; the experiment itself when None.
        cohort, network: instead of the files that the experiment names.
        organ_systems: a user's own, beside those that the experiment names.

    Raises:
        DefinitionError: a file is refused, or names something that does not exist.
        InputError: there is no such scenario.
    """
    chosen = experiment.in_scenario(scenario) if scenario else experiment
    for key, change in (changes or {}).items():
        chosen = _changed(chosen, key, change)
    if chosen.calibration is not None:
        chosen = with_calibration(chosen, Calibrated.read(Path(folder) / chosen.calibration))
    cohort = cohort or CohortSource.read(Path(folder) / chosen.cohort)
    if chosen.trial is not None:
        cohort = cohort.with_columns(chosen.trial.columns, chosen.trial.correlations)
    origin = Path(folder) / f"{experiment.name} ({MADE_IN_PYTHON})" if file is None else Path(file)
    own = (*own_organ_systems_of(chosen, origin), *organ_systems)
    network = network or CareNetwork.read(Path(folder) / chosen.network, schema_of(own).columns)
    network = network.with_capacity(chosen.capacity, file)
    care = network.definition if chosen.trial is None else unlimited(network.definition)
    flags = {change.flag: change.value for change in (changes or {}).values()}
    flags |= {"--scenario": scenario} if scenario else {}
    return resolve(chosen, cohort, care, origin, flags, organ_systems)


def resolve(
    experiment: ExperimentDefinition,
    cohort: CohortSource,
    network: NetworkDefinition,
    file: Path | str,
    flags: Mapping[str, object] | None = None,
    organ_systems: Sequence[Own] = (),
) -> Study:
    """Check that an experiment, its cohort and its network fit together, and give them their parameters.

    Args:
        experiment, cohort, network: read, or made in a notebook.
        file: origin of the experiment; named in errors.
        flags: values of the command line that replaced the file's.
        organ_systems: a user's own, beside those that the experiment names.

    Raises:
        DefinitionError: the experiment names something that does not exist.
    """
    own = (*own_organ_systems_of(experiment, Path(file)), *organ_systems)
    schema, cohort = schema_of(own), cohort.of_country(experiment.prices)
    sampling = plan(cohort, schema)
    checked = CareNetwork(network, schema.columns, file)
    refuse_left_out(experiment, file)
    refuse_impossible_conditions(experiment, schema, file)
    refuse_homeless(experiment, checked, file)
    for strategy in experiment.resolved_strategies:
        check_strategy(strategy, network, schema, file)
        for changed in networks_by_day(checked, strategy).values():
            refuse_unscaled(experiment, changed, file)
    indices = PriceIndices.read(Path(file).parent / experiment.price_indices) if experiment.price_indices else None
    parameters, uncertain = resolve_parameters(experiment, file, read_sets(own_parameter_files(own)), indices)
    environment_series = (
        EnvironmentSeries.read(Path(file).parent / experiment.environment) if experiment.environment else None
    )
    cohort = replace(cohort, parameters=parameters)
    if any(formula.evidence in parameters.counted for formula in FORMULAS.values()):
        sampling = plan(cohort, schema)
    read = (experiment, cohort, network, parameters, uncertain, Path(file), dict(flags or {}))
    norms = UtilityNorms.read(norms_file) if (norms_file := _norms_file(experiment, Path(file).parent)) else None
    study = Study(*read, sampling, environment_series, own, norms)
    if own:
        try_for_a_day(study)
    return study


def _norms_file(experiment: ExperimentDefinition, folder: Path) -> Path | None:
    """The table of utility norms that an experiment names."""
    if experiment.utility_norms == OF_COUNTRY:
        return NORMS_FOLDER / f"utility_norms_{experiment.prices}.csv"
    return folder / experiment.utility_norms if experiment.utility_norms else None


def _changed(experiment: ExperimentDefinition, key: str, change: Change) -> ExperimentDefinition:
    """The experiment with one value replaced, within the same bounds as in a file."""
    try:
        return experiment.changed({key: change.value}, "command line")
    except DefinitionError as error:
        raise DefinitionError("command line", change.flag, change.value, error.allowed) from None
