"""The part of the planner's server that shows a run: valued, in words, drawn by day, by group, person by person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, wraps
from html import escape

import polars as pl
from shiny import Inputs, reactive, render, req, ui

from popsim.care.network import CareNetwork
from popsim.dashboard.daily_flows import DailyFlows, NetworkDay, last_day, network_day, places_of, slots_of
from popsim.dashboard.document import problem
from popsim.dashboard.first_days import EVERY_S, DaysSoFar, days_so_far, days_view
from popsim.dashboard.live import LiveRun
from popsim.dashboard.lives import LifeTeller, life_html, notable_persons
from popsim.dashboard.network_picture import NetworkPicture
from popsim.dashboard.page import option
from popsim.dashboard.revaluing import Basis, Revaluation, Stored, basis
from popsim.dashboard.state import PageState
from popsim.dashboard.tables import decision_table, outcome_tables
from popsim.dashboard.views import (
    beds_charts,
    benefit_chart,
    compare_view,
    curve_chart,
    groups_view,
    looks_of,
    network_view,
    region_table,
    sharpening_charts,
)
from popsim.dashboard.words import region_rows, sentences
from popsim.dashboard.workspace import Workspace
from popsim.economics.columns import COST_NAMES
from popsim.errors import PopsimError
from popsim.plurals import counted
from popsim.reporting.intervals import readable
from popsim.runs.tables import RunTables

TELLER = LifeTeller()


@dataclass
class Shown:
    """The run that a page shows, with what is expensive to make of it.

    Attributes:
        days: last seen of each strategy's unit; its file is gone a moment before the unit is there.
    """

    run: LiveRun
    state: PageState
    days: dict[str, DaysSoFar] = field(default_factory=dict)

    @cached_property
    def picture(self) -> NetworkPicture:
        """The drawing of its network."""
        return NetworkPicture(self.run.scaled_network)

    @cached_property
    def first_look(self) -> Shown | None:
        """Its first look."""
        return None if self.run.look is None else Shown(self.run.look, self.state)

    @property
    def now(self) -> Shown:
        """What tells most at the moment: the run, or its first look."""
        return self.first_look if self.first_look is not None and self.run.shows_look else self

    @property
    def note(self) -> str:
        """What stands above every figure of a first look."""
        return look_note(self.now.run) if self.now is not self else ""

    @property
    def titles(self) -> dict[str, str]:
        """Title by name of every strategy."""
        return self.run.strategies

    def slots(self, strategy: str) -> dict[str, float]:
        """Slots a day of every contact setting."""
        return slots_of(CareNetwork(self.run.network, None, self.run.folder), self.run.experiment, strategy)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Title by name of every setting."""
        return {setting.name: setting.title for setting in self.run.network.settings}


def said[**P](render_html: Callable[P, str]) -> Callable[P, ui.HTML]:
    """What popsim refuses is told in its place on the page."""

    @wraps(render_html)
    def told(*args: P.args, **kwargs: P.kwargs) -> ui.HTML:
        try:
            return ui.HTML(render_html(*args, **kwargs))
        except PopsimError as error:
            return ui.HTML(problem(str(error)))

    return told


def look_note(look: LiveRun) -> str:
    """That a figure is of a first look, and of how many people."""
    people, done = look.experiment.population, f"{len(look.whole)} of {counted(look.comparisons, 'comparison')}"
    return (
        f'<p class="look">First look, preliminary: {people:,} people, {done}. Intervals are wide; the whole run '
        "replaces it.</p>"
    )


def outputs_of(workspace: Workspace, shown: Shown, arrived: reactive.Value[tuple[int, ...]], input: Inputs) -> None:
    """Define the outputs of a run."""
    _answers(shown, arrived, input)
    _days(shown, arrived, input)
    _people(shown, arrived, input)

    @render.ui
    @said
    def out_compare() -> str:
        names = list(input.against())
        return compare_view({workspace.title(name): workspace.run(name).finished for name in names})


def _answers(shown: Shown, arrived: reactive.Value[tuple[int, ...]], input: Inputs) -> None:
    """Words, decision, region and outcomes."""
    titles, own = shown.titles, shown.run.experiment
    several = len(titles) > 1

    @reactive.calc
    def now() -> Shown:
        arrived()
        return shown.now

    @reactive.calc
    def measures() -> pl.DataFrame:
        req(bool(now().run.whole))
        return now().run.measures()

    @reactive.calc
    def tables() -> RunTables:
        return now().run.tables(measures())

    @reactive.calc
    def stored() -> Stored:
        return Stored.of(measures(), now().run.so_far)

    @reactive.calc
    def valuation() -> Revaluation:
        prices = {name: input[f"price_{name}"]() / 100.0 for name in COST_NAMES if f"price_{name}" in input}
        part = input["part"]() if "part" in input else "whole"
        changed = {name: factor for name, factor in prices.items() if factor != 1.0}
        return Revaluation(own.willingness_to_pay, input.perspective(), input.effect(), part, changed)

    @reactive.calc
    def valued() -> Basis:
        return basis(stored(), valuation())

    def threshold() -> float:
        return float(input.threshold())

    @render.ui
    @said
    def out_words() -> str:
        run = now().run
        if not run.whole:
            there = ", ".join(sorted({titles[unit.strategy].lower() for unit in run.there}))
            waits = f"Simulated so far: {escape(there)}." if there else "The first people are being simulated ..."
            return f'<div class="answer"><p>No comparison is finished yet.</p><p>{waits}</p>{shown.note}</div>'
        if not several:
            return ""
        means, apart = (readable(table, run.so_far) for table in tables()[:2])
        lines = sentences(means, apart, valued(), run.so_far, int(input.people() or 1), threshold())
        after = f'<p class="quiet">After {len(run.whole)} of {counted(run.comparisons, "comparison")}.</p>'
        so_far = "" if run.is_finished or shown.note else after
        told = "".join(f"<p>{escape(line)}</p>" for line in lines)
        return f'<div class="answer">{shown.note}{told}{so_far}</div>'

    @render.ui
    @said
    def out_days() -> str:
        look = shown.run.look
        if look is None or shown.run.is_finished or shown.run.whole or look.whole:
            return ""
        reactive.invalidate_later(EVERY_S)
        return days_view(days_so_far(look), titles, looks_of(titles, own.reference), own.currency)

    @render.ui
    @said
    def out_decision() -> str:
        req(several)
        return shown.note + decision_table(valued(), titles, threshold(), now().run.so_far)

    @render.ui
    @said
    def out_benefit() -> str:
        req(several)
        return shown.note + benefit_chart(valued(), titles, threshold())

    @render.ui
    @said
    def out_curve() -> str:
        req(several)
        highest = 3.0 * own.willingness_to_pay or 100_000.0
        return shown.note + curve_chart(valued(), titles, threshold(), highest)

    @render.ui
    @said
    def out_region() -> str:
        req(several)
        means, apart = (readable(table, now().run.so_far) for table in tables()[:2])
        people = int(input.people() or 1)
        rows = region_rows(means, apart, valued(), titles, people, own.currency)
        return shown.note + region_table(rows, titles, own.reference, people)

    @render.ui
    @said
    def out_sharpening() -> str:
        measures()
        charts = sharpening_charts(now().run)
        return shown.note + charts if charts else ""

    @render.ui
    @said
    def out_outcomes() -> str:
        run = now().run
        req(bool(run.there))
        rule = f'<p class="quiet">{escape(run.warm_up.rule)}</p>'
        if run.whole:
            tables_ = outcome_tables(tables(), run.so_far, shown.labels)
            head = f"<summary>All outcomes, as 'popsim run' prints them</summary>{shown.note}"
            return f"<details open>{head}{tables_}{rule}</details>"
        first = RunTables.of(run.first_measures(), run.experiment)._replace(comparisons=pl.DataFrame())
        one = run.experiment.model_copy(update={"replications": 1, "draws": 0})
        return shown.note + outcome_tables(first, one, shown.labels) + rule


def _days(shown: Shown, arrived: reactive.Value[tuple[int, ...]], input: Inputs) -> None:
    """The network and its beds by day."""
    titles = shown.titles

    @lru_cache(maxsize=8)
    def flows_of(strategy: str, of_look: bool) -> DailyFlows | None:
        run = shown.run.look if of_look and shown.run.look is not None else shown.run
        return DailyFlows.of(events) if (events := run.events(strategy)) else None

    @reactive.calc
    def now() -> Shown:
        arrived()
        return shown.now

    @reactive.calc
    def flows() -> DailyFlows | None:
        strategy = input.strategy()
        there = any(unit.strategy == strategy for unit in now().run.there)
        return flows_of(strategy, now() is not shown) if there else None

    @reactive.calc
    def daily() -> pl.DataFrame:
        return now().run.daily(input.strategy())

    @reactive.calc
    def warm_up() -> int:
        return now().run.warm_up.days

    @reactive.calc
    def places() -> dict[str, float]:
        run = now().run
        req(bool(run.there))
        measures = run.measures() if run.whole else run.first_measures()
        return places_of(measures, input.strategy())

    @render.ui
    @said
    def out_network() -> str:
        if daily().is_empty():
            return _as_it_happens(shown, input.strategy())
        day = min(int(input.day()), last_day(daily()))
        picture, slots = now().picture, now().slots(input.strategy())
        today = network_day(picture.network, flows(), daily(), places(), slots, day)
        return shown.note + network_view(picture, today, titles[input.strategy()], flows() is not None)

    @render.ui
    @said
    def out_beds() -> str:
        strategy = input.strategy()
        look = looks_of(titles, shown.run.experiment.reference)[strategy]
        network, day = now().picture.network, int(input.day())
        charts = beds_charts(daily(), network, places(), titles[strategy], day, look, warm_up())
        return shown.note + charts


def _as_it_happens(shown: Shown, strategy: str) -> str:
    """The network of the last day that the first look has simulated under a strategy, before anything is finished."""
    look, titles = shown.first_look, shown.titles
    if any(unit.strategy == strategy for unit in shown.now.run.there):
        return "<p>The run keeps no days.</p>"
    reactive.invalidate_later(EVERY_S)
    there = {} if look is None else {one.strategy: one for one in days_so_far(look.run)}
    shown.days.update(there)
    one = shown.days.get(strategy)
    if look is None or one is None:
        others = f"; at work on {' and '.join(titles[name].lower() for name in there)}" if there else ""
        return f"<p>Nothing is simulated yet under {escape(titles[strategy].lower() + others)}.</p>"
    note = f"First look at work: {counted(one.people, 'person', 'people')}, day {one.day} of {one.days}."
    said = f'<p class="look">{note} Not yet a result; days can be chosen once this strategy is simulated.</p>'
    return said + network_view(look.picture, NetworkDay.of_plain(one.network), titles[strategy], has_flows=True)


def _people(shown: Shown, arrived: reactive.Value[tuple[int, ...]], input: Inputs) -> None:
    """Who gains and loses, and one person's life."""
    run = shown.run
    waits = "<p>Shown once the simulation is finished.</p>"

    @reactive.extended_task
    async def grouped(by: str, threshold: float) -> str:
        return await asyncio.to_thread(groups_view, run.finished, by, threshold)

    @reactive.extended_task
    async def told(person: int, strategy: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(TELLER.pool, life_html, run.folder, person, strategy)

    @reactive.effect
    def _group() -> None:
        arrived()
        if run.is_finished and input.view() == "people":
            grouped.invoke(input.by(), float(input.threshold()))

    @render.ui
    @said
    def out_groups() -> str:
        arrived()
        return _result(grouped, "<p>Counting ...</p>") if run.is_finished else waits

    @render.ui
    @said
    def out_persons() -> str:
        arrived()
        if not run.is_finished:
            return ""
        persons = notable_persons(run.finished)
        if not persons:
            return "<p>One person's life needs the persons of the run (store = 'persons' or 'events').</p>"
        chosen = shown.state.person
        options = "".join(option(str(person), f"Person {person}: {words}", str(chosen)) for person, words in persons)
        if chosen is not None and chosen not in dict(persons):
            options = f'<option value="{chosen}" selected>Person {chosen}</option>{options}'
        return (
            f'<div class="field"><label for="person">Person</label><select id="person">{options}</select></div>'
            '<button type="button" id="tell" class="action-button">Tell this life</button>'
        )

    @reactive.effect
    @reactive.event(input.tell)
    def _tell() -> None:
        told.invoke(int(input.person()), input.life_strategy())

    @render.ui
    @said
    def out_life() -> str:
        return _result(told, "<p>Simulating this person's replication again ...</p>")


def _result(task: reactive.ExtendedTask[..., str], waits: str) -> str:
    """What a task has made; meanwhile that it is at work; nothing before it was asked."""
    status = task.status()
    if status == "running":
        return waits
    return task.result() if status in ("success", "error") else ""
