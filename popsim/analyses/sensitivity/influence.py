"""Which constants the outcomes of usual care depend on most: each is moved alone, its uncertainty known or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from popsim.analyses.contrast import at_draw, shift
from popsim.analyses.sensitivity.design import Evaluate, one_at_a_time
from popsim.analyses.sensitivity.parameters import Varied, varied
from popsim.errors import InputError
from popsim.evidence.sets import records_of
from popsim.studies.design import Study
from popsim.studies.measures import check_measures, measures_of

OUTCOMES = ("readmission_30d", "mortality_365d", "heart_failure_admissions_per_person_year")


def usual_care(study: Study, outcomes: Sequence[str]) -> Study:
    """The study with its comparator alone.

    Raises:
        InputError: its runs can have no such outcome.
    """
    check_measures(outcomes, measures_of(study))
    experiment = study.experiment
    alone = (experiment.strategy(experiment.reference),)
    return replace(study, experiment=experiment.model_copy(update={"strategies": alone, "scenarios": ()}))


def movable(study: Study, names: Sequence[str], share: float) -> tuple[Varied, ...]:
    """The named parameters, or all, over the central 95% interval, or value +- share where no uncertainty is known.

    A parameter that is zero and certain has no such range, and is left out.

    Raises:
        InputError: an unknown parameter, one named twice, or a range outside its bounds.
    """
    records, uncertain = records_of(study.parameters), study.uncertain.distributions
    texts = list(names) or list(records)
    for index, name in enumerate(texts):
        if (record := records.get(name)) is not None and name not in uncertain:
            reach = share * abs(record.value)
            texts[index] = (
                f"{name}={max(record.low, record.value - reach)!r}:{min(record.high, record.value + reach)!r}"
            )
    moved = [text for text in texts if names or records[text.partition("=")[0]].value or text in uncertain]
    if not moved:
        raise InputError(f"{study.experiment.name}: no parameter can be moved")
    return varied(study, moved)


def influence(study: Study, parameters: Sequence[Varied], outcomes: Sequence[str], evaluate: Evaluate) -> pl.DataFrame:
    """Each parameter at both ends of its range, the others in the base case.

    Returns:
        A row for each parameter, the most influential first: parameter, unit, provenance, value, low_value, high_value,
        known (its uncertainty is), influence (the largest of the changes of the outcomes that are larger than their
        Monte Carlo error); for every outcome its change from the low end to the high end as a share of the base case
        (by the outcome's name; null where the base case has none) and the half-width of the change's 95% interval
        (_reach, null with one replication).
    """
    measures = evaluate([p.name for p in parameters], one_at_a_time(parameters))
    records, uncertain = records_of(study.parameters), study.uncertain.distributions
    levels = {
        name: measures.filter(pl.col("measure") == name).select("draw", "replication", "value") for name in outcomes
    }
    bases = {name: float(at_draw(level, 1)["value"].mean() or np.nan) for name, level in levels.items()}  # type: ignore[arg-type]
    rows = []
    for index, parameter in enumerate(parameters):
        row: dict[str, Any] = {
            "parameter": parameter.name,
            "unit": parameter.unit,
            "provenance": records[parameter.name].provenance,
            "value": parameter.value,
            "low_value": parameter.low,
            "high_value": parameter.high,
            "known": parameter.name in uncertain,
            "influence": 0.0,
        }
        for name, level in levels.items():
            swing = shift(at_draw(level, 3 + 2 * index), at_draw(level, 2 + 2 * index))
            change, reach = swing.value / bases[name], swing.reach / bases[name]
            row |= {name: change, f"{name}_reach": reach}
            if not abs(change) <= reach:
                row["influence"] = max(row["influence"], abs(change))
        rows.append(row)
    return pl.DataFrame(rows).fill_nan(None).sort("influence", descending=True, maintain_order=True)
