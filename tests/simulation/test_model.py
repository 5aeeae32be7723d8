"""The model as a Mesa model: its day, Mesa's time and events, data collection, hooks."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections import Counter

import mesa
import numpy as np
import pytest
from mesa.time import Priority, Schedule
from tiny_model import CLINIC, EMERGENCY, HOME, INTENSIVE, NAMES, WARD, TinyModel, population

from popsim.errors import InputError, RunError
from popsim.kernels import codes as code
from popsim.simulation.model import PopulationModel
from popsim.simulation.twin import PatientTwin

HF = code.CAUSE_HEART_FAILURE


class Watched(PatientTwin):
    """Counts and orders the calls of every hook."""

    calls: list[tuple]

    def on_day(self):
        self.model.heard.append(("day", self.row, self.model.clock.day))

    def on_contact(self, event):
        self.model.heard.append(("contact", self.row, event))

    def on_admission(self, event):
        self.model.heard.append(("admission", self.row, event))

    def on_discharge(self, event):
        self.model.heard.append(("discharge", self.row, event))


def watched(size, script, agent_class=Watched, **options):
    model = TinyModel(size, script=script, agent_class=agent_class, **options)
    model.heard = []
    return model


def heard(model, *hooks):
    return [(hook, row, what) for hook, row, what in model.heard if hook in hooks]


# A day and time.


def test_a_day_reads_as_its_parts_in_their_order():
    model = TinyModel(4)
    model.run_for(2)
    parts = ("apply", "advance", "observe", "treat", "accrue")
    assert model.parts.calls == [(part, day) for day in (0, 1) for part in parts]
    lines = [line.strip() for line in inspect.getsource(PopulationModel.step).splitlines()[2:]]
    called = [line.split("(")[0] for line in lines]
    assert called == [
        "self._begin_day", "self.interventions.apply", "self.physiology.advance", "self.monitoring.observe",
        "self.care.treat",
        "self.valuation.accrue", "self.recorder.record", "self._end_day",
    ]  # fmt: skip


def test_steps_time_and_clock_move_together():
    model = TinyModel(4)
    model.step()
    assert (model.steps, model.time, model.clock.day) == (1, 1.0, 1)
    model.run_for(2.5)
    assert (model.steps, model.time, model.clock.day) == (3, 3.5, 3)
    model.run_until(5)
    assert (model.steps, model.time, model.clock.day) == (5, 5.0, 5)


def test_time_and_steps_are_those_of_a_plain_mesa_model():
    plain, model = mesa.Model(rng=1), TinyModel(3)
    for known in (plain, model):
        known.step()
        known.run_for(0.75)
        known.run_for(0.5)
        known.step()
    assert (plain.steps, plain.time) == (model.steps, model.time)


def test_events_run_at_their_times_between_days():
    class Plain(mesa.Model):
        def step(self):
            self.notes.append(("day", self.time))

    class Noting(TinyModel):
        def step(self):
            super().step()
            self.notes.append(("day", self.time))

    def script(model):
        model.notes = []

        def note():
            model.notes.append(("event", model.time))

        model.keep = note  # Mesa holds callbacks weakly
        model.schedule_event(note, at=2.25)
        model.schedule_event(note, at=0.5)
        model.schedule_event(note, at=2)
        model.schedule_event(note, at=3, priority=Priority.LOW)
        model.schedule_event(note, at=9.5)
        model.schedule_recurring(note, Schedule(interval=1.5, start=1.5))
        cancelled = model.schedule_event(note, after=1.75)
        cancelled.cancel()
        model.run_for(4.1)
        return model.notes

    notes = script(Noting(3))
    assert notes == script(Plain(rng=1))
    assert ("event", 2.25) in notes and ("event", 9.5) not in notes


def test_an_event_changes_the_state_that_the_next_day_starts_from():
    model = TinyModel(3)
    twin = model.agents[0]

    def treat():
        twin.systolic_mmhg = 100

    model.schedule_event(treat, at=1.5)
    model.run_for(3)  # days 0 and 1 end at 1 and 2: one more day after the event at 1.5, and one after that
    assert twin.systolic_mmhg == 102


def test_a_method_of_a_twin_can_be_scheduled_without_holding_the_twin():
    class Patient(PatientTwin):
        def stand_up(self):
            self.stood = self.model.time

    model = TinyModel(3, agent_class=Patient)
    model.schedule_event(model.agents[1].stand_up, at=1.25)
    model.run_for(2)
    assert model.agents[1].stood == 1.25


def test_running_ends_with_the_last_follow_up_and_no_day_comes_after():
    model = TinyModel(3, follow_up_days=5, enrolment_days=2)
    model.run_model()  # Mesa's loop: until `running` is False
    assert (model.steps, model.days, model.running) == (7, 7, False)
    with pytest.raises(InputError, match="the simulation ends after 7 days"):
        model.step()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: model.step(),
        lambda model: model.run_for(1),
        lambda model: model.run_for(0.5),
        lambda model: model.run_for(-1),
        lambda model: model.run_for(float("nan")),
        lambda model: model.run_for("3"),
        lambda model: model.run_until(2),
        lambda model: model.run_until(6),
        lambda model: model.run_until(np.array(5)),
    ],
)
def test_time_stays_within_the_simulation_and_nothing_happens_otherwise(wrong):
    model = TinyModel(3, follow_up_days=5)
    model.run_for(5)
    with pytest.raises(InputError) as error:
        wrong(model)
    assert "\n" not in str(error.value)
    assert (model.time, model.steps, model.clock.day, len(model.parts.calls)) == (5.0, 5, 5, 25)


def test_a_run_past_the_end_is_refused_before_its_first_day():
    model = TinyModel(3, follow_up_days=5)
    with pytest.raises(InputError, match="cannot run from day 0 to 10: the simulation ends after 5 days"):
        model.run_for(10)
    assert (model.time, model.steps, model.clock.day, model.parts.calls) == (0.0, 0, 0, [])
    model.run_for(np.float32(5.0))
    assert (model.time, model.clock.day) == (5.0, 5)
    with warnings.catch_warnings(action="error"):
        model.run_for(0)
        model.run_until(5)


def test_after_a_day_that_failed_half_way_the_model_does_not_go_on():
    class Stumbling(PatientTwin):
        def on_day(self):
            raise ZeroDivisionError

    model = TinyModel(3, agent_class=Stumbling)
    with pytest.raises(ZeroDivisionError):
        model.run_for(2)
    for go_on in (model.step, lambda: model.run_for(1), lambda: copy.deepcopy(model).step()):
        with pytest.raises(RunError, match="day 0 was left unfinished, the model cannot go on: make a new one"):
            go_on()


def test_a_hook_cannot_begin_the_next_day():
    class Hasty(PatientTwin):
        def on_day(self):
            self.model.step()

    with pytest.raises(RunError, match="day 0 was left unfinished"):
        TinyModel(3, agent_class=Hasty).step()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seed", -1), ("seed", 1.5), ("seed", 2**32), ("seed", np.array(1)), ("replication", True),
        ("follow_up_days", 0), ("follow_up_days", np.float64(5)), ("follow_up_days", 10**12),
        ("enrolment_days", "ten"), ("enrolment_days", np.int64(-1)), ("enrolment_days", None),
    ],
)  # fmt: skip
def test_absurd_numbers_are_refused(option, value):
    with pytest.raises(InputError, match=f"{option} = .*must be a whole number"):
        TinyModel(3, **{option: value})


def test_whole_numbers_of_numpy_are_whole_numbers():
    model = TinyModel(3, seed=np.uint32(4), follow_up_days=np.int64(5), enrolment_days=np.int8(1))
    model.run_for(np.int64(6))
    assert (model.key, model.days, model.clock.day) == ((4, 0), 6, 6)
    assert model.random.random() == TinyModel(3, seed=4).random.random()


@pytest.mark.parametrize("name", ["population", "network", "strategy", "key", "seed", "follow_up_days", "parameters"])
def test_what_a_model_was_made_with_stays(name):
    model = TinyModel(3)
    with pytest.raises(InputError, match=f"{name}: a model keeps what it was made with"):
        setattr(model, name, None)


def test_an_attribute_that_is_a_slip_of_the_pen_is_refused_on_a_model():
    model = TinyModel(3)
    with pytest.raises(InputError, match="a model has no 'folow_up_days': did you mean 'follow_up_days'"):
        model.folow_up_days = 10
    model.datacollector = model.notes = "my own"


# A population is lived once.


def test_a_population_is_for_one_model():
    people = population(6)
    before = people.copy()
    TinyModel(people=people).run_for(2)
    for used in (people, people.copy(), people.part(0, 2), people.chosen(np.array([3])), copy.deepcopy(people)):
        with pytest.raises(InputError, match="population: another model has used these twins"):
            TinyModel(people=used)
    again = TinyModel(people=before)
    again.run_for(2)
    assert np.array_equal(before["systolic_mmhg"], people["systolic_mmhg"])


def test_parts_of_a_population_are_for_one_model_each():
    people = population(6)
    for rows in ((0, 3), (3, 6)):
        TinyModel(people=people.part(*rows)).run_for(2)
    for used in (people, people.part(2, 4)):
        with pytest.raises(InputError, match="another model has used these twins"):
            TinyModel(people=used)


def test_twins_of_one_model_are_strangers_in_another():
    one, other = TinyModel(3), TinyModel(3)
    other.agents.discard(one.agents[0])
    with pytest.raises(InputError, match="is not an agent of this model"):
        other.agents.add(one.agents[0])
    with pytest.raises(KeyError):
        other.agents.remove(one.agents[0])
    assert len(other.agents) == 3


def test_mesas_generators_are_seeded_by_seed_and_replication():
    draws = [TinyModel(3, seed=s, replication=r).random.random() for s, r in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert draws[0] == draws[1] and len(set(draws)) == 3


def test_setting_agents_is_refused_as_by_mesa():
    with pytest.raises(AttributeError):
        TinyModel(3).agents = []


# Data collection.


def collected(model, read):
    """Collect for three days by Mesa's collector."""
    collector = mesa.DataCollector(
        model_reporters={"mean": read, "steps": "steps"},
        agent_reporters={"pressure": "systolic_mmhg", "double": lambda a: 2 * a.systolic_mmhg},
    )
    for _ in range(3):
        model.step()
        collector.collect(model)
    return collector


def test_data_collector_gives_what_plain_agents_give():
    class Plain(mesa.Model):
        """The tiny model's arithmetic, with one Python object a person."""

        def step(self):
            for agent in self.agents:
                agent.systolic_mmhg += 1

    class Person(mesa.Agent):
        def __init__(self, model, systolic_mmhg):
            super().__init__(model)
            self.systolic_mmhg = systolic_mmhg

    plain = Plain(rng=1)
    Person.create_agents(plain, 20, systolic_mmhg=population(20)["systolic_mmhg"].astype(float).tolist())
    ours, theirs = (
        collected(model, lambda m: m.agents.agg("systolic_mmhg", np.mean)) for model in (TinyModel(20), plain)
    )
    assert ours.get_model_vars_dataframe().equals(theirs.get_model_vars_dataframe())
    assert ours.get_agent_vars_dataframe().equals(theirs.get_agent_vars_dataframe())
    assert len(ours.get_agent_vars_dataframe()) == 60


def test_data_collector_by_agent_type():
    model = TinyModel(4)
    collector = mesa.DataCollector(agenttype_reporters={PatientTwin: {"nyha": "nyha_class"}})
    collector.collect(model)
    frame = collector.get_agenttype_vars_dataframe(PatientTwin)
    assert frame["nyha"].tolist() == model.population["nyha_class"].tolist()


def test_daily_frame_has_one_row_a_day():
    model = TinyModel(4, script={1: [(1.0, 0, code.ALERT, CLINIC, 0, 1), (1.0, 3, code.ALERT, CLINIC, 0, 2)]})
    assert model.daily_frame().height == 0
    model.run_for(2)
    model.agents[2].alive = 0
    model.step()
    daily = model.daily_frame()
    assert daily["day"].to_list() == [0, 1, 2]
    assert daily["alive"].to_list() == [4, 4, 3] and daily["entered"].to_list() == [4, 4, 4]
    assert daily["alerts"].to_list() == [0, 2, 0]
    assert daily["census_home"].to_list() == [4, 4, 4]
    assert daily["queue_cardiology_ward"].to_list() == [0, 1, 2]
    assert set(daily.columns[4:]) == {f"{what}_{name}" for what in ("census", "queue") for name in NAMES}


# Hooks.

STAYS = {
    2: [
        (2.1, 3, code.START, EMERGENCY, HF, 0),
        (2.2, 3, code.END, EMERGENCY, HF, WARD),
        (2.2, 3, code.START, WARD, HF, 0),
        (2.3, 1, code.VISIT, CLINIC, 0, 0),
    ],
    3: [(3.4, 3, code.END, WARD, HF, INTENSIVE), (3.5, 3, code.START, INTENSIVE, HF, 0)],
    5: [
        (5.1, 0, code.START, WARD, HF, 0),
        (5.2, 3, code.END, INTENSIVE, HF, HOME),
        (5.2, 3, code.START, HOME, HF, 0),
        (5.3, 3, code.VISIT, CLINIC, 0, 0),
    ],
    6: [(6.5, 0, code.DEATH, WARD, HF, 0), (6.5, 0, code.END, WARD, HF, -1)],
}


def test_hooks_follow_the_log():
    model = watched(5, STAYS)
    model.run_for(8)
    stays = [(hook, row, event.time_days, event.setting) for hook, row, event in heard(model, "admission", "discharge")]
    assert stays == [
        ("admission", 3, 2.2, "cardiology_ward"),
        ("admission", 0, 5.1, "cardiology_ward"),
        ("discharge", 3, 5.2, "intensive_care"),
    ]  # no admission by transfer, no discharge by death
    assert [(row, e.time_days, e.kind, e.cause) for _, row, e in heard(model, "contact")] == [
        (1, 2.3, "visit", "none"),
        (3, 5.3, "visit", "none"),
    ]


def test_a_transfer_that_ends_in_vain_is_a_discharge():
    model = watched(
        2,
        {
            1: [(1.1, 0, code.START, WARD, HF, 0), (1.5, 0, code.END, WARD, HF, INTENSIVE)],
            2: [(2.5, 0, code.RENEGE, INTENSIVE, HF, 0), (2.5, 0, code.START, HOME, HF, 0)],
            3: [(3.5, 0, code.START, WARD, HF, 0)],
        },
    )
    model.run_for(4)
    assert [(hook, event.time_days) for hook, _, event in heard(model, "admission", "discharge")] == [
        ("admission", 1.1),
        ("discharge", 2.5),
        ("admission", 3.5),
    ]


def test_hooks_of_a_day_come_in_the_order_of_the_log_then_days_in_the_order_of_rows():
    model = watched(4, STAYS)
    model.run_for(6)
    today = [(hook, row) for hook, row, what in model.heard if getattr(what, "time_days", what) >= 5]
    assert today == [("admission", 0), ("discharge", 3), ("contact", 3), *(("day", row) for row in range(4))]


def test_counts_of_hooks_equal_counts_in_a_random_log():
    draw = np.random.default_rng(3)
    script: dict[int, list] = {}
    inside: set[int] = set()
    for day in range(40):
        script[day] = []
        for number, row in enumerate(draw.permutation(60)[:20].tolist()):
            time = day + number / 100
            if row in inside:
                inside.discard(row)
                script[day].append((time, row, code.END, WARD, HF, HOME))
            elif draw.random() < 0.5:
                inside.add(row)
                script[day].append((time, row, code.START, WARD, HF, 0))
            else:
                script[day].append((time, row, code.VISIT, CLINIC, 0, 0))
    model = watched(60, script)
    model.run_for(40)
    log = Counter(model.events.frame()["event"].to_list())
    called = Counter(hook for hook, *_ in model.heard)
    assert called == {
        "admission": log["start"], "discharge": log["end"], "contact": log["visit"], "day": 60 * 40,
    }  # fmt: skip
    assert min(called.values()) > 100


def test_on_day_is_for_those_who_have_entered_and_live():
    people = population(4)
    people["entry_day"] = [0, 0, 2, 2]
    model = watched(0, {}, people=people)
    model.step()
    model.agents[1].alive = 0
    model.run_for(2)
    assert [(row, day) for _, row, day in heard(model, "day")] == [(0, 0), (1, 0), (0, 1), (0, 2), (2, 2), (3, 2)]


def test_a_withdrawn_twin_hears_nothing():
    model = watched(5, STAYS)
    model.agents[3].remove()
    model.run_for(8)
    assert {row for _, row, _ in heard(model, "admission", "discharge", "contact")} == {0, 1}


def test_only_overridden_hooks_are_called():
    class Counting(PatientTwin):
        def on_admission(self, event):
            self.model.heard.append(("admission", self.row, event))

    model = watched(5, STAYS, agent_class=Counting)
    model.run_for(8)
    assert len(model.heard) == 2
    assert sorted(model.roster.handles) == [0, 3]  # nobody else was looked at
    assert model.hooks.called == {"on_admission"}


def test_hooks_that_nobody_overrides_make_no_handle():
    model = TinyModel(200, script=STAYS)
    model.run_for(8)
    assert model.roster.handles == {} and model.hooks.called == set()


def test_a_hook_may_change_its_twin_and_collect_in_step_sees_it():
    class Treated(PatientTwin):
        def on_contact(self, event):
            self.systolic_mmhg = 100

    class Collecting(TinyModel):
        def step(self):
            super().step()
            self.seen = self.agents.get("systolic_mmhg")

    model = Collecting(4, script=STAYS, agent_class=Treated)
    model.run_for(3)
    assert model.seen[1] == 100


def test_a_subclass_may_have_its_own_constructor():
    class Insured(PatientTwin):
        def __init__(self, model, row):
            super().__init__(model, row)
            self.bill = 10.0 * row

    model = TinyModel(4, agent_class=Insured)
    assert model.agents.agg("bill", sum) == 60.0
    assert model.agent_types == [Insured] and list(model.agents_by_type) == [Insured]
