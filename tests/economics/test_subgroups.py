"""Effects by subgroup and by person, and the value of choosing by subgroup, in people whose effects are known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.economics.individual import (
    FORESIGHT,
    counterfactual_pairs,
    individual_effects,
    individualised_care,
    who_gains,
)
from popsim.economics.subgroups import subgroup_effects
from popsim.errors import InputError

PRICE = 20_000.0


def persons(effect, replications: int = 20, people: int = 300, seed: int = 1, draws: int = 0) -> pl.DataFrame:
    """usual and clinic; `effect(random, female, age)` gives the clinic's (cost, QALY) differences."""
    random = np.random.default_rng(seed)
    tables = []
    for draw in range(1, draws + 1) if draws else [0]:
        for replication in range(replications):
            female, age = random.integers(0, 2, people), random.uniform(50, 90, people)
            cost, qaly = random.gamma(2, 2000, people), random.uniform(0, 1, people)
            more, gain = effect(random, female, age)
            for strategy, extra, better in (("usual", 0.0, 0.0), ("clinic", more, gain)):
                columns = {
                    "strategy": [strategy] * people,
                    "draw": [draw] * people,
                    "replication": [replication] * people,
                    "region": [0] * people,
                    "person_id": np.arange(people),
                    "female": female,
                    "age_years": age,
                    "cost_total": cost + extra,
                    "qaly": qaly + better,
                }
                tables.append(pl.DataFrame(columns))
    names = pl.Enum(["usual", "clinic"])
    return pl.concat(tables).sample(fraction=1.0, shuffle=True, seed=seed).with_columns(pl.col("strategy").cast(names))


def women_gain(random, female, age):
    return 100.0 + random.normal(0, 50, len(female)), 0.02 * female + random.normal(0, 0.01, len(female))


def of(table, subgroup, level, measure):
    chosen = (pl.col("subgroup") == subgroup) & (pl.col("level") == level) & (pl.col("measure") == measure)
    return table.row(by_predicate=chosen, named=True)


def test_effects_are_paired_within_replications():
    """Against the paired t test of the means by replication; the noise that pairs share is gone."""
    table = persons(women_gain)
    found = subgroup_effects(table, "usual", ["female"], PRICE)
    row = of(found, "female", "1", "qaly")
    means = table.filter(pl.col("female") == 1).group_by("strategy", "replication").agg(pl.col("qaly").mean())
    by = {name: means.filter(pl.col("strategy") == name).sort("replication")["qaly"] for name in ("usual", "clinic")}
    expected = stats.ttest_rel(by["clinic"].to_numpy(), by["usual"].to_numpy()).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert abs(row["mean"] - 0.02) < 4 * row["standard_error"]
    assert row["replications"] == 20
    assert row["high"] - row["low"] < 0.002, "0.01 / sqrt(3000); unpaired it would be 0.02"
    men = of(found, "female", "0", "net_monetary_benefit")
    assert men["low"] < -100 < men["high"]
    everyone = of(found, "everyone", "everyone", "qaly")
    both = [of(found, "female", level, "qaly") for level in "01"]
    assert everyone["mean"] == pytest.approx(sum(row["share"] * row["mean"] for row in both), abs=2e-4)
    assert sum(row["share"] for row in both) == pytest.approx(1.0)


def test_bands():
    table = persons(women_gain, replications=2)
    own = subgroup_effects(table, "usual", ["age_years"], PRICE, cuts={"age_years": [65, 80]})
    assert own["level"].unique(maintain_order=True).to_list() == [
        "everyone", "under 65", "65 to under 80", "80 and over",
    ]  # fmt: skip
    quartiles = subgroup_effects(table, "usual", ["age_years"], PRICE)
    assert quartiles["level"].unique(maintain_order=True).to_list() == [
        "everyone", "under 59", "59 to under 69", "69 to under 79", "79 and over",
    ]  # fmt: skip
    ages = table.filter(pl.col("strategy") == "usual")["age_years"].to_numpy()
    assert np.quantile(ages, [0.25, 0.5, 0.75]).round().tolist() == [59, 69, 79]
    share = quartiles.filter(pl.col("subgroup") == "age_years")["share"].to_numpy()
    assert np.all(np.abs(share - 0.25) < 0.06)
    mostly_none = table.with_columns(visits=pl.when(pl.col("age_years") > 85).then("person_id").otherwise(0))
    assert len(subgroup_effects(mostly_none, "usual", ["visits"], PRICE)["level"].unique()) == 3


def test_a_person_whose_level_is_not_known():
    table = persons(women_gain, replications=3).with_columns(female=pl.when(pl.col("person_id") > 9).then("female"))
    found = subgroup_effects(table, "usual", ["female"], PRICE)
    assert found.filter(pl.col("level").is_null() & (pl.col("measure") == "qaly"))["share"].item() == pytest.approx(
        1 / 30
    )


def test_pairs_are_the_same_person():
    table = persons(women_gain, replications=2)
    pairs = counterfactual_pairs(table, "usual", PRICE).collect()
    assert len(pairs) == 600
    assert pairs["cost_difference"].mean() == pytest.approx(100, abs=3 * 50 / np.sqrt(600))
    assert pairs["cost_difference"].std() == pytest.approx(50, rel=0.1), "the spread of costs between people is 2800"


def test_who_gains_and_who_loses():
    def effect(random, female, age):
        return np.where(female == 1, -500.0, np.where(age > 70, 300.0, 0.0)), 0.0

    table = persons(effect)
    rows = individual_effects(table, "usual", PRICE)
    found = dict(zip(rows["measure"], rows["mean"], strict=True))
    error = 4 * 0.5 / np.sqrt(6000)
    worth = {name.removeprefix("net_benefit_"): mean for name, mean in found.items() if name.startswith("net_benefit_")}
    assert worth["share_gains"] == pytest.approx(0.5, abs=error)
    assert worth["share_loses"] == pytest.approx(worth["share_unchanged"], abs=2 * error)
    assert (worth["mean_of_gains"], worth["mean_of_loses"]) == pytest.approx((500, -300))
    assert (worth["p05"], worth["p95"]) == pytest.approx((-300, 500))
    assert found["health_share_unchanged"] == 1.0, "who pays more without losing health is not harmed"
    assert (found["health_share_gains"], found["health_share_loses"], found["health_mean"]) == (0.0, 0.0, 0.0)
    like = who_gains(table, "usual", PRICE, ["female", "age_years"])
    by = {row["column"]: row for row in like.filter(pl.col("of") == "net_benefit").iter_rows(named=True)}
    assert (by["female"]["gains"], by["female"]["loses"]) == (1.0, 0.0)
    assert by["age_years"]["loses"] == pytest.approx(80, abs=1)
    assert by["age_years"]["unchanged"] == pytest.approx(60, abs=1)


def test_the_value_of_choosing_by_subgroup():
    """Women gain 300 from the clinic, men lose 100: the clinic for all is worth 100, for women alone 150: 50 more."""
    found = individualised_care(persons(women_gain), "usual", PRICE, ["female"])
    by = {row["policy"]: row for row in found.value.iter_rows(named=True)}
    row = by["best strategy by female"]
    assert row["low"] < 50 < row["high"]
    assert row["high"] - row["low"] < 20
    assert dict(zip(found.choice["level"], found.choice["strategy"], strict=True)) == {"0": "usual", "1": "clinic"}
    # A person's net benefit is normal with mean 300 or -100 and sd hypot(50, 200).
    sd = np.hypot(50, 200)
    best = sum(0.5 * (mean * stats.norm.cdf(mean / sd) + sd * stats.norm.pdf(mean / sd)) for mean in (300, -100))
    foresight = by[FORESIGHT]
    assert foresight["mean"] == pytest.approx(best - 100, abs=4 * foresight["standard_error"])
    assert foresight["mean"] > row["mean"]


def test_subgroups_that_do_not_matter_are_worth_nothing():
    """Cross-fitted, a meaningless split into 40 has no value; judged by the data it was chosen by, it would."""

    def nobody(random, female, age):
        return random.normal(0, 1000, len(female)), 0.0

    tables = [persons(nobody, replications=6, people=200, seed=seed) for seed in range(8)]
    gains, own = [], []
    for table in tables:
        split = table.with_columns(band=pl.col("person_id") % 40)
        cuts = {"band": list(range(1, 40))}
        value = individualised_care(split, "usual", PRICE, ["band"], cuts=cuts).value
        gains.append(value["mean"][0])
        pairs = counterfactual_pairs(split, "usual", PRICE).collect()
        by_band = pairs.group_by("band").agg(pl.col("net_benefit_difference").sum())
        all_sum = by_band["net_benefit_difference"].sum()
        own.append((by_band["net_benefit_difference"].clip(lower_bound=0).sum() - max(0, all_sum)) / 1200)
    assert np.mean(own) > 50
    assert abs(np.mean(gains)) < 4 * np.std(gains, ddof=1) / np.sqrt(8)


def test_one_replication_leaves_nothing_to_judge_by():
    found = individualised_care(persons(women_gain, replications=1), "usual", PRICE, ["female"])
    assert found.value["mean"].to_list()[0] is None
    assert found.value["mean"].to_list()[1] > 0


def test_draws_count_as_units():
    found = individualised_care(persons(women_gain, replications=2, draws=6), "usual", PRICE, ["female"])
    row = found.value.row(0, named=True)
    assert (row["replications"], row["draws"]) == (12, 6)
    assert row["low"] < 50 < row["high"]


def test_what_is_refused():
    table = persons(women_gain, replications=1)
    with pytest.raises(InputError, match="no column 'femal': did you mean 'female'"):
        subgroup_effects(table, "usual", ["femal"], PRICE)
    with pytest.raises(InputError, match="comparator 'usal': did you mean 'usual'"):
        individualised_care(table, "usal", PRICE, ["female"])


def test_weights_to_another_population():
    """Women gain 300 and men lose 100; of a population with 80% women, everybody gains 0.8 x 300 - 0.2 x 100 = 220.

    Giving women the clinic and men usual care is then worth 0.2 x 100 = 20 over the clinic for everybody.
    """
    table, shares = persons(women_gain), {"0": 0.2, "1": 0.8}
    effects = subgroup_effects(table, "usual", ["female"], PRICE, weights=shares)
    benefit = effects.filter(pl.col("measure") == "net_monetary_benefit")
    level = {row["level"]: row for row in benefit.iter_rows(named=True)}
    everyone = 0.2 * level["0"]["mean"] + 0.8 * level["1"]["mean"]
    assert level["everyone"]["mean"] == pytest.approx(everyone, abs=4 * level["everyone"]["standard_error"])
    assert [level[name]["share"] for name in ("0", "1")] == pytest.approx([0.2, 0.8])
    found = individualised_care(table, "usual", PRICE, ["female"], weights=shares)
    row = found.value.row(0, named=True)
    assert row["mean"] == pytest.approx(-0.2 * level["0"]["mean"], abs=4 * row["standard_error"])
    assert dict(found.choice.select("level", "share").iter_rows()) == pytest.approx(shares)
    counts = table.filter(pl.col("strategy") == "usual")["female"].cast(pl.String).value_counts()
    own = dict(counts.with_columns(pl.col("count") / counts["count"].sum()).iter_rows())
    as_it_is = individualised_care(table, "usual", PRICE, ["female"])
    weighted = individualised_care(table, "usual", PRICE, ["female"], weights=own)
    assert weighted.value["mean"].to_list() == pytest.approx(as_it_is.value["mean"].to_list())
    for wrong, says in (({"0": 1.0}, "'1' of female: it has no weight"), ({"0": 0.5, "1": 0.6}, "sum to 1.1"),
                        ({"0": 0.2, "1": 0.5, "2": 0.3}, "level '2' of female")):  # fmt: skip
        with pytest.raises(InputError, match=says):
            individualised_care(table, "usual", PRICE, ["female"], weights=wrong)


def test_foresight_is_a_bound_on_every_rule():
    """Replications that disagree on the best strategy for everybody: rule and foresight are over the same one.

    Women gain 300; men lose 280 in the first replication and 330 in the second. What the other replication learned for
    everybody is usual care (0) in the first and the clinic (-15) in the second; women alone there are worth 150.
    """
    rows = [
        (strategy, 0, replication, 0, person, person % 2, gain if strategy == "clinic" else 0.0)
        for replication, men in enumerate((-280.0, -330.0))
        for person, gain in enumerate((men, 300.0) * 50)
        for strategy in ("usual", "clinic")
    ]
    names = ["strategy", "draw", "replication", "region", "person_id", "female", "gain"]
    table = pl.DataFrame(rows, names, orient="row").with_columns(cost_total=-pl.col("gain"), qaly=pl.lit(0.5))
    means = individualised_care(table.drop("gain"), "usual", PRICE, ["female"]).value["mean"].to_list()
    assert means == pytest.approx([(150 + 165) / 2] * 2)
