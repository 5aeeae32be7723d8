"""Costs."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.definitions.base import Definition
from popsim.definitions.strategy import Strategy
from popsim.economics.columns import COST_NAMES
from popsim.economics.perspectives import SIGNS
from popsim.verification.checking import CheckResult, check, close, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench, Observation

AREA = "Costs"


def _prices(bench: ModelBench, value: float) -> dict[str, float]:
    return dict.fromkeys(bench.prices(), value)


def _free(bench: ModelBench) -> list[Observation]:
    """Every strategy without its own costs, at prices of 0."""
    return [bench.run(_without_costs(strategy), _prices(bench, 0.0)) for strategy in bench.strategies]


def _without_costs(strategy: Strategy) -> Strategy:
    """The strategy without costs except those of the price sets."""
    return strategy.model_copy(
        update={
            "cost_per_person": 0.0,
            "telemonitoring": strategy.telemonitoring and _free_of_charge(strategy.telemonitoring),
            "interventions": tuple(_free_of_charge(one) for one in strategy.interventions),
        }
    )


def _free_of_charge[D: Definition](part: D) -> D:
    costs = {name: 0.0 for name in ("cost_once", "cost_per_day") if getattr(part, name, None)}
    nested = getattr(part, "telemonitoring", None)
    return part.model_copy(update=costs | ({"telemonitoring": _free_of_charge(nested)} if nested else {}))


@check(AREA, "When everything is free, all costs are 0")
def free(bench: ModelBench) -> CheckResult:
    """Set every price, programme cost and telemonitoring cost to 0 and look for costs under each strategy."""
    return together(*(never(one.persons["cost_total"] != 0.0, f"{one.unit.strategy.name}: persons with a cost")
                      for one in _free(bench)))  # fmt: skip


@check(AREA, "Costs are in proportion to prices")
def proportional(bench: ModelBench) -> CheckResult:
    """Double every price (the comparator's programme is left out) and compare each person's cost with twice as much."""
    strategy = _without_costs(bench.base)
    double = {name: 2 * value for name, value in bench.prices().items()}
    return close(
        bench.run(strategy, double).persons["cost_total"], 2 * bench.run(strategy).persons["cost_total"], "cost"
    )


@check(AREA, "Components sum to the total, for every person and strategy")
def components(bench: ModelBench) -> CheckResult:
    """Add up the components that the perspective counts, and compare with each person's total."""
    signs = SIGNS[bench.experiment.perspective]
    seen = [bench.run(strategy).persons for strategy in bench.strategies]
    sums = [sum(sign * p[name].to_numpy() for name, sign in signs.items()) for p in seen]
    return together(*(close(total, p["cost_total"], "cost") for total, p in zip(sums, seen, strict=True)))


@check(AREA, "The perspectives differ by the components that set them apart")
def perspectives(bench: ModelBench) -> CheckResult:
    """Compare mean costs of payer and society with those of the health system, and with the components between them."""
    one = bench.run()
    mean = {name: float(np.mean(one.persons[name].to_numpy())) for name in COST_NAMES}
    borne = mean["cost_travel"] + mean["cost_informal_care"] + mean["cost_productivity"]
    system = one.measures["cost_health_system"]
    return together(
        close([one.measures["cost_societal"] - system], [borne], "society less health system", 1e-6),
        close([system - one.measures["cost_payer"]], [mean["cost_out_of_pocket"]], "health system less payer", 1e-6)
        if mean["cost_out_of_pocket"]
        else never(np.array([one.measures["cost_payer"] != system]), "payer and health system differ"),
    )


@check(AREA, "Nobody's cost is negative")
def not_negative(bench: ModelBench) -> CheckResult:
    """Look for negative components."""
    persons = bench.run().persons
    return never(np.concatenate([(persons[name] < 0).to_numpy() for name in COST_NAMES if name in persons.columns]),
                 "negative components")  # fmt: skip


@check(AREA, "Prices change costs and nothing else")
def prices_change_costs_only(bench: ModelBench) -> CheckResult:
    """Raise every price by half and one, and compare everybody's life, health and care."""
    dearer = {name: 1.5 * value + 1.0 for name, value in bench.prices().items()}
    before, after = bench.run(), bench.run(None, dearer)
    return together(
        same(before.history().hash_rows(), after.history().hash_rows(), "histories"),
        never(after.persons["cost_total"] < before.persons["cost_total"], "persons who pay less"),
    )


@check(AREA, "Each price moves one component at most, upwards, and some person's if its service is used")
def one_price_one_component(bench: ModelBench) -> CheckResult:
    """Raise one price after the other and see which components change."""
    before = bench.run().persons
    moved, wrong = 0, []
    for name, value in bench.prices().items():
        after = bench.run(None, {name: 1.5 * value + 1.0}).persons
        changed = [c for c in COST_NAMES if c in before.columns and (after[c] != before[c]).any()]
        lower = [c for c in changed if (after[c] < before[c] - 1e-9).any()]
        moved += bool(changed)
        substituted = changed == ["cost_drugs"]  # one drug may replace another at a lower price
        if len(changed) > 1 or (lower and not substituted):
            wrong.append(name)
    text = f"somebody pays {moved} of {len(bench.prices())} prices"
    return CheckResult(moved > 0 and not wrong, text + (f"; wrong: {', '.join(wrong)}" if wrong else ""))


@check(AREA, "Nights on wards cost the midnight census times the price")
def nights(bench: ModelBench) -> CheckResult:
    """No outside patients, no discounting, all entries at once: census of each ward x price against the component."""
    one = bench.run(None, bench.discounted(), network=bench.closed, enrolment_days=0)
    prices = bench.study.parameters.care_prices
    wards = [s for s in bench.study.network.settings if s.setting_class in ("inpatient", "critical")]
    if not wards:
        return not_applicable("the network has no wards")
    nightly = [
        prices[f"{s.name}_day"] if f"{s.name}_day" in prices else prices[f"{s.setting_class}_day"] for s in wards
    ]
    expected = sum(int(one.daily[f"census_{s.name}"].sum()) * price for s, price in zip(wards, nightly, strict=True))
    return close([float(one.persons["cost_ward"].sum())], [expected], "cost of wards")


@check(AREA, "Contacts cost their number times their price")
def contacts(bench: ModelBench) -> CheckResult:
    """No discounting: visits in the event log x price against the clinic component."""
    one = bench.run(None, bench.discounted())
    prices = bench.study.parameters.care_prices
    clinics = [
        s for s in bench.study.network.settings if s.setting_class == "outpatient" and s.clinician == "specialist"
    ]
    if not clinics:
        return not_applicable("the network has no specialist contacts")
    last = one.persons.select("person_id", end=pl.col("entry_day") + bench.experiment.follow_up_days)
    visits = one.events.join(last, on="person_id").filter(
        pl.col("event") == "visit", pl.col("time_days") < pl.col("end")
    )
    expected = sum(
        visits.filter(pl.col("setting").cast(pl.String) == s.name).height
        * (prices[f"{s.name}_visit"] if f"{s.name}_visit" in prices else prices["specialist_visit"])
        for s in clinics
    )
    return close([float(one.persons["cost_clinic"].sum())], [expected], "cost of contacts")


@check(AREA, "Without a hospital stay there are no ward costs")
def only_those_who_stay(bench: ModelBench) -> CheckResult:
    """Look for persons with ward costs but no time in hospital."""
    persons = bench.run().persons
    return never((persons["cost_ward"] > 0) & (persons["hospital_days"] == 0), "persons")


@check(AREA, "Drugs are paid for only while alive and out of hospital")
def drugs_while_taken(bench: ModelBench) -> CheckResult:
    """Price every drug at 1 a day at target dose and compare each person's cost with its days out of hospital."""
    drugs = [name for name in bench.prices() if name.endswith(("_blocker_day", "_inhibitor_day", ".mra_day"))]
    if not drugs:
        return not_applicable("no drug is priced by the day")
    beyond = []
    for name in drugs:
        ones = dict.fromkeys(bench.prices(), 0.0) | {name: 1.0}
        persons = bench.run(None, ones | bench.discounted()).persons
        beyond.append((persons["cost_drugs"].abs() > persons["days_alive_out_of_hospital"] + 1.0).to_numpy())
    return never(np.concatenate(beyond), f"persons who pay for more days than they have ({len(drugs)} drugs)")


@check(AREA, "A programme cost at entry is paid by everybody, once")
def programme(bench: ModelBench) -> CheckResult:
    """Add 100 to the comparator's cost per person and compare totals and lives."""
    dearer = bench.base.model_copy(update={"cost_per_person": bench.base.cost_per_person + 100.0})
    before, after = bench.run(), bench.run(dearer)
    return together(
        close(after.persons["cost_total"], before.persons["cost_total"] + 100.0, "cost"),
        same(before.history().hash_rows(), after.history().hash_rows(), "histories"),
    )


@check(AREA, "Mean cost of the measures is that of the persons")
def cost_agrees(bench: ModelBench) -> CheckResult:
    """Compare the measure `cost_total` with the mean over persons."""
    one = bench.run()
    return close([one.measures["cost_total"]], [float(np.mean(one.persons["cost_total"].to_numpy()))], "mean cost")
