"""Sick-Sicker with risks that rise with the length of illness, and people in whom treatment works better or worse."""

import numpy as np

import popsim as ps
from popsim.kernels.numerics.math import power

H, S1, S2, D = range(4)


def next_state(state, time_in_state, cycle, u, p, x):
    """u is uniform in (0, 1); choose without `if` statements, so that the loop vectorises."""
    hazard_ratio = (3.0 if state == S1 else 10.0) * (1.0 + 0.2 * time_in_state)
    survive = power(1.0 - p.p_hd, hazard_ratio if state != H else 1.0)
    from_h = S1 if u < 0.15 else H
    from_s1 = H if u < 0.5 else (S2 if u < 0.605 else S1)
    alive = from_h if state == H else (from_s1 if state == S1 else S2)
    return alive if state != D and u < survive else D


def rewards(state, time_in_state, cycle, p, x):
    """Cost and utility of a year; x holds the individual's traits."""
    ill = (4_000.0 if state == S1 else 15_000.0) + 12_000.0 * p.treated
    cost = 2_000.0 if state == H else ill
    sick = x.benefit * (0.95 - 0.03 * time_in_state) if p.treated > 0 else 0.75
    utility = 1.0 if state == H else (sick if state == S1 else 0.5)
    return (0.0 if state == D else cost), (0.0 if state == D else utility)


kernel_model = ps.KernelModel(
    states=["H", "S1", "S2", "D"],
    dead=["D"],
    spells=[["S1", "S2"]],  # time_in_state runs on from S1 to S2
    timing=ps.Timing(cycles=30, correction="none"),
    discounting=ps.Discounting(costs=0.03, effects=0.03),
    parameters={"p_hd": 0.005, "treated": 0},
    strategies={"no treatment": {}, "treatment": {"treated": 1}},
    next_state=next_state,
    rewards=rewards,
    traits=["benefit"],
)
print(kernel_model.run({"benefit": np.linspace(0.95, 1.05, 10_000)}, seed=1))
