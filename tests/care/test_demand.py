"""External patients: demand that varies, rotas, a warm start and classes of patients.

Expected numbers are closed forms: Poisson counts of each period, Little's law, the M/M/infinity transient, Erlang's
formulas, moments of truncated distributions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from popsim.care.external import first_day, relative
from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.care.warm_up import warm_up_batches
from popsim.definitions.arrivals import CensusRow, scaled_census
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, InputError

WEEKEND = ["saturday", "sunday"]


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean": mean}


def ward(**keys: Any) -> dict[str, Any]:
    """An unlimited ward with short stays unless told otherwise."""
    stay = {"distribution": "fixed", "value": 0.0001}
    return {"name": "ward", "class": "inpatient", "stay": stay, "routes": [{"to": "exit"}]} | keys


def of(
    *settings: dict[str, Any], per_day: float = 10.0, source: dict[str, Any] | None = None, **keys: Any
) -> CareNetwork:
    arrivals = [{"name": "a", "to": settings[0]["name"], "per_day": per_day} | (source or {})]
    return CareNetwork.of(**({"name": "small", "settings": list(settings), "arrivals": arrivals} | keys))


def starts(flow: PatientFlow, days: int) -> np.ndarray:
    """Number of stays begun in the first setting on each day."""
    return np.diff([0, *(int(flow.run(1).totals()["started"][0]) for _ in range(days))])


def assert_poisson(counts: Any, expected: Any) -> None:
    """Counts are those of Poisson variables with these means, by the chi-squared statistic (within four of its sd)."""
    counts, expected = np.asarray(counts, float), np.asarray(expected, float)
    assert (counts[expected == 0] == 0).all()
    kept = expected > 0
    statistic = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    assert abs(statistic - kept.sum()) < 4 * math.sqrt(2 * kept.sum())


def test_arrivals_by_weekday_month_and_growth_have_the_means_of_their_periods():
    """From Thursday 29 January 2026 on: no month's change moves the weekday, and February begins on day 3."""
    week, months = [4.0, 3.0, 3.0, 3.0, 3.0, 0.0, 1.0], [2.0, *[1.0] * 11]
    source = {"by_weekday": week, "by_month": months, "growth_per_year": 0.5}
    flow = PatientFlow(of(ward(), per_day=100.0, source=source, starts_on="2026-01-29"), days=28, seed=1)
    mean_of_year = (31 * 2.0 + 334) / 365
    expected = [
        100.0 * week[(3 + day) % 7] / (17 / 7) * (2.0 if day < 3 else 1.0) / mean_of_year * 1.5 ** ((day + 0.5) / 365)
        for day in range(28)
    ]
    assert_poisson(starts(flow, 28), expected)


def test_arrivals_by_hour_come_in_their_hours():
    """Stays begin at arrival, so a rota-free ward counts them; the hours are those of a logged day."""
    hours = [0.0] * 8 + [3.0] * 4 + [1.0] * 12
    flow = PatientFlow(of(ward(stay=exponential(0.05)), per_day=200.0, source={"by_hour": hours}), days=20, seed=2)
    flow.run(20)
    census = np.array(flow.daily()["present"])
    late = 200.0 / 24 * 1.0  # an hour before midnight, of a mean weight of 1
    expected = late * 24 * 0.05 * (1 - math.exp(-12 / (24 * 0.05)))  # M/M/infinity at a constant rate for 12 hours
    assert abs(census.mean() - expected) < 4 * math.sqrt(expected / 20)
    assert int(flow.totals()["started"][0]) == pytest.approx(4000, abs=4 * math.sqrt(4000))


def test_weights_that_are_all_alike_give_the_rate_itself():
    flat = {"by_hour": [5.0] * 24, "by_weekday": [2.0] * 7, "by_month": [1.0] * 12}
    counts = starts(PatientFlow(of(ward(), per_day=50.0, source=flat), days=40, seed=3), 40)
    assert_poisson(counts, [50.0] * 40)


def test_a_source_that_dies_out_stops():
    """Halved each year from 10 a day on: 10 x 365 x (1 - 2**-t) / ln 2 in t years (closed form)."""
    flow = PatientFlow(of(ward(), source={"growth_per_year": -0.5}), days=4 * 365, seed=1).run(4 * 365)
    expected = 3650 * (1 - 0.5**4) / math.log(2)
    assert int(flow.totals()["started"][0]) == pytest.approx(expected, abs=4 * math.sqrt(expected))


def test_weights_are_relative_to_their_mean_over_time():
    assert relative((), [1] * 24).tolist() == [1.0] * 24
    assert np.average(relative(tuple(range(12)), [31, 28, *[30] * 10]), weights=[31, 28, *[30] * 10]) == pytest.approx(
        1
    )
    assert first_day(of(ward(), starts_on="2024-02-29")) == (3, 31 + 27)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"by_hour": [1.0] * 23}, "by_hour has 23 weights, must have 24"),
        ({"by_weekday": [0.0] * 7}, "by_weekday: at least one weight must be above 0"),
        ({"by_month": [-1.0] * 12}, "between 0 and 1e+09"),
        ({"growth_per_year": -0.9}, "between -0.5 and 1"),
        ({"class": "urgent"}, "unknown class of patients"),
    ],
)
def test_impossible_demand_is_refused(source, words):
    with pytest.raises(DefinitionError, match="arrivals") as caught:
        of(ward(), source=source)
    assert words in str(caught.value)


def test_a_rota_opens_and_closes_beds_by_the_hour():
    """Beds open 8 to 18 on weekdays: nobody begins a stay outside, and all who wait begin at 8 on Monday."""
    closed = [{"from_hour": 18, "until_hour": 8, "capacity": 0}, {"weekdays": WEEKEND, "capacity": 0}]
    flow = PatientFlow(of(ward(capacity=500, rota=closed), per_day=48.0), days=14, seed=4)
    counts = starts(flow, 14)
    assert counts[[5, 6, 12, 13]].tolist() == [0, 0, 0, 0]
    hours = np.array([18.0, 24, 24, 24, 24, 0, 0, 62 + 18, 24, 24, 24, 24, 0, 0])  # of arrivals before each 18:00
    assert_poisson(counts, hours * 2)


def test_a_rota_halves_the_servers_as_erlang_says():
    """Loss systems with one bed on weekdays and three at weekends: Erlang's B of each, stays far shorter than a day."""
    rota = [{"weekdays": WEEKEND, "capacity": 3}]
    full = ward(capacity=1, rota=rota, waiting_room=0, overflow="away", stay=exponential(0.01))
    away = {"name": "away", "class": "router", "routes": [{"to": "exit"}]}
    flow = PatientFlow(of(full, away, per_day=100.0), days=140, seed=5)
    blocked = np.diff([0, *(int(flow.run(1).totals()["blocked"][0]) for _ in range(140))]).reshape(20, 7)
    for days, servers in ((blocked[:, :5], 1), (blocked[:, 5:], 3)):
        share = (1 / math.factorial(servers)) / sum(1 / math.factorial(k) for k in range(servers + 1))
        error = days.sum(axis=1).std(ddof=1) / math.sqrt(20) / days.shape[1]
        assert abs(days.mean() - 100 * share) < 4 * error


def test_beds_that_close_are_emptied_by_their_patients_only():
    rota = [{"from_hour": 12, "until_hour": 24, "capacity": 0}]
    long = ward(capacity=5, rota=rota, stay={"distribution": "fixed", "value": 2.0})
    flow = PatientFlow(of(long, per_day=100.0), days=2, seed=1).run(1)
    assert flow.daily()["present"].to_list() == [5]


def test_many_beds_that_open_at_once_take_all_who_wait():
    rota = [{"weekdays": ["monday"], "capacity": 0}]
    flow = PatientFlow(of(ward(capacity=2000, rota=rota, stay=exponential(50.0)), per_day=600.0), days=2, seed=1).run(2)
    assert flow.daily()["waiting"].to_list()[1] == 0
    assert flow.daily()["peak"].to_list()[0] == 0


def test_a_rota_scales_with_the_network_and_a_closed_setting_is_refused():
    care = of(ward(capacity=10, rota=[{"weekdays": WEEKEND, "capacity": 4}]), reference_population=100).scaled(50)
    assert (care["ward"].capacity, care["ward"].rota[0].capacity, care["ward"].most_beds) == (5, 2, 5)
    with pytest.raises(DefinitionError, match="nobody can ever enter"):
        of(ward(capacity=0, rota=[{"capacity": 0}]))
    with pytest.raises(DefinitionError, match="'rota' needs a 'capacity'"):
        of(ward(rota=[{"capacity": 0}]))


def census(path: Any, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_census_goes_on_from_how_long_patients_have_been_there(tmp_path):
    """Uniform stays from 0 to 10 days, 200 who have been there for 6: 50 are left after two more days (closed form).

    None of them leaves before day 0, all have left by day 4; waits count from when they began.
    """
    beds = ward(capacity=200, stay={"distribution": "uniform", "low": 0.0, "high": 10.0})
    text = "setting,state,number,days\nward,present,200,6\nward,waiting,30,2.5\n"
    care = of(beds, per_day=0.0).with_census(census(tmp_path / "today.csv", text))
    flow = PatientFlow(care, days=5, seed=3).run(0)
    assert flow.totals().select("started", "left").row(0) == (200, 0)
    flow.run(2)
    left = int(flow.totals()["left"][0])
    assert abs(left - 100) < 4 * math.sqrt(200 * 0.25) + 30
    flow.run(3)
    assert int(flow.totals()["started"][0]) == 230
    assert flow.totals()["wait_days"][0] > 30 * 2.5


def test_a_census_of_exponential_stays_decays_as_they_do():
    """1,000 present, nobody comes: the census after t days is 1,000 exp(-t / 4), whatever they have stayed before."""
    care = of(ward(stay=exponential(4.0)), per_day=0.0, census=[{"setting": "ward", "number": 1000, "days": 9.0}])
    present = PatientFlow(care, days=6, seed=1).run(6).daily()["present"].to_numpy()
    expected = 1000 * np.exp(-np.arange(1, 7) / 4)
    assert (np.abs(present - expected) < 4 * np.sqrt(expected * (1 - expected / 1000))).all()


def test_the_census_of_one_run_begins_another(tmp_path):
    beds = ward(capacity=20, stay=exponential(5.0))
    first = PatientFlow(of(beds, per_day=5.0), days=60, seed=1).run(60)
    table = first.census()
    table.write_csv(tmp_path / "today.csv")
    care = of(beds, per_day=5.0).with_census(tmp_path / "today.csv")
    again = PatientFlow(care, days=10, seed=2)
    assert_frame_equal(again.census(), table)
    state = first.daily().filter(pl.col("day") == 59).row(0, named=True)
    by_state = dict(table.group_by("state").agg(pl.col("number").sum()).iter_rows())
    assert (by_state["present"], by_state.get("waiting", 0)) == (state["present"], state["waiting"])
    assert again.warm_up_rule == "No day is left out: the network begins with patients."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setting,number\nward,3\n", "column 'days' is missing"),
        ("setting,number,days,colour\n", "columns = 'colour': unknown or repeated"),
        ("setting,number,days\nward,3\n", "row 1: has 2 cells, the header has 3"),
        ("setting,number,days\nward,1,1\nward,many,3\n", "row 2: number = 'many'"),
        ("setting,number,days\nward,3,-1\n", "row 1: days = -1"),
        ("setting,number,days\nwrad,3,1\n", "census.0.setting = 'wrad': unknown setting, did you mean 'ward'"),
        ("setting,number,days,state\nward,3,1,ill\n", "row 1: state = 'ill'"),
        ("setting,number,days\nward,4,1\nward,2,3\n", "census.1.number = 2: 6 are present in 5 places; who has none"),
    ],
)
def test_a_census_that_cannot_be_is_refused(tmp_path, text, words):
    with pytest.raises(DefinitionError) as caught:
        of(ward(capacity=5)).with_census(census(tmp_path / "today.csv", text))
    assert words in str(caught.value)


def test_patients_who_stay_longer_than_anybody_can_are_refused():
    care = of(
        ward(stay={"distribution": "uniform", "low": 1.0, "high": 3.0}),
        census=[{"setting": "ward", "number": 2, "days": 3.0}],
    )
    with pytest.raises(DefinitionError, match=r"census.0.days = 3.0: must be less than any stay there lasts"):
        PatientFlow(care, days=5)


def test_a_network_file_names_its_census(tmp_path):
    (tmp_path / "today.csv").write_text("setting,number,days\nward,4,1.5\n", encoding="utf-8")
    (tmp_path / "ward.toml").write_text(
        'name = "w"\ncensus = "today.csv"\n[[arrivals]]\nname = "a"\nto = "ward"\nper_day = 1.0\n[[settings]]\n'
        'name = "ward"\nclass = "inpatient"\ncapacity = 9\nstay = { distribution = "exponential", mean = 3.0 }\n'
        'routes = [ { to = "exit" } ]\n',
        encoding="utf-8",
    )
    care = CareNetwork.read(tmp_path / "ward.toml")
    assert care.definition.census == (CensusRow(setting="ward", number=4, days=1.5),)
    assert PatientFlow(care, days=3).totals()["started"].to_list() == [4]


def test_a_scaled_census_keeps_its_sum():
    rows = tuple(CensusRow(setting="ward", number=1, days=float(day)) for day in range(100))
    assert sum(row.number for row in scaled_census(rows, 0.37)) == 37


def test_a_network_that_has_warmed_up_begins_in_its_usual_occupancy():
    """M/M/infinity of 20 days' stay: after 200 days before day 0 the mean census is the load from the first day on."""
    care = of(ward(stay=exponential(20.0)), per_day=10.0, warm_up_days=200)
    present = [PatientFlow(care, days=1, seed=seed).run(1).daily()["present"][0] for seed in range(20)]
    assert abs(np.mean(present) - 200) < 4 * math.sqrt(200 / 20)
    totals = PatientFlow(care, days=1, seed=0).totals()
    assert (totals["left"][0], totals["present_days"][0], totals["wait_days"][0]) == (0, 0.0, 0.0)
    with pytest.raises(DefinitionError, match="only one can be given"):
        of(ward(), warm_up_days=3, census=[{"setting": "ward", "number": 1, "days": 1.0}])


def test_the_summary_leaves_the_warm_up_out():
    """A ward that fills up over months: the mean census without the warm-up is the load (M/M/infinity)."""
    flow = PatientFlow(of(ward(capacity=2000, stay=exponential(60.0)), per_day=10.0), days=1500, seed=1).run(1500)
    with_it, without = flow.summary(0), flow.summary()
    assert 60 < flow.warm_up_days <= 750
    assert without["from_day"][0] == flow.warm_up_days
    error = math.sqrt(600 * 2 * 60 / (1500 - flow.warm_up_days))  # of the mean over time of an M/M/infinity census
    assert abs(without["mean_present"][0] - 600) < 4 * error
    assert with_it["mean_present"][0] == pytest.approx(flow.totals()["present_days"][0] / 1500)
    assert flow.warm_up_rule.startswith(
        f"The first {flow.warm_up_days} of 1500 days are left out as warm-up, by MSER-5"
    )
    with pytest.raises(InputError, match="warm_up_days = 7: must be a multiple of 5"):
        flow.summary(7)


def test_the_warm_up_by_its_definition():
    """Against the statistic written out: the sum of squares of the batches kept over their number squared."""
    means = np.concatenate([np.linspace(0, 9, 7), 10 + np.sin(np.arange(40) * 2.4)])
    by_hand = [((means[d:] - means[d:].mean()) ** 2).sum() / (len(means) - d) ** 2 for d in range(len(means) // 2 + 1)]
    assert warm_up_batches(means) == int(np.argmin(by_hand)) > 0
    assert warm_up_batches(means[:19]) == warm_up_batches(np.full(50, 3.0)) == 0


def test_one_strategy_changes_several_capacities_and_a_rota():
    """Two wards and a weekend's beds at once: the network by day, and what a run of it holds at most."""
    settings = [ward(capacity=2, stay=exponential(30.0)), ward(name="other", capacity=3, stay=exponential(30.0))]
    sources = [{"name": s["name"], "to": s["name"], "per_day": 40.0} for s in settings]
    care = of(*settings, arrivals=sources)
    open_weekend = [{"weekdays": WEEKEND, "capacity": 9}]
    both = Strategy(
        name="both",
        capacity={"other": 5},
        interventions=[
            {"name": "ward", "kind": "capacity", "setting": "ward", "places": 4, "from_day": 2, "rota": open_weekend}
        ],
    )
    found = networks_by_day(care, both)
    assert [(day, n["ward"].capacity, n["other"].capacity) for day, n in found.items()] == [(0, 2, 5), (2, 4, 5)]
    daily = PatientFlow(care, days=7, seed=1, strategy=both).run(7).daily()
    wards = {name: daily.filter(pl.col("setting") == name)["present"].to_list() for name in ("ward", "other")}
    assert wards == {"ward": [2, 2, 4, 4, 4, 9, 9], "other": [5] * 7}


@pytest.mark.parametrize(("rota", "shifts"), [({}, 1), ({"rota": []}, 0)])
def test_an_intervention_keeps_the_rota_of_the_network_unless_it_has_an_empty_one(rota, shifts):
    care = of(ward(capacity=2, rota=[{"weekdays": WEEKEND, "capacity": 1}]))
    more = {"name": "more", "kind": "capacity", "setting": "ward", "places": 4, **rota}
    now = networks_by_day(care, Strategy(name="more", interventions=[more]))[0]["ward"]
    assert (now.capacity, len(now.rota)) == (4, shifts)
