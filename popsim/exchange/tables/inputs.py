"""All that a run was made from as one table: parameters, experiment, cohort and care network.

A parameter has its own record. In the other files a number takes the unit, the distribution and the source that are
written nearest above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from popsim.economics.price_indices import PriceIndices
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import read_sets
from popsim.physiology.own import own_parameter_files
from popsim.runs.run import StoredRun
from popsim.studies.organ_systems import own_organ_systems_of
from popsim.studies.parameter_table import parameter_table
from popsim.studies.parameters import resolve_parameters

CHANGED = "changed since this run: source not known"
COLUMNS = {
    "id": pl.String, "value": pl.Float64, "text": pl.String, "unit": pl.String, "distribution": pl.String,
    "low": pl.Float64, "high": pl.Float64, "min": pl.Float64, "max": pl.Float64,
    "provenance": pl.String, "source": pl.String,
}  # fmt: skip
ABOUT = ("unit", "distribution", "source")  # said once, of all that is below
WORDS = ("cheers", "description", "label", "title")  # that no result depends on
ELSEWHERE = ("parameters", "parameter_groups", "information_groups")  # of an experiment: they are the parameters' own
MAX_VALUES = 12  # of a list of numbers in one row


def input_table(run: StoredRun) -> pl.DataFrame:
    """Every input of a run.

    Returns:
        id ("set.parameter", "experiment. ...", "cohort. ...", "network. ..."), value (a number), text (anything else),
        unit, distribution, low, high (95% interval where uncertain), min, max (allowed), provenance, source.
    """
    rows = [parameter_inputs(run)]
    experiment = {key: one for key, one in run.manifest["experiment"].items() if key not in ELSEWHERE}
    for name, said in (
        ("experiment", experiment),
        ("cohort", run.cohort.definition.model_dump(mode="json", by_alias=True)),
        ("network", run.manifest["network"]),
    ):
        rows.append(pl.DataFrame(list(_rows(name, said, {})), COLUMNS, orient="row"))
    return pl.concat(rows)


def parameter_inputs(run: StoredRun) -> pl.DataFrame:
    """The parameters of a run, in the form of `input_table`, with the values that the run had."""
    used = {f"{name}.{key}": value for name, values in _used(run).items() for key, value in values.items()}
    known = _known(run)
    found = known.filter(pl.col("parameter").is_in(list(used)))
    values = pl.Series("value", [used[name] for name in found["parameter"]], pl.Float64)
    same = found["value"] == values
    source = (
        pl.when(pl.col("uncertainty_source") != "")
        .then(pl.format("{}; uncertainty: {}", "source", "uncertainty_source"))
        .otherwise("source")
    )
    table = found.with_columns(source=source).with_columns(
        values,
        *(pl.when(same).then(name).otherwise(None).alias(name) for name in ("low", "high")),
        *(pl.when(same).then(name).otherwise(pl.lit(CHANGED)).alias(name) for name in ("distribution", "source")),
        id="parameter",
        text=pl.lit(None, pl.String),
    )
    gone = [name for name in used if name not in set(found["parameter"])]
    rest = pl.DataFrame({"id": gone, "value": [used[name] for name in gone]}, {"id": pl.String, "value": pl.Float64})
    rest = rest.with_columns(source=pl.lit(CHANGED))
    return pl.concat([table.select(*COLUMNS), rest], how="diagonal")


def _used(run: StoredRun) -> Mapping[str, Mapping[str, float]]:
    parameters: Mapping[str, Mapping[str, float]] = run.manifest.get("parameters", {})
    return parameters


def _known(run: StoredRun) -> pl.DataFrame:
    """The parameter table of the run's experiment by the evidence of today."""
    try:
        own = own_organ_systems_of(run.experiment, run.experiment_file)
        sets: Mapping[str, ParameterSet] = read_sets(own_parameter_files((*own, *run.organ_systems)))
        return parameter_table(*_counted(run, sets))
    except (InputError, StopIteration):  # a file of the experiment is gone: values alone are known
        empty: dict[str, Any] = dict.fromkeys(("parameter", "uncertainty_source"), pl.String)
        return pl.DataFrame(schema=empty | COLUMNS)


def _counted(run: StoredRun, added: Mapping[str, ParameterSet]) -> Any:
    said = run.experiment.price_indices
    indices = PriceIndices.read(run.experiment_file.parent / said) if said else None
    parameters, uncertain = resolve_parameters(run.experiment, run.experiment_file, added, indices)
    return parameters.counted, uncertain


def _rows(name: str, said: Any, about: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    """Rows of a definition's JSON: its leaves, with the unit, distribution and source nearest above."""
    if isinstance(said, dict):
        own = {key: said[key] for key in ABOUT if isinstance(said.get(key), str)}
        for key, one in said.items():
            if key not in (*WORDS, *own):
                yield from _rows(f"{name}.{key}", one, {**about, **own})
    elif isinstance(said, list) and any(isinstance(one, dict | list) for one in said):
        for place, one in enumerate(said, 1):
            label = one.get("name", place) if isinstance(one, dict) else place
            yield from _rows(f"{name}.{label}", one, about)
    elif said is not None and said not in ("", []):
        value, text = _leaf(said)
        where = (about.get("unit"), about.get("distribution"), None, None, None, None)
        yield (name, value, text, *where, "stated", about.get("source"))


def _leaf(said: Any) -> tuple[float | None, str | None]:
    """A leaf as a number or as text."""
    if isinstance(said, bool):
        return None, "yes" if said else "no"
    if isinstance(said, int | float):
        return float(said), None
    if isinstance(said, list):
        shown = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in said[:MAX_VALUES])
        return None, shown + (f", ... ({len(said)} values)" if len(said) > MAX_VALUES else "")
    return None, str(said)
