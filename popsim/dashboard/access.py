"""Who may see the page: only this machine, only with the token in the address, only from the page's own address.

The token is the first part of every path, so that everything the page loads carries it and no cookie is needed:
`http://127.0.0.1:8765/<token>/`. It is kept in the folder of results, readable by its owner alone, so that an address
holds after the server has been stopped and started again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from popsim.errors import InputError

HOST = "127.0.0.1"
TOKEN_BYTES = 24
TOKEN_CHARACTERS = 32  # of so many random bytes in URL-safe base 64
TOKEN_FILE = "token"
NAMES = (HOST, "localhost")
POLICY = (  # the page loads nothing from elsewhere; Shiny's own scripts are inline, and compile templates
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
REFUSED = "403: open the address that 'popsim dashboard' printed; it ends in a token.\n"

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def token_of(folder: Path) -> str:
    """The token of a folder; a new one where there is none that only its owner can read.

    Raises:
        InputError: the folder cannot be written.
    """
    path = folder / TOKEN_FILE
    try:
        about = path.stat()
        text = path.read_text(encoding="ascii").strip()
        if about.st_uid == os.getuid() and not about.st_mode & 0o077 and len(text) == TOKEN_CHARACTERS:
            return text
    except (OSError, ValueError):
        pass
    token = secrets.token_urlsafe(TOKEN_BYTES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(token)
    except OSError as error:
        raise InputError(f"--out {folder.parent}: cannot be written: {error.strerror}") from None
    return token


def refusal(path: str, host: str, origin: str | None, token: str, port: int) -> str:
    """Why a request is refused; empty where it is allowed.

    Args:
        path: of the request.
        host, origin: its headers; a browser sends the second with every connection that a page opens.
        token: that the path must begin with.
        port: of the server.
    """
    known = {f"{name}:{port}" for name in NAMES}
    if host not in known:
        return "host"
    if origin is not None and origin not in {f"http://{name}" for name in known}:
        return "origin"
    given = path.split("/")[1] if path.startswith("/") else ""
    return "" if secrets.compare_digest(given.encode(), token.encode()) else "token"


class OnlyHere:
    """An application behind the checks of `refusal`, whose root is the token.

    Args:
        application: ASGI.
        token: of the address.
        port: of the server.
    """

    def __init__(self, application: Application, token: str, port: int) -> None:
        self._application, self._token, self._port = application, token, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or hand the request on."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if refusal(scope["path"], headers.get(b"host", ""), headers.get(b"origin"), self._token, self._port):
            await _refuse(scope, send)
            return
        if scope["path"] == f"/{self._token}":
            await _redirect(send, f"/{self._token}/")
            return
        root = f"{scope.get('root_path', '')}/{self._token}"
        await self._application({**scope, "root_path": root}, receive, _guarded(send))


def _guarded(send: Send) -> Send:
    """Adds the headers that keep the page to itself."""

    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return with_headers


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":  # closed before it is accepted: the browser sees 403
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSED.encode()})


async def _redirect(send: Send, path: str) -> None:
    await send({"type": "http.response.start", "status": 307, "headers": [(b"location", path.encode())]})
    await send({"type": "http.response.body", "body": b""})
