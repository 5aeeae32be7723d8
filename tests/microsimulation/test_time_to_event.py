"""Models in continuous time against closed forms, matrix exponentials and numeric integration."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import integrate, linalg

from popsim.economics.decision import Decision, acceptability
from popsim.economics.information import information
from popsim.errors import InputError
from popsim.kernels.numerics.threads import use_threads
from popsim.microsimulation import Discounting, StateTransitionModel, Survival, TimeToEventModel, Timing
from popsim.population.life_table import LifeTable

PEOPLE = 100_000
FAR = 4.5  # standard errors, for the largest of many distances
RATES = {"ill": 0.3, "well": 0.4, "die": 0.02, "die_ill": 0.2}


def illness(**changes):
    """Well, ill, dead, with constant hazards: a Markov process."""
    given = {
        "states": ["well", "ill", "dead"],
        "dead": ["dead"],
        "timing": Timing(20),
        "discounting": Discounting(costs=0.03, effects=0.015),
        "parameters": RATES,
        "strategies": {"only": {}},
        "transitions": lambda p: {
            "well": {"ill": Survival.exponential(p.ill), "dead": Survival.exponential(p.die)},
            "ill": {"well": Survival.exponential(p.well), "dead": Survival.exponential(p.die_ill)},
        },
        "costs": lambda p: {"well": 100.0, "ill": 2000.0},
        "utilities": lambda p: {"well": 0.9, "ill": 0.5},
        "transition_costs": lambda p: {("*", "dead"): 5000.0},
        "transition_qalys": lambda p: {("well", "ill"): -0.1},
    }
    return TimeToEventModel(**given | changes)


def near(result, **exact):
    """Each mean is within 4 standard errors of the exact value."""
    for measure, value in exact.items():
        (row,) = result.summary.filter(measure=measure, strategy=result.strategies[0]).to_dicts()
        assert abs(row["mean"] - value) < 4 * row["standard_error"], (measure, row, value)


@pytest.mark.slow
@pytest.mark.parametrize("time", ["cycle", "continuous"])
def test_as_the_markov_process(time):
    """Occupancy by the matrix exponential; rewards by numeric integration of it."""
    q = np.array([[-0.32, 0.3, 0.02], [0.4, -0.6, 0.2], [0.0, 0.0, 0.0]])
    result = illness(discounting=Discounting(0.03, 0.015, time)).run(PEOPLE, seed=1)
    share = np.array([linalg.expm(q * t)[0] for t in range(21)])
    error = np.sqrt(np.maximum(share * (1 - share), 0) / PEOPLE)
    assert (np.abs(result.counts[0, 0] / PEOPLE - share) <= FAR * error + 1e-12).all()
    grid = np.linspace(0, 20, 401)
    held = np.array([linalg.expm(q * t)[0] for t in grid])
    rates = (0.03, 0.015) if time == "continuous" else np.log1p([0.03, 0.015])
    cost, effect = (np.exp(-rate * grid) for rate in rates)
    near(
        result,
        cost_total=integrate.simpson(cost * (held @ [100 + 0.02 * 5000, 2000 + 0.2 * 5000, 0]), x=grid),
        qalys=integrate.simpson(effect * (held @ [0.9 - 0.3 * 0.1, 0.5, 0]), x=grid),
        life_years=integrate.simpson(held @ [1, 1, 0], x=grid),
    )


def progression(clock, **changes):
    """Ill after an exponential time, then dead by a Weibull time of either clock."""
    return illness(
        transitions=lambda p: {
            "well": {"ill": Survival.exponential(0.3)},
            "ill": {"dead": Survival.weibull(2.5, 6.0)},
        },
        clock=clock,
        transition_costs=None,
        transition_qalys=None,
        **changes,
    )


@pytest.mark.parametrize("clock", ["reset", "forward"])
def test_clocks(clock):
    """Ill at t: the integral over the time s of onset of its density and S(t - s) (reset) or S(t) / S(s) (forward)."""
    result = progression(clock).run(PEOPLE, seed=2)

    def survival(t):
        return np.exp(-((t / 6.0) ** 2.5))

    def still_ill(s, t):
        return 0.3 * np.exp(-0.3 * s) * (survival(t - s) if clock == "reset" else survival(t) / survival(s))

    share = np.array([integrate.quad(still_ill, 0, t, args=(t,))[0] for t in range(21)])
    error = np.sqrt(share * (1 - share) / PEOPLE)
    assert (np.abs(result.counts[0, 0, :, 1] / PEOPLE - share) <= FAR * error + 1e-12).all()


def test_clocks_of_single_transitions_and_spells():
    by_pair = progression({("ill", "dead"): "forward"}).run(1000, seed=2)
    assert np.array_equal(by_pair.totals, progression("forward").run(1000, seed=2).totals)
    spell = progression("reset", spells=[["well", "ill"]]).run(1000, seed=2)  # ill since the start: the same clock
    assert np.array_equal(by_pair.totals, spell.totals)


@pytest.mark.parametrize("spells", [(), [["well"]]])
def test_recurrent_events(spells):
    """Gamma gaps of shape 2 and rate r: r t / 2 - (1 - exp(-2 r t)) / 4 renewals; unless the clock does not restart.

    In that case they are a Poisson process with the gamma's hazard r**2 t / (1 + r t): r t - log(1 + r t) events.
    """
    rate, years = 1.5, 10.0
    model = illness(
        transitions=lambda p: {"well": {"well": Survival.gamma(2.0, rate)}},
        timing=Timing(10),
        discounting=Discounting(0.0, 0.0),
        costs=lambda p: {},
        utilities=lambda p: {"well": 1.0},
        transition_costs=lambda p: {("well", "well"): 1.0},
        transition_qalys=None,
        spells=spells,
    )
    renewals = rate * years / 2 - (1 - np.exp(-2 * rate * years)) / 4
    near(model.run(20_000, seed=3), cost_total=rate * years - np.log1p(rate * years) if spells else renewals)


def test_competing_risks_by_traits():
    """Weibull hazards of equal shape in a linear predictor: the share of deaths of a cause is that of its hazard."""
    age = np.repeat([50.0, 70.0], PEOPLE // 2)
    model = illness(
        transitions=lambda p, age: {
            "well": {
                "ill": Survival.weibull_ph(1.5, 0.1 * np.exp(0.05 * (age - 50))),
                "dead": Survival.weibull_ph(1.5, 0.2),
            }
        },
        timing=Timing(100),
        costs=lambda p: {},
        transition_costs=lambda p: {},
        utilities=lambda p, age: {"well": age / 100},
    )
    result = model.run({"age": age}, seed=4)
    for years, hazard in ((50.0, 0.1), (70.0, 0.1 * np.e)):
        persons = result.persons.filter(pl.Series(age == years))
        died = (persons["life_years"] < 100).mean()
        share = 0.2 / (hazard + 0.2)
        assert abs(died - share) < 4 * np.sqrt(share * (1 - share) * 2 / PEOPLE)


def test_life_expectancy_of_a_life_table():
    """Closed form of the table; everybody dead at 70 more years, so nothing is cut off."""
    table = LifeTable.read("us_2019")
    model = illness(
        transitions=lambda p, age, female: {"well": {"dead": Survival.life_table(table, age, female)}},
        timing=Timing(70),
        transition_costs=None,
    )
    result = model.run({"age": np.full(20_000, 62.5), "female": np.ones(20_000)}, seed=5)
    near(result, life_years=table.life_expectancy(62.5, True))


def test_an_effect_on_one_transition_leaves_all_others_as_they_were():
    """Whoever never falls ill under either strategy dies at the same time; an inert strategy changes nothing."""
    model = illness(
        parameters=RATES | {"hr": 1.0},
        strategies={"none": {}, "inert": {"hr": 1}, "half": {"hr": 0.5}},
        transitions=lambda p: {
            "well": {"ill": p.hr * Survival.weibull(1.2, 8.0), "dead": Survival.exponential(p.die)},
            "ill": {"dead": Survival.exponential(p.die_ill)},
        },
        transition_qalys=lambda p: {("well", "ill"): -100.0},
    )
    result = model.run(5000, seed=6)
    none, inert, half = result.totals[:, 0]
    assert np.array_equal(none, inert)
    healthy = none[1] > 0  # never ill
    assert np.array_equal(none[:, healthy], half[:, healthy])
    assert (half[2] >= none[2]).mean() > 0.9 and half[2].mean() > none[2].mean()


def test_same_bits_for_everybody_whatever_else_runs():
    model = illness()
    result = model.run(2000, seed=7, replications=2, persons=True)
    use_threads(1)
    alone = model.run(2000, seed=7, replications=2, persons=True)
    use_threads(2)
    assert np.array_equal(alone.totals, result.totals)
    some = model.run({"person_id": [1999, 3]}, seed=7)
    assert np.array_equal(some.totals[0, 0], result.totals[0, 0][:, [1999, 3]])
    assert not np.array_equal(result.totals[0, 0], result.totals[0, 1])


def test_near_the_model_in_cycles():
    """With constant hazards, cycles of a day and the half-cycle correction give the same, within errors and a cycle."""
    days = illness(timing=Timing(3650, 1 / 365), transition_costs=None, transition_qalys=None)
    probabilities = linalg.expm(np.array([[-0.32, 0.3, 0.02], [0.4, -0.6, 0.2], [0, 0, 0]]) / 365)
    names = ("well", "ill", "dead")
    cycles = StateTransitionModel(
        states=days.states, dead=days.dead, timing=days.timing, discounting=Discounting(0.03, 0.015),
        parameters={}, strategies={"only": {}}, costs=days.costs, utilities=days.utilities,
        transitions=lambda p: {names[i]: dict(zip(names, row, strict=True)) for i, row in enumerate(probabilities)},
    )  # fmt: skip
    ours, theirs = (model.run(4000, seed=8).summary.sort("measure") for model in (days, cycles))
    error = np.hypot(ours["standard_error"], theirs["standard_error"])
    assert (np.abs(ours["mean"] - theirs["mean"]) < 4 * error).all()


@pytest.mark.slow
def test_the_same_doors_as_every_result():
    """Acceptability and value of information of drawn parameters, occupancy and the incremental table."""
    draws = pl.DataFrame({"draw": range(1, 201), "hr": np.exp(np.random.default_rng(1).normal(-0.3, 0.2, 200))})
    model = illness(
        parameters=RATES | {"hr": 1.0, "price": 0.0},
        strategies={"none": {"hr": 1.0}, "treated": {"price": 900.0}},
        transitions=lambda p: {
            "well": {"ill": p.hr * Survival.exponential(p.ill)},
            "ill": {"dead": Survival.gamma(2, 1)},
        },
        costs=lambda p: {"well": 100 + p.price, "ill": 2000.0},
    )
    result = model.run(500, seed=9, draws=draws)
    decision = Decision.of(result.measures, "none", "qalys")
    known = information(decision, result.draws, 20_000.0)
    assert known["known"].to_list()[1:] == ["hr"] and known["value"][1] == pytest.approx(known["value"][0], rel=0.2)
    assert acceptability(decision, [10_000.0, 50_000.0]).height >= 4
    assert result.icer_table()["strategy"].to_list() == ["none", "treated"]
    assert result.occupancy.filter(cycle=0, state="well")["share"].to_list() == [1.0] * 400


def refused(**changes):
    return lambda: illness(**changes).run(10, seed=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (refused(transitions=lambda p: {"well": {"ded": Survival.exponential(1)}}), "unknown state 'ded'"),
        (refused(transitions=lambda p: {"well": {"dead": 0.1}}), "must be a Survival"),
        (refused(transitions=lambda p: {"well": Survival.exponential(1)}), "must be a table {to: Survival}"),
        (refused(transitions=lambda p: {"dead": {"well": Survival.exponential(1)}}), "nobody comes back from the dead"),
        (refused(transitions=lambda p: {"well": {"ill": Survival.exponential(p.il)}}), "p.il: did you mean 'ill'"),
        (refused(transitions=lambda p: {"well": {"ill": Survival.exponential(-p.ill)}}), "exponential: rate = -0.3"),
        (refused(transitions=lambda p: {"well": {"ill": Survival.exponential([1, 2])}}), "2 numbers for 10 people"),
        (refused(transitions=lambda p: {"well": {"well": Survival.exponential(1e9)}}), "more than 1,000,000"),
        (refused(transitions=lambda p, age: {}), "no column 'age'"),
        (refused(utilities=lambda p: {"dead": 0.1}), "utilities of 'dead': the dead have no utility"),
        (refused(costs=lambda p: {"well": np.nan}), "costs of 'well' = nan: not a finite number"),
        (refused(timing=Timing(10, correction="start")), "correction = 'start': leave it out"),
        (refused(clock="foward"), "clock: did you mean 'forward'"),
        (refused(clock={("well", "il"): "reset"}), "clock: unknown state 'il', did you mean 'ill'"),
        (refused(clock={"well": "reset"}), "clock: 'well': keys must be"),
        (refused(clock=None), "clock = None: must be a clock"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
