"""Time-independent Sick-Sicker with four strategies.

Alarid-Escudero F, Krijkamp E, Enns EA, et al. An introductory tutorial on cohort state-transition models in R using a
cost-effectiveness analysis example. Med Decis Making 2023;43:3-20. Inputs: the paper's analysis/cSTM_time_indep.R.
Strategies A and B are treatments of everybody who is Sick or Sicker: A makes the Sick feel better, B slows the disease.
"""

import math

from popsim.microsimulation import Discounting, StateTransitionModel, Timing


def probability(rate):
    """Of an event within a year."""
    return 1.0 - math.exp(-rate)


def transitions(p):
    survives = {state: math.exp(-p.r_HD * hazard) for state, hazard in (("H", 1), ("S1", p.hr_S1), ("S2", p.hr_S2))}
    progresses = probability(p.r_S1S2 * (p.hr_S1S2_trtB if p.treated_B else 1.0))
    return {
        "H": {"S1": survives["H"] * probability(p.r_HS1), "D": 1.0 - survives["H"]},
        "S1": {
            "H": survives["S1"] * probability(p.r_S1H),
            "S2": survives["S1"] * progresses,
            "D": 1.0 - survives["S1"],
        },
        "S2": {"D": 1.0 - survives["S2"]},
    }


def costs(p):
    treatment = p.treated_A * p.c_trtA + p.treated_B * p.c_trtB
    return {"H": p.c_H, "S1": p.c_S1 + treatment, "S2": p.c_S2 + treatment}


def utilities(p):
    return {"H": p.u_H, "S1": p.u_trtA if p.treated_A else p.u_S1, "S2": p.u_S2}


SICK_SICKER = StateTransitionModel(
    states=["H", "S1", "S2", "D"],
    dead=["D"],
    timing=Timing(cycles=75, correction="simpson_darth"),  # from 25 to 100 years of age
    discounting=Discounting(costs=0.03, effects=0.03),
    parameters={
        "r_HD": 0.002, "r_HS1": 0.15, "r_S1H": 0.5, "r_S1S2": 0.105,  # rates per year
        "hr_S1": 3.0, "hr_S2": 10.0, "hr_S1S2_trtB": 0.6,  # hazard ratios of death, death and progression
        "c_H": 2000.0, "c_S1": 4000.0, "c_S2": 15000.0, "c_trtA": 12000.0, "c_trtB": 13000.0,  # USD per year
        "u_H": 1.0, "u_S1": 0.75, "u_S2": 0.5, "u_trtA": 0.95,
        "treated_A": 0.0, "treated_B": 0.0,
    },
    strategies={"SoC": {}, "A": {"treated_A": 1}, "B": {"treated_B": 1}, "AB": {"treated_A": 1, "treated_B": 1}},
    transitions=transitions,
    costs=costs,
    utilities=utilities,
)  # fmt: skip
