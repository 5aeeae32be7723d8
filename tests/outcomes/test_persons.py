"""The table of persons and the table of measures, for three people."""

from __future__ import annotations

import polars as pl
import pytest
from histories import CLASSES, History, people

from popsim.outcomes.discharges import discharges
from popsim.outcomes.home_time import INSTITUTIONS
from popsim.outcomes.measures import measures, waiting
from popsim.outcomes.persons import persons
from popsim.outcomes.readmission import stays

BASELINE = pl.DataFrame({"person_id": [1, 2, 3], "female": [0, 1, 1], "deprivation_quintile": [1, 1, 5]})


@pytest.fixture
def study() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Table of persons and measures: 1 is readmitted on day 12, 2 dies on day 40.5, 3 is well."""
    history = History().enter(1).enter(2).enter(3)
    history.stay(1, 12.0, 12.5, "emergency", to="ward").stay(1, 12.75, 16.25, asked=12.5)
    history.add(1, 16.0, "early", "ward").add(3, 20.0, "visit", "clinic")
    history.stay(2, 35.0, None, cause="infection").death(2, 40.5, "ward").add(2, 40.5, "end", "ward")
    events = history.events()
    admissions, followed = stays(events, CLASSES), people(events, 100)
    totals = pl.DataFrame(
        {
            "person_id": [3, 2, 1],
            "qaly": [0.2, 0.05, 0.15],
            "life_days": [100.0, 40.5, 100.0],
            "cost_ward": [0.0, 1000.0, 2000.0],
            "cost_total": [100.0, 1000.0, 2000.0],
        }
    )
    after, elsewhere = discharges(admissions, followed, ["heart_failure"]), stays(events, CLASSES, INSTITUTIONS)
    table = persons(events, admissions, followed, CLASSES, totals, BASELINE, after, elsewhere)
    waited = waiting(events, CLASSES, BASELINE)
    return table, pl.concat([measures(admissions, followed, table, after, elsewhere), waited])


def test_one_row_for_each_person(study):
    table, _ = study
    assert table["person_id"].to_list() == [1, 2, 3]
    assert table["died"].to_list() == [False, True, False]
    assert table["death_day"].to_list() == [None, 40.5, None]
    assert table["qaly"].to_list() == [0.15, 0.05, 0.2]
    assert table["cost_total"].to_list() == [2000.0, 1000.0, 100.0]
    assert table["admissions"].to_list() == [1, 1, 0]
    assert table["heart_failure_admissions"].to_list() == [1, 0, 0]
    assert table["bed_days"].to_list() == [4, 5, 0]
    assert table["ed_attendances"].to_list() == [1, 0, 0]
    assert table["visits"].to_list() == [0, 0, 1]
    assert table["early_discharges"].to_list() == [1, 0, 0]
    assert table["days_alive_out_of_hospital"].to_list() == [96.5, 35.0, 100.0]
    assert table["readmitted_30d"].to_list() == [True, False, False]
    assert table["readmitted_30d_index_cause"].to_list() == [True, False, False]


def test_measures_of_the_study(study):
    _, table = study
    value = dict(table.select("measure", "value").rows())
    # Four index discharges: three at entry and the one of person 1 on day 16; one is followed by a readmission.
    assert value["readmission_30d"] == 0.25
    assert value["readmission_30d_at_entry"] == pytest.approx(1 / 3)
    assert value["readmission_30d_index_cause"] == 0.25
    assert value["mortality"] == pytest.approx(1 / 3)
    assert value["mortality_90d"] == pytest.approx(1 / 3)
    assert value["mortality_30d"] == 0.0
    assert value["mortality_365d"] is None
    assert value["bed_days"] == 3.0
    assert value["admissions_per_person_year"] == pytest.approx(2 / (240.5 / 365.25))
    assert value["wait_mean_hours.ward"] == pytest.approx((6 + 0) / 2)
    # Home days: 100 - 3.5 in hospital, 40.5 - 5.5, 100.
    assert value["home_days"] == pytest.approx((96.5 + 35 + 100) / 3)
    assert value["days_alive_out_of_hospital_30d"] == pytest.approx((26.5 + 30 + 30) / 3)
    assert value["days_alive_out_of_hospital_365d"] is None
    # Only the windows of 90 days of the discharges at entry are whole: two of three were readmitted.
    assert value["readmission_90d"] == pytest.approx(2 / 3)
    assert value["ambulatory_care_sensitive_admissions_per_person_year"] == pytest.approx(1 / (240.5 / 365.25))
    assert value["emergency_mean_hours.emergency"] == pytest.approx(12.0)
    assert value["by_deprivation.mortality.1"] == 0.5


def test_what_censoring_hides_is_null():
    history = History().enter(1).enter(2).stay(2, 5.0, 6.0)
    events = history.events()
    admissions, followed = stays(events, CLASSES), people(events, 20)
    totals = pl.DataFrame({"person_id": [1, 2]})
    after, elsewhere = discharges(admissions, followed, ["heart_failure"]), stays(events, CLASSES, INSTITUTIONS)
    table = persons(events, admissions, followed, CLASSES, totals, BASELINE, after, elsewhere)
    assert table["readmitted_30d"].to_list() == [None, True]
