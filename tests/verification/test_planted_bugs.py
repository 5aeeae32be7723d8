"""Bugs as they happen, planted into popsim one at a time: the check that should catch each one does.

Every bug is planted above the compiled code, where one line of Python would have been wrong. Each check that must fail
holds without the bug.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from slow_cases import with_slow

from popsim.care import compiled
from popsim.care.policy import Policies
from popsim.economics import cost_effectiveness, decision, information, valuation
from popsim.evidence.draws import UncertainParameters
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes import persons as persons_module
from popsim.population import sampling
from popsim.simulation.recorder import Recorder
from popsim.studies import unit as unit_module
from popsim.studies.design import Study, Unit, read_study
from popsim.verification import checks
from popsim.verification.checking import CHECKS
from popsim.verification.test_bench import ModelBench

ROOT = Path(__file__).parents[2]
PEOPLE, DAYS, ENROLMENT = 80, 150, 20
BY_TITLE = {check.title: check for check in CHECKS}
BUGS = {}
LONG = {  # their checks simulate for seconds to minutes
    *("costs_are_added_to_net_benefit", "a_price_is_loose_in_the_code", "a_utility_is_a_constant"),
    *("a_standard_deviation_is_taken_for_a_standard_error", "one_rate_for_both", "luck_depends_on_the_strategy"),
    *("nobody_means_some", "perfect_information_is_worth_too_little", "discounting_is_off_by_one_cycle"),
    *("a_component_is_missing_in_the_total", "a_programme_is_paid_twice", "decrements_are_added"),
    *("discounting_has_the_wrong_sign", "a_place_too_many", "life_days_are_discounted"),
    *("entries_last_a_week_too_long", "prices_of_two_settings_are_swapped"),
}

assert checks.__all__


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    text = (ROOT / "experiments/heart_failure_uncertainty.toml").read_text()
    text = text.replace('"../cohorts', f'"{ROOT}/cohorts')
    for folder in ("networks", "calibrated", "environments"):
        text = text.replace(f'"{folder}/', f'"{ROOT}/experiments/{folder}/')
    text = text.replace("follow_up_days = 365", f"follow_up_days = {DAYS}")
    text = text.replace("enrolment_days = 182", f"enrolment_days = {ENROLMENT}")
    path = tmp_path_factory.mktemp("study") / "experiment.toml"
    path.write_text(text)
    return read_study(path)


@pytest.fixture(scope="module")
def sound(study):
    return ModelBench(study, PEOPLE)


def bug(*titles, lives=True):
    """A bug, and the titles of the checks that must catch it; `lives`: whether it changes what people live through."""

    def register(plant):
        BUGS[plant.__name__] = (plant, titles, lives)
        return plant

    return register


def wrap(monkeypatch, owner, name, changed):
    """Replace owner.name by changed(original's result, *arguments)."""
    original = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **named: changed(original(*args, **named), *args, **named))


def spoil(monkeypatch, owner, name, **columns):
    """Replace columns of the frame that owner.name returns."""
    wrap(monkeypatch, owner, name, lambda frame, *args, **named: frame.with_columns(**columns))


# Discounting.


@bug("A higher discount rate lowers QALYs and costs")
def discounting_has_the_wrong_sign(monkeypatch):
    wrap(monkeypatch, valuation, "discount_factors", lambda factors, *args: 1.0 / factors)


@bug("A constant stream has the closed form of its discounted sum", "The first day is not discounted")
def discounting_is_off_by_one_cycle(monkeypatch):
    original = valuation.discount_factors
    monkeypatch.setattr(valuation, "discount_factors", lambda rate, days, *steps: original(rate, days + 1, *steps)[1:])


@bug("The discount rate of costs does not affect QALYs, nor that of QALYs costs")
def one_rate_for_both(monkeypatch):
    original = valuation.Valuation.__init__

    def init(self, *args, **named):
        original(self, *args, **named)
        self.qaly_discount = self.cost_discount

    monkeypatch.setattr(valuation.Valuation, "__init__", init)


@bug("Days of life end at death or with follow-up")
def life_days_are_discounted(monkeypatch):
    spoil(monkeypatch, unit_module, "persons", life_days=pl.col("life_days") * 0.98)


# Utilities.


@bug("Time in hospital lowers QALYs, and only of people who were there")
def decrements_are_added(monkeypatch):
    def changed(rates, *args):
        return rates._replace(**{f"decrement_{n}": -getattr(rates, f"decrement_{n}") for n in (1, 2, 3, 4)})

    wrap(monkeypatch, valuation, "health_rates", changed)


@bug("Every higher utility can only add QALYs", "QALYs are in proportion to utilities")
def a_utility_is_a_constant(monkeypatch):
    wrap(monkeypatch, valuation, "health_rates", lambda rates, *args: rates._replace(utility_2=0.74))


@bug("Mean QALYs of the measures are those of the persons")
def qalys_are_averaged_over_survivors(monkeypatch):
    def changed(frame, table, *rest):
        mean = table.filter(~pl.col("died"))["qaly"].mean()
        return frame.with_columns(value=pl.when(pl.col("measure") == "qalys").then(mean).otherwise("value"))

    wrap(monkeypatch, unit_module, "value_measures", changed)


# Costs.


@bug("Nights on wards cost the midnight census times the price")
def prices_of_two_settings_are_swapped(monkeypatch):
    def changed(prices, *args):
        night = prices.night_price.copy()
        paid = np.flatnonzero(night)
        values, counts = np.unique(night[paid], return_counts=True)
        usual, other = values[counts.argmax()], values[counts.argmin()]
        night = np.select([night == usual, night == other], [other, usual], night)
        return prices._replace(night_price=night)

    wrap(monkeypatch, valuation, "setting_prices", changed)


@bug("Contacts cost their number times their price")
def contacts_are_paid_twice(monkeypatch):
    wrap(monkeypatch, valuation, "setting_prices", lambda p, *args: p._replace(visit_price=2 * p.visit_price))


@bug("Components sum to the total, for every person and strategy")
def a_component_is_missing_in_the_total(monkeypatch):
    spoil(monkeypatch, unit_module, "persons", cost_total=pl.col("cost_total") - pl.col("cost_drugs"))


@bug("When everything is free, all costs are 0", "Costs are in proportion to prices")
def a_price_is_loose_in_the_code(monkeypatch):
    wrap(monkeypatch, valuation, "daily_prices", lambda p, *args: p._replace(beta_blocker=p.beta_blocker + 0.1))


@bug("A programme cost at entry is paid by everybody, once")
def a_programme_is_paid_twice(monkeypatch):
    twice = {
        "cost_programme": 2 * pl.col("cost_programme"),
        "cost_total": pl.col("cost_total") + pl.col("cost_programme"),
    }
    spoil(monkeypatch, unit_module, "persons", **twice)


@bug("Mean cost of the measures is that of the persons")
def mean_cost_leaves_out_the_dead(monkeypatch):
    def changed(frame, table, *rest):
        total = table.filter(~pl.col("died"))["cost_total"].sum() / len(table)
        return frame.with_columns(value=pl.when(pl.col("measure") == "cost_total").then(total).otherwise("value"))

    wrap(monkeypatch, unit_module, "value_measures", changed)


# Life, time and flow.


@bug(
    "Deaths of persons are those of the daily series", "The number alive falls only by deaths and rises only by entries"
)
def a_death_is_not_counted(monkeypatch):
    spoil(monkeypatch, Recorder, "frame", alive=pl.min_horizontal(pl.col("alive") + 1, "entered"))


@bug("Days in hospital and days out of it make up the days of life")
def follow_up_is_off_by_one(monkeypatch):
    original = unit_module.follow_up
    monkeypatch.setattr(unit_module, "follow_up", lambda e, p, d, days, *rest: original(e, p, d, days - 1, *rest))


@bug("Time in hospital is the sum of the stays")
def a_day_is_added_to_every_stay(monkeypatch):
    spoil(monkeypatch, persons_module, "hospital_use", hospital_days=pl.col("hospital_days") + pl.col("admissions"))


@bug("No setting holds more people than its capacity")
def a_place_too_many(monkeypatch):
    def places(number):
        return number + 2 if isinstance(number, int) else 10**9

    monkeypatch.setattr(compiled, "capacity_of", places)


@bug("Entries lie within the enrolment, and in order")
def entries_last_a_week_too_long(monkeypatch):
    original = sampling._entries
    monkeypatch.setattr(sampling, "_entries", lambda size, key, days: original(size, key, days + 7))


@bug("No number is missing or infinite")
def a_missing_total(monkeypatch):
    spoil(
        monkeypatch, unit_module, "persons", qaly=pl.when(pl.col("person_id") == 3).then(float("nan")).otherwise("qaly")
    )


# Strategies and random numbers.


@bug("Equal strategies give equal results, person by person", "Strategies share the same people")
def luck_depends_on_the_strategy(monkeypatch):
    original = Unit.random_key.fget

    def random_key(unit):
        seed, stream = original(unit)
        return RandomKey(seed, stream + sum(map(ord, unit.strategy.name)))

    monkeypatch.setattr(Unit, "random_key", property(random_key))


@bug("A strategy that reaches nobody changes nothing")
def nobody_means_some(monkeypatch):
    def changed(table, *args):
        table["uptake"] = np.maximum(table["uptake"], 0.5)
        return table

    wrap(monkeypatch, Policies, "follow_ups", changed)


@bug("Adding people changes nobody")
def people_depend_on_how_many_there_are(monkeypatch):
    original = sampling.sample

    def sample(cohort, schema, size, key, *rest):
        return original(cohort, schema, size, RandomKey(key.seed + size, key.stream), *rest)

    monkeypatch.setattr(checks.inputs, "sample", sample)


# Parameters and draws.


@bug("The model gets the values that were drawn", lives=False)
def a_drawn_parameter_is_dead(monkeypatch):
    original = Study.parameters_of

    def parameters_of(study, draw):
        return original(study, draw).given({"nhs_prices": study.parameters["nhs_prices"]})

    monkeypatch.setattr(Study, "parameters_of", parameters_of)


def spread(monkeypatch, changed):
    original = UncertainParameters.draw
    monkeypatch.setattr(
        UncertainParameters, "draw", lambda self, seed, draws: changed(self, original(self, seed, draws))
    )


@bug("Draws have the mean and the standard error of their distributions",
     "A standard error or interval that a file gives is that of the draws", lives=False)  # fmt: skip
def a_standard_error_is_taken_for_a_variance(monkeypatch):
    spread(monkeypatch, lambda self, values: values.mean(axis=0) + 1.4 * (values - values.mean(axis=0)))


@bug("Draws lie within the bounds of their parameters", lives=False)
def draws_leave_their_bounds(monkeypatch):
    spread(monkeypatch, lambda self, values: values - 3.0 * np.abs(values))


@bug("Draws have the mean and the standard error of their distributions", lives=False)
def draws_are_clipped_at_their_mean(monkeypatch):
    spread(monkeypatch, lambda self, values: np.maximum(values, [d.mean for d in self.distributions.values()]))


@bug("A draw does not depend on how many are drawn", lives=False)
def a_draw_depends_on_how_many_there_are(monkeypatch):
    spread(monkeypatch, lambda self, values: values[::-1])


@bug("Parameters that belong to no group are independent", lives=False)
def all_parameters_share_one_random_number(monkeypatch):
    wrap(monkeypatch, UncertainParameters, "_uniforms", lambda p, *args: np.repeat(p[:, :1], p.shape[1], axis=1))


# From measures to a decision.


@bug("The standard error is the standard deviation over the root of the number", lives=False)
def a_standard_deviation_is_taken_for_a_standard_error(monkeypatch):
    def changed(frame, *args):
        return frame.with_columns(standard_error=pl.col("standard_error") * pl.col("replications").sqrt())

    wrap(monkeypatch, cost_effectiveness, "nested_means", changed)


@bug("Intervals hold their means", lives=False)
def an_interval_is_upside_down(monkeypatch):
    spoil(monkeypatch, cost_effectiveness, "nested_means", low=pl.col("high"), high=pl.col("low"))


@bug("A difference is one mean minus the other", lives=False)
def a_difference_is_the_wrong_way_round(monkeypatch):
    wrap(monkeypatch, cost_effectiveness, "_pairs", lambda f, *args: f.rename({"value": "base", "base": "value"}))


@bug("The ratio is extra cost over extra QALYs, and is empty where it has no meaning", lives=False)
def a_ratio_is_inverted(monkeypatch):
    spoil(monkeypatch, cost_effectiveness, "_ratios", icer=1.0 / pl.col("icer"))


@bug("The verdict matches the quadrant of the cost-effectiveness plane", lives=False)
def dominant_and_dominated_are_swapped(monkeypatch):
    names = {"dominant": "dominated", "dominated": "dominant"}
    for owner in (cost_effectiveness, checks.results):
        wrap(monkeypatch, owner, "verdict", lambda word, *args: names.get(word, word))


@bug("At a willingness to pay of 0 the cheapest is best",
     "The optimal strategy has the highest mean net benefit and the lowest expected loss", lives=False)  # fmt: skip
def costs_are_added_to_net_benefit(monkeypatch):
    monkeypatch.setattr(decision.Decision, "net_monetary_benefit", lambda self, price: price * self.effect + self.cost)


@bug("Perfect information is worth the lowest expected loss, and no parameter is worth more", lives=False)
def perfect_information_is_worth_too_little(monkeypatch):
    wrap(monkeypatch, information, "_jackknifed", lambda found, *args: (0.3 * found[0] - 1.0, found[1]))


@pytest.mark.parametrize("name", with_slow(BUGS, LONG.__contains__))
def test_caught(name, study, sound, monkeypatch):
    plant, titles, lives = BUGS[name]
    for title in titles:
        finding = BY_TITLE[title].run_on(sound)
        assert finding.holds is True, f"without the bug: {finding.saw}"
    plant(monkeypatch)
    bench = ModelBench(study, PEOPLE) if lives else sound
    findings = [BY_TITLE[title].run_on(bench) for title in titles]
    assert [finding.title for finding in findings if finding.holds is not False] == []


def test_there_are_many():
    assert len(BUGS) >= 20
