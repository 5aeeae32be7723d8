"""Delayed transfers of care and complications in hospital, against the closed forms of what is drawn.

A stay of fixed length L, a delay with probability p and days D, and complications at hazard h a day that prolong the
stay by days E (each while it lasts, and while it is prolonged: a branching process):

    mean of the stay = (L + p E[D]) / (1 - h E[E]),     P(stay > L + x) = p P(D > x) without complications.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import lognorm
from small_care import HOME, Life, fixed, network, place

from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_STROKE, DIED_OF_NON_CARDIOVASCULAR

TWINS, STAY = 4000, 3.0
SOURCE = "a ward's own count"


def lognormal(mean: float, sd: float) -> dict[str, object]:
    return {"distribution": "lognormal", "mean": mean, "sd": sd}


def delay(probability: float, days: dict[str, object], **keys: object) -> dict[str, object]:
    return {"probability": probability, "days": days, "source": SOURCE, **keys}


def complication(per_day: float, days: dict[str, object], **keys: object) -> dict[str, object]:
    return {"name": "infection", "per_day": per_day, "extra_days": days, "source": SOURCE, **keys}


def ward(**keys: object) -> dict[str, object]:
    return place("ward", capacity="unlimited", stay=fixed(STAY), **keys)


def admitted(care, twins=TWINS, days=200, prepare=None, causes=CAUSE_HEART_FAILURE, **keys) -> Life:
    """All twins fall ill on day 0 and are followed until everybody has left."""
    life = Life(care, twins, days=days + 1, **keys).live()
    if prepare is not None:
        prepare(life.population)
    return life.live(ill=dict.fromkeys(range(twins), causes) if isinstance(causes, int) else causes, days=days)


def lengths(life: Life, setting: str = "ward") -> np.ndarray:
    """Length of stay by row, NaN for those who died there."""
    frame = life.events("start", "end", setting=setting)
    wide = frame.pivot("event", index="row", values="time_days").sort("row")
    return (wide["end"] - wide["start"]).to_numpy()


def near(values: np.ndarray, expected: float) -> bool:
    return abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values))


def test_a_delayed_transfer_has_the_distribution_of_its_file():
    home = HOME | {"transfer_delay": delay(0.4, lognormal(5.0, 4.0))}
    life = admitted(network(home, ward(), presentation="ward"))
    stay = lengths(life)
    assert len(stay) == TWINS
    late = stay > STAY + 1e-3
    assert near(late.astype(float), 0.4)
    assert near(stay, STAY + 0.4 * 5.0)
    log_sd = np.sqrt(np.log(1 + (4 / 5) ** 2))
    for share in (0.25, 0.5, 0.9):
        exact = lognorm.ppf(share, log_sd, scale=5.0 / np.sqrt(1 + (4 / 5) ** 2))
        assert near((stay[late] - STAY <= exact).astype(float), share)
    fit = life.events("fit")
    assert len(fit) == late.sum()
    assert set(fit["detail"]) == {life.care.settings.index("home")}
    assert np.allclose(fit["time_days"] - life.events("start", setting="ward").join(fit, on="row")["time_days"], STAY)


def test_the_odds_of_a_delay_depend_on_columns_and_destination():
    factor = {"column": "frailty", "reference": 0.3, "log_change_per_unit": 5.0}
    lodging = {
        "name": "lodging", "class": "facility", "stay": {"distribution": "forever"},
        "transfer_delay": delay(0.4, fixed(2.0), factors=[factor]),
    }  # fmt: skip
    care = network(HOME, lodging, ward(to={"home": 0.5, "lodging": 0.5}), presentation="ward")

    def frail(population):
        population["frailty"] = np.where(np.arange(TWINS) % 2 == 0, 0.3, 0.5)

    life = admitted(care, days=10, prepare=frail)
    ends = life.events("end", setting="ward").sort("row")
    to_lodging = (ends["detail"] == life.care.settings.index("lodging")).to_numpy()
    late = np.isin(np.arange(TWINS), life.events("fit")["row"])
    assert not late[~to_lodging].any()
    odds = 0.4 / 0.6 * np.exp(5.0 * 0.2)
    for row, expected in ((0, 0.4), (1, odds / (1 + odds))):
        mine = to_lodging & (np.arange(TWINS) % 2 == row)
        assert near(late[mine].astype(float), expected)


def test_complications_prolong_a_stay_and_come_at_their_hazard():
    first = complication(0.05, lognormal(2.0, 2.0), by_cause={"stroke": 3.0})
    care = network(HOME, ward(), presentation="ward", complications=[first])
    causes = {row: CAUSE_STROKE if row % 2 else CAUSE_HEART_FAILURE for row in range(TWINS)}
    life = admitted(care, causes=causes)
    stay, had = lengths(life), np.bincount(life.events("complication")["row"], minlength=TWINS)
    assert life.population["alive"].all()
    for row, hazard in ((0, 0.05), (1, 0.15)):
        mine = np.arange(TWINS) % 2 == row
        assert near((stay[mine] > STAY + 1e-3).astype(float), 1 - np.exp(-hazard * STAY))
        assert near(stay[mine], STAY / (1 - hazard * 2.0))
        assert near(had[mine] - hazard * stay[mine], 0.0)


def test_complications_are_chosen_in_proportion_and_kill_within_their_course():
    kinds = [complication(0.1, fixed(4.0), fatality=0.3), complication(0.3, fixed(1.0)) | {"name": "fall"}]
    life = admitted(network(HOME, ward(), presentation="ward", complications=kinds))
    events, deaths = life.events("complication"), life.events("death")
    assert near((events["detail"] == 0).to_numpy().astype(float), 0.25)
    infected = events.filter(pl.col("detail") == 0).rename({"time_days": "since"})
    after = deaths.join(infected.group_by("row").agg(pl.col("since").max()), on="row")
    assert len(after) == len(deaths)
    assert (after["time_days"] >= after["since"]).all()
    assert abs(len(deaths) / len(infected) - 0.3) < 4 * np.sqrt(0.3 * 0.7 / len(infected))
    assert set(life.population["death_cause"][life.population["alive"] == 0]) == {DIED_OF_NON_CARDIOVASCULAR}


def test_a_ward_round_and_then_the_complication_end_a_stay():
    review = {"hour": 10.0, "discharge_when": [{"column": "weight_kg", "below": 70.0}], "at_most_days": 5.0}
    home = HOME | {"transfer_delay": delay(1.0, fixed(2.0))}
    always = complication(10.0, fixed(1.5))
    care = network(home, place("ward", capacity=9, review=review), presentation="ward", complications=[always])
    life = Life(care, 1, days=41).live().live(ill=(0,), days=40)
    assert life.events("end", setting="ward").is_empty()  # a complication follows a complication
    care = network(home, place("ward", capacity=9, review=review), presentation="ward")
    life = Life(care, 1, days=41).live().live(ill=(0,), days=40)
    fit, end = life.events("fit")["time_days"][0], life.time("end", "ward", 0)
    assert fit % 1 == pytest.approx(10 / 24)
    assert 5.0 <= fit - life.time("start", "ward", 0) < 6.0
    assert end - fit == pytest.approx(2.0, abs=1e-5)


def test_a_death_or_a_full_facility_ends_or_follows_a_delay():
    lodging = {
        "name": "lodging", "class": "facility", "capacity": 1, "boards": True, "stay": fixed(50.0),
        "routes": [{"to": "home"}], "transfer_delay": delay(1.0, fixed(2.0)),
    }  # fmt: skip
    care = network(HOME, lodging, ward(to="lodging"), presentation="ward")
    life = Life(care, 3, days=100).live().live(ill=(0, 1), days=90)
    first, second = sorted(life.events("start", setting="lodging")["time_days"])
    assert second - first == pytest.approx(50.0)
    assert len(life.events("fit")) == 2  # the one who then waits for the place is not delayed again
    life = Life(care, 1, days=30).live().live(ill=(0,), days=2).live(die=(0,), days=20)
    assert life.events("start", setting="lodging").is_empty()
    assert life.story(0)[-2:] == [("death", "ward"), ("end", "ward")]


def test_what_never_happens_changes_nothing():
    plain = admitted(network(HOME, ward(), presentation="ward"), twins=50, days=20)
    never = network(
        HOME | {"transfer_delay": delay(0.0, fixed(9.0))}, ward(), presentation="ward",
        complications=[complication(0.0, fixed(9.0), fatality=1.0)],
    )  # fmt: skip
    assert admitted(never, twins=50, days=20).events().equals(plain.events())


def test_a_dose_that_leaves_much_fluid_is_followed_by_a_higher_one():
    """On 40 mg by mouth 100 mg by vein, half more at every round with 5 kg too much, as DOSE allowed, up to 800."""
    review = {"hour": 10.0, "discharge_when": [{"column": "weight_kg", "below": 80.2}], "at_most_days": 30.0}
    life = Life(network(HOME, place("ward", capacity=9, review=review), presentation="ward"), 1, days=41).live()
    people = life.population
    people["weight_kg"], people["loop_diuretic_mg_day"] = 85.0, 40.0
    doses = []
    for day in range(9):
        life.live(ill=(0,) if day == 0 else ())
        doses.append(float(people["iv_diuretic_mg_day"][0]))
    risen = [min(100.0 * 1.5**step, 800.0) for step in range(9)]
    assert doses == pytest.approx(risen)
    people["weight_kg"] = 81.0  # dry enough not to act on at home
    assert float(life.live().population["iv_diuretic_mg_day"][0]) == pytest.approx(100.0)
