"""The simple Sick-Sicker microsimulation of the tutorial, told in tables and as a kernel.

Krijkamp EM, Alarid-Escudero F, Enns EA, et al. Microsimulation modeling for health decision sciences using R: a
tutorial. Med Decis Making 2018;38:400-422. Inputs: Appendix A. Rewards are counted at all 31 points t = 0 .. 30, each
worth 1.03**-t; treatment is paid for in Sick and Sicker and makes the Sick alone feel better.
"""

from popsim.microsimulation import Discounting, KernelModel, StateTransitionModel, Timing

H, S1, S2, D = range(4)


def transitions(p):
    die_S1, die_S2 = (1.0 - (1.0 - p.p_HD) ** ratio for ratio in (p.rr_S1, p.rr_S2))
    return {"H": {"S1": p.p_HS1, "D": p.p_HD}, "S1": {"H": p.p_S1H, "S2": p.p_S1S2, "D": die_S1}, "S2": {"D": die_S2}}


def costs(p):
    treatment = p.treated * p.c_trt
    return {"H": p.c_H, "S1": p.c_S1 + treatment, "S2": p.c_S2 + treatment}


def utilities(p):
    return {"H": p.u_H, "S1": p.u_trt if p.treated else p.u_S1, "S2": p.u_S2}


COMMON = {
    "states": ["H", "S1", "S2", "D"],
    "dead": ["D"],
    "timing": Timing(cycles=30, correction="none"),
    "discounting": Discounting(costs=0.03, effects=0.03),
    "parameters": {
        "p_HD": 0.005, "p_HS1": 0.15, "p_S1H": 0.5, "p_S1S2": 0.105, "rr_S1": 3.0, "rr_S2": 10.0,
        "c_H": 2000.0, "c_S1": 4000.0, "c_S2": 15000.0, "c_trt": 12000.0,  # USD per cycle of a year
        "u_H": 1.0, "u_S1": 0.75, "u_S2": 0.5, "u_trt": 0.95,
        "treated": 0.0,
    },
    "strategies": {"no treatment": {}, "treatment": {"treated": 1}},
}  # fmt: skip
TUTORIAL = StateTransitionModel(**COMMON, transitions=transitions, costs=costs, utilities=utilities)


def next_state(state, time_in_state, cycle, u, p, x):
    """The same transitions for one person; u runs through the states in their order, as in the tables."""
    die_S1, die_S2 = 1.0 - (1.0 - p.p_HD) ** p.rr_S1, 1.0 - (1.0 - p.p_HD) ** p.rr_S2
    from_H = H if u < 1.0 - p.p_HS1 - p.p_HD else (S1 if u < 1.0 - p.p_HD else D)
    not_to_S2 = S1 if u < 1.0 - p.p_S1S2 - die_S1 else S2
    from_S1 = H if u < p.p_S1H else (not_to_S2 if u < 1.0 - die_S1 else D)
    from_S2 = S2 if u < 1.0 - die_S2 else D
    alive = from_H if state == H else (from_S1 if state == S1 else from_S2)
    return D if state == D else alive


def rewards(state, time_in_state, cycle, p, x):
    treatment = p.treated * p.c_trt
    ill = p.c_S1 if state == S1 else p.c_S2
    cost = p.c_H if state == H else ill + treatment
    utility_S1 = p.u_trt if p.treated > 0.0 else p.u_S1
    worse = utility_S1 if state == S1 else p.u_S2
    utility = p.u_H if state == H else worse
    return (0.0 if state == D else cost), (0.0 if state == D else utility)


TUTORIAL_KERNEL = KernelModel(**COMMON, next_state=next_state, rewards=rewards)
