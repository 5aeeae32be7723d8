"""Validation: every target's simulated figure against the published one, both with intervals, and how many agree.

A figure is inside when its distance from the published one is within 1.96 standard errors of both together and of what
differs between studies (tau of the calibration that the study uses), on the scale on which errors are nearly normal
(log odds of proportions, logarithms of ratios, rates and times).

People are made as severely ill as the study's baseline table says, by targets with use = "baseline"; outcomes have no
part in that. A figure to which parameters were fitted cannot be counted as validation.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from popsim.calibration.hierarchy import loadings, spread_by_tau
from popsim.calibration.sources import SEVERITY, Run, Source, figure_hash, figures, targets_by_name
from popsim.care.study_drugs import drugs_of
from popsim.definitions.calibration import DISCREPANCY, FittedFigure
from popsim.definitions.calibration import SEVERITY as SEVERITY_SD
from popsim.definitions.interventions import DrugIntervention
from popsim.definitions.target import Target, error_on_scale, off_scale, on_scale
from popsim.errors import DefinitionError
from popsim.statistics import Z_95, Estimate
from popsim.studies.content import code_hash, file_hash

JUDGED = ("calibrate", "validate")  # uses of targets that are inside or outside
MEASURED = ("simulated", "simulated_low", "simulated_high", "log_ratio", "log_ratio_error", "distance")
TYPES = dict.fromkeys(("severity", *MEASURED), pl.Float64) | {"inside": pl.Boolean, "not_measured": pl.String}
SEVERITIES_MMHG = (-3.0, 0.0, 3.0)  # simulated, on entry alone, to find the severity that meets a baseline table
MAX_SEVERITY_MMHG = 8.0
ROUNDS = 20  # of Gauss and Newton's iteration
LEVEL_UNITS = ("proportion", "days", "years")  # and all that are "per ..."


def validated(sources: Sequence[Source], run: Run) -> pl.DataFrame:
    """One row per target, in the order of the files.

    Returns:
        source, study, stratum (labels, with blanks between), drug_class (of a ratio), severity (mmHg, null without a
        baseline table), target, quantity, unit, use, provenance, published, published_low, published_high, tau (of
        this figure), simulated, simulated_low, simulated_high, log_ratio (simulated to published) and log_ratio_error
        (null where there is no logarithm), distance (in standard errors of all together), inside (null for context and
        baseline), not_measured: why people so few give no figure, whose columns from simulated to inside are null.

    Raises:
        DefinitionError: two targets have the same name, or one for validation is a figure that was fitted.
    """
    targets_by_name(sources)
    refuse_fitted(sources, [one for source in sources if source.calibrated for one in source.calibrated.fitted])
    rows = []
    for source in sources:
        severity = severity_of(source, run)
        if severity is None:
            (found,) = figures(source, run)
        else:
            (found,) = figures(source, run, [SEVERITY], np.array([[severity]]))
        rows += [_row(source, target, one, severity) for target, one in zip(source.targets, found, strict=True)]
    return pl.DataFrame(rows, infer_schema_length=None, schema_overrides=TYPES)


def write_validation_record(sources: Sequence[Source], of_files: int, path: Path) -> None:
    """Write what a validation is of, beside its table: hashes of popsim and of the files, people simulated.

    Args:
        sources: that were simulated.
        of_files: number of target files that there are.
        path: of the record.
    """
    files = {str(source.file): file_hash(source.file) for source in sources}
    people = [source.study.experiment.population for source in sources]
    made = datetime.now(UTC).strftime("%Y-%m-%d")
    said = {
        "code": code_hash(),
        "made": made,
        "files": files,
        "of_files": max(of_files, len(files)),
        "seed": sources[0].study.experiment.seed,
        "people": sum(people),
    }
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def refuse_fitted(sources: Sequence[Source], fitted: Sequence[FittedFigure]) -> None:
    """Refuse targets for validation that a fit has used, under this or another name.

    Raises:
        DefinitionError: there is one.
    """
    name_of = {one.figure: one.name for one in fitted} | {one.name: one.name for one in fitted}
    for source in sources:
        for target in source.targets:
            name = name_of.get(target.name) or name_of.get(figure_hash(target))
            if target.use == "validate" and name is not None:
                used = f"parameters were fitted to this figure ('{name}'): it cannot count as validation"
                raise DefinitionError(source.file, f"targets.{target.name}.use", target.use, used)


def severity_of(source: Source, run: Run) -> float | None:
    """The severity in mmHg with which people meet the study's baseline table, weighed as the calibration weighs it.

    Figures that are not measured at every severity simulated have no part in it; None where there are no others.
    """
    table = tuple(target for target in source.targets if target.use == "baseline")
    if not table:
        return None
    found = figures(_of_first_day(source, table), run, [SEVERITY], np.array(SEVERITIES_MMHG)[:, np.newaxis])
    known = [i for i, target in enumerate(table) if not any(_not_measured(target, row[i]) for row in found)]
    if not known:
        return None
    table, found = tuple(table[i] for i in known), [[row[i] for i in known] for row in found]
    scales, published = [target.scale for target in table], [on_scale(target.value, target.scale) for target in table]
    values = [[on_scale(one.value, scale) for one, scale in zip(row, scales, strict=True)] for row in found]
    spread, share = (
        (source.calibrated.severity, source.calibrated.discrepancy) if source.calibrated else (SEVERITY_SD, DISCREPANCY)
    )
    errors = [
        math.hypot(
            target.error_on_scale,
            error_on_scale(one.standard_error, one.value, target.scale),
            share * (abs(target.value) if target.scale == "identity" else 1.0),
        )
        for one, target in zip(found[1], table, strict=True)
    ]
    curves = np.polyfit(SEVERITIES_MMHG, np.array(values), 2)  # exact: three points
    severity = 0.0
    for _ in range(ROUNDS):
        steep = (2.0 * curves[0] * severity + curves[1]) / errors
        miss = ((curves[0] * severity + curves[1]) * severity + curves[2] - published) / errors
        prior = 1.0 / spread**2
        severity -= float((miss @ steep + severity * prior) / (steep @ steep + prior))
        severity = min(max(severity, -MAX_SEVERITY_MMHG), MAX_SEVERITY_MMHG)
    return severity


def _of_first_day(source: Source, table: tuple[Target, ...]) -> Source:
    """The source about its baseline table alone: the comparator's people for a day."""
    experiment = source.study.experiment
    changes: dict[str, object] = {"strategies": (experiment.strategy(experiment.reference),), "comparator": ""}
    changes |= {"targets": (), "follow_up_days": 1}
    if experiment.trial is not None:
        changes["trial"] = experiment.trial.model_copy(update={"least_follow_up_days": 1})
    alone = experiment.model_copy(update=changes)
    return replace(source, study=replace(source.study, experiment=alone), targets=table)


def coverage(table: pl.DataFrame) -> pl.DataFrame:
    """Targets that are judged, by use: use, targets (measured), inside, share of them, not_measured (how many)."""
    judged = table.filter(pl.col("use").is_in(JUDGED))
    inside = pl.col("inside")
    return judged.group_by("use", maintain_order=True).agg(
        targets=inside.count(), inside=inside.sum(), share=inside.mean(), not_measured=inside.null_count()
    )


def by_stratum(table: pl.DataFrame) -> pl.DataFrame:
    """Of figures measured that were not fitted, by each label of a stratum and (last) all.

    Returns:
        stratum, studies, targets, inside, share, levels (how many figures are levels), median_log_ratio (absolute) and
        largest_factor of levels.
    """
    judged = table.filter((pl.col("use") == "validate") & pl.col("inside").is_not_null())
    labelled = judged.with_columns(pl.col("stratum").str.split(" ")).explode("stratum")
    labelled = labelled.filter(pl.col("stratum") != "")
    level = pl.col("unit").is_in(LEVEL_UNITS) | pl.col("unit").str.starts_with("per ")
    away = pl.col("log_ratio").filter(level).abs()
    counts = {
        "studies": pl.col("study").n_unique(), "targets": pl.len(), "inside": pl.col("inside").sum(),
        "share": pl.col("inside").mean(), "levels": away.count(), "median_log_ratio": away.median(),
        "largest_factor": away.max().exp(),
    }  # fmt: skip
    parts = labelled.group_by("stratum", maintain_order=True).agg(**counts).sort("stratum")
    return pl.concat([parts, judged.select(stratum=pl.lit("all"), **counts)], how="vertical_relaxed")


def by_drug_class(table: pl.DataFrame) -> pl.DataFrame:
    """Pooled difference of log hazard ratios, simulated minus published, of figures not fitted (fixed effect).

    Returns:
        drug_class, targets, difference, low, high (95%).
    """
    weight = 1.0 / pl.col("log_ratio_error") ** 2
    known = table.filter((pl.col("use") == "validate") & (pl.col("unit") == "ratio"))
    known = known.filter(pl.col("drug_class").is_not_null() & pl.col("log_ratio").is_not_null())
    pooled = known.group_by("drug_class", maintain_order=True).agg(
        targets=pl.len(), difference=(weight * pl.col("log_ratio")).sum() / weight.sum(), error=weight.sum() ** -0.5
    )
    reach = Z_95 * pl.col("error")
    return pooled.with_columns(low=pl.col("difference") - reach, high=pl.col("difference") + reach).drop("error")


def _drug_class(source: Source, target: Target) -> str | None:
    """The class of the drug that a ratio is about, the first intervention of the arm; its name if it is no drug."""
    interventions = source.study.experiment.strategy(target.arm).interventions if target.arm else ()
    if target.unit != "ratio" or not interventions:
        return None
    first = interventions[0]
    return drugs_of(first)[0].dose.removesuffix("_fraction") if isinstance(first, DrugIntervention) else first.name


def _row(source: Source, target: Target, found: Estimate, severity: float | None) -> dict[str, object]:
    low, high = target.interval
    tau = spread_by_tau(loadings(target), source.calibrated.tau if source.calibrated else None)
    row: dict[str, object] = {
        "source": source.title, "study": source.study_of(target), "stratum": " ".join(target.stratum or source.stratum),
        "drug_class": _drug_class(source, target), "severity": severity, "target": target.name,
        "quantity": target.quantity, "unit": target.unit, "use": target.use, "provenance": target.provenance,
        "published": target.value, "published_low": low, "published_high": high, "tau": tau,
    }  # fmt: skip
    not_measured = _not_measured(target, found)
    if not_measured:
        return row | dict.fromkeys(MEASURED) | {"inside": None, "not_measured": not_measured}
    value = found.value
    middle, error = on_scale(value, target.scale), error_on_scale(found.standard_error, value, target.scale)
    both = math.hypot(error, target.error_on_scale)
    distance = (middle - on_scale(target.value, target.scale)) / math.hypot(both, tau)
    logarithm = None if target.scale == "identity" else math.log(value / target.value)
    numbers = (
        value, off_scale(middle - Z_95 * error, target.scale), off_scale(middle + Z_95 * error, target.scale),
        logarithm, both if target.scale == "log" else None, distance,
    )  # fmt: skip
    inside = abs(distance) < Z_95 if target.use in JUDGED else None
    return row | dict(zip(MEASURED, numbers, strict=True)) | {"inside": inside, "not_measured": None}


def _not_measured(target: Target, found: Estimate) -> str | None:
    """Why a simulated figure cannot be compared with the published one; None where it can."""
    if math.isnan(found.value):
        return "nobody to count, or nobody or everybody has it"
    inside = target.scale == "identity" or (found.value > 0.0 and (target.scale == "log" or found.value < 1.0))
    if not (math.isfinite(found.value) and inside):
        return f"{found.value:g} has no {'logarithm' if target.scale == 'log' else 'place on its scale'}"
    return None if math.isfinite(found.standard_error) else "too few people for its standard error"
