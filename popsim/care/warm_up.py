"""How much of a run is its warm-up, and what there is at its end to begin another run with.

The warm-up is found by MSER-5 (White 1997, Simulation 69:323-334): of the means of batches of five days, so many are
left out at the beginning that the standard error of the mean of the others, taken as independent, is smallest; half of
them at most.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.care.network import CareNetwork
from popsim.kernels.care import records
from popsim.kernels.care.events import CENSUS_SOURCE, EXTERNAL_PERSON, SOURCE_SHIFT

BATCH_DAYS = 5
MIN_BATCHES = 20


def warm_up_batches(means: NDArray[np.float64]) -> int:
    """Number of batches to leave out at the beginning, by their means; 0 where there are too few to tell."""
    size = len(means)
    if size < MIN_BATCHES:
        return 0
    left = np.arange(size, size - size // 2 - 1, -1)
    centred = means - means.mean()  # so that the squares of large means do not cancel
    sums = np.cumsum(centred[::-1])[::-1][: len(left)]
    squares = np.cumsum(centred[::-1] ** 2)[::-1][: len(left)]
    return int(np.argmin((squares - sums**2 / left) / left**2))


def census_of(network: CareNetwork, arrays: records.Arrays, day: int) -> pl.DataFrame:
    """The external patients of a network on the morning of a day, in the columns of a census."""
    external = arrays.patients[arrays.twins :]
    waits = external["waits_for"] >= 0
    groups = {"present": external[(external["setting"] >= 0) & ~waits], "waiting": external[waits]}
    classes = [None, *(one.name for one in network.definition.classes)]
    parts = []
    for state, where, since in (("present", "setting", "began_at"), ("waiting", "waits_for", "asked_at")):
        chosen = groups[state]
        source = (chosen["person"] - EXTERNAL_PERSON) >> SOURCE_SHIFT
        of_source = np.append(arrays.sources["patient_class"], 0)[np.minimum(source, len(arrays.sources))]
        number = np.where(source >= CENSUS_SOURCE, source - CENSUS_SOURCE, of_source)
        parts.append(
            pl.DataFrame(
                {
                    "setting": [network.settings[i].name for i in chosen[where]],
                    "state": [state] * len(chosen),
                    "class": [classes[i] for i in number],
                    "days": np.maximum(day - chosen[since], 0.0).round(3),
                    "priority": chosen["level"].astype(np.int64) + 1,
                },
                schema_overrides={"setting": pl.String, "state": pl.String, "class": pl.String},
            )
        )
    kind = ["setting", "state", "class", "days", "priority"]
    rows = pl.concat(parts).group_by(kind).agg(number=pl.len().cast(pl.Int64)).sort(kind)
    return rows.select("setting", "state", "class", "number", "days", "priority")
