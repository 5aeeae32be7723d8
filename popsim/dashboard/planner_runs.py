"""The part of the planner's server that changes, saves, starts, stops and watches simulations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from html import escape

from shiny import Inputs, Session, reactive, render, ui

from popsim.dashboard.document import problem
from popsim.dashboard.levers import changed, in_words
from popsim.dashboard.live import LiveRun
from popsim.dashboard.state import PageState
from popsim.dashboard.views import sizes_in_words
from popsim.dashboard.workspace import Opened, Workspace
from popsim.errors import InputError, PopsimError
from popsim.plurals import counted

WATCH_S = 0.5


def runs_of(
    workspace: Workspace, opened: Opened | None, run: LiveRun | None, name: str, state: Callable[[], PageState],
    input: Inputs, session: Session,
) -> None:  # fmt: skip
    """Define the outputs and buttons around simulations."""
    told: reactive.Value[str] = reactive.Value("", name="told")

    @render.ui
    def out_status() -> ui.HTML:
        if run is None:
            return ui.HTML("")
        if not run.is_finished:
            reactive.invalidate_later(WATCH_S)
        return ui.HTML(status_html(workspace, run, name))

    @render.ui
    def out_said() -> ui.HTML:
        if run is None:
            return ui.HTML("")
        if not run.is_finished:
            reactive.invalidate_later(WATCH_S)
        return ui.HTML(escape(_quarter(run)))

    @render.ui
    def out_changes() -> ui.HTML:
        if opened is None or "changes" not in input:
            return ui.HTML("")
        return ui.HTML(_changes_html(opened, json.loads(input["changes"]())))

    @render.ui
    def out_started() -> ui.HTML:
        return ui.HTML(told())

    async def saved() -> tuple[Opened, str]:
        """The experiment to run, saved as a scenario if it was changed."""
        assert opened is not None
        changes = json.loads(input["changes"]())
        if not changes:
            return opened, str(workspace.named(opened.file))
        title = str(input["scenario"]()).strip()
        if not title:
            raise InputError("Name of the scenario: must be given, because something was changed")
        path = await asyncio.to_thread(workspace.save, opened, changes, title)
        named = str(workspace.named(path))
        return workspace.open(named), named

    @reactive.effect
    @reactive.event(input.start)
    async def _start() -> None:
        told.set("<p>Checking ...</p>")
        try:
            experiment, file = await saved()
            begun = await asyncio.to_thread(workspace.start, experiment.file)
        except PopsimError as error:
            told.set(problem(str(error)))
            return
        where = f"{begun.folder.parent.name}/{begun.folder.name}"
        following = replace(state(), file=file, run=where, view="answer", changes={}, day=None, person=None)
        await session.send_custom_message("go", {"query": following.query})

    @reactive.effect
    @reactive.event(input.keep)
    async def _keep() -> None:
        try:
            if not json.loads(input["changes"]()):
                raise InputError("Nothing was changed, so there is nothing to save")
            _, file = await saved()
        except PopsimError as error:
            told.set(problem(str(error)))
            return
        following = replace(state(), file=file, run="", view="setup", changes={})
        await session.send_custom_message("go", {"query": following.query})

    @reactive.effect
    @reactive.event(input.stop)
    async def _stop() -> None:
        try:
            await asyncio.to_thread(workspace.jobs.stop, name)
        except PopsimError:
            return  # it has just ended

    @reactive.effect
    @reactive.event(input.resume)
    async def _resume() -> None:
        file = workspace.file_of(name)
        try:
            if file is None:
                raise InputError("the file of the experiment is gone")
            await asyncio.to_thread(workspace.start, file)
        except PopsimError as error:
            told.set(problem(str(error)))


def status_html(workspace: Workspace, run: LiveRun, name: str) -> str:
    """How far a run is, and what can be done with it."""
    done, total = len(run.whole), run.comparisons
    sizes = escape(sizes_in_words(run.experiment))
    if run.is_finished:
        return f'<p class="quiet">Finished: {sizes}. Run {escape(name)}.</p>'
    units, job = len(run.there), workspace.jobs.of(name)
    bar = f'<progress max="{len(run.units)}" value="{units}" aria-label="Simulated so far"></progress>'
    if job is not None and job.alive:
        said = f"At work: {done} of {counted(total, 'comparison')}, {units} of {len(run.units)} parts"
        if run.look is not None and len(run.look.there) < len(run.look.units):
            said += f"; first look: {len(run.look.there)} of {len(run.look.units)} parts"
        button = '<button type="button" id="stop" class="action-button">Stop</button>'
    else:
        words = job.last_words if job is not None else ""
        said = f"Stopped at {done} of {counted(total, 'comparison')}; what is there is kept. {words}"
        button = '<button type="button" id="resume" class="action-button">Go on</button>'
    failed = "".join(problem(f"Given up: {one}") for one in run.problems)
    return f'<div class="bar">{bar}<span>{escape(said)} ({sizes})</span>{button}</div>{failed}'


def _quarter(run: LiveRun) -> str:
    """What is read out: only quarters, so that nobody is talked over."""
    if run.is_finished:
        return "The simulation is finished."
    share = len(run.there) / max(len(run.units), 1)
    return f"The simulation is {25 * int(4 * share)} percent done." if share >= 0.25 else "The simulation is at work."


def _changes_html(opened: Opened, changes: dict[str, float]) -> str:
    """What would be changed, or why it is refused."""
    if not changes:
        return "<p>Nothing is changed: the experiment is run as it is.</p>"
    try:
        changed(opened.experiment, opened.network, changes, opened.file.name)
    except PopsimError as error:
        return problem(str(error))
    lines = "".join(f"<li>{escape(line)}</li>" for line in in_words(opened.levers, changes))
    return f"<p>Changed:</p><ul>{lines}</ul>"
