"""The choice of therapy where the right answer is known, and the rules of the comparison."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from chosen_for import believed, discharged, dose, metabolisers, overtreated

from popsim.assimilation import choice
from popsim.assimilation.choice import CONTRAINDICATED, IDLE, TOO_DEAR, TOO_RISKY
from popsim.assimilation.counterfactuals import CounterfactualOutcomes
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.assimilation.options import load_options
from popsim.assimilation.titration import look_ahead, titrate
from popsim.definitions.options import HomeMonitoring, TherapyOption, Visit
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import ONSET_ACUTE, ONSET_DEATH
from popsim.population.clock import Clock

MORE, LESS = dose("more", "loop_diuretic", 1), dose("less", "loop_diuretic", -1)
compare = partial(choice.compare, parameters=SHIPPED)
MRA = dose("mra", "mra", 1)
VISIT = TherapyOption(name="visit", changes=(Visit(kind="visit", clinician="specialist"),))
LADDER = [dose(f"metoprolol_{round(200 * share)}", "metoprolol", share=share) for share in (0.125, 0.25, 0.5, 1.0)]


def chosen(comparison, person=0):
    return comparison.options[comparison.recommended[person]].name


def test_the_congested_get_more_diuretic():
    """4 L above the set point: guidelines of every society say more."""
    comparison = compare(believed(fluid=4.0, members=128), [MORE, LESS], 90)
    assert chosen(comparison) == "more"
    assert comparison.sure[0]
    assert comparison.risk_difference("decompensation")[0, 1] < 0.0
    _, high = comparison.interval(comparison.excess("decompensation"))
    assert high[0, 1] < 0.0


def test_the_dry_do_not_get_more_diuretic():
    """Overtreated, fluid about 1 L below the set point: not more, by what the members live through and by the rule."""
    belief = overtreated()
    assert belief.ensemble.mean("extracellular_fluid_excess_l")[0] < -0.6
    comparison = compare(belief, [MORE, LESS], 90)
    assert comparison.forbidden[0].tolist() == [0, CONTRAINDICATED, 0]
    _, high = comparison.interval(comparison.gain)
    assert high[0, 1] < 0.0  # worse than no change even if nothing forbade it
    assert chosen(comparison) == "less"


def test_no_mra_at_potassium_5_6():
    """Guidelines: not started above 5.0 mmol/L. The members say so, and so does what was seen where they do not."""
    comparison = compare(believed(baseline_potassium_mmol_l=5.6), [MRA], 90)
    assert comparison.forbidden[0, 1] == CONTRAINDICATED
    assert comparison.expected(comparison.gain)[0, 1] < 0.0
    belief = believed(persons=3)
    seen = {"potassium_mmol_l": np.array([5.6, 4.9, np.nan])}
    assert compare(belief, [MRA], 5, seen=seen).forbidden[:, 1].tolist() == [CONTRAINDICATED, 0, 0]


def test_what_is_not_indicated_is_not_started():
    comparison = compare(believed(baseline_ejection_fraction_percent=60.0), [MRA], 5)
    assert comparison.forbidden[0, 1] == CONTRAINDICATED


@pytest.mark.slow
def test_a_poor_metaboliser_gets_less_metoprolol():
    """DPWG (evidence/genome/prescribing.toml): a poor metaboliser at most a quarter of the standard dose, 50 mg.

    Standard errors of the differences between neighbouring doses are about 40 GBP; 100 mg is worse than 25 or 50 mg by
    60 to 250 GBP with other members.
    """
    comparison = compare(metabolisers(), LADDER, 180)
    poor, normal = comparison.best
    assert LADDER[poor - 1].name in ("metoprolol_25", "metoprolol_50")
    assert normal > poor
    reactions = comparison.risk("bradycardia")
    assert reactions[0, 3] > 0.5 > reactions[1, 3]


@pytest.mark.slow
def test_titration_by_look_ahead_stops_earlier_in_a_poor_metaboliser():
    doses = titrate(metabolisers(), "metoprolol", visits=4, visit_every_days=14, horizon_days=180, parameters=SHIPPED)
    assert doses.shape == (4, 2)
    assert (np.diff(doses, axis=0) >= 0.0).all()
    assert doses[-1, 0] <= 0.25 < doses[-1, 1]


@pytest.mark.slow
def test_look_ahead_moves_one_rung_and_leaves_the_belief_alone():
    belief = believed(fluid=4.0, members=128)
    before = {kind: belief.ensemble.people.block(kind).copy() for kind in ("real", "code", "count")}
    comparison, moves = look_ahead(belief, "loop_diuretic", horizon_days=90, parameters=SHIPPED)
    assert len(comparison.options) == 9
    assert moves.tolist() == [1]
    assert all((belief.ensemble.people.block(kind) == block).all() for kind, block in before.items())
    with pytest.raises(InputError, match="visit_every_days"):
        look_ahead(belief, "loop_diuretic", visit_every_days=90, horizon_days=90, parameters=SHIPPED)


def test_without_money_nothing_that_costs_is_done():
    """A budget of 0: everything that costs more than no change is forbidden, and what costs less is not."""
    comparison = compare(believed(fluid=4.0), load_options(), 30, budget=0.0)
    own = comparison.expected(comparison.simulated.own_cost)[0]
    dear = own > own[comparison.nothing]
    assert dear.sum() >= 6
    assert (comparison.forbidden[0, dear] > 0).all()
    assert TOO_DEAR in comparison.forbidden[0]
    assert own[comparison.recommended[0]] <= own[comparison.nothing]


def test_identical_options_are_not_told_apart():
    """Two of the same: not sure, each the best in half of the members of whom one of them is."""
    same = dose("same", "loop_diuretic", 1)
    comparison = compare(believed(fluid=4.0), [MORE, same], 60)
    assert not comparison.sure[0]
    assert comparison.probability_best[0, 1] == pytest.approx(comparison.probability_best[0, 2], abs=1e-12)
    assert comparison.probability_best[0].sum() == pytest.approx(1.0)
    assert comparison.probability_best[0, 1] == pytest.approx(0.5, abs=0.1)
    assert chosen(comparison) == "more"  # told apart from nothing, though not from its double
    alone = compare(believed(), [TherapyOption(name="idle")], 5)
    assert chosen(alone) == "idle"


def test_common_random_numbers_make_an_idle_option_differ_by_nothing():
    """A dose that is already at the top of its ladder changes not a bit of what the members live through."""
    belief = believed(loop_diuretic_mg_day=120.0)
    simulated = compare(belief, [MORE], 60).simulated
    for name in ("qaly", "cost", "death", "decompensation", "admissions"):
        values = getattr(simulated, name)
        assert (values[:, 0] == values[:, 1]).all()
        assert values.std() > 0.0


def test_persons_do_not_depend_on_who_else_is_compared():
    belief = believed(persons=3, members=16, fluid=2.0)
    together, alone = compare(belief, [MORE], 30), compare(belief, [MORE], 30, persons=np.array([1]))
    assert (together.simulated.qaly[1] == alone.simulated.qaly[0]).all()
    assert (together.simulated.reactions[:, 1] == alone.simulated.reactions[:, 0]).all()


def test_more_members_narrow_the_interval_as_one_over_the_root():
    """A standard deviation of heavy tails from n members has a relative error of about 0.5 sqrt((kurtosis - 1) / n);
    over 64 persons, with kurtosis 20 and 32 members, 5%: the ratio of widths lies within four of those of 2."""
    widths = {}
    for members in (32, 128):
        comparison = compare(believed(persons=64, members=members, fluid=3.0), [MORE], 30)
        low, high = comparison.interval(comparison.gain)
        widths[members] = np.sqrt(((high - low)[:, 1] ** 2).mean())
    assert widths[32] / widths[128] == pytest.approx(2.0, rel=0.2)


@pytest.mark.slow
def test_the_interval_covers_what_many_members_find():
    """95% intervals of 100 persons alike: they cover the mean over all, 12,800 members, in 95 +- 4 standard errors of
    2.2%, less what a skewed mean of 128 loses (2 or 3%)."""
    comparison = compare(believed(persons=100, members=128, fluid=3.0), [MORE], 30)
    low, high = comparison.interval(comparison.gain)
    truth = comparison.expected(comparison.gain)[:, 1].mean()
    covered = ((low[:, 1] <= truth) & (truth <= high[:, 1])).mean()
    assert 0.83 <= covered <= 1.0


@pytest.mark.parametrize("clinical", [False, True])
def test_presentations_and_deaths_are_counted_with_the_chance_that_they_happen(clinical):
    """What happens less its chance is a martingale: over all rows and days it sums to 0 but for a standard deviation
    that is the root of the sum of p (1 - p); four of those. The core draws what happens, the hazards say the chance.
    """
    belief = metabolisers() if clinical else believed(persons=32, fluid=5.0)
    people, physiology = belief.ensemble.people.copy(), belief.physiology
    happened, chances = np.zeros(2), [[], []]
    for day in range(1, 61):
        physiology.advance(people, Clock(day))
        chances[0].append(-np.expm1(-hazards_of_presenting(physiology.influences, people, SHIPPED, day).sum(axis=0)))
        chances[1].append(-np.expm1(-people["death_hazard_per_day"].astype(float)))
        for place, bit in enumerate((ONSET_ACUTE, ONSET_DEATH)):
            happened[place] += ((people["onset"] & bit) > 0).sum()
    for count, chance in zip(happened, np.array(chances), strict=True):
        assert count > 5
        assert abs(count - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_what_changes_nothing_is_no_option():
    comparison = compare(believed(), [dose("less_mra", "mra", -1), MORE], 5)
    assert comparison.forbidden[0].tolist() == [0, IDLE, 0]
    assert comparison.probability_best[0, 1] == 0.0


def test_a_switch_of_agent_keeps_the_share_of_the_target():
    """A poor metaboliser on half the target dose of metoprolol: bisoprolol, which CYP2D6 has no part in, raises the
    pulse; DPWG advises that switch (evidence/genome/prescribing.toml)."""
    belief = metabolisers()
    ensemble = belief.ensemble.copy()
    ensemble.people["beta_blocker_fraction"] = 0.5
    taking = copy.copy(belief)
    taking.ensemble = ensemble
    comparison = compare(taking, [dose("bisoprolol", "bisoprolol", 0)], 90)
    assert comparison.first_dose(1, "beta_blocker_fraction") == pytest.approx([0.5, 0.5])
    assert comparison.risk_difference("bradycardia")[0, 1] < -0.1
    assert abs(comparison.risk_difference("bradycardia")[1, 1]) < 0.1


@pytest.mark.slow
def test_following_the_recommendation_pays_in_persons_who_were_not_looked_at():
    """One member of each person is the truth and unknown, the others are the belief: persons drawn from the cohort.

    The gain of what 32 members recommend, in the 33rd: its mean over 400 persons is above 0 by four standard errors,
    and differs from what was promised by less than four (and what a choice among the best promises too much).
    """
    comparison = compare(discharged(400, 33), [MORE, LESS, dose("beta", "beta_blocker", 1)], 60)
    everybody = np.arange(400)
    known = (everybody[:, None] * 33 + np.arange(32)).ravel()
    arrays = (array[..., :32] for array in comparison.simulated)
    believed_of = replace(
        comparison,
        simulated=CounterfactualOutcomes(*arrays),
        ensemble=Ensemble(comparison.ensemble.people.chosen(known), 32),
    )
    choice = believed_of.recommended
    promised = believed_of.expected(believed_of.gain)[everybody, choice]
    found = comparison.gain[everybody, choice, 32]
    error = found.std() / np.sqrt(400)
    assert found.mean() > 4 * error
    assert abs(found.mean() - promised.mean()) < 4 * error + 0.1 * promised.mean()


def test_weights_of_members_count():
    """A belief that is all on one half of the members compares as one of that half alone would."""
    belief = believed(members=64, fluid=2.0)
    belief.ensemble.log_weight[32:] = -1e9
    heavy = compare(belief, [MORE], 30)
    rows = np.arange(32)
    belief.ensemble = Ensemble(belief.ensemble.people.chosen(rows), 32)
    half = compare(belief, [MORE], 30)
    assert heavy.expected(heavy.gain)[0] == pytest.approx(half.expected(half.gain)[0], rel=1e-12)
    assert heavy.standard_error(heavy.gain)[0] == pytest.approx(half.standard_error(half.gain)[0], rel=1e-9)
    assert heavy.probability_best[0] == pytest.approx(half.probability_best[0], abs=1e-12)


@pytest.mark.slow
def test_too_risky_is_what_reacts_more_than_allowed():
    """Potassium near 5.25 on half the dose of an MRA: more of it reacts more, less of it less, and a limit between
    risks divides them. Doing nothing is forbidden where something else keeps within the limit, and never else."""
    belief = believed(baseline_potassium_mmol_l=5.25, baseline_gfr_ml_min=35.0, mra_fraction=0.5)
    options, seen = [MRA, dose("less_mra", "mra", -1)], {"potassium_mmol_l": np.array([4.6])}
    less, same, more = compare(belief, options, 60, seen=seen).risk("reaction")[0, [2, 0, 1]]
    assert less < same < more
    limits = {(same + more) / 2: [0, TOO_RISKY, 0], (less + same) / 2: [TOO_RISKY, TOO_RISKY, 0]}
    for limit, forbidden in limits.items():
        limited = compare(belief, options, 60, seen=seen, highest_risk=float(limit))
        assert limited.forbidden[0].tolist() == forbidden
    assert chosen(limited) == "less_mra"
    assert compare(belief, [MRA], 60, seen=seen, highest_risk=0.0).forbidden[0].tolist() == [0, TOO_RISKY]


def test_waits_of_the_network_put_off_what_is_done():
    """A visit waited for beyond the horizon changes nothing and costs nothing; measured waits replace those named."""
    far = TherapyOption(name="far", setting="clinic", wait_days=60, changes=VISIT.changes)
    belief = believed(persons=2, fluid=3.0)
    late = compare(belief, [far], 30).simulated
    assert (late.cost[:, 1] == late.cost[:, 0]).all()
    one = compare(belief, [far], 30, waits={"clinic": np.array([0.0, 30.0])}).simulated
    assert (one.own_cost[1, 1] == one.own_cost[1, 0]).all()
    # Specialist visit 118.81 GBP (Griffiths et al. 2014) on day 0, and the diuretic that follows from it.
    assert (one.own_cost[0, 1] - one.own_cost[0, 0]).min() > 118.0
    with pytest.raises(InputError, match="negative"):
        compare(belief, [far], 30, waits={"clinic": -1})


def test_telemonitoring_costs_its_days_and_answers_alerts():
    programme = next(one for one in load_options() if one.name == "telemonitoring").changes[0].programme
    device = TherapyOption(name="device", changes=(HomeMonitoring(kind="telemonitoring", programme=programme),))
    belief = believed(persons=16, members=32)
    belief.ensemble.people["salt_excess_g_day"] = 12.0
    comparison = compare(belief, [device], 30)
    own = comparison.simulated.own_cost
    # 5.755 GBP a day (Thokala et al. 2013) for 30 days, less what the dead do not need, and diuretics.
    assert (own[:, 1] - own[:, 0]).mean() == pytest.approx(30 * 5.755, rel=0.05)
    assert comparison.risk_difference("decompensation")[:, 1].mean() < 0.0


def test_one_programme_may_be_answered_sooner_or_later():
    """Both options have the programme and its costs; what answers its alerts is the option's, not the programme's."""
    programme = next(one for one in load_options() if one.name == "telemonitoring").changes[0].programme
    devices = [HomeMonitoring(kind="telemonitoring", programme=programme, answered_after_days=n) for n in (1, 20)]
    options = [TherapyOption(name=f"device_{i}", changes=(device,)) for i, device in enumerate(devices)]
    own = compare(believed(persons=4, members=16), options, 10).simulated.own_cost
    assert (own[:, 1:] - own[:, :1]).mean(axis=(0, 2)) == pytest.approx([57.55, 57.55], rel=0.1)
    with pytest.raises(ValueError, match=r"programme\.may_change: leave it out"):
        HomeMonitoring(kind="telemonitoring", programme=programme.model_copy(update={"may_change": "all"}))


def test_an_alert_of_an_implanted_sensor_is_answered_too():
    """Limits that every filling pressure is beyond, and that no weight, blood pressure or pulse is."""
    programme = next(one for one in load_options() if one.name == "telemonitoring").changes[0].programme
    limits = {
        "weight_gain_kg": 20.0, "systolic_low_mmhg": 40.0, "systolic_high_mmhg": 300.0, "heart_rate_low_bpm": 20.0,
        "heart_rate_high_bpm": 250.0, "filling_pressure_low_mmhg": 0.0, "filling_pressure_high_mmhg": 1.0,
    }  # fmt: skip
    sensor = HomeMonitoring(kind="telemonitoring", programme=programme.model_copy(update=limits))
    belief = believed(persons=4, members=16)
    belief.ensemble.people["salt_excess_g_day"] = 12.0
    comparison = compare(belief, [TherapyOption(name="sensor", changes=(sensor,))], 30)
    assert comparison.risk_difference("decompensation")[:, 1].mean() < 0.0


def test_the_table_has_the_best_first_and_the_forbidden_last():
    comparison = compare(believed(fluid=4.0, baseline_potassium_mmol_l=5.6), [MRA, MORE, LESS], 30)
    table = comparison.frame()
    allowed = table.filter("allowed")
    assert table["option"].to_list()[-1] == "mra"
    assert allowed["gain"].is_sorted(descending=True)
    assert table["recommended"].sum() == 1
    assert (table["low"] <= table["gain"]).all()
    assert (table["gain"] <= table["high"]).all()
    assert (table["member_low"] <= table["member_high"]).all()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"horizon_days": 0}, "horizon_days"),
        ({"willingness_to_pay": -1.0}, "willingness_to_pay"),
        ({"highest_risk": 1.5}, "highest_risk"),
        ({"budget": [1.0, 2.0]}, "budget"),
        ({"seen": {"potassium_mmol_l": [5.0, 5.0]}}, "potassium_mmol_l"),
    ],
)
def test_what_does_not_fit_is_refused(keys, words):
    with pytest.raises(InputError, match=words):
        compare(believed(members=4), [MORE], **keys)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([MORE, MORE], "named twice"),
        ([dose("x", "furosemid", 1)], "furosemide"),
    ],
)
def test_options_that_cannot_be_had_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        compare(believed(members=4), options, 5)
