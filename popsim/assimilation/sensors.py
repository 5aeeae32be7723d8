"""Sensors, the sources of a belief's readings, with their errors: from the definition of signals, or a user's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.care.signals import FILE
from popsim.definitions.signal import SignalFile
from popsim.errors import InputError
from popsim.evidence.code_systems import loinc_of
from popsim.evidence.parameters import ParameterSet
from popsim.population.columns import Schema


class Sensor(NamedTuple):
    """One source of readings of one quantity; several sensors may measure the same quantity.

    Attributes:
        name: unique within a belief.
        column: of the true state.
        noise_sd, noise_share: error of a single reading, in the column's unit and as a share of the value.
        bias_sd: lasting error of a person or device, in the column's unit, estimated along with the state.
        logarithmic: errors are normal on the logarithmic scale: `noise_share` is the standard deviation of a reading's
            error, `bias_sd` that of the lasting error.
        loinc, unit: code of the measurement and unit of the readings (that of the column).
    """

    name: str
    column: str
    noise_sd: float = 0.0
    noise_share: float = 0.0
    bias_sd: float = 0.0
    logarithmic: bool = False
    loinc: str = ""
    unit: str = ""


def sensors_of(schema: Schema, parameters: ParameterSet, file: Path = FILE) -> tuple[Sensor, ...]:
    """The sensors of evidence/devices/signals.toml for the columns that a population has, without classes.

    The drift of a device is neglected: it is below a tenth of the noise between adjustments.

    Args:
        schema: of the population.
        parameters: the set twinning.
        file: where the signals are defined.
    """
    lognormal_from = parameters["proportional_from_share"]
    return tuple(
        Sensor(
            name=signal.measures,
            column=signal.measures,
            noise_sd=signal.noise_sd,
            noise_share=signal.noise_share,
            bias_sd=signal.bias_sd,
            logarithmic=signal.noise_share >= lognormal_from,
            loinc=signal.loinc or loinc_of(signal.measures) or "",
            unit=signal.unit,
        )
        for signal in SignalFile.read(file).signals
        if signal.measures in schema and schema[signal.measures].kind == "real"
    )


class SensorTable(NamedTuple):
    """Sensors as the kernels read them, one element each."""

    column: NDArray[np.int64]
    noise_sd: NDArray[np.float64]
    noise_share: NDArray[np.float64]
    logarithmic: NDArray[np.bool_]


def table(sensors: Sequence[Sensor], schema: Schema) -> SensorTable:
    """Sensors with the indices of their columns.

    Raises:
        InputError: a sensor is named twice, measures no real column, or has no error.
    """
    names = [sensor.name for sensor in sensors]
    for sensor in sensors:
        if names.count(sensor.name) > 1:
            raise InputError(f"sensor '{sensor.name}': named twice")
        if sensor.column not in schema or schema[sensor.column].kind != "real":
            raise InputError(f"sensor '{sensor.name}': column '{sensor.column}' is not a real column of the population")
        errors = (sensor.noise_sd, sensor.noise_share, sensor.bias_sd)
        if not all(math.isfinite(error) and error >= 0.0 for error in errors) or max(errors[:2]) == 0.0:
            raise InputError(f"sensor '{sensor.name}': noise must be above 0")
    return SensorTable(
        np.array([schema.index(sensor.column) for sensor in sensors], np.int64),
        np.array([sensor.noise_sd for sensor in sensors]),
        np.array([sensor.noise_share for sensor in sensors]),
        np.array([sensor.logarithmic for sensor in sensors], np.bool_),
    )
