"""What follows from a belief's state, and what a judged class says about it.

A member's natriuretic peptide and New York Heart Association class are functions of its state: a correction of
the state sets them anew, on the day of the reading already, as the day loop would on the next day.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.assimilation import TINY, moments, regress_update, weights_of
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import YEARS_PER_DAY, clip
from popsim.kernels.physiology.heart import body_mass_index, nt_probnp
from popsim.kernels.physiology.kidney import slowness
from popsim.kernels.physiology.symptoms import functional_class

FURTHER_OFF = 1e-6  # probability of a class misclassified by two or more: a typing error


@njit(parallel=True)
def derive(
    day, entry_day, alive, age_years, atrial_fibrillation, height_cm, dry_weight_kg, filling_pressure_mmhg,
    ejection_fraction_percent, gfr_ml_min, symptom_score, peptide_residual, class_judgement, nt_probnp_pg_ml,
    nyha_class, heart, kidney, symptoms,
):  # fmt: skip
    """Write the natriuretic peptide and the class that follow from the state of each living row."""
    for i in prange(len(age_years)):
        if alive[i] == 0:
            continue
        years = clip((day - np.float64(entry_day[i])) * YEARS_PER_DAY, 0.0, 100.0)
        nt_probnp_pg_ml[i] = nt_probnp(
            np.float64(filling_pressure_mmhg[i]),
            np.float64(ejection_fraction_percent[i]),
            slowness(np.float64(gfr_ml_min[i]), kidney),
            np.float64(age_years[i]) + years,
            np.float64(atrial_fibrillation[i]),
            body_mass_index(np.float64(dry_weight_kg[i]), np.float64(height_cm[i])),
            np.float64(peptide_residual[i]),
            heart,
        )
        score, judgement = np.float64(symptom_score[i]), np.float64(class_judgement[i])
        nyha_class[i] = functional_class(score, judgement, symptoms)


@njit(parallel=True)
def assimilate_class(
    members, classes, error, score, judgement, reals, columns, low, high, scaled, shock, bias, memory, log_weight,
    symptoms, p,
):  # fmt: skip
    """Assimilate a class of each person, an interval of the score as it is judged.

    Bayes' rule gives the weights that the members would have; the judged scores move to the quantiles of that
    distribution, in their order, and every estimated variable along its regression on them. So no member is lost, and
    a class that few members have moves them all.

    Args:
        classes: (persons,), 1 to 4, 0 where there is none.
        error: probability that a class is one too high or too low, half each.
        score, judgement: indices of the two columns among `reals`.
        reals, columns, low, high, scaled, shock, bias, memory, log_weight, p: see `assimilation.assimilate`.
        symptoms: SymptomParameters.
    """
    for n in prange(len(classes)):
        if classes[n] < 1:
            continue
        rows = slice(n * members, (n + 1) * members)
        weight, seen, moved = np.empty(members), np.empty(members), np.empty(members)
        likely, own = np.empty(members), np.empty(members)
        weights_of(log_weight[rows], weight)
        squares = 0.0
        for m in range(members):
            value, taken = np.float64(reals[score, rows][m]), np.float64(reals[judgement, rows][m])
            seen[m] = value + symptoms.nyha_judgement_sd * taken
            likely[m] = weight[m] * chance_of_class(functional_class(value, taken, symptoms), classes[n], error)
            squares += weight[m] * weight[m]
        mean, variance = moments(seen, weight)
        if variance <= TINY:
            continue
        order, total = np.argsort(seen), likely.sum()
        before, after, known = np.empty(members), np.empty(members), np.empty(members)
        passed_before, passed_after = 0.0, 0.0
        for k in range(members):
            m = order[k]
            before[k], after[k] = passed_before + 0.5 * weight[m], passed_after + 0.5 * likely[m] / total
            passed_before, passed_after = passed_before + weight[m], passed_after + likely[m] / total
            known[k] = seen[m]
        target = np.interp(before, after, known)
        for k in range(members):
            moved[order[k]] = target[k] - known[k]
        shift, ends = 0.0, seen + moved
        for m in range(members):
            shift += weight[m] * moved[m]
        gain = clip(1.0 - moments(ends, weight)[1] / variance, 0.0, 1.0)
        effective = max(1.0 / squares - 1.0, 1.0)
        update = (seen, mean, variance, moved, shift, gain, weight, effective, own)
        for j in range(len(columns)):
            regress_update(reals[columns[j], rows], scaled[j], shock[j], *update, low[j], high[j], p)
        for block in (bias, memory):
            for j in range(block.shape[0]):
                regress_update(block[j, rows], False, False, *update, -np.inf, np.inf, p)


@njit
def chance_of_class(true, told, error):
    """Probability that a class is recorded: the lowest and the highest can err to one side only."""
    apart = abs(true - told)
    sides = 0.5 if true in (1.0, 4.0) else 1.0
    return 1.0 - sides * error if apart == 0.0 else (0.5 * error if apart == 1.0 else FURTHER_OFF)
