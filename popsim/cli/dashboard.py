"""popsim dashboard: the planner's page, or a twin's, in a browser."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import whole
from popsim.cli.private_commands import PrivateCommand, private
from popsim.cli.twin import Registry, Twin, twin_app
from popsim.errors import InputError

Port = Annotated[int | None, whole("Port of this machine; by default 8765 or the next free one.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")]
NEEDED = ("shiny", "uvicorn")


def dashboard(
    what: Annotated[
        Path | None,
        typer.Argument(metavar="RUN_OR_EXPERIMENT", help="A run's folder or an experiment; by default as it was left."),
    ] = None,
    twin: Annotated[str, typer.Option("--twin", metavar="TWIN", help="A twin of the registry instead.")] = "",
    registry: Annotated[Path | None, typer.Option(metavar="FILE", help="With --twin: the registry of twins.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    port: Port = None,
    no_browser: NoBrowser = False,
) -> None:
    """Open a page in the browser: change an experiment, simulate it, and watch the decision sharpen.

    The page is served on this machine alone, behind the token in its address. Simulations go on when it is closed.
    """
    need_extra()
    if twin:
        if what is not None or registry is None:
            raise InputError("command line: --twin: needs --registry, and no run or experiment")
        serve_twin(twin, registry, port, no_browser)
        return
    if registry is not None:
        raise InputError("command line: --registry: goes with --twin")
    from popsim.dashboard.access import token_of
    from popsim.dashboard.entrance import query_of
    from popsim.dashboard.planner import planner_app
    from popsim.dashboard.serving import serve
    from popsim.dashboard.workspace import Workspace

    workspace = Workspace(out.resolve(), Path.cwd())
    query = query_of(workspace, what)
    try:
        serve(planner_app(workspace), token_of(workspace.private), query, port, not no_browser, _say)
    finally:
        workspace.jobs.close()


@twin_app.command("page", cls=PrivateCommand)
@private
def twin_page(twin: Twin, registry: Registry, port: Port = None, no_browser: NoBrowser = False) -> None:
    """Show a twin in the browser, as it changes: readings, belief, forecast, options; on this machine alone."""
    serve_twin(twin, registry, port, no_browser)


def serve_twin(twin: str, registry: Path, port: int | None, no_browser: bool) -> None:
    """Serve a twin's page."""
    need_extra()
    import secrets

    from popsim.dashboard.access import TOKEN_BYTES
    from popsim.dashboard.serving import serve
    from popsim.dashboard.twin import twin_app
    from popsim.registry.privacy import checked_id
    from popsim.registry.service import TwinRegistry
    from popsim.registry.views import summarise

    whose, opened = checked_id(twin), TwinRegistry(registry)
    summarise(opened, whose)  # refuses an id that is not in the registry
    serve(twin_app(opened, registry, whose), secrets.token_urlsafe(TOKEN_BYTES), "", port, not no_browser, _say)


def need_extra() -> None:
    """Refuse where the libraries of the page are not installed.

    Raises:
        InputError: they are not.
    """
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise InputError("popsim dashboard: needs Shiny for Python: pip install 'popsim[dashboard]'")


def _say(address: str) -> None:
    print(address, flush=True)
    print("popsim: serving on this machine alone; Ctrl-C ends the page, simulations go on", file=sys.stderr, flush=True)
