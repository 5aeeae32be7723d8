"""Recurrence of breast cancer in continuous time, with hormonal therapy or without it; an example, not evidence."""

import lifelines
import polars as pl
from lifelines.datasets import load_gbsg2

import popsim as ps

# 686 women of the German Breast Cancer Study Group, in days
women = load_gbsg2()
women["hormonal"] = (women["horTh"] == "yes").astype(int)
fitter = lifelines.WeibullAFTFitter().fit(women[["time", "cens", "hormonal"]], "time", "cens")
recurrence = ps.FittedSurvival.from_lifelines("recurrence", fitter, years_per_unit=1 / 365.25)

# A fit of flexsurv, in months; these numbers are made up
table = pl.read_csv("docs/examples/after_recurrence.csv")
after = ps.FittedSurvival.from_flexsurv("after_recurrence", "weibull", table, years_per_unit=1 / 12)


def transitions(p, age):
    """The earliest of the transitions ends a stay; deaths of the general population are added to those of cancer."""
    population = ps.Survival.life_table("us_2019", age, female=1)
    return {
        "free": {"recurred": recurrence(p, hormonal=p.hormonal), "dead": population},
        "recurred": {"dead": after(p) + population},
    }


model = ps.TimeToEventModel(
    states=["free", "recurred", "dead"],
    dead=["dead"],
    timing=ps.Timing(cycles=30, cycle_years=1.0),
    discounting=ps.Discounting(costs=0.035, effects=0.035),
    parameters=after.added_to(recurrence.added_to({"hormonal": 0})),
    strategies={"no hormonal therapy": {}, "hormonal therapy": {"hormonal": 1}},
    transitions=transitions,
    costs=lambda p: {"free": 400 + 300 * p.hormonal, "recurred": 9_000},
    utilities=lambda p: {"free": 0.82, "recurred": 0.65},
    transition_costs=lambda p: {("free", "recurred"): 6_000},
)
result = model.run({"age": women["age"].to_numpy()}, seed=1, draws=500)
print(result)
value = result.cost_effectiveness("no hormonal therapy", willingness_to_pay=20_000)
print(value.select("strategy", "net_monetary_benefit", "net_monetary_benefit_low", "net_monetary_benefit_high"))
print(result.occupancy.filter(cycle=10).group_by("strategy", "state", maintain_order=True).agg(pl.mean("share")))
