"""A twin's page, live: the page of `popsim twin show`, drawn again whenever the registry has changed. Not for care.

The address, the page's messages and the server's output hold nothing but the twin's random id.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import create_subprocess_exec as start_process
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

    def page(_request: Request) -> Any:
        body = f"""<div class="bar twin-bar">
<button type="button" id="ahead" class="action-button main">Forecast and compare options now</button>
<div role="status">{output("out_news")}</div></div>
{output("out_twin")}"""
        return ui.page_html(
            document(f"Digital twin {twin}", f"<style>{CSS}{STYLE}{OWN}</style>{body}", skip="out_twin")
        )

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        changes: reactive.Value[tuple[int, ...]] = reactive.Value(())
        news: reactive.Value[str] = reactive.Value("Up to date; the page follows the registry.")

        @reactive.effect
        def _look() -> None:
            reactive.invalidate_later(POLL_S)
            changes.set(stamp_of(file))

        @render.ui
        def out_twin() -> ui.HTML:
            changes()
            try:
                summary = summarise(registry, twin)
            except PopsimError as error:
                return ui.HTML(problem(str(error)))
            if days and days[-1] != summary.day:
                news.set(f"New data: day {summary.day}.")
            days.append(summary.day)
            return ui.HTML(twin_content(summary))

        days: list[int] = []

        @render.ui
        def out_news() -> ui.HTML:
            return ui.HTML(news())

        @reactive.extended_task
        async def looked_ahead() -> str:
            for command in ("forecast", "compare"):
                said = await _run("twin", command, twin, "--registry", str(file))
                if said:
                    return said
            return ""

        @reactive.effect
        @reactive.event(input.ahead)
        def _ahead() -> None:
            news.set("Forecasting and comparing; this takes some seconds ...")
            looked_ahead.invoke()

        @reactive.effect
        def _done() -> None:
            if looked_ahead.status() == "success":
                news.set(problem(looked_ahead.result()) if looked_ahead.result() else "Forecast and options are new.")

    return App(page, server, static_assets=ASSETS)


OWN = """
.twin-bar{padding:.3rem 0 1rem}
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
