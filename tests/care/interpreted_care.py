"""Every draw of care, written down: a small catchment lived by the kernels uncompiled (NUMBA_DISABLE_JIT=1).

Prints, as JSON, one list per draw: function that draws, stream, person, index, day.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from popsim.kernels.numerics import random
from popsim.kernels.numerics.random import RandomKey

DAYS, TWINS = 70, 8
ROOT = Path(__file__).parents[2]
DRAWN: list[tuple[str, int, int, int, int]] = []
TODAY = [0]
BETWEEN = ("__main__", "popsim.kernels.numerics.sampling", "popsim.kernels.numerics.compiling")  # a draw and who asks
make_block = random.uniforms


def record(key: RandomKey, person: int, stream: int, index: int) -> tuple[float, ...]:
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in BETWEEN:
        frame = frame.f_back  # type: ignore[assignment]
    caller = f"{frame.f_globals['__name__'].removeprefix('popsim.')}.{frame.f_code.co_name}"
    DRAWN.append((caller, int(stream), int(person), int(index) & random.WORD, TODAY[0]))
    return make_block(key, int(person), int(stream), int(index))


def hand_over(arrays: Any) -> SimpleNamespace:
    """The arrays as compiled kernels see them: records with their fields as attributes."""
    fields = arrays._asdict().items()
    return SimpleNamespace(
        **{k: v.view(np.recarray) if getattr(v, "dtype", None) and v.dtype.names else v for k, v in fields}
    )


random.uniforms = record
random.uniform = lambda *position: record(*position)[0]

from popsim.care import external, system  # noqa: E402
from popsim.care.network import CareNetwork  # noqa: E402
from popsim.definitions.base import validate  # noqa: E402
from popsim.definitions.network import NetworkDefinition  # noqa: E402
from popsim.definitions.strategy import Strategy  # noqa: E402
from popsim.kernels.care import external_patients  # noqa: E402
from popsim.population.cohort import CohortSource  # noqa: E402
from popsim.population.sampling import sample  # noqa: E402
from popsim.simulation.model import PopulationModel  # noqa: E402
from popsim.simulation.schema import SCHEMA  # noqa: E402

system.hand_over = hand_over
of_pieces, census = external.quantiles, external_patients.take_census
external.quantiles = lambda pieces, *others: of_pieces(pieces.view(np.recarray), *others)
external_patients.take_census = lambda world, rows: census(world, rows.view(np.recarray))


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


def catchment() -> CareNetwork:
    """Two homes, a door, a department where most give up, a ward with rounds, a clinic; other patients as well."""
    outside = {"to": "exit", "for": "external"}
    split = {"to": {"home": 0.5, "lodging": 0.5}}
    dry = {"column": "weight_kg", "below": 70.0}
    tired = {"column": "nyha_class", "at_least": 3.0}
    table = {
        "name": "every_draw", "entry": "home", "presentation": "door",
        "settings": [
            {"name": "home", "class": "community", "stay": exponential(3.0), "routes": [{"to": "door"}]},
            {
                "name": "lodging", "class": "facility", "stay": exponential(2.0), "routes": [{"to": "door"}],
                "transfer_delay": {"probability": 0.5, "days": exponential(0.1), "source": "assumption: made up"},
            },
            {"name": "door", "class": "router", "routes": [{"to": {"department": 0.9, "ward": 0.1}}]},
            {
                "name": "department", "class": "emergency", "capacity": 1, "stay": exponential(0.3),
                "patience": exponential(0.3), "gives_up_to": "left",
                "routes": [outside, {"to": {"ward": 0.5, "home": 0.5}}],
            },
            {"name": "left", "class": "router", "routes": [outside, split]},
            {
                "name": "ward", "class": "inpatient", "capacity": 3, "stay_external": exponential(1.0),
                "discipline": "priority",
                "priority": [{"level": 1, "when": [tired]}, {"level": 2}],
                "review": {"hour": 10.0, "discharge_when": [dry], "at_most_days": 3.0}, "routes": [outside, split],
                "escalation": {"to": "intensive", "per_day": 1.0, "source": "assumption: made up"},
            },
            {
                "name": "intensive", "class": "critical", "capacity": 3, "boards": True, "stay": exponential(0.5),
                "routes": [outside, {"to": "back_to_ward"}, split],
            },
            {
                "name": "clinic", "class": "outpatient", "slots_per_day": 6, "clinician": "specialist",
                "routes": [{"to": {"stay": 0.5, "department": 0.5}}],
            },
            {"name": "desk", "class": "outpatient", "slots_per_day": 3, "routes": [{"to": "stay"}]},
        ],
        "complications": [
            {"name": name, "per_day": 0.1, "extra_days": exponential(0.1), "source": "assumption: made up"}
            for name in ("fall", "infection")
        ],
        "arrivals": [{"name": "others", "to": "department", "per_day": 3.0}],
        "census": [{"setting": "ward", "number": 2, "days": 0.5}],
    }  # fmt: skip
    return CareNetwork(validate(table, NetworkDefinition, "every_draw.toml"), SCHEMA.columns, "every_draw.toml")


def strategy() -> Strategy:
    """Follow-up, telemonitoring with alerts that tire, a programme, a drug, a genetic test."""
    limits = {"systolic_low_mmhg": 115.0, "systolic_high_mmhg": 120.0, "heart_rate_low_bpm": 40.0}
    table = {
        "name": "everything",
        "follow_up": [{"setting": "clinic", "within_days": 4, "uptake": 0.7}],
        "telemonitoring": limits | {
            "desk": "desk", "uptake": 0.9, "duration_days": 100, "weight_gain_kg": 2.0, "heart_rate_high_bpm": 150.0,
            "days_between_alerts": 1, "alert_fatigue": 0.3, "missed_share": 0.1,
        },
        "interventions": [
            {
                "kind": "programme", "name": "exercise", "uptake": 0.5,
                "eligible": [{"column": "systolic_mmhg", "at_least": 80.0}],
                "effects": [{"column": "adherence_trait", "add": 0.05}],
            },
            {
                "kind": "hazard_ratio", "name": "drug", "outcome": "stroke", "value": 0.7, "full_effect_after_days": 10,
                "same_people_as": "exercise",
            },
            {"kind": "genetic_test", "name": "panel", "uptake": 0.5, "sensitivity": 0.9},
        ],
    }  # fmt: skip
    return validate(table, Strategy, "everything.toml")


def live() -> None:
    people = sample(CohortSource.read(ROOT / "cohorts/heart_failure_discharge.toml"), SCHEMA, TWINS, RandomKey(1))
    model = PopulationModel(people, catchment(), strategy(), seed=6, follow_up_days=DAYS)
    for day in range(DAYS):
        TODAY[0] = day
        model.step()


if __name__ == "__main__":
    live()
    json.dump(DRAWN, sys.stdout)
