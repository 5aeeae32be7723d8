"""What followed the index discharges, and admissions that might have been avoided, by hand."""

from __future__ import annotations

from collections.abc import Sequence

from histories import CLASSES, History, people

from popsim.kernels.codes import UNPLANNED_CAUSES
from popsim.outcomes.discharges import COUNTED, avoidable_admissions, discharges, readmitted_by_person
from popsim.outcomes.readmission import index_outcomes, stays


def judged(history: History, follow_up_days: int = 365, index_causes: Sequence[str] = UNPLANNED_CAUSES):
    events = history.events()
    return discharges(stays(events, CLASSES), people(events, follow_up_days), index_causes)


def test_counts_by_person():
    """Person 1 is discharged on days 0, 8, 22 and 50 and admitted on days 5, 20 and 45.

    Within 30 days of day 0 lie the admissions of days 5 and 20, so only 0 and 50 are spaced index discharges; 0 is
    followed by a readmission, 50 is not. Within 90 days of 0 lie all three: one index, readmitted. Person 2 has the
    index at entry alone. Person 3 is planned on day 10: neither index nor readmission."""
    history = History().enter(1).stay(1, 5.0, 8.0).stay(1, 20.0, 22.0).stay(1, 45.0, 50.0)
    history.enter(2).enter(3).stay(3, 10.0, 12.0, cause="planned")
    assert readmitted_by_person(judged(history)).rows() == [
        (1, True, True, 2, 1, 1, 1),
        (2, False, False, 1, 0, 1, 0),
        (3, False, False, 1, 0, 1, 0),
    ]


def test_what_is_cut_off_is_not_counted():
    """Followed for 60 days: the window of 90 days is never whole; the discharge of day 40 has no whole one of 30 days,
    and a stay that has not ended is a readmission but no index."""
    history = History().enter(1).stay(1, 35.0, 40.0, cause="infection").stay(1, 55.0, None)
    columns = readmitted_by_person(judged(history, 60)).row(0, named=True)
    assert (columns["readmitted_30d"], columns["readmitted_30d_index_cause"]) == (False, False)
    assert (columns["index_discharges_30d"], columns["index_readmitted_30d"]) == (1, 0)
    assert (columns["index_discharges_90d"], columns["index_readmitted_90d"]) == (0, 0)


def test_the_rule_is_that_of_index_outcomes():
    history = History()
    for person in range(1, 40):
        history.enter(person)
        for turn in range(person % 5):
            day = 3.0 + 11 * turn + (7 * person * (turn + 1)) % 29
            history.stay(person, day, day + 0.5)
    after, events = judged(history), history.events()
    for days in (30, 90):
        expected = index_outcomes(stays(events, CLASSES), people(events), days, no_new_index_in_window=True)
        whole = expected.filter("whole_window")
        columns = readmitted_by_person(after)
        assert columns[f"index_discharges_{days}d"].sum() == len(whole)
        assert columns[f"index_readmitted_{days}d"].sum() == (whole["outcome"] == "readmitted").sum()


def test_avoidable_admissions():
    """Sensitive to ambulatory care: heart failure on day 20 and COPD on day 60 of person 1, heart failure on days 40
    and 45 of person 2; not the infections, nor a planned stay. Potentially avoidable: heart failure on day 20, 20 days
    after the index stay for it; the infection of day 30, 28 days after another; not heart failure on day 40, 40 days
    after; but that of day 45, 3 days after. 31 days after day 2 is day 33: too late."""
    history = History().enter(1).stay(1, 20.0, 22.0).stay(1, 60.0, 61.0, cause="respiratory")
    history.enter(2).stay(2, 40.0, 42.0).stay(2, 45.0, 46.0).stay(2, 50.0, 51.0, cause="planned")
    history.enter(3).stay(3, 1.0, 2.0, cause="infection").stay(3, 30.0, 31.0, cause="infection")
    history.enter(4).stay(4, 1.0, 2.9, cause="infection").stay(4, 33.0, 34.0, cause="infection")
    assert avoidable_admissions(judged(history, index_causes=["heart_failure"])).row(0) == (4, 3)


def test_index_causes_choose_the_discharges_that_start_a_window_and_the_readmissions_of_the_index_condition():
    """After COPD: the discharges of day 0 (entry) and 25 are index, that of day 12 (infection) is not. After day 0 come
    the infection of day 10 within 30 days and, for the index condition, by COPD on day 20; day 25 by heart failure
    on day 50 alone. Potentially avoidable: COPD on day 20, 8 days after an infection, is not, but after entry it would
    be; heart failure on day 50 is not for the cause of the stay before."""
    history = History().enter(1).stay(1, 10.0, 12.0, cause="infection").stay(1, 20.0, 25.0, cause="respiratory")
    history.stay(1, 50.0, 52.0, cause="heart_failure").enter(2).stay(2, 3.0, 4.0, cause="respiratory")
    after = judged(history, index_causes=["respiratory"])
    start = after.rows.filter("may_be_index")
    assert start.select("person_id", "discharge_day").rows() == [(1, 0), (1, 25), (2, 0), (2, 4)]
    outcome = {
        name: after.outcomes[30, name]["outcome"].filter(after.rows["may_be_index"]).to_list() for name in COUNTED
    }
    assert outcome[""] == ["readmitted", "readmitted", "readmitted", "neither"]
    assert outcome["_index_cause"] == ["readmitted", "neither", "readmitted", "neither"]
    assert avoidable_admissions(after)["potentially_avoidable_readmissions"].item() == 1
    assert avoidable_admissions(judged(history))["potentially_avoidable_readmissions"].item() == 2
