"""Measures of few people are hidden, and whatever would give them away."""

import polars as pl
import pytest

from popsim.outcomes.small_cells import hidden_measures, masked


def table(**counts):
    """Measures of two strategies from (numerator, denominator); the second has the same."""
    rows = [
        {"strategy": strategy, "measure": name.replace("__", "."), "value": number / of, "weight": float(of)}
        for strategy in "ab"
        for name, (number, of) in counts.items()
    ]
    return pl.DataFrame(rows).with_columns(draw=0, replication=0)


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ({"mortality": (10, 100)}, {"mortality"}),
        ({"mortality": (11, 100)}, set()),
        ({"mortality": (0, 100)}, set()),
        ({"mortality": (95, 100)}, {"mortality"}),  # the 5 who live
        ({"bed_days": (700, 100)}, set()),
        ({"bed_days": (70, 10)}, {"bed_days"}),
        ({"admissions_per_person_year": (4, 100)}, {"admissions_per_person_year"}),
        ({"occupancy_share.ward": (1, 2)}, set()),  # of places, not people
        ({"mortality_30d": (20, 200), "mortality_90d": (25, 200)}, {"mortality_90d"}),  # 5 between them
        ({"mortality_30d": (20, 200), "mortality_90d": (31, 200)}, set()),
        ({"readmission_30d": (30, 90), "readmission_30d_index_cause": (26, 90)}, {"readmission_30d_index_cause"}),
    ],
)
def test_what_is_hidden(counts, hidden):
    assert hidden_measures(table(**counts), 11) == hidden
    assert hidden_measures(table(**counts), 1) == set()


def test_few_people_in_beds_of_their_own_hide_all_that_tells_of_those_beds():
    measures = table(
        occupancy_mean__icu=(3, 1), occupancy_share__icu=(3, 4), days_over_85_percent__icu=(1, 2),
        occupancy_mean__ward=(30, 1), occupancy_peak__ward=(40, 1), occupancy_share__ward=(30, 60),
    )  # fmt: skip
    ours = {"occupancy_mean.icu", "occupancy_share.icu", "days_over_85_percent.icu"}
    assert hidden_measures(measures, 11, study_beds=True) == ours
    assert hidden_measures(measures, 11) == set()  # made-up patients are in the same beds


def test_one_hidden_fifth_hides_the_others_and_their_gaps():
    counts = {f"by_deprivation__mortality__{n}": (40 if n > 1 else 3, 100) for n in range(1, 6)}
    names = {f"by_deprivation.mortality.{n}" for n in range(1, 6)}
    assert hidden_measures(table(**counts), 11) == names | {"gap_deprivation.mortality", "slope_deprivation.mortality"}


def test_a_hidden_readmission_hides_the_ratios_made_of_it():
    found = hidden_measures(table(readmission_30d=(5, 100)), 11)
    assert found >= {"risk_standardised_readmission_30d", "readmission_ratio_30d"}


def test_masked_numbers_are_gone_in_every_strategy_and_others_stay():
    frame = table(mortality=(5, 100), bed_days=(700, 100))
    out = masked(frame, {"mortality"}).collect()
    assert out.filter(pl.col("measure") == "mortality").select("value", "weight").null_count().row(0) == (2, 2)
    assert out.filter(pl.col("measure") == "bed_days").equals(frame.filter(pl.col("measure") == "bed_days"))
