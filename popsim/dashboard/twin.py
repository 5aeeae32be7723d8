"""A twin's page, live: the page of `popsim twin show`, drawn again whenever the registry has changed. Not for care.

The address, the page's messages and the server's output hold nothing but the twin's random id.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import create_subprocess_exec as start_process
from functools import lru_cache
from pathlib import Path
from typing import Any

from shiny import App, Inputs, Outputs, Session, reactive, render, ui
from starlette.requests import Request

from popsim.dashboard.document import ASSETS, document, output, problem
from popsim.errors import PopsimError
from popsim.registry.service import TwinRegistry
from popsim.registry.views import summarise
from popsim.reporting.pages.page import CSS
from popsim.reporting.pages.twin import STYLE, twin_content

POLL_S = 0.5
LARGEST_LINE = 300  # characters of an error that are shown


def twin_app(registry: TwinRegistry, file: Path, twin: str) -> App:
    """The application of one twin.

    Args:
        registry: open.
        file: of the registry, for the commands that forecast and compare.
        twin: its id.
    """

    @lru_cache(maxsize=1)
    def drawn(_at: tuple[int, ...]) -> tuple[int, str]:
        """Day and content of the twin as it is; drawn once for all pages that are open."""
        summary = summarise(registry, twin)
        return summary.day, twin_content(summary)

    def page(_request: Request) -> Any:
        body = f"""<section class="bar twin-bar" aria-label="Forecast and compare">
<button type="button" id="ahead" class="action-button main">Forecast and compare options now</button>
<div role="status">{output("out_news")}</div></section>
{output("out_twin")}"""
        return ui.page_html(document(f"Digital twin {twin}", body, "out_twin", f"{CSS}{STYLE}{OWN}"))

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        changes: reactive.Value[tuple[int, ...]] = reactive.Value(stamp_of(file), name="changes")  # drawn once at first
        news: reactive.Value[str] = reactive.Value(FOLLOWS, name="news")

        @reactive.effect
        def _look() -> None:
            reactive.invalidate_later(POLL_S)
            changes.set(stamp_of(file))

        @render.ui
        async def out_twin() -> ui.HTML:
            at = changes()
            try:
                day, content = await asyncio.to_thread(drawn, at)
            except PopsimError as error:
                return ui.HTML(problem(str(error)))
            if days and days[-1] != day:
                news.set(f"New data: day {day}.")
            days.append(day)
            return ui.HTML(content)

        days: list[int] = []

        @render.ui
        def out_news() -> ui.HTML:
            return ui.HTML(news())

        @reactive.extended_task
        async def looked_ahead(command: str) -> str:
            return await _run("twin", command, twin, "--registry", str(file))

        @reactive.effect
        @reactive.event(input.ahead)
        def _ahead() -> None:
            if steps:
                return  # at work: a task that is asked again would wait and do everything twice
            steps.extend(STEPS)
            begin()

        steps: list[tuple[str, str]] = []

        def begin() -> None:
            command, words = steps[0]
            news.set(f"{words} ...")
            looked_ahead.invoke(command)

        @reactive.effect
        def _done() -> None:
            status = looked_ahead.status()
            if status not in ("success", "error") or not steps:
                return
            said = looked_ahead.result() if status == "success" else "the command could not be started"
            steps.pop(0)
            if said:
                steps.clear()
                news.set(problem(said))
            elif steps:
                begin()
            else:
                news.set("Forecast and options are new.")

    return App(page, server, static_assets=ASSETS)


FOLLOWS = "Up to date; the page follows the registry."
STEPS = (
    ("forecast", "Step 1 of 2: forecasting"),
    ("compare", "Step 2 of 2: comparing options; this takes longer"),
)
OWN = """
.twin-bar{padding:.3rem 0 1rem}
.banner{margin:0 0 1.5rem}
body{max-width:72rem;margin:0 auto;padding:1.5rem}
button.main{background:#0b5cad;color:#fff}
"""


def stamp_of(file: Path) -> tuple[int, ...]:
    """What changes whenever the registry does: sizes and times of its file and of its log of writes."""
    found: list[int] = []
    for path in (file, file.with_name(f"{file.name}-wal")):
        try:
            about = path.stat()
        except OSError:
            continue
        found += [about.st_size, about.st_mtime_ns]
    return tuple(found)


async def _run(*arguments: str) -> str:
    """Run a command of popsim; returns its error, or nothing."""
    process = await start_process(
        sys.executable, "-m", "popsim.cli", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, told = await process.communicate()
    if process.returncode == 0:
        return ""
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:LARGEST_LINE] if lines else "the command failed"
