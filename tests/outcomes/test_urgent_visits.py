"""Emergency visits without admission, and where people went after the stay with which they entered."""

from __future__ import annotations

from histories import CLASSES, History

from popsim.outcomes.urgent_visits import index_destinations, urgent_visits


def test_a_visit_is_urgent_if_it_ends_neither_on_a_ward_nor_in_death():
    history = History().enter(1)
    history.stay(1, 5.0, 5.3, "emergency", to="ward").stay(1, 5.3, 8.0)
    history.stay(1, 20.0, 20.3, "emergency", to="home")
    history.stay(1, 30.0, 30.3, "emergency", "infection", "assessment").stay(1, 30.3, 30.9, "assessment", "infection")
    history.stay(1, 40.0, 40.3, "emergency", to="assessment").stay(1, 40.3, 40.9, "assessment", to="ward")
    history.enter(2).stay(2, 3.0, None, "emergency").death(2, 3.2, "emergency").add(2, 3.2, "end", "emergency")
    found = urgent_visits(history.events(), CLASSES)
    assert found.select("person_id", "admit_time_days", "discharge_time_days", "cause", "destination").rows() == [
        (1, 20.0, 20.3, "heart_failure", "home"),
        (1, 30.0, 30.9, "infection", "home"),
    ]


def test_the_destination_of_entry_is_the_first_setting_outside_hospital():
    history = History().enter(1).stay(1, 0.0, 12.0, "nursing_home", to="home").stay(1, 12.0, None, "home")
    history.enter(2).stay(2, 0.0, 4.0, "ward").stay(2, 4.0, None, "home")
    history.enter(3).stay(3, 0.0, 2.0, "ward", to="intensive_care")
    found = index_destinations(history.events(), CLASSES).sort("person_id")
    assert found.rows() == [(1, "nursing_home"), (2, "home")]
