"""Partitioned survival, and all that a decision asks of it; the numbers are made up."""

import polars as pl

import popsim as ps

curves = pl.DataFrame(  # as R's flexsurv hands a fit over: names, estimates, covariance; months
    {"name": ["shape", "scale"], "estimate": [0.1, 2.3], "v1": [0.004, 0.0], "v2": [0.0, 0.010]}
)
progression = ps.FittedSurvival.from_flexsurv("pfs", "weibull", curves, years_per_unit=1 / 12)
death = ps.FittedSurvival.from_flexsurv(
    "os", "weibull", curves.with_columns(estimate=pl.Series([0.2, 3.2])), years_per_unit=1 / 12
)

model = ps.PartitionedSurvivalModel(
    states=["stable", "progressed", "dead"],
    dead=["dead"],
    timing=ps.Timing(cycles=120, cycle_years=1 / 12),
    discounting=ps.Discounting(costs=0.035, effects=0.035),
    parameters=death.added_to(progression.added_to({"antibody": 0, "hazard_ratio": 0.7, "price": 12_000.0})),
    strategies={"chemotherapy": {}, "antibody": {"antibody": 1}},
    curves=lambda p: {
        "stable": p.hazard_ratio**p.antibody * progression(p),
        "progressed": p.hazard_ratio**p.antibody * death(p),
    },
    costs=lambda p: {"stable": 6_000 + p.price * p.antibody, "progressed": 14_000},
    utilities=lambda p: {"stable": 0.75, "progressed": 0.6},
    leaving_costs=lambda p: {"stable": 3_000},  # of progression, once
)
study = ps.ModelAnalysis(
    model=model,
    title="An antibody after chemotherapy",
    titles={"chemotherapy": "Chemotherapy", "antibody": "Antibody"},
    comparator="chemotherapy",
    willingness_to_pay=50_000,
    currency="EUR",
    seed=1,
    individuals=1,
    draws=500,
    information_groups={"progression": ["pfs_shape", "pfs_scale"], "death": ["os_shape", "os_scale"]},
)
if __name__ == "__main__":  # not when `popsim model` reads this file
    print(study.decide().select("strategy", "cost", "effect", "icer", "probability", "expected_loss"))
    print(study.evppi(study.information_groups).select("known", "value"))
    print(study.one_way(["price=6000:18000", "hazard_ratio=0.6:0.9"], outcome="icer").select("parameter", "swing"))
    print(study.budget(eligible=200, uptake=[0.2, 0.5, 0.8]).select("strategy", "year", "net"))
    print(study.verify().select("check", "holds"))
