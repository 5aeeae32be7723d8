"""Regions put together: by hand, and against all their people in one table."""

from __future__ import annotations

import polars as pl
import pytest

from popsim.outcomes.regions import TOTAL, Value, measure_frame, merge
from popsim.studies.design import read_study
from popsim.studies.unit import simulate

EXPERIMENT = """
name = "regions"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 400
regions = 3
replications = 1
seed = 5
follow_up_days = 120
store = "persons"
[[strategies]]
name = "usual"
"""


def measures(*regions: dict[str, Value]) -> pl.DataFrame:
    """Measures of one strategy, draw and replication by region."""
    place = {"strategy": "usual", "draw": 0, "replication": 0}
    tables = [
        measure_frame(values).select(
            *(pl.lit(v).alias(k) for k, v in place.items()), pl.lit(r).alias("region"), pl.all()
        )
        for r, values in enumerate(regions)
    ]
    return pl.concat(tables)


def merged(*regions: dict[str, Value]) -> dict[str, tuple[float | None, float | None]]:
    return {
        name: (value, weight)
        for name, value, weight in merge(measures(*regions)).select("measure", "value", "weight").rows()
    }


def test_means_are_weighted_and_totals_add_up():
    """Mean (1 x 10 + 4 x 20) / 30 = 3; 7 + 5 people."""
    both = merged(
        {"mean": Value(1.0, 10), "people": Value(7, TOTAL)}, {"mean": Value(4.0, 20), "people": Value(5, TOTAL)}
    )
    assert both == {"mean": (3.0, 30.0), "people": (12.0, None)}


def test_a_region_without_anybody_to_count_is_left_out():
    """The second region had no start: the mean is the first's; where no region knows, nobody does."""
    both = merged(
        {"wait": Value(2.0, 5), "none": Value(None, 0), "alone": Value(1.5, 3)},
        {"wait": Value(None, 0), "none": Value(None, 0)},
    )
    assert both == {"wait": (2.0, 5.0), "none": (None, 0.0), "alone": (1.5, 3.0)}


def test_one_region_is_left_as_it_is():
    value = 0.1 + 0.2
    assert merged({"mean": Value(value, 3), "none": Value(None, 0), "people": Value(value, TOTAL)}) == {
        "mean": (value, 3.0), "none": (None, 0.0), "people": (value, None),
    }  # fmt: skip


@pytest.fixture(scope="module")
def regions(tmp_path_factory, request):
    """The tables of the three units of one replication."""
    path = tmp_path_factory.mktemp("regions") / "experiment.toml"
    path.write_text(EXPERIMENT.format(root=request.config.rootpath))
    study = read_study(path)
    assert [study.region_size(region) for region in range(3)] == [134, 133, 133]
    return [simulate(unit) for unit in study.units]


def test_merged_measures_are_those_of_all_people_together(regions):
    persons = pl.concat([tables["persons"] for tables in regions])
    value = dict(merge(pl.concat([tables["measures"] for tables in regions])).select("measure", "value").rows())
    assert len(persons) == 400
    for measure, column in {"qalys": "qaly", "cost_total": "cost_total", "mortality": "died", "bed_days": "bed_days",
                            "days_alive_out_of_hospital": "days_alive_out_of_hospital",
                            "readmission_30d_at_entry": "readmitted_30d"}.items():  # fmt: skip
        assert value[measure] == pytest.approx(persons[column].cast(pl.Float64).mean(), rel=1e-12), measure
    years = (persons["death_day"].fill_null(120).sum()) / 365.25
    assert value["person_years"] == pytest.approx(years, rel=1e-12)
    assert value["admissions_per_person_year"] == pytest.approx(persons["admissions"].sum() / years, rel=1e-12)
    census = sum(tables["daily"]["census_general_ward"].mean() for tables in regions)
    assert value["occupancy_mean.general_ward"] == pytest.approx(census, rel=1e-12)


def test_regions_differ_and_so_do_their_external_patients(regions):
    """Other people, other luck; the ward's census is mostly external patients."""
    first, second = (tables["persons"].filter(pl.col("person_id") < 133) for tables in regions[:2])
    assert (first["age_years"] != second["age_years"]).mean() > 0.99
    assert first["qaly"].to_list() != second["qaly"].to_list()
    # Day by day the emergency departments of two catchments are as good as unrelated: below 3 standard errors of a
    # correlation of 0 over 120 days (0.27), and 0.5 for the months in which both fill.
    one, two = (tables["daily"]["census_emergency_department"] for tables in regions[:2])
    assert one.to_list() != two.to_list()
    assert abs(pl.select(pl.corr(one[30:], two[30:])).item()) < 0.5


def test_a_region_is_the_same_wherever_it_is_computed(regions, tmp_path, request):
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT.format(root=request.config.rootpath))
    again = simulate(read_study(path).units[2])
    assert again["persons"].equals(regions[2]["persons"])
