"""Assimilation: the ensemble Kalman filter, weights of a particle filter, and resampling.

A belief about a person is `members` neighbouring rows of a population. Every loop here runs over persons, each of which
depends on its own rows alone, so the bits do not depend on the number of threads.

Ensemble Kalman filter: readings are assimilated one after the other (their errors are independent). The deterministic
adjustment of Anderson (2001, Monthly Weather Review 129:2884) moves the members' predicted readings so that their mean
and variance are those of the Kalman filter, and every estimated variable along its regression on them. With few members
regressions are noisy: those within chance are left out and the others shrunk by the share of the squared correlation
that chance explains. This replaces localisation, as variables have no distance, and vanishes with many members.
Inflation restores some of the spread. An outlying reading gets a larger error, so that it cannot carry a belief away.

Particle filter: weights by the likelihood of events; systematic resampling if few members carry the weight, only of
variables about which the weights are informative beyond chance; rejuvenation by shrinking members and moving them by
differences of pairs of members, which preserves mean and covariance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels import codes as code
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.math import exp, log
from popsim.kernels.numerics.random import uniforms
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip
from popsim.kernels.physiology.acute import (
    arrhythmia_hazard,
    heart_failure_drugs,
    heart_failure_hazard,
    infection_hazards,
    log_factor,
    other_hazard,
    renal_hazard,
)
from popsim.kernels.physiology.heart import preserved
from popsim.kernels.physiology.kidney import gfr_drugs

TINY = 1e-12  # variances and hazards below this are none
CAUSES = 6  # of the hazards of presenting: codes.CAUSE_HEART_FAILURE .. CAUSE_OTHER less one


class FilterParameters(NamedTuple):
    """Constants of this file; units and sources in evidence/twinning.toml."""

    outlier_from_sd: float
    resample_below: float
    rejuvenation: float
    certain_from_sd: float
    widening: float


@njit
def moments(values, weight):
    """Weighted mean and unbiased variance."""
    mean = 0.0
    for m in range(len(values)):
        mean += weight[m] * values[m]
    variance, squares = 0.0, 0.0
    for m in range(len(values)):
        variance += weight[m] * (values[m] - mean) ** 2
        squares += weight[m] * weight[m]
    return mean, variance / max(1.0 - squares, TINY)


@njit
def weights_of(log_weight, weight):
    """Write weights that sum to one."""
    largest = log_weight.max()
    total = 0.0
    for m in range(len(weight)):
        weight[m] = exp(log_weight[m] - largest)
        total += weight[m]
    for m in range(len(weight)):
        weight[m] /= total


@njit
def regress_update(
    values, logarithmic, shock, seen, seen_mean, seen_variance, moved, shift, gain, weight, effective, own, low, high, p
):  # fmt: skip
    """Move one variable of a person (or its logarithm) along its regression on the predicted readings.

    With a sample correlation r of the two, of which 1 / effective is expected of r**2 from chance (less near 1), a
    variable stays where it is unless r is beyond chance, and the slope is shrunk by c, the share of r**2 that is not
    chance. What then remains of the variance should be 1 - c r**2 gain, chance in the slope adds c**2 chance gain to
    the error of the mean, and `widening` makes up for what is not linear or not normal: the spread is set to the sum.
    Of a `shock`, which most members do not have, those who have none get none: a line through many zeros would give
    each of them a little of it.
    """
    mean = 0.0
    for m in range(len(values)):
        own[m] = log(max(np.float64(values[m]), TINY)) if logarithmic else np.float64(values[m])
        mean += weight[m] * own[m]
    covariance, variance, squares = 0.0, 0.0, 0.0
    for m in range(len(values)):
        deviation = own[m] - mean
        covariance += weight[m] * deviation * (seen[m] - seen_mean)
        variance += weight[m] * deviation * deviation
        squares += weight[m] * weight[m]
    unbiased = 1.0 / max(1.0 - squares, TINY)
    covariance, variance = covariance * unbiased, variance * unbiased
    if variance <= TINY:
        return
    squared = min(covariance * covariance / (variance * seen_variance), 1.0)
    chance = (1.0 - squared) ** 2 / effective
    if squared <= p.certain_from_sd * p.certain_from_sd * chance:
        return
    kept = (squared - chance) / squared
    slope = kept * covariance / seen_variance
    narrower = np.sqrt(1.0 - gain) - 1.0
    found = 1.0 + squared * kept * narrower * (2.0 + kept * narrower)
    wanted = 1.0 - kept * squared * gain * (1.0 - p.widening * (1.0 - gain)) + kept * kept * chance * gain
    wider = np.sqrt(wanted / max(found, TINY))
    for m in range(len(values)):
        if shock and own[m] == 0.0:
            continue
        deviation = own[m] - mean + slope * (moved[m] - shift)
        value = mean + slope * shift + wider * deviation
        values[m] = clip(exp(value) if logarithmic else value, low, high)


@njit(parallel=True)
def assimilate(
    members, readings, column, noise_sd, noise_share, logarithmic, remembered, reals, columns, low, high, scaled, shock,
    bias, memory, log_weight, p,
):  # fmt: skip
    """Assimilate the readings of all persons.

    Args:
        readings: (sensors, persons), NaN where there is none.
        column: (sensors,), index among `reals` of the measured column.
        noise_sd, noise_share: (sensors,), error of one reading, absolute and as a share; where `logarithmic` the error
            is normal on the logarithm with standard deviation `noise_share`.
        remembered: (sensors,), row of `memory` with what was predicted when the reading was made, -1 for today.
        reals: (columns, rows), written at `columns` and kept within `low` and `high`; where `scaled`, the logarithm is
            corrected, because the quantity is positive with proportional errors; where `shock`, a 0 is none and stays.
        bias: (sensors, rows), lasting error of each sensor, written.
        memory: (days * sensors, rows), readings predicted on earlier days, logarithms where so, written.
        log_weight: (rows,).
        p: FilterParameters.
    """
    sensors, persons = readings.shape
    for n in prange(persons):
        rows = slice(n * members, (n + 1) * members)
        weight, seen = np.empty(members), np.empty(members)
        moved, own = np.empty(members), np.empty(members)
        weights_of(log_weight[rows], weight)
        squares = 0.0
        for m in range(members):
            squares += weight[m] * weight[m]
        effective = max(1.0 / squares - 1.0, 1.0)
        any_reading = False
        for s in range(sensors):
            any_reading |= not np.isnan(readings[s, n])
        if not any_reading:
            continue
        for s in range(sensors):
            reading = readings[s, n]
            if np.isnan(reading):
                continue
            predicted = reals[column[s], rows] if remembered[s] < 0 else memory[remembered[s], rows]
            lasting = bias[s, rows]
            for m in range(members):
                value = np.float64(predicted[m])
                if remembered[s] < 0:
                    value = (log(max(value, TINY)) if logarithmic[s] else value) + np.float64(lasting[m])
                seen[m] = value
            reading = log(max(reading, TINY)) if logarithmic[s] else reading
            mean, variance = moments(seen, weight)
            share = noise_share[s] if logarithmic[s] else noise_share[s] * mean
            error = noise_sd[s] * noise_sd[s] * (0.0 if logarithmic[s] else 1.0) + share * share
            surprise = reading - mean
            error = max(error, surprise * surprise / (p.outlier_from_sd * p.outlier_from_sd) - variance)
            if variance <= TINY or error <= 0.0:
                continue
            gain = variance / (variance + error)
            shift, narrower = gain * surprise, np.sqrt(1.0 - gain)
            for m in range(members):
                moved[m] = shift + (narrower - 1.0) * (seen[m] - mean)
            update = (seen, mean, variance, moved, shift, gain, weight, effective, own)
            for j in range(len(columns)):
                regress_update(reals[columns[j], rows], scaled[j], shock[j], *update, low[j], high[j], p)
            for j in range(bias.shape[0]):
                regress_update(bias[j, rows], False, False, *update, -np.inf, np.inf, p)
            for j in range(memory.shape[0]):
                regress_update(memory[j, rows], False, False, *update, -np.inf, np.inf, p)


@njit(parallel=True)
def presentation_hazards(
    day, entry_day, age_years, copd, baseline_ejection_fraction_percent, beta_blockade, ras_inhibition,
    neprilysin_inhibition, mineralocorticoid_blockade, sglt2_inhibition, gfr_shift_ml_min, presentation_propensity,
    ejection_fraction_percent, symptom_score, usual_symptom_score, filling_pressure_mmhg, infection_severity,
    arrhythmia_burden, frailty, deconditioning, potassium_mmol_l, systolic_mmhg, gfr_ml_min, untreated_gfr_ml_min,
    heart, kidney, acute, hazards,
):  # fmt: skip
    """Write the daily hazards of presenting, (CAUSES, rows), of the core only, without those of other organ systems."""
    for i in prange(len(age_years)):
        years = clip((day - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        frail, severity = np.float64(frailty[i]), np.float64(infection_severity[i])
        infected, respiratory = infection_hazards(severity, frail, np.float64(copd[i]), acute)
        propensity = np.float64(presentation_propensity[i])
        preserved_ef = preserved(np.float64(baseline_ejection_fraction_percent[i]), heart)
        beta, ras = np.float64(beta_blockade[i]), np.float64(ras_inhibition[i])
        arni, aldosterone = np.float64(neprilysin_inhibition[i]), np.float64(mineralocorticoid_blockade[i])
        sglt2 = np.float64(sglt2_inhibition[i])
        drugs = heart_failure_drugs(beta, ras, arni, aldosterone, sglt2, preserved_ef, acute)
        dip = gfr_drugs(ras, aldosterone, sglt2, kidney) - np.float64(gfr_shift_ml_min[i])
        hazards[code.CAUSE_HEART_FAILURE - 1, i] = heart_failure_hazard(
            np.float64(symptom_score[i]),
            np.float64(usual_symptom_score[i]),
            np.float64(filling_pressure_mmhg[i]),
            np.float64(ejection_fraction_percent[i]),
            preserved_ef,
            log_factor(propensity, acute.heart_failure_log_propensity_sd) - drugs,
            acute,
        )
        hazards[code.CAUSE_INFECTION - 1, i] = infected
        hazards[code.CAUSE_ARRHYTHMIA - 1, i] = arrhythmia_hazard(np.float64(arrhythmia_burden[i]), acute)
        hazards[code.CAUSE_RENAL - 1, i] = renal_hazard(
            np.float64(potassium_mmol_l[i]),
            np.float64(systolic_mmhg[i]),
            np.float64(gfr_ml_min[i]),
            np.float64(untreated_gfr_ml_min[i]) - dip,
            acute,
        )
        hazards[code.CAUSE_RESPIRATORY - 1, i] = respiratory
        hazards[code.CAUSE_OTHER - 1, i] = other_hazard(
            frail, np.float64(age_years[i]) + years, np.float64(deconditioning[i]), acute
        )
        others = exp(log_factor(propensity, acute.other_presentation_log_propensity_sd))
        for cause in range(code.CAUSE_HEART_FAILURE, CAUSES):
            hazards[cause, i] *= others


@njit(parallel=True)
def weigh_presentation(members, cause, watched, hazards, log_weight):
    """Add the log likelihood of today's presentation, or of its absence, to each member's weight.

    Args:
        cause: (persons,), cause of today's presentation, 0 if none.
        watched: (persons,), 1 where it is known whether the person presented.
        hazards: (CAUSES, rows), see `presentation_hazards`.
    """
    for n in prange(len(cause)):
        if watched[n] == 0:
            continue
        why = np.int64(cause[n])
        for i in range(n * members, (n + 1) * members):
            total = 0.0
            for k in range(CAUSES):
                total += hazards[k, i]
            log_weight[i] -= total
            if 1 <= why <= CAUSES:
                log_weight[i] += log(max(hazards[why - 1, i], TINY))


@njit(parallel=True)
def resample(
    members, key, day, person, log_weight, reals, bias, memory, columns, low, high, scaled, shock, p
):  # fmt: skip
    """Resample persons whose weight lies on few members, and rejuvenate their estimated columns.

    Args:
        person: (rows,), ids of the members: the first keys the comb of a person, each keys its own pair of partners.
        reals, codes, counts: (columns, rows), written; so are bias and memory.
        columns, low, high, scaled, shock: the estimated columns among `reals`, their bounds, where the logarithm counts
            and where a 0 is none and stays.
        p: FilterParameters.
    """
    for n in prange(len(log_weight) // members):
        first = n * members
        rows = slice(first, first + members)
        weight = np.empty(members)
        weights_of(log_weight[rows], weight)
        squares = 0.0
        for m in range(members):
            squares += weight[m] * weight[m]
        if squares * members * p.resample_below <= 1.0:
            continue
        comb, _, _, _ = uniforms(key, person[first], code.STREAM_BELIEF, day)
        parent = np.empty(members, np.int64)
        reached, m = weight[0], 0
        for j in range(members):
            while reached < (comb + j) / members and m < members - 1:
                m += 1
                reached += weight[m]
            parent[j] = m
        one, other = np.empty(members, np.int64), np.empty(members, np.int64)
        for m in range(members):
            log_weight[first + m] = 0.0
            _, u_one, u_other, _ = uniforms(key, person[first + m], code.STREAM_BELIEF, day)
            one[m], other[m] = np.int64(u_one * members), np.int64(u_other * members)
        for j in range(len(columns)):
            values = reals[columns[j], rows]
            if told(values, weight, p.certain_from_sd):
                inherit(values, parent)
                rejuvenate(values, scaled[j], shock[j], one, other, p.rejuvenation, low[j], high[j])
        for block in (bias, memory):
            for j in range(block.shape[0]):
                if told(block[j, rows], weight, p.certain_from_sd):
                    inherit(block[j, rows], parent)


@njit
def told(values, weight, certain_from_sd):
    """Whether the weights of members are informative about a variable beyond chance."""
    members = len(values)
    mean, covariance, variance, weights = 0.0, 0.0, 0.0, 0.0
    for m in range(members):
        mean += np.float64(values[m]) / members
    for m in range(members):
        deviation, heavier = np.float64(values[m]) - mean, weight[m] - 1.0 / members
        covariance += deviation * heavier
        variance += deviation * deviation
        weights += heavier * heavier
    chance = certain_from_sd * certain_from_sd / members
    return covariance * covariance > chance * variance * weights


@njit
def inherit(values, parent):
    """Give each member the value of its parent."""
    kept = values.copy()
    for m in range(len(values)):
        values[m] = kept[parent[m]]


@njit
def rejuvenate(values, logarithmic, shock, one, other, share, low, high):
    """Shrink a variable to its mean and move it by a share of the difference of two members; preserves the spread."""
    kept = np.empty(len(values))
    mean = 0.0
    for m in range(len(values)):
        kept[m] = log(max(np.float64(values[m]), TINY)) if logarithmic else np.float64(values[m])
        mean += kept[m] / len(values)
    narrower = np.sqrt(1.0 - share * share)
    for m in range(len(values)):
        if shock and kept[m] == 0.0:
            continue
        step = share * (kept[one[m]] - kept[other[m]]) * np.sqrt(0.5)
        value = mean + narrower * (kept[m] - mean) + step
        values[m] = clip(exp(value) if logarithmic else value, low, high)
