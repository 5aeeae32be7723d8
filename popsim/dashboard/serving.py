"""The server of a page: on this machine only, behind a token, until Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, suppress
from io import StringIO
from typing import Any, TextIO

import uvicorn

from popsim.dashboard.access import HOST, OnlyHere
from popsim.errors import InputError

USUAL_PORT = 8765
PORTS_TRIED = 20


def listening(port: int | None) -> socket.socket:
    """A socket on this machine: on the port, or on the usual one or one of those after it.

    Raises:
        InputError: it cannot listen there.
    """
    wanted = [port] if port is not None else [*range(USUAL_PORT, USUAL_PORT + PORTS_TRIED), 0]
    for number in wanted:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, number))
        except (OSError, OverflowError) as error:
            found.close()
            problem = getattr(error, "strerror", None) or "must be between 0 and 65535"
            continue
        return found
    raise InputError(f"--port {port}: {problem}")


class WithoutCancelled:
    """A stream to which nothing is written while a cancelled task is handled.

    Shiny prints the traceback of a timer that waits for its turn when its page is closed: an end as any other.

    Args:
        stream: for everything else.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, unless it is about a cancelled task."""
        return len(text) if isinstance(sys.exception(), asyncio.CancelledError) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class QuietServer(uvicorn.Server):
    """A server that says nothing as it ends: Shiny prints every task that is cancelled then.

    Attributes:
        muted: ends the silence.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.muted = ExitStack()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open."""
        self.muted.enter_context(redirect_stderr(StringIO()))
        await super().shutdown(sockets)


def serve(
    application: Any, token: str, query: str, port: int | None, browser: bool, said: Callable[[str], None]
) -> None:
    """Serve an application until it is interrupted.

    Args:
        application: a Shiny application.
        token: of its address.
        query: of the address that is opened.
        port: to listen on; None: a free one.
        browser: whether to open the page in a browser.
        said: told the address once the server answers.

    Raises:
        InputError: the port cannot be used.
    """
    found = listening(port)
    number = found.getsockname()[1]
    address = f"http://{HOST}:{number}/{token}/{f'?{query}' if query else ''}"
    config = uvicorn.Config(
        OnlyHere(application, token, number), log_level="critical", access_log=False, ws_max_size=2**24,
        timeout_graceful_shutdown=1, server_header=False,
    )  # fmt: skip
    server = QuietServer(config)

    def ready() -> None:
        while not server.started and not server.should_exit:
            threading.Event().wait(0.02)
        if server.started:
            said(address)
            if browser:
                with suppress(webbrowser.Error):
                    webbrowser.open(address)

    threading.Thread(target=ready, daemon=True).start()
    quiet: Any = WithoutCancelled(sys.stderr)
    with found, redirect_stderr(quiet), server.muted, suppress(KeyboardInterrupt, asyncio.CancelledError):
        server.run([found])
