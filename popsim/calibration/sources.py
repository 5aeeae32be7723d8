"""Sources of simulated figures: an experiment with targets, a trial, or a target file that names an experiment.

Care has no limits here: the people of a published study came from many hospitals, so they neither queue for each other
nor does a figure depend on how many of them are simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from popsim.analyses.sensitivity.design import designed
from popsim.calibration.observed import Arms, ObservedArm, all_hold
from popsim.calibration.quantities import is_contrast, measure
from popsim.calibration.target_checks import check_targets, entry_columns
from popsim.definitions.base import read_toml
from popsim.definitions.calibration import Calibrated
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.target import Target, TargetFile
from popsim.errors import DefinitionError
from popsim.evidence.distributions import Floats
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.statistics import Estimate
from popsim.studies.content import SHOWN, json_hash
from popsim.studies.design import Change, Study, study_of
from popsim.studies.recruitment import followed_days
from popsim.studies.usual_care import unlimited

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

SEVERITY = "clinical_twin.severity_mmhg"  # shift of the filling pressure of all people who are sampled

type Run = Callable[[Study], RunResult]


@dataclass(frozen=True)
class Source:
    """Targets and the study that simulates their people.

    Attributes:
        name, title: of the file.
        file: of the targets.
        study: with only the strategies that the targets need; it stores persons.
        targets: in the order of the file.
        stratum: of targets that have none of their own.
        calibrated: the file of parameters that the study uses.
    """

    name: str
    title: str
    file: Path
    study: Study
    targets: tuple[Target, ...]
    stratum: tuple[str, ...] = ()
    calibrated: Calibrated | None = None

    def about(self, targets: Sequence[Target]) -> Source:
        """The same with these of its targets, and with no arm that none of them is about."""
        experiment = self.study.experiment
        arms = {experiment.reference, *(target.arm for target in targets)}
        kept = tuple(strategy for strategy in experiment.strategies if strategy.name in arms)
        own = tuple(target for target in experiment.targets if target in targets)
        alone = experiment.model_copy(update={"strategies": kept, "targets": own})
        study = replace(self.study, experiment=alone)
        return replace(self, study=study, targets=tuple(targets))

    def study_of(self, target: Target) -> str:
        """Name of the study that published a target; figures of one study share its shifts."""
        return target.study or self.name


def figure_hash(target: Target) -> str:
    """Hash of a published figure: its source, its numbers and how it is measured, but not its name or use."""
    names = {"name", "use", "study", "stratum", "population", "provenance", "note"}
    return json_hash(target.model_dump(mode="json", exclude=names, exclude_defaults=True))[:SHOWN]


def targets_by_name(sources: Sequence[Source]) -> dict[str, Target]:
    """All targets of some sources.

    Raises:
        DefinitionError: two files use the same name.
    """
    known: dict[str, Target] = {}
    for source in sources:
        for target in source.targets:
            if target.name in known:
                raise DefinitionError(source.file, f"targets.{target.name}", None, "the name is used in two files")
            known[target.name] = target
    return known


def read_source(path: Path | str, said: Mapping[str, Change] | None = None) -> Source:
    """Read a target file or an experiment (a trial) that has targets.

    Args:
        path: of the file.
        said: values of the command line that replace the file's, as for `read_study`.

    Raises:
        DefinitionError: the file is refused, or a target needs something that does not exist.
    """
    path = Path(path)
    cohort = None
    if "strategies" in read_toml(path):
        experiment, folder = ExperimentDefinition.read(path), path.parent
        title, targets, changes = experiment.title, experiment.targets, {}
        stratum = experiment.trial.stratum if experiment.trial else ()
    else:
        file = TargetFile.read(path)
        named = path.parent / file.experiment
        whole, folder = ExperimentDefinition.read(named), named.parent
        names = [strategy.name for strategy in whole.strategies]
        if file.strategy and file.strategy not in names:
            raise DefinitionError(path, "strategy", file.strategy, known=names)
        chosen = whole.strategy(file.strategy or whole.reference)
        experiment = whole.model_copy(update={"strategies": (chosen,), "comparator": chosen.name, "name": file.name})
        title, targets, stratum = file.title, file.targets, file.stratum
        cohort = CohortSource.read(path.parent / file.cohort) if file.cohort else None
        changes = {key: getattr(file, key) for key in ("follow_up_days", "population", "replications")}
    changes = {key: value for key, value in changes.items() if value is not None}
    changes |= {"store": "persons", "scenarios": (), "draws": 0}
    study = study_of(experiment.model_copy(update=changes), folder, file=path, changes=said, cohort=cohort)
    check_targets(targets, study.experiment, study.schema, [one.name for one in study.network.settings], path)
    wanted = (*study.experiment.entry_columns, *entry_columns(targets))
    with_columns = study.experiment.model_copy(update={"entry_columns": tuple(dict.fromkeys(wanted))})
    study = replace(study, experiment=with_columns, network=unlimited(study.network))
    used = Calibrated.read(folder / experiment.calibration) if experiment.calibration else None
    return Source(experiment.name, title or experiment.name, path, study, targets, stratum, used).about(targets)


def figures(source: Source, run: Run, names: Sequence[str] = (), values: Floats | None = None) -> list[list[Estimate]]:
    """The simulated figure of every target, for every row of parameter values (one row without).

    Args:
        source: targets and their study.
        run: runs a study, or finds its units in the store.
        names: of parameters, "set.parameter".
        values: [row, parameter]; all rows share people and random numbers.
    """
    study = source.study
    if values is not None:
        study = designed(study, names, values)
        study = replace(study, experiment=study.experiment.model_copy(update={"store": "persons"}))
    result = run(study)
    tables = [pl.read_parquet(result.folder / f"{name}.parquet") for name in ("persons", "admissions", "urgent_visits")]
    draws = [0] if values is None else list(range(1, len(values) + 1))
    return [_measured(source, *(table.filter(pl.col("draw") == draw) for table in tables)) for draw in draws]


def _measured(
    source: Source, persons: pl.DataFrame, admissions: pl.DataFrame, urgent_visits: pl.DataFrame
) -> list[Estimate]:
    """All targets of one row."""
    experiment = source.study.experiment
    size = int(persons["person_id"].max() or 0) + 1  # type: ignore[arg-type]
    place = pl.col("replication").cast(pl.Int64) * experiment.regions + pl.col("region")
    key = (pl.col("person_id") + size * place).alias("key")
    persons = _followed(persons.with_columns(key, pl.col("strategy").cast(pl.String)), experiment)
    entry = persons.select("strategy", "key", "entry_day").unique()
    tables, index_stays = [], persons.clear()
    for table in (admissions, urgent_visits.with_columns(index_stay=pl.lit(False))):
        joined = table.with_columns(key, pl.col("strategy").cast(pl.String)).join(
            entry, on=["strategy", "key"], how="left", maintain_order="left"
        )
        since = joined.with_columns(day=pl.col("admit_time_days") - pl.col("entry_day"))
        if table is admissions:
            index_stays = since.filter("index_stay")
        tables.append(since.filter((pl.col("day") >= 0) & ~pl.col("index_stay")))
    tables = [_with_index_discharge(persons, index_stays, experiment.entry), *tables, index_stays]
    arms = {
        strategy.name: ObservedArm(*(table.filter(pl.col("strategy") == strategy.name) for table in tables))
        for strategy in experiment.strategies
    }
    return [measure(target, _groups(target, arms, experiment.reference)) for target in source.targets]


def _with_index_discharge(persons: pl.DataFrame, index_stays: pl.DataFrame, entry: str) -> pl.DataFrame:
    """Persons with the day since entry of the discharge with which they entered, or that ends the stay of their entry.

    Null for people who entered at home, who died in that stay or are still there.
    """
    if entry != "admission":
        return persons.with_columns(index_discharge_day=pl.lit(None if entry == "home" else 0.0, pl.Float64))
    left = index_stays.filter(~pl.col("died_in_stay")).select(
        "strategy", "key", index_discharge_day=(pl.col("discharge_time_days") - pl.col("entry_day")).floor()
    )
    return persons.join(left, on=["strategy", "key"], how="left", maintain_order="left")


def _groups(target: Target, arms: Mapping[str, ObservedArm], reference: str) -> Arms:
    """The people of a target, and those whom a contrast compares them with."""
    own, other = (arms[name].only(all_hold(target.where)) for name in (target.arm or reference, reference))
    if not target.group or not is_contrast(target):
        return Arms(own, other)
    group = all_hold(target.group)
    return Arms(own.only(group), own.only(all_hold(target.reference_group) if target.reference_group else ~group))


def _followed(persons: pl.DataFrame, experiment: ExperimentDefinition) -> pl.DataFrame:
    """Persons with the days of their follow-up; a trial does not observe later events."""
    if experiment.trial is None:
        return persons.with_columns(followed_days=pl.lit(float(experiment.follow_up_days)))
    parts = []
    for (replication,), part in persons.group_by("replication", maintain_order=True):
        who = part["person_id"].to_numpy().astype(np.int64)
        days = followed_days(
            experiment.trial, experiment.follow_up_days, who, RandomKey(experiment.seed, int(str(replication)))
        )
        parts.append(part.with_columns(followed_days=pl.Series(days)))
    return pl.concat(parts)
