"""Telemonitoring: readings of scale, cuff and pulse counter at home, and the alerts that they raise."""

from __future__ import annotations

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import inverse_normal
from popsim.kernels.numerics.random import uniform, uniforms

ALERT_WEIGHT, ALERT_PRESSURE, ALERT_PULSE, ALERT_RISK, ALERT_FILLING = 1, 2, 4, 8, 32  # 16: codes.ALERT_IGNORED


@njit(parallel=True)
def measure_day(
    entered,
    day,
    key,
    person,
    rules,
    alive,
    telemonitored,
    care_level,
    weight,
    systolic,
    heart_rate,
    filling_pressure,
    measured_weight,
    measured_systolic,
    measured_heart_rate,
    measured_filling_pressure,
    reference_weight,
    last_alert_day,
    alert,
    read,
):
    """One morning's measurements of monitored people at home; rows [0, entered).

    Everybody measures every `measured_every_days` days, on days that differ between persons, and misses a share of
    them; `read` is 1 for those who measured today. Readings are the true value plus a normal error. The weight alert
    compares with an exponentially smoothed reference weight, so that a quick gain raises an alert and a slow drift does
    not. Filling pressure is read by an implanted sensor, where its upper limit is above 0; its column is None where
    nobody has one. An alert is raised at most every `days_between_alerts` days.
    """
    every = np.int64(rules.measured_every_days)
    for i in prange(entered):
        on = (alive[i] != 0) & (telemonitored[i] != 0) & (care_level[i] == code.LEVEL_COMMUNITY)
        u0, u1, u2, u_missed = uniforms(key, person[i], code.STREAM_SIGNALS, day)
        on &= ((day + person[i]) % every == 0) & (u_missed >= rules.missed_share)
        kg = np.float64(weight[i]) + rules.weight_error_kg * inverse_normal(u0)
        mmhg = np.float64(systolic[i]) + rules.systolic_error_mmhg * inverse_normal(u1)
        bpm = np.float64(heart_rate[i]) + rules.heart_rate_error_bpm * inverse_normal(u2)
        old = np.float64(reference_weight[i])
        base = kg if old <= 0.0 else old
        signs = np.int64(kg - base >= rules.weight_gain_kg) * ALERT_WEIGHT
        signs += np.int64((mmhg < rules.systolic_low_mmhg) | (mmhg > rules.systolic_high_mmhg)) * ALERT_PRESSURE
        signs += np.int64((bpm < rules.heart_rate_low_bpm) | (bpm > rules.heart_rate_high_bpm)) * ALERT_PULSE
        sensed = on & (rules.filling_pressure_high_mmhg > 0.0)
        filling = np.float64(filling_pressure[i]) + rules.filling_pressure_error_mmhg * inverse_normal(
            uniform(key, person[i], code.STREAM_SENSOR, day)
        )
        beyond = (filling > rules.filling_pressure_high_mmhg) | (filling < rules.filling_pressure_low_mmhg)
        signs += np.int64(sensed & beyond) * ALERT_FILLING
        since = day - np.float64(last_alert_day[i])
        raised = signs if on & (since >= rules.days_between_alerts) else 0
        measured_weight[i] = kg if on else np.float64(measured_weight[i])
        measured_systolic[i] = mmhg if on else np.float64(measured_systolic[i])
        measured_heart_rate[i] = bpm if on else np.float64(measured_heart_rate[i])
        if measured_filling_pressure is not None:
            measured_filling_pressure[i] = filling if sensed else np.float64(measured_filling_pressure[i])
        reference_weight[i] = base + rules.reference_share_per_day * (kg - base) if on else old
        last_alert_day[i] = float(day) if raised != 0 else np.float64(last_alert_day[i])
        alert[i] = raised
        read[i] = 1 if on else 0
