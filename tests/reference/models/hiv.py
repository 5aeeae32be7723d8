"""Zidovudine against zidovudine with lamivudine in HIV infection.

Chancellor JV, Hill AM, Sabin CA, Simpson KN, Youle M. Modelling the cost effectiveness of lamivudine/zidovudine
combination therapy in HIV infection. PharmacoEconomics 1997;12:54-66. Inputs as in hesim's vignette markov-cohort.Rmd
(counts of transitions in a year, costs by state and drug) and conventions as in heemod's i_reproduction.Rmd: states are
counted at the end of each year, 1 .. 20, costs at 6% and life years undiscounted; lamivudine is taken for two years.
States: A (CD4 count 200 to 500 per mm3), B (below 200), C (AIDS), D (dead).
"""

import numpy as np

from popsim.microsimulation import Discounting, StateTransitionModel, Timing

COUNTS = {
    "A": {"A": 1251, "B": 350, "C": 116, "D": 17},
    "B": {"B": 731, "C": 512, "D": 15},
    "C": {"C": 1312, "D": 437},
}


def transitions(p, cycle):
    risk = np.where(cycle < 2, p.relative_risk, 1.0)
    return {
        origin: {target: risk * count / sum(row.values()) for target, count in row.items() if target != origin}
        for origin, row in COUNTS.items()
    }


def costs(p, cycle):
    drugs = p.c_zidovudine + np.where(cycle <= 2, p.c_lamivudine, 0.0)
    return {"A": p.c_A + drugs, "B": p.c_B + drugs, "C": p.c_C + drugs}


def utilities(p):
    return {"A": 1.0, "B": 1.0, "C": 1.0}


HIV = StateTransitionModel(
    states=["A", "B", "C", "D"],
    dead=["D"],
    timing=Timing(cycles=20, correction="end"),
    discounting=Discounting(costs=0.06, effects=0.0),
    parameters={
        "relative_risk": 1.0, "c_lamivudine": 0.0, "c_zidovudine": 2278.0,  # drugs and care in GBP per year
        "c_A": 1701.0 + 1055.0, "c_B": 1774.0 + 1278.0, "c_C": 6948.0 + 2059.0,  # hospital and community
    },
    strategies={"monotherapy": {}, "combination": {"relative_risk": 0.509, "c_lamivudine": 2086.5}},
    transitions=transitions,
    costs=costs,
    utilities=utilities,
)  # fmt: skip
