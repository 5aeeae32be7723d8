"""Why an option was chosen, in clinical words: what forbids others, what drove the choice, what would change it.

The drivers come from a regression over the members by forward selection (docs/explanation/assimilation.md). It is a
linear reading of a nonlinear model: it explains, and decides nothing. For research, not for care.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.choice import CONTRAINDICATED, IDLE, NOTICE, TOO_DEAR, TOO_RISKY, Comparison
from popsim.assimilation.ensemble import believed
from popsim.assimilation.options import Refusal, dose_changes, drugs_of, takes
from popsim.definitions.drug import Drug
from popsim.outcomes.explanation import READINGS, Reading
from popsim.population.genome import INTERMEDIATE, POOR, RAPID, ULTRARAPID
from popsim.statistics import z_quantile

MAX_SD = 3.0
UNCHANGED = "Changes nothing in this person."
WORDS: dict[str, Reading] = {
    **{name: one for name, one in READINGS.items() if not name.endswith(("_fraction", "_mg_day"))},
    "dry_weight_kg": Reading("dry weight", "kg", 0),
    "usual_salt_g_day": Reading("usual salt intake", "g/day", 1),
    "adherence_trait": Reading("share of doses usually taken", "", 2),
    "nt_probnp_pg_ml": Reading("NT-proBNP", "pg/mL", 0),
    "baseline_filling_pressure_mmhg": Reading("usual filling pressure", "mmHg", 0),
    "albuminuria_mg_g": Reading("urine albumin", "mg/g", 0),
    "iron_store_mg": Reading("iron store", "mg", 0),
    "nyha_class": Reading("NYHA class", "", 0),
    "has_atrial_fibrillation": Reading("atrial fibrillation", "", 0),
    "beta_blocker_handling": Reading("clearance of beta-blockers", "", 0),
    "loop_diuretic_handling": Reading("handling of loop diuretics", "", 0),
}
CLASSES = {"beta_blocker": "beta-blocker", "ras_inhibitor": "RAS inhibitor"}  # the names of the others are their labels
PHENOTYPES = {
    POOR: "poor metaboliser",
    INTERMEDIATE: "intermediate metaboliser",
    RAPID: "rapid metaboliser",
    ULTRARAPID: "ultrarapid metaboliser",
}


class Driver(NamedTuple):
    """A state or parameter of the person on which the choice depends.

    Attributes:
        column: of the members.
        words, unit, digits: label and format.
        median, low, high: median and 90% interval of the belief.
        per_sd: change of the difference in net benefit per standard deviation.
        share: share of the variance of the members' differences that it explains beyond the drivers before it.
        threshold: value at which the alternative is as good; None if out of reach.
    """

    column: str
    words: str
    unit: str
    digits: int
    median: float
    low: float
    high: float
    per_sd: float
    share: float
    threshold: float | None

    def shown(self, value: float) -> str:
        """A value with its unit."""
        return _with_unit(value, Reading(self.words, self.unit, self.digits))


class Explanation(NamedTuple):
    """Why an option was chosen for one person.

    Attributes:
        sure: whether the best differs from the runner-up by more than Monte Carlo error.
        sentences: in clinical words, the recommendation first and the notice last.
        refusals: why an option is forbidden or changes nothing, by the option's name.
        drivers: of the choice, the strongest first.
    """

    sure: bool
    sentences: tuple[str, ...]
    refusals: dict[str, str]
    drivers: tuple[Driver, ...]


def explain(comparison: Comparison, person: int = 0) -> Explanation:
    """Explain the choice for one of the persons compared."""
    best, second = int(comparison.best[person]), int(comparison.runner_up[person])
    chosen, sure = int(comparison.recommended[person]), bool(comparison.sure[person])
    other = comparison.nothing if best != comparison.nothing else second
    drivers = drivers_of(comparison, best, other, person) if best != other else ()
    refusals = {
        option.name: " ".join(_against(comparison, index, person))
        for index, option in enumerate(comparison.options)
        if not comparison.allowed[person, index]
    }
    sentences = [
        _recommendation(comparison, chosen, person),
        *_doubts(comparison, best, second, chosen, person),
        *_risks(comparison, chosen, person),
        *_genes(comparison, best, person),
        *(_driven(driver, comparison, best, other) for driver in drivers),
        *_unmoved(drivers),
        *dict.fromkeys(text for text in refusals.values() if text != UNCHANGED),
        NOTICE,
    ]
    return Explanation(sure, tuple(sentences), refusals, drivers)


def described(comparison: Comparison, index: int, person: int = 0) -> str:
    """An option with the person's doses: "More loop diuretic (furosemide 40 to 80 mg a day)"."""
    doses = "; ".join(_doses(comparison, index, person))
    return comparison.options[index].title + (f" ({doses})" if doses else "")


def drivers_of(comparison: Comparison, one: int, other: int, person: int) -> tuple[Driver, ...]:
    """States and parameters that explain why one option is better than another in some members than in others."""
    rules, ensemble = comparison.parameters, comparison.ensemble
    weights = comparison.weights[person]
    benefit = comparison.net_benefit[person]
    difference = benefit[one] - benefit[other]
    names = [name for name in WORDS if name in ensemble.people.schema]
    values = np.stack([ensemble.of(name)[person].astype(np.float64) for name in names])
    means = values @ weights
    spreads = np.sqrt(((values - means[:, None]) ** 2) @ weights)
    varied = spreads > 1e-6 * np.maximum(np.abs(means), 1.0)
    scaled = (values[varied] - means[varied, None]) / spreads[varied, None]
    names = [name for name, kept in zip(names, varied, strict=True) if kept]
    # An unrelated column explains z squared / n by chance; z allows for the number of columns tried.
    z = z_quantile(1.0 - (1.0 - rules["confidence"]) / max(len(names), 1))
    min_share = max(rules["driver_least_share"], z * z * float((weights**2).sum()))
    places, slopes, shares = _select(scaled, difference, weights, int(rules["most_drivers"]), min_share)
    mean_difference, found = float(difference @ weights), []
    for index, slope, share in zip(places, slopes, shares, strict=True):
        reading, column = WORDS[names[index]], ensemble.people.schema[names[index]]
        mean, sd = float(means[varied][index]), float(spreads[varied][index])
        steps = -mean_difference / slope
        value = mean + steps * sd
        reachable = abs(steps) <= MAX_SD and column.low <= value <= column.high
        texts = (names[index], reading.words, reading.unit, reading.digits)
        median, low, high = map(float, believed(ensemble, names[index])[person])
        found.append(Driver(*texts, median, low, high, slope, share, value if reachable else None))
    return tuple(found)


def _select(
    scaled: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
    max_columns: int,
    min_share: float,
) -> tuple[list[int], list[float], list[float]]:
    """Forward selection: indices of the columns, their joint coefficients, and what each added to R squared."""
    root = np.sqrt(weights)
    y = (target - target @ weights) * root
    total = float(y @ y)
    x = scaled * root
    chosen: list[int] = []
    shares: list[float] = []
    slopes: list[float] = []
    explained = 0.0
    while len(chosen) < min(max_columns, len(x)) and total > 0.0:
        best, gain, fitted = -1, 0.0, np.zeros(0)
        for index in range(len(x)):
            if index in chosen:
                continue
            columns = x[[*chosen, index]].T
            solution = np.linalg.lstsq(columns, y, rcond=1e-6)[0]
            added = 1.0 - float(((y - columns @ solution) ** 2).sum()) / total - explained
            if added > gain:
                best, gain, fitted = index, added, solution
        if best < 0 or gain < min_share:
            break
        chosen.append(best)
        shares.append(gain)
        slopes = [float(slope) for slope in fitted]
        explained += gain
    return chosen, slopes, shares


def _recommendation(comparison: Comparison, chosen: int, person: int) -> str:
    what = described(comparison, chosen, person)
    if chosen != comparison.best[person]:
        return f"Recommended: {what}, because no option is better by more than Monte Carlo error."
    likely = comparison.probability_best[person, chosen]
    words = f"Recommended: {what}; the best option in {likely:.0%} of what is believed possible"
    if chosen == comparison.nothing:
        return words + "."
    gain, (low, high) = comparison.expected(comparison.gain), comparison.interval(comparison.gain)
    level, days = comparison.parameters["confidence"], comparison.horizon_days
    return (
        f"{words}, worth {gain[person, chosen]:,.0f} GBP ({level:.0%} interval {low[person, chosen]:,.0f} to"
        f" {high[person, chosen]:,.0f}) more than no change within {days} days at"
        f" {comparison.willingness_to_pay:,.0f} GBP a QALY."
    )


def _doubts(comparison: Comparison, best: int, second: int, chosen: int, person: int) -> Iterator[str]:
    """Sentences on options that differ by no more than Monte Carlo error."""
    if comparison.sure[person]:
        return
    titles = [comparison.options[index].title for index in (best, second)]
    yield f"Not sure: {titles[0]} and {titles[1]} are within noise of one another."
    if comparison.nothing not in (best, second, chosen):
        yield f"{titles[0]} differs from no change by more than Monte Carlo error."


def _risks(comparison: Comparison, chosen: int, person: int) -> Iterator[str]:
    """Risks under the option, compared with no change."""
    if chosen == comparison.nothing:
        return
    told = []
    for name, words in (("decompensation", "decompensation"), ("death", "death"), ("reaction", "an adverse reaction")):
        one, nothing = (comparison.risk(name)[person, index] for index in (chosen, comparison.nothing))
        low, high = (float(end[person, chosen]) for end in comparison.interval(comparison.excess(name)))
        told.append(f"of {words} {one:.0%} instead of {nothing:.0%} ({_points(low)} to {_points(high)} points)")
    yield f"Risk {', '.join(told)}."


def _points(share: float) -> str:
    """A difference of probabilities in percentage points, with its sign."""
    points = round(100.0 * share)
    return f"{points:+d}" if points else "0"


def _driven(driver: Driver, comparison: Comparison, best: int, other: int) -> str:
    """What the choice depends on, and the value at which it changes."""
    options = comparison.options
    more = "higher" if driver.per_sd > 0.0 else "lower"
    one, alternative = options[best].title, options[other].title
    interval = f"90% interval {driver.low:.{driver.digits}f} to {driver.high:.{driver.digits}f}"
    text = (
        f"The {more} the {driver.words} (believed {driver.shown(driver.median)}, {interval}), the more does {one} go"
        f" before {alternative}"
    )
    if driver.threshold is None:
        return text + "."
    side = "below" if driver.per_sd > 0.0 else "above"
    return f"{text}; {side} about {driver.shown(driver.threshold)} it would be {alternative}."


def _unmoved(drivers: tuple[Driver, ...]) -> Iterator[str]:
    if drivers and all(driver.threshold is None for driver in drivers):
        yield "No plausible value of these would change the choice."


def _doses(comparison: Comparison, index: int, person: int) -> Iterator[str]:
    """Doses before and after the immediate changes, in the unit that is prescribed."""
    ensemble, option = comparison.ensemble, comparison.options[index]
    first = np.array([person * ensemble.members])
    for change in dose_changes(option):
        for drug in drugs_of(change.drug):
            taken = bool(takes(ensemble.people, drug, first)[0])
            if change.after_days or not (drug.name == change.drug or taken):
                continue
            old = float(ensemble.mean(drug.dose_column)[person])
            new = float(comparison.first_dose(index, drug.dose_column)[person])
            if taken and new == old:
                continue
            before = old if taken else 0.0
            if _is_known(comparison, drug):
                each, unit = drug.target_dose.value / drug.column_at_target, _a_day(drug.target_dose.unit)
                yield f"{_name(comparison, drug)} {before * each:.4g} to {new * each:.4g} {unit}"
            else:
                yield f"{_name(comparison, drug)} {100 * before:.3g}% to {100 * new:.3g}% of the target dose"
            if not taken and old > 0.0:
                others = (one for one in drugs_of(drug.drug_class) if takes(ensemble.people, one, first)[0])
                yield from (f"{_name(comparison, one)} stopped" for one in others)


def _genes(comparison: Comparison, index: int, person: int) -> Iterator[str]:
    """Known genes that change the effect of a drug of the option in this person."""
    ensemble = comparison.ensemble
    first = np.array([person * ensemble.members])
    for change in dose_changes(comparison.options[index]):
        for drug in drugs_of(change.drug):
            path = drug.removed_by or drug.activated_by
            if path is None or path.gene not in ensemble.people.schema:
                continue
            codes = ensemble.of(path.gene)[person]
            mine = drug.name == change.drug or bool(takes(ensemble.people, drug, first)[0])
            if mine and (codes == codes[0]).all() and int(codes[0]) in PHENOTYPES:
                part = "breaks down" if drug.removed_by else "activates"
                yield f"{path.gene.upper()} {PHENOTYPES[int(codes[0])]}: it {part} {_name(comparison, drug)}."


def _against(comparison: Comparison, index: int, person: int) -> Iterator[str]:
    """Why an option is not allowed."""
    option, why = comparison.options[index], comparison.forbidden[person, index]
    if why == CONTRAINDICATED:
        told: set[tuple[str, str]] = set()  # one rule per signal: the mildest, which comes first
        for refusal in comparison.reasons_against(index, person):
            about = (refusal.drug.name, refusal.rule.column)
            if about not in told:
                yield _rule(comparison, refusal, person)
            told.add(about)
    elif why == TOO_RISKY:
        risk, nothing = comparison.risk("reaction")[person, [index, comparison.nothing]]
        yield f"{option.title}: an adverse reaction in {risk:.0%} (no change: {nothing:.0%}), above the accepted risk."
    elif why == IDLE:
        yield UNCHANGED
    elif why == TOO_DEAR:
        own = comparison.simulated.own_cost
        cost = comparison.expected(own - own[:, [comparison.nothing]])[person, index]
        yield f"{option.title}: costs {cost:,.2f} GBP more than no change, more than the budget."


def _rule(comparison: Comparison, refusal: Refusal, person: int) -> str:
    """A rule against a drug, with the value that it uses."""
    rule, drug = refusal.rule, refusal.drug
    reading = WORDS.get(rule.column, READINGS.get(rule.column)) or Reading(rule.column.replace("_", " "), "", 2)
    column = comparison.ensemble.people.schema[rule.column]
    value = comparison.seen.get(rule.column, np.full(person + 1, np.nan))[person]
    unseen = " (believed)" if np.isnan(value) else ""
    value = believed(comparison.ensemble, rule.column)[person, 0] if np.isnan(value) else value
    shown = f"{reading.words[:1].upper()}{reading.words[1:]} {_with_unit(float(value), reading)}{unseen}"
    if rule.at_least is not None:
        relation = f"is below {rule.at_least:g}" if refusal.indication else _above(float(value), rule.at_least)
    elif rule.below is not None:
        relation = f"is not below {rule.below:g}" if refusal.indication else f"is below {rule.below:g}"
    else:
        relation = f"is not as the indication asks ({column.meaning.rstrip('.').lower()})"
    return f"{shown} {relation}: {_name(comparison, drug)} is not {_verb(comparison, drug, person)}."


def _above(value: float, limit: float) -> str:
    return f"is above {limit:.1f}" if value > limit else f"is at {limit:.1f}"


def _is_known(comparison: Comparison, drug: Drug) -> bool:
    """Whether it is known which drug of the class the person takes."""
    return drug.agent_column is None or drug.agent_column in comparison.ensemble.people.schema


def _name(comparison: Comparison, drug: Drug) -> str:
    """The drug, or its class where it is not known which drug of the class the person takes."""
    if _is_known(comparison, drug):
        return drug.label.lower()
    return CLASSES.get(drug.drug_class, drug.drug_class.replace("_", " "))


def _a_day(unit: str) -> str:
    return unit.replace("/d", " a day")


def _verb(comparison: Comparison, drug: Drug, person: int) -> str:
    return "increased" if comparison.ensemble.mean(drug.dose_column)[person] > 0.0 else "started"


def _with_unit(value: float, reading: Reading) -> str:
    blank = "" if reading.unit == "%" else " "
    return f"{value:.{reading.digits}f}{blank}{reading.unit}".rstrip()
