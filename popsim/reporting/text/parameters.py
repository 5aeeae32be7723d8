"""The parameters of an experiment as plain text: one line each, so that it can be searched line by line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl

from popsim.definitions.parameter import PROVENANCES
from popsim.errors import InputError
from popsim.evidence.distributions import Distribution, EmpiricalDistribution, family
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned
from popsim.studies.design import Study

TAILS = (0.025, 0.975)
RECALLED = r"\brecalled\b"
SCHEMA = {
    "parameter": pl.String, "value": pl.Float64, "unit": pl.String, "low": pl.Float64, "high": pl.Float64,
    "distribution": pl.String, "provenance": pl.String, "source": pl.String, "uncertainty_source": pl.String,
}  # fmt: skip


def parameter_frame(study: Study, *, uncertain: bool = False, match: str = "") -> pl.DataFrame:
    """Every parameter, or those that are uncertain, or whose name "set.parameter" contains a text in any case.

    Returns:
        parameter, value, unit, low, high (95% interval, null if the value is certain), distribution, provenance (read,
        computed, fitted, defined or assumed), source, uncertainty_source.

    Raises:
        InputError: no name contains the text.
    """
    uncertainties = study.uncertain
    correlated = {name for names, _ in uncertainties.copulas for name in names}
    shares = {name for names, _ in uncertainties.shares for name in names}
    rows = []
    for set_name, parameters in study.parameters.items():
        for key in parameters:
            record, name = parameters.of(key), f"{set_name}.{key}"
            found = uncertainties.distributions.get(name)
            if (uncertain and found is None) or match.lower() not in name:
                continue
            joined = ", correlated" if name in correlated else ", shares of one" if name in shares else ""
            interval = found.quantile(np.array(TAILS)).tolist() if found else (None, None)
            spread = record.uncertainty.source if found and record.uncertainty else ""
            described = _described(found) + joined if found else "known"
            rows.append(
                (name, record.value, record.unit, *interval, described, record.provenance, record.source, spread)
            )
    if match and not rows:
        raise InputError(f"--match {match}: no parameter name contains it; sets: {', '.join(sorted(study.parameters))}")
    return pl.DataFrame(rows, SCHEMA, orient="row")


def render_parameters(study: Study, *, uncertain: bool = False, match: str = "") -> str:
    """`parameter_frame` as text, one line each."""
    rows = tabled("Parameters", parameter_frame(study, uncertain=uncertain, match=match)).rows()
    lines, sources = [["parameter", "value", "unit", "95% interval", "distribution"]], ["source"]
    for name, value, unit, low, high, described, _, source, spread in rows:
        lines.append([name, f"{value:g}", unit, "" if low is None else f"{low:.4g} to {high:.4g}", described])
        sources.append(f"{source}; uncertainty: {spread}" if spread else source)
    table = aligned(lines).splitlines()
    drawn = f"{len(study.uncertain.names)} of {sum(map(len, study.parameters.values()))} parameters are uncertain"
    return "\n".join([*(f"{line}  {source}" for line, source in zip(table, sources, strict=True)), drawn])


def provenance_frame(parameters: pl.DataFrame) -> pl.DataFrame:
    """How many parameters of each set were read, computed, fitted, defined and assumed.

    Args:
        parameters: of `parameter_frame`.

    Returns:
        set, parameters, a count of each provenance, recalled (sources that quote something from memory, which is to be
        looked up); the last row is all sets together.
    """
    counts = [pl.len().alias("parameters"), *((pl.col("provenance") == kind).sum().alias(kind) for kind in PROVENANCES)]
    counts.append(pl.col("source").str.contains(RECALLED).sum().alias("recalled"))
    by_set = pl.col("parameter").str.split(".").list.first().alias("set")
    found = parameters.group_by(by_set, maintain_order=True).agg(counts)
    return pl.concat([found, parameters.select(pl.lit("all").alias("set"), *counts)])


def render_provenance(parameters: pl.DataFrame) -> str:
    """`provenance_frame` with the shares of all, and the parameters whose source says that it is recalled."""
    found = tabled("Provenance", provenance_frame(parameters))
    lines = [found.columns, *([str(cell) for cell in row] for row in found.rows())]
    total = found.row(-1, named=True)
    shares = (f"{total[kind] / max(total['parameters'], 1):.0%}" for kind in PROVENANCES)
    recalled = parameters.filter(pl.col("source").str.contains(RECALLED))["parameter"].to_list()
    to_check = "\n".join(
        [f"{len(recalled)} sources recall a figure that is to be looked up:", *(f"  {n}" for n in recalled)]
    )
    return "\n".join([aligned([*lines, ["share", "", *shares, ""]]), *([to_check] if recalled else [])])


def _described(distribution: Distribution) -> str:
    """Family and native parameters."""
    if isinstance(distribution, EmpiricalDistribution):
        return f"{family(distribution)} ({len(distribution.values)} values)"
    values = {field.name.replace("_", " "): getattr(distribution, field.name) for field in fields(distribution)}  # type: ignore[arg-type]
    return f"{family(distribution)} ({', '.join(f'{name} {value:.4g}' for name, value in values.items())})"
