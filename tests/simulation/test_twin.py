"""A twin as a handle on its row, and its story from the event log."""

from __future__ import annotations

import mesa
import numpy as np
import polars as pl
import pytest
from tiny_model import CLINIC, EMERGENCY, HOME, INTENSIVE, NURSING, WARD, TinyModel, population

from popsim.errors import InputError
from popsim.kernels import codes as code
from popsim.simulation.twin import PatientTwin

HF = code.CAUSE_HEART_FAILURE


def hours(day: int, hour: float) -> float:
    return day + hour / 24


@pytest.fixture
def model():
    return TinyModel(6)


def test_attributes_are_the_columns_of_the_row(model):
    for row, twin in enumerate(model.agents):
        assert twin.row == row and twin.unique_id == row + 1
        assert twin.person_id == model.population.person_id[row]
        for name in model.population:
            value = getattr(twin, name)
            assert value == model.population[name][row]
            assert type(value) is (int if model.population.schema[name].kind in ("code", "count") else float)


def test_writing_an_attribute_writes_the_column_of_that_row_only(model):
    before = model.population.frame().clone()
    before = pl.DataFrame({name: before[name].to_list() for name in before.columns})
    model.agents[2].systolic_mmhg = 101.5
    model.agents[2].age_years = np.float32(50)  # a cohort's column may be written too: a what-if
    model.agents[3].alive = False
    after = model.population.frame()
    assert after["systolic_mmhg"][2] == 101.5 and after["age_years"][2] == 50 and after["alive"][3] == 0
    changed = {(name, row) for name in before.columns for row in range(6) if before[name][row] != after[name][row]}
    assert changed == {("systolic_mmhg", 2), ("age_years", 2), ("alive", 3)}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("systolic_mmhg", 900, "systolic_mmhg = 900: must be a number from 40 to 260 mm[Hg]"),
        ("systolic_mmhg", float("nan"), "systolic_mmhg = nan: must be a number from 40 to 260 mm[Hg]"),
        ("systolic_mmhg", float("-inf"), "systolic_mmhg = -inf: must be a number from 40 to 260 mm[Hg]"),
        ("systolic_mmhg", "120", "systolic_mmhg = '120': must be a number from 40 to 260 mm[Hg]"),
        ("systolic_mmhg", None, "systolic_mmhg = None: must be a number from 40 to 260 mm[Hg]"),
        ("nyha_class", 2.5, "nyha_class = 2.5: must be a whole number from 1 to 4"),
        ("nyha_class", 5, "nyha_class = 5: must be a whole number from 1 to 4"),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_refused_in_one_line(model, name, value, message):
    before = model.population[name].copy()
    with pytest.raises(InputError) as error:
        setattr(model.agents[0], name, value)
    assert str(error.value) == message
    assert np.array_equal(model.population[name], before)


def test_an_unknown_attribute_is_refused_with_a_suggestion(model):
    with pytest.raises(AttributeError, match="a twin has no 'systolic_mhg': did you mean 'systolic_mmhg'"):
        _ = model.agents[0].systolic_mhg
    assert not hasattr(model.agents[0], "absent")


def test_dir_lists_columns_and_methods(model):
    listed = dir(model.agents[0])
    assert {"systolic_mmhg", "nyha_class", "explain", "history", "remove", "unique_id"} <= set(listed)


def test_a_handle_is_made_once_and_keeps_what_the_user_puts_on_it(model):
    twin = model.agents[4]
    twin.visits = ["Monday"]
    assert model.agents[4] is twin is model.agents.select(lambda t: t.row == 4)[0]
    assert model.agents.to_list()[4].visits == ["Monday"]
    assert isinstance(twin, mesa.Agent) and twin in {twin}
    assert (twin.model, twin.pos, twin.random, twin.rng) == (model, None, model.random, model.rng)


def test_twins_are_not_made_by_hand(model):
    assert model.agents[1] is not None
    with pytest.raises(InputError, match=r"row 1 has its twin: take it from model\.agents"):
        PatientTwin(model, 1)
    with pytest.raises(InputError, match="no twin in row 6: rows are 0 to 5"):
        PatientTwin(model, 6)
    with pytest.raises(InputError, match="are PatientTwin, not Stranger"):
        type("Stranger", (PatientTwin,), {})(model, 2)


def test_a_class_that_hides_a_column_is_refused():
    with pytest.raises(InputError, match=r"Loud\.nyha_class hides the column of that name"):
        TinyModel(3, agent_class=type("Loud", (PatientTwin,), {"nyha_class": 4}))
    with pytest.raises(InputError, match="must be a subclass of PatientTwin"):
        TinyModel(3, agent_class=mesa.Agent)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sistolic", "systolic_mmhg"), ("systolic", "systolic_mmhg"), ("systolic_mmgh", "systolic_mmhg"),
        ("age", "age_years"), ("nyha", "nyha_class"), ("qalys", "qaly"), ("femal", "female"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_makes_no_attribute(model, name, meant):
    for write in (lambda: setattr(model.agents[0], name, 1), lambda: model.agents.set(name, 1)):
        with pytest.raises(InputError, match=f"a twin has no '{name}': did you mean '{meant}'"):
            write()


def test_attributes_of_ones_own_are_free_and_those_that_resemble_a_column_are_declared(model):
    for name in ("note", "visits", "stress", "_age", "friends", "group"):
        setattr(model.agents[0], name, 1)

    class Aged(PatientTwin):
        age = 0

    twin = TinyModel(3, agent_class=Aged).agents[0]
    twin.age = 5
    assert twin.age == 5


@pytest.mark.parametrize("name", ["on_admision", "on_death", "on_days", "on_Discharge"])
def test_what_looks_like_a_hook_and_is_none_is_refused(name):
    loud = type("Loud", (PatientTwin,), {name: lambda self, event: None})
    with pytest.raises(InputError, match=f"Loud.{name}: there is no such hook, .*on_admission, on_contact"):
        TinyModel(3, agent_class=loud)


@pytest.mark.parametrize(
    ("name", "hook", "wanted"),
    [
        ("on_day", lambda self, event: None, "self"),
        ("on_admission", lambda self: None, "self, event"),
        ("on_contact", 5, "self, event"),
    ],
)
def test_a_hook_that_cannot_be_called_is_refused(name, hook, wanted):
    loud = type("Loud", (PatientTwin,), {name: hook})
    with pytest.raises(InputError, match=rf"Loud\.{name}: must be a method that takes \({wanted}\)"):
        TinyModel(3, agent_class=loud)


def test_removal_withdraws_the_twin_from_the_agents_and_leaves_its_row(model):
    twin = model.agents[2]
    before = model.population.copy()
    twin.remove()
    assert twin not in model.agents and len(model.agents) == 5
    assert twin not in model.agents_by_type[PatientTwin]
    assert [t.row for t in model.agents] == [0, 1, 3, 4, 5]
    assert len(model.population) == 6 and model.population.frame().equals(before.frame())
    assert twin.systolic_mmhg == before["systolic_mmhg"][2]
    twin.remove()  # twice does no harm, as in Mesa
    model.remove_all_agents()
    assert len(model.agents) == 0 and len(model.population) == 6


LIFE = {
    3: [(hours(3, 9.5), 0, code.BOOK, CLINIC, 0, 0)],
    7: [(hours(7, 10.25), 0, code.VISIT, CLINIC, 0, code.DID_DIURETIC_UP | code.DID_TITRATE)],
    12: [(12.0, 0, code.SHOCK, HOME, 0, code.SHOCK_LAPSE)],
    16: [(16.0, 0, code.ALERT, CLINIC, 0, 1)],
    18: [(18.0, 0, code.ALERT, CLINIC, 0, 1)],
    19: [
        (hours(19, 7 + 2 / 3), 0, code.PRESENT, HOME, HF, 0),
        (hours(19, 7 + 2 / 3), 0, code.ARRIVE, EMERGENCY, HF, 0),
        (hours(19, 7 + 2 / 3), 0, code.END, HOME, HF, EMERGENCY),
        (hours(19, 7 + 2 / 3), 0, code.START, EMERGENCY, HF, 0),
        (hours(19, 10 + 2 / 3), 0, code.ARRIVE, WARD, HF, 0),
        (hours(19, 15.8 + 2 / 30), 0, code.END, EMERGENCY, HF, WARD),
        (hours(19, 15.8 + 2 / 30), 0, code.START, WARD, HF, 1),
    ],
    25: [
        (hours(25, 15.8 + 2 / 30), 0, code.EARLY, WARD, HF, 0),
        (hours(25, 15.8 + 2 / 30), 0, code.END, WARD, HF, NURSING),
        (hours(25, 15.8 + 2 / 30), 0, code.START, NURSING, HF, 0),
    ],
    32: [
        (hours(32, 15.8 + 2 / 30), 0, code.END, NURSING, 0, HOME),
        (hours(32, 15.8 + 2 / 30), 0, code.START, HOME, 0, 0),
    ],
    40: [
        (hours(40, 1), 0, code.PRESENT, HOME, code.CAUSE_RENAL, 0),
        (hours(40, 1), 0, code.ARRIVE, EMERGENCY, code.CAUSE_RENAL, 0),
        (hours(40, 1), 0, code.BLOCK, EMERGENCY, code.CAUSE_RENAL, 0),
        (hours(40, 1), 0, code.ARRIVE, INTENSIVE, code.CAUSE_RENAL, 0),
        (hours(40, 1), 0, code.END, HOME, code.CAUSE_RENAL, INTENSIVE),
        (hours(40, 1), 0, code.START, INTENSIVE, code.CAUSE_RENAL, 0),
    ],
    42: [
        (hours(42, 6.5), 0, code.DEATH, INTENSIVE, code.CAUSE_RENAL, 0),
        (hours(42, 6.5), 0, code.END, INTENSIVE, code.CAUSE_RENAL, -1),
    ],
}


def test_explain_tells_the_whole_story_in_order():
    model = TinyModel(2, script=LIFE)
    model.run_for(60)
    assert model.agents[0].explain().splitlines() == [
        "Day 0: discharged alive from the index admission, follow-up begins.",
        "Day 7, 10:15: seen by the heart failure clinic: loop diuretic raised, heart-failure drugs stepped up.",
        "Day 12: stopped taking tablets (lapse of adherence).",
        "Day 16 to day 18: telemonitoring raised 2 alerts.",
        "Day 19, 07:40: came to the emergency department with heart failure (7 days after the lapse of adherence), "
        "stayed 8.2 h; waited 5.2 h for a place in the cardiology ward (not the first choice of ward), "
        "stayed 6 days (sent on early: the place was needed); went to the nursing home.",
        "Day 32, 15:52: left the nursing home after 7 days; went home.",
        "Day 40, 01:00: came to the emergency department with a kidney, potassium or low-pressure problem and was "
        "turned away, it was full; moved to the intensive care unit; died in the intensive care unit on day 42, 06:30.",
    ]
    assert model.agents[1].explain().splitlines()[-1] == "Day 60: alive."


def test_explain_of_somebody_who_waits_in_vain_or_is_still_inside():
    model = TinyModel(
        2,
        script={
            5: [
                (hours(5, 2), 0, code.PRESENT, HOME, HF, 0),
                (hours(5, 2), 0, code.ARRIVE, EMERGENCY, HF, 0),
                (hours(5, 2), 0, code.END, HOME, HF, EMERGENCY),
                (hours(5, 2.5), 0, code.RENEGE, EMERGENCY, HF, 0),
                (hours(5, 2.5), 0, code.START, HOME, HF, 0),
                (hours(5, 9), 1, code.VISIT, CLINIC, HF, code.DID_EMERGENCY),
                (hours(5, 9), 1, code.ARRIVE, WARD, HF, 0),
                (hours(5, 9), 1, code.END, HOME, HF, WARD),
                (hours(5, 9), 1, code.START, WARD, HF, 0),
            ],
            6: [(hours(6, 9), 1, code.MISS, CLINIC, HF, 0)],
        },
    )
    model.run_for(8)
    assert model.agents[0].explain().splitlines()[1:] == [
        "Day 5, 02:00: came to the emergency department with heart failure and gave up waiting after 30 minutes; "
        "went home.",
        "Day 8: alive at home.",
    ]
    assert model.agents[1].explain().splitlines()[1:] == [
        "Day 5, 09:00: seen by the heart failure clinic: sent on to acute care.",
        "Day 5, 09:00: came to the cardiology ward with heart failure; still there on day 8.",
        "Day 6, 09:00: missed the appointment with the heart failure clinic.",
    ]


def test_a_twin_without_events_has_an_empty_history_and_a_story():
    model = TinyModel(people=population(3, entry_day=4))
    assert model.agents[0].history().is_empty()
    assert model.agents[0].explain() == "Enters on day 4; nothing has happened by day 0."


def test_history_is_the_persons_part_of_the_log():
    model = TinyModel(2, script=LIFE)
    model.run_for(60)
    expected = model.events.frame().filter(pl.col("person_id") == model.agents[0].person_id)
    assert model.agents[0].history().equals(expected)
    assert len(expected) == 1 + sum(len(events) for events in LIFE.values())
    assert expected["event"][1] == "book" and expected["setting"][1] == "clinic"


def test_explain_of_somebody_turned_away_or_still_waiting():
    model = TinyModel(
        2,
        script={
            2: [
                (hours(2, 3), 0, code.START, HOME, 0, 0),
                (hours(2, 4), 0, code.PRESENT, HOME, HF, 0),
                (hours(2, 4), 0, code.BLOCK, EMERGENCY, HF, 0),
                (hours(2, 5), 1, code.PRESENT, HOME, HF, 0),
                (hours(2, 5), 1, code.ARRIVE, EMERGENCY, HF, 0),
                (hours(2, 5), 1, code.END, HOME, HF, EMERGENCY),
                (hours(2, 7), 1, code.START, EMERGENCY, HF, 0),
                (hours(2, 8), 1, code.BLOCK, WARD, HF, 0),
                (hours(2, 8), 1, code.ARRIVE, INTENSIVE, HF, 0),
                (hours(2, 8), 1, code.END, EMERGENCY, HF, INTENSIVE),
            ],
            3: [(hours(3, 1), 0, code.DEATH, HOME, HF, 0)],
        },
    )
    model.run_for(3)
    assert model.agents[0].explain().splitlines()[1:] == [
        "Day 2, 04:00: came to the emergency department with heart failure and was turned away, it was full.",
        "Day 3: alive at home.",
    ]
    assert model.agents[1].explain().splitlines()[1:] == [
        "Day 2, 05:00: came to the emergency department with heart failure, waited 2 h, stayed 1 h; "
        "found no place in the cardiology ward; still waiting for the intensive care unit on day 3."
    ]
    model.step()
    assert model.agents[0].explain().splitlines()[-1].endswith("died at home on day 3, 01:00.")


def test_explain_of_somebody_taken_ill_in_a_nursing_home_by_what_began_the_day_before():
    ill = code.CAUSE_INFECTION
    model = TinyModel(
        1,
        script={
            1: [(hours(1, 12), 0, code.ARRIVE, NURSING, 0, 0), (hours(1, 18), 0, code.START, NURSING, 0, 0)],
            8: [(8.0, 0, code.SHOCK, NURSING, 0, code.SHOCK_INFECTION)],
            9: [
                (hours(9, 4), 0, code.PRESENT, NURSING, ill, 0),
                (hours(9, 4), 0, code.ARRIVE, EMERGENCY, ill, 0),
                (hours(9, 4), 0, code.END, NURSING, ill, EMERGENCY),
                (hours(9, 5), 0, code.START, EMERGENCY, ill, 0),
                (hours(9, 5.75), 0, code.END, EMERGENCY, ill, NURSING),
                (hours(9, 5.75), 0, code.START, NURSING, ill, 0),
            ],
        },
    )
    model.run_for(10)
    assert model.agents[0].explain().splitlines()[1:] == [
        "Day 1, 12:00: waited 6 h and went to the nursing home.",
        "Day 8: caught an infection.",
        "Day 9, 04:00: came to the emergency department with an infection, waited 1 h, stayed 45 minutes; "
        "went to the nursing home.",
        "Day 10: alive in the nursing home.",
    ]
