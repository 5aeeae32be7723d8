"""The planner's page as a Shiny application: what the page asks for, when it changes, and from what it is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from shiny import App, Inputs, Outputs, Session, reactive, ui
from starlette.requests import Request

from popsim.dashboard.document import ASSETS
from popsim.dashboard.live import LiveRun, is_news
from popsim.dashboard.page import PageParts, planner_page
from popsim.dashboard.planner_outputs import Shown, outputs_of
from popsim.dashboard.planner_runs import runs_of
from popsim.dashboard.revaluing import Stored
from popsim.dashboard.state import PageState
from popsim.dashboard.workspace import Opened, Workspace
from popsim.economics.columns import COST_NAMES
from popsim.errors import PopsimError, one_line, place_of

REMEMBER_S = 3.0
POLL_S = 0.4  # between two looks into the store while a run is at work


class Located(NamedTuple):
    """What an address leads to."""

    state: PageState
    opened: Opened | None
    run: LiveRun | None
    problem: str


def located(workspace: Workspace, state: PageState) -> Located:
    """The experiment and the run of a state: the newest run of the experiment where it names none."""
    opened, run, problem = None, None, ""
    try:
        if state.run:
            run = workspace.run(state.run)
        file = state.file or (str(workspace.named(found)) if run and (found := workspace.file_of(state.run)) else "")
        if file:
            opened = workspace.open(file)
            state = _with(state, file=file)
        if run is None and opened is not None:
            newest = workspace.newest_of(opened.file)
            if newest:
                run = workspace.run(newest)
                state = _with(state, run=newest)
    except PopsimError as error:
        problem = one_line(str(error))
    except Exception as error:  # a fault of popsim: the page says so instead of being empty
        problem = one_line(f"internal error: {type(error).__name__}: {error} ({place_of(error)})")
    return Located(state, opened, run, problem)


def planner_app(workspace: Workspace) -> App:
    """The application of a folder of results."""

    def page(request: Request) -> Any:
        found = located(workspace, PageState.of(request.url.query))
        stored = None
        if found.run is not None:
            looked_at(found.run)
            best = found.run.look if found.run.shows_look and found.run.look else found.run
            if best.whole:
                stored = Stored.of(best.measures(), best.so_far)
        shown = None if found.run is None else found.run.experiment
        parts = PageParts(
            found.state, workspace.experiments(), workspace.runs(), found.opened, shown, stored, found.problem
        )
        if found.opened is not None and (found.run is None or found.run.is_finished):
            workspace.get_ready(found.opened.file)
        return ui.page_html(planner_page(parts))

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        with reactive.isolate():
            found = located(workspace, PageState.of(str(session.clientdata.url_search()).removeprefix("?")))
        shown = None if found.run is None else Shown(found.run, found.state)
        state = _addresses(input, session, found)
        _remembers(workspace, state, session)
        runs_of(workspace, found.opened, found.run, found.state.run, state, input, session)
        if shown is not None:
            outputs_of(workspace, shown, _arrivals(shown), input)

    return App(page, server, static_assets=ASSETS)


def _with(state: PageState, **changes: Any) -> PageState:
    return replace(state, **changes)


def looked_at(run: LiveRun) -> tuple[int, ...]:
    """Read what has arrived of a run and of its first look; returns what changes as units arrive."""
    runs = [run] if run.is_finished or run.look is None else [run, run.look]
    return tuple(one.refresh() + one.is_finished for one in runs)


def _arrivals(shown: Shown) -> reactive.Value[tuple[int, ...]]:
    """How many units are there: it changes as they arrive."""
    arrived: reactive.Value[tuple[int, ...]] = reactive.Value((), name="arrived")

    @reactive.effect
    def _look() -> None:
        if not shown.run.is_finished:
            reactive.invalidate_later(POLL_S)
        there = looked_at(shown.run)
        with reactive.isolate():
            before = arrived()
        if shown.run.is_finished or is_news(before, there):
            arrived.set(there)

    return arrived


def _addresses(input: Inputs, session: Session, found: Located) -> Callable[[], PageState]:
    """Keep the address of the page what it shows; returns the state as a reactive value."""

    @reactive.calc
    def state() -> PageState:
        given = {name: input[name]() for name in KEPT if name in input and input[name]() not in (None, "")}
        prices = {
            name.removeprefix("price_"): input[name]() / 100.0
            for name in PRICES
            if name in input and input[name]() not in (None, 100)
        }
        changes = json.loads(input["changes"]()) if "changes" in input else dict(found.state.changes)
        against = ",".join(input["against"]()) if "against" in input and input["against"]() else found.state.against
        person = found.state.person
        if "person" in input and str(input["person"]()).isdigit():
            person = int(input["person"]())
        given = {name: value for name, value in given.items() if not _usual(name, value, found)}
        cleared = {name: None if name == "threshold" else "" for name in ("threshold", "perspective", "effect", "part")}
        return _with(found.state, **(cleared | given), prices=prices, changes=changes, against=against, person=person)

    @reactive.effect
    async def _tell() -> None:
        await session.send_custom_message("address", {"query": state().query})

    return state


def _remembers(workspace: Workspace, state: Callable[[], PageState], session: Session) -> None:
    """Keep what the page shows when it is closed, and every few seconds before."""
    kept = {"": ""}

    def keep() -> None:
        if kept.get("query", "") != kept[""]:
            workspace.remember(kept["query"])
            kept[""] = kept["query"]

    @reactive.effect
    def _note() -> None:
        kept["query"] = state().query

    @reactive.effect
    def _keep() -> None:
        reactive.invalidate_later(REMEMBER_S)
        keep()

    session.on_ended(keep)


KEPT = ("view", "threshold", "perspective", "effect", "part", "strategy", "day", "people")


def _usual(name: str, value: object, found: Located) -> bool:
    """Whether a value is the run's own, so that the address need not say it."""
    if found.run is None:
        return False
    experiment = found.run.experiment
    return value == {
        "threshold": experiment.willingness_to_pay, "perspective": experiment.perspective, "effect": "qalys",
        "part": "whole", "strategy": experiment.reference,
    }.get(name, object())  # fmt: skip


PRICES = tuple(f"price_{name}" for name in COST_NAMES)
