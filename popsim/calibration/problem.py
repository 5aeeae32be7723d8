"""From a calibration file to its problem: targets, the studies that simulate them, and priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from popsim.calibration.fit import CalibrationProblem
from popsim.calibration.hierarchy import loadings
from popsim.calibration.objectives import Objective, Objectives, Simulated
from popsim.calibration.priors import SEVERITY_OF, priors_of
from popsim.calibration.sources import SEVERITY, Run, Source, figure_hash, figures, read_source, targets_by_name
from popsim.definitions.base import read_toml, validate
from popsim.definitions.calibration import Calibration
from popsim.definitions.target import Target
from popsim.errors import DefinitionError, InputError
from popsim.evidence.distributions import Floats
from popsim.evidence.sets import SHIPPED
from popsim.studies.design import Change

CALIBRATE, BASELINE = "calibrate", "baseline"


def read_files(files: Sequence[Path], changes: Mapping[str, int | None]) -> tuple[Calibration, Path, list[Path]]:
    """The calibration file among the files of the command line, and the others, which hold targets.

    Args:
        files: one of them is a calibration file.
        changes: values that replace its own, by key; None replaces nothing.

    Raises:
        DefinitionError: the calibration file, or a change, is refused.
        InputError: there is not exactly one calibration file.
    """
    found = [path for path in files if isinstance(read_toml(path).get("parameters"), list)]
    if len(found) != 1:
        raise InputError(f"{len(found)} calibration files named: name one, which lists the [[parameters]] to be fitted")
    said = {key: value for key, value in changes.items() if value is not None}
    calibration = Calibration.read(found[0])
    if said:
        calibration = validate(dict(calibration) | said, Calibration, "command line")
    return calibration, found[0], [path for path in files if path != found[0]]


@dataclass(frozen=True)
class Studies:
    """Simulates the people of every source with chosen parameters, and measures the targets.

    Attributes:
        sources: with the fitted targets only.
        run: runs a study, or finds its units in the store.
    """

    sources: tuple[Source, ...]
    run: Run

    def __call__(self, names: Sequence[str], values: Floats, stream: int) -> Simulated:
        """Figures and Monte Carlo errors at values[point, column]; each `stream` has its own seed.

        A severity concerns its own source alone.
        """
        columns = []
        for source in self.sources:
            others = {name for name in names if name.startswith(SEVERITY_OF)} - {SEVERITY_OF + source.name}
            mine = [i for i, name in enumerate(names) if name not in others]
            own = [SEVERITY if names[i].startswith(SEVERITY_OF) else names[i] for i in mine]
            experiment = source.study.experiment
            fresh = experiment.model_copy(update={"seed": experiment.seed + stream})
            found = figures(
                replace(source, study=replace(source.study, experiment=fresh)), self.run, own, values[:, mine]
            )
            columns.append(np.array([[(one.value, one.standard_error) for one in row] for row in found], np.float64))
        together = np.concatenate(columns, axis=1)
        return Simulated(together[:, :, 0], together[:, :, 1])


def problem_of(calibration: Calibration, file: Path, targets: Sequence[Path], run: Run) -> CalibrationProblem:
    """Everything that a calibration file names, read and checked; nothing is simulated.

    Args:
        calibration: the content of `file`.
        file: of the calibration; named in errors.
        targets: target and trial files instead of its own; if empty, its own.
        run: runs studies.

    Raises:
        DefinitionError: a file is refused, a target is not for calibration, a parameter has no prior, or a study does
            not have it.
    """
    paths = list(targets) or [file.parent / path for path in calibration.targets]
    if not paths:
        raise DefinitionError(file, "targets", None, "must name at least one file, here or on the command line")
    sizes = {"population": Change("people", calibration.people)}
    sizes |= {"replications": Change("replications", calibration.replications)}
    sources = [read_source(path, sizes) for path in paths]
    kept = _fitted(calibration, sources, file)
    severities = [source.name for source in kept if any(target.use == BASELINE for target in source.targets)]
    priors = priors_of(calibration, SHIPPED, file, severities)
    for source in kept:
        for name in priors.names:
            sets = source.study.parameters
            if name.partition(".")[0] not in sets:
                allowed = f"the study of {source.file} does not have this set"
                raise DefinitionError(file, "parameters.name", name, f"{allowed}, allowed: {', '.join(sorted(sets))}")
    objectives = [_objective(target, source) for source in kept for target in source.targets]
    return CalibrationProblem(
        calibration, priors, Objectives(tuple(objectives), calibration.discrepancy), Studies(kept, run)
    )


def _fitted(calibration: Calibration, sources: Sequence[Source], file: Path) -> tuple[Source, ...]:
    """The sources with the targets that are fitted."""
    known = targets_by_name(sources)
    for name in calibration.fitted:
        if name not in known:
            raise DefinitionError(file, "fitted", name, known=known)
        if known[name].use != CALIBRATE:
            raise DefinitionError(
                file, "fitted", name, f"has use = '{known[name].use}', must be 'calibrate' to be fitted"
            )
    kept = []
    for source in sources:
        chosen = [one for one in source.targets if one.use == CALIBRATE]
        if not chosen:
            raise DefinitionError(source.file, "targets", None, "none has use = 'calibrate': leave this file out")
        wanted = tuple(one for one in chosen if not calibration.fitted or one.name in calibration.fitted)
        table = tuple(one for one in source.targets if one.use == BASELINE)
        if wanted:
            kept.append(source.about(wanted + table))
    return tuple(kept)


def _objective(target: Target, source: Source) -> Objective:
    return Objective(
        name=target.name,
        value=target.value,
        error=target.error_on_scale,
        scale=target.scale,
        group=source.title,
        unit=target.unit,
        study=source.study_of(target),
        source=source.name,
        reference=target.source,
        figure=figure_hash(target),
        loading=loadings(target),
        baseline=target.use == BASELINE,
    )
