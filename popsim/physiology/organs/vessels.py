"""Vessels: binds its kernels to the columns."""

from __future__ import annotations

import math
from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import vessels as kernel
from popsim.kernels.physiology.coronary import LONG_AGO_DAYS, MAX_SCAR_PERCENT, CoronaryParameters
from popsim.kernels.physiology.stroke import StrokeParameters
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column(
        "infarct_scar_percent", "real", "%", 0, MAX_SCAR_PERCENT,
        "Ejection fraction lost to infarctions since entry.", "physiology",
    ),
    Column(
        "days_since_infarction", "real", "d", 0, LONG_AGO_DAYS,
        "Days since the last infarction, 366 if longer ago or never.", "physiology",
    ),
    Column(
        "coronary_stent", "code", "1", 0, 1, "1 with a stent set for the last infarction.", "physiology", at_entry=0.0
    ),
    Column("has_atrial_fibrillation", "code", "1", 0, 1, "1 with atrial fibrillation, old or new.", "physiology"),
    Column("stroke_disability", "real", "1", 0, 1, "Disability from strokes since entry, 1 the worst.", "physiology"),
    Column("has_bled", "code", "1", 0, 1, "1 after a major bleeding since entry.", "physiology"),
)  # fmt: skip


class Vessels:
    """Hypertension, coronary disease, atrial fibrillation, stroke, bleeding; limits of validity in its kernels,
    coronary.py and stroke.py.

    Args:
        parameters: sets by name; uses vessels, and heart_failure for the effect of atrial fibrillation on the core.
        key: of the random numbers.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "vessels"
    needs: ClassVar[tuple[str, ...]] = ("diabetes",)

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own, core = parameters["vessels"], parameters["heart_failure"]
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            key=key,
            stiffening_mmhg_year=own["stiffening_mmhg_year"],
            stiffening_hypertension_mmhg_year=own["stiffening_hypertension_mmhg_year"],
            fibrillation_log_rate=math.log1p(core["arrhythmia_more_with_atrial_fibrillation"]),
            coronary=own.fill(CoronaryParameters),
            stroke=own.fill(StrokeParameters),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """No event has happened since entry; what an infarction before it does comes on top of steady state."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
