"""(k) The two models of hesim's article on its speed, and events per second of a model in continuous time.

Published times: article "Benchmarks" of hesim (hesim-dev.github.io/hesim/articles/benchmarks.html, and
vignettes/benchmarks.Rmd in its repository), hesim 0.5.0.9999, R 4.0.3, macOS 10.14.6; the machine is not named.

Semi-Markov: six states of leukaemia after a transplant and twelve transitions, each a Weibull regression with six
covariates, clock reset, one kind of patient; state probabilities every tenth of a year for ten years. hesim fits it to
the data set ebmt4, which is R's: the coefficients here are made up, with as many of them drawn in a PSA (96), so that
times are compared and results are not. Costs and QALYs, which hesim's timing leaves out, are counted here too.

Markov: total hip replacement (Briggs, Sculpher and Claxton 2006), its parameters as in hesim's script, 60 cycles of a
year, two strategies: a cohort, and 1,000 individuals of each draw. hesim's individuals live in continuous time, those
here by cycles.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.measuring import Candidate, Section, alternate
from popsim.microsimulation import Discounting, StateTransitionModel, Survival, TimeToEventModel, Timing

STATES = ("Tx", "Rec", "AE", "Rec+AE", "Rel", "Death")
ARCS = (
    ("Tx", "Rec"), ("Tx", "AE"), ("Tx", "Rel"), ("Tx", "Death"), ("Rec", "Rec+AE"), ("Rec", "Rel"), ("Rec", "Death"),
    ("AE", "Rec+AE"), ("AE", "Rel"), ("AE", "Death"), ("Rec+AE", "Rel"), ("Rec+AE", "Death"),
)  # fmt: skip
LOG_SCALE = (0.0, 0.0, 2.5, 2.0, 1.0, 2.5, 2.8, 0.3, 2.5, 1.8, 2.7, 2.0)  # made up, of years
COVARIATES = ("match", "proph", "year_2", "year_3", "age_2", "age_3")
PATIENT = (0.0, 0.0, 0.0, 1.0, 1.0, 0.0)
SEMI_MARKOV = {(1000, 1): 0.062, (5000, 1): 0.11, (1000, 100): 0.63, (1000, 1000): 6.0}  # hesim's seconds, by
COHORT = {10: 0.097, 100: 0.12, 1000: 1.2}  # patients and draws, or draws
INDIVIDUALS = {10: 0.21, 100: 1.1, 1000: 11.0}

AGES, FEMALE_DEATHS = (35, 45, 55, 65, 75, 85), (0.00099, 0.0026, 0.0067, 0.0193, 0.0535, 0.1548)
AGE_AT_START = 60
REVISION = ("lngamma", "cons", "age", "male", "np1")
COEFFICIENTS = np.array([0.3740968, -5.490935, -0.0367022, 0.768536, -1.344474])
COVARIANCE = np.array(
    [
        [0.0474501**2, -0.005691, 0.000000028, 0.0000051, 0.000259],
        [-0.005691, 0.207892**2, -0.000783, -0.007247, -0.000642],
        [0.000000028, -0.000783, 0.0052112**2, 0.000033, -0.000111],
        [0.0000051, -0.007247, 0.000033, 0.109066**2, 0.000184],
        [0.000259, -0.000642, -0.000111, 0.000184, 0.3825815**2],
    ]
)


def _name(arc: tuple[str, str], what: str) -> str:
    return f"{arc[0]}_{arc[1]}_{what}".replace("+", "_")


def _coefficients() -> dict[str, float]:
    random = np.random.default_rng(7)
    found = {}
    for arc, scale in zip(ARCS, LOG_SCALE, strict=True):
        found |= {_name(arc, "shape"): -0.2, _name(arc, "scale"): scale}
        found |= {_name(arc, one): float(random.normal(0.0, 0.2)) for one in COVARIATES}
    return found


def _leaving(p, arc):  # type: ignore[no-untyped-def]
    scale = getattr(p, _name(arc, "scale"))
    scale += sum(x * getattr(p, _name(arc, one)) for one, x in zip(COVARIATES, PATIENT, strict=True))
    return Survival.weibull(np.exp(getattr(p, _name(arc, "shape"))), np.exp(scale))


def _transitions(p):  # type: ignore[no-untyped-def]
    table: dict[str, dict[str, Survival]] = {}
    for arc in ARCS:
        table.setdefault(arc[0], {})[arc[1]] = _leaving(p, arc)
    return table


def transplant() -> TimeToEventModel:
    """The semi-Markov model; relapse ends it, as in hesim's."""
    return TimeToEventModel(
        states=STATES,
        dead=("Death",),
        timing=Timing(cycles=100, cycle_years=0.1),
        discounting=Discounting(0.03, 0.03),
        parameters=_coefficients(),
        strategies={"all": {}},
        transitions=_transitions,
        costs=lambda p: {"Rel": 10_000.0},
        utilities=lambda p: dict.fromkeys(STATES[:5], 0.8),
    )


def transplant_draws(number: int) -> pl.DataFrame:
    """Draws of all coefficients, independent normals with a standard deviation of 0.1."""
    random, centre = np.random.default_rng(8), _coefficients()
    values = np.array([*centre.values()]) + random.normal(0.0, 0.1, (number, len(centre)))
    return pl.DataFrame(values, [*centre], orient="row")


def _hip(p, cycle):  # type: ignore[no-untyped-def]
    scale = np.exp(p.cons + p.age * AGE_AT_START + p.np1 * p.new)
    shape = np.exp(p.lngamma)
    revision = 1.0 - np.exp(scale * (cycle**shape - (cycle + 1.0) ** shape))
    band = np.searchsorted(AGES, AGE_AT_START + cycle + 1, side="right") - 1
    death = np.array(FEMALE_DEATHS)[band]
    return {
        "PrimaryTHR": {"Death": np.where(cycle >= 0, p.omrPTHR, 0.0), "SuccessP": 1.0 - p.omrPTHR},
        "SuccessP": {"Revision": revision, "Death": death},
        "Revision": {"SuccessR": 1.0 - p.omrRTHR - death, "Death": p.omrRTHR + death},
        "SuccessR": {"Revision": p.rrr, "Death": death},
    }


def hip() -> StateTransitionModel:
    """Total hip replacement with a standard or a new prosthesis."""
    return StateTransitionModel(
        states=("PrimaryTHR", "SuccessP", "Revision", "SuccessR", "Death"),
        dead=("Death",),
        timing=Timing(60, correction="end"),
        discounting=Discounting(0.06, 0.015),
        parameters=dict(zip(REVISION, COEFFICIENTS.tolist(), strict=True))
        | {"omrPTHR": 0.02, "omrRTHR": 0.02, "rrr": 0.04, "u_p": 0.85, "u_rev": 0.30, "u_r": 0.75, "c_rev": 5294.0}
        | {"new": 0.0},
        strategies={"standard": {}, "new": {"new": 1.0}},
        transitions=_hip,
        costs=lambda p: {"Revision": p.c_rev},
        utilities=lambda p: {"SuccessP": p.u_p, "Revision": p.u_rev, "SuccessR": p.u_r},
    )


def hip_draws(number: int) -> pl.DataFrame:
    """Draws of the revision risk (jointly normal), of mortality, utilities (beta) and the cost of revision (gamma)."""
    random = np.random.default_rng(9)
    table = dict(zip(REVISION, random.multivariate_normal(COEFFICIENTS, COVARIANCE, number).T, strict=True))
    table |= {"omrPTHR": random.beta(2, 98, number), "omrRTHR": random.beta(2, 98, number)}
    table |= {"rrr": random.beta(4, 96, number)}
    for name, mean, sd in (("u_p", 0.85, 0.03), ("u_rev", 0.30, 0.03), ("u_r", 0.75, 0.04)):
        size = mean * (1.0 - mean) / sd**2 - 1.0
        table[name] = random.beta(mean * size, (1.0 - mean) * size, number)
    table["c_rev"] = random.gamma((5294 / 1487) ** 2, 1487**2 / 5294, number)
    return pl.DataFrame(table)


def _seconds(work: Callable[[], object]) -> Candidate:
    work()  # compiles

    def timed() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return timed


def semi_markov(turns: int) -> Section:
    """Seconds of the semi-Markov model, draws included."""
    model = transplant()

    def run(people: int, draws: int) -> Callable[[], object]:
        return lambda: model.run(people, seed=1, draws=transplant_draws(draws), persons=False)

    sizes = {f"{people:,} patients, {draws:,} draws": run(people, draws) for people, draws in SEMI_MARKOV}
    rows = alternate({name: _seconds(work) for name, work in sizes.items()}, turns)
    said = "; ".join(f"{p:,} x {d:,}: {s:g} s" for (p, d), s in SEMI_MARKOV.items())
    return Section("(k) Semi-Markov model of hesim's article", "ms", rows, [f"hesim, published: {said}."], scale=1e-3)


def markov(turns: int) -> list[Section]:
    """Seconds of total hip replacement, draws included: a cohort, and 1,000 individuals of each draw."""
    model = hip()

    def cohort(draws: int) -> Callable[[], object]:
        return lambda: model.run(1, seed=1, draws=hip_draws(draws), exact=True)

    def individuals(draws: int) -> Callable[[], object]:
        return lambda: model.run(1000, seed=1, draws=hip_draws(draws))

    parts = []
    for title, make, published in (("cohort", cohort, COHORT), ("1,000 individuals", individuals, INDIVIDUALS)):
        rows = alternate({f"{draws:,} draws": _seconds(make(draws)) for draws in published}, turns)
        said = "; ".join(f"{draws:,}: {seconds:g} s" for draws, seconds in published.items())
        notes = [f"hesim, published: {said}."]
        parts.append(Section(f"(k) Hip replacement of hesim's article: {title}", "ms", rows, notes, scale=1e-3))
    return parts


def events(people: int, turns: int) -> Section:
    """Transitions per second of the semi-Markov model, counted from its runs of one patient each."""
    model = transplant()
    run = model.run(people, seed=1, persons=False)
    number = people * transitions_each(run.counts[0, 0] / people)

    def timed() -> float:
        start = time.perf_counter()
        model.run(people, seed=1, persons=False)
        return number / (time.perf_counter() - start)

    notes = [f"{number / people:.2f} transitions a patient within ten years."]
    rows = alternate({"popsim": timed}, turns)
    return Section(f"(k) Events of {people:,} patients", "million transitions/s", rows, notes, scale=1e6)


def transitions_each(shares: np.ndarray) -> float:
    """Transitions a patient: of a model without a way back, one less than the states that people have passed through.

    Args:
        shares: (points, states) of people. Whoever has been in Rec+AE has made two transitions, and whoever ends in
            relapse or death one more than before.
    """
    end = shares[-1]
    return float(1.0 - end[0] + end[3] + end[4] + end[5])
