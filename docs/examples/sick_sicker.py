"""The Sick-Sicker microsimulation of Krijkamp et al. (Med Decis Making 2018;38:400-422)."""

import popsim as ps


def transitions(p):
    """Probabilities of a year; whoever does not move stays."""
    die_s1, die_s2 = (1 - (1 - p.p_hd) ** ratio for ratio in (3, 10))
    return {"H": {"S1": 0.15, "D": p.p_hd}, "S1": {"H": 0.5, "S2": 0.105, "D": die_s1}, "S2": {"D": die_s2}}


def costs(p):
    treatment = 12_000 * p.treated
    return {"H": 2_000, "S1": 4_000 + treatment, "S2": 15_000 + treatment}


def utilities(p):
    return {"H": 1.0, "S1": 0.95 if p.treated else 0.75, "S2": 0.5}


sick_sicker = ps.StateTransitionModel(
    states=["H", "S1", "S2", "D"],
    dead=["D"],
    timing=ps.Timing(cycles=30, cycle_years=1.0, correction="none"),
    discounting=ps.Discounting(costs=0.03, effects=0.03),
    parameters={"p_hd": 0.005, "treated": 0},
    strategies={"no treatment": {}, "treatment": {"treated": 1}},
    transitions=transitions,
    costs=costs,
    utilities=utilities,
)
result = sick_sicker.run(1_000_000, seed=1)
print(result)  # means with their Monte Carlo errors
print(result.icer_table())
value = result.cost_effectiveness("no treatment", willingness_to_pay=100_000)
print(value.select("strategy", "net_monetary_benefit", "net_monetary_benefit_low", "net_monetary_benefit_high"))
print(result.occupancy.filter(cycle=30))  # share of people in each state
print(sick_sicker.run(1, seed=1, exact=True))  # the expected values, without a simulation
# result.persons: costs, QALYs and life years of everybody under each strategy, with the same random numbers
