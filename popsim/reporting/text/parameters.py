"""The parameters of an experiment as plain text: one line each, so that it can be searched line by line."""

from __future__ import annotations

import polars as pl

from popsim.definitions.parameter import PROVENANCES
from popsim.errors import InputError
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned
from popsim.studies.design import Study
from popsim.studies.parameter_table import parameter_table

RECALLED = r"\brecalled\b"


def parameter_frame(study: Study, *, uncertain: bool = False, match: str = "") -> pl.DataFrame:
    """Every parameter, or those that are uncertain, or whose name "set.parameter" contains a text in any case.

    Returns:
        parameter, value, unit, low, high (95% interval, null if the value is certain), distribution, provenance (read,
        computed, fitted, defined or assumed), source, uncertainty_source.

    Raises:
        InputError: no name contains the text.
    """
    rows = parameter_table(study.parameters, study.uncertain, match.lower()).drop("min", "max")
    if uncertain:
        rows = rows.filter(pl.col("distribution") != "known")
    if match and rows.is_empty():
        raise InputError(f"--match {match}: no parameter name contains it; sets: {', '.join(sorted(study.parameters))}")
    return rows


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
