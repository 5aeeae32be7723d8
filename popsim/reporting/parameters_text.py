"""The parameters of an experiment as plain text: one line each, so that it can be searched line by line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from popsim.evidence.distributions import Distribution, Empirical
from popsim.experiments.design import Study
from popsim.reporting.text import aligned

TAILS = (0.025, 0.975)


def render_parameters(study: Study, *, uncertain: bool = False) -> str:
    """Name, value, unit, 95% interval, distribution and source of every parameter, or of those that are uncertain."""
    uncertainties = study.uncertain
    correlated = {name for names, _ in uncertainties.copulas for name in names}
    shares = {name for names, _ in uncertainties.shares for name in names}
    lines, sources = [["parameter", "value", "unit", "95% interval", "distribution"]], ["source"]
    for set_name, parameters in study.parameters.items():
        for key in parameters:
            record, name = parameters.of(key), f"{set_name}.{key}"
            found = uncertainties.distributions.get(name)
            if uncertain and found is None:
                continue
            joined = ", correlated" if name in correlated else ", shares of one" if name in shares else ""
            described = [_interval(found), _described(found) + joined] if found else ["", "known"]
            lines.append([name, f"{record.value:g}", record.unit, *described])
            spread = record.uncertainty.source if found and record.uncertainty else ""
            sources.append(f"{record.source}; uncertainty: {spread}" if spread else record.source)
    table = aligned(lines).splitlines()
    drawn = f"{len(uncertainties.names)} of {sum(map(len, study.parameters.values()))} parameters are uncertain"
    return "\n".join([*(f"{line}  {source}" for line, source in zip(table, sources, strict=True)), drawn])


def _interval(distribution: Distribution) -> str:
    low, high = distribution.quantile(np.array(TAILS)).tolist()
    return f"{low:.4g} to {high:.4g}"


def _described(distribution: Distribution) -> str:
    """Family and native parameters."""
    family = type(distribution).__name__.lower()
    if isinstance(distribution, Empirical):
        return f"{family} ({len(distribution.values)} values)"
    values = {field.name.replace("_", " "): getattr(distribution, field.name) for field in fields(distribution)}  # type: ignore[arg-type]
    return f"{family} ({', '.join(f'{name} {value:.4g}' for name, value in values.items())})"
