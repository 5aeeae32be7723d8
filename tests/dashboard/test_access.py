"""Only this machine, only with the token, only from the page's own address."""

import asyncio
import sys
import traceback
from contextlib import redirect_stderr

import pytest

from popsim.dashboard.access import OnlyHere, refusal, token_of

PORT, TOKEN = 8765, "t" * 32
HERE = f"127.0.0.1:{PORT}"


@pytest.mark.parametrize(
    ("path", "host", "origin", "why"),
    [
        (f"/{TOKEN}/", HERE, None, ""),
        (f"/{TOKEN}/websocket/", f"localhost:{PORT}", f"http://localhost:{PORT}", ""),
        ("/", HERE, None, "token"),
        (f"/{TOKEN}x/", HERE, None, "token"),
        (f"/{TOKEN[:-1]}/", HERE, None, "token"),
        ("/é/", HERE, None, "token"),
        (f"/{TOKEN}/", "evil.example", None, "host"),  # a name that was made to lead to this machine
        (f"/{TOKEN}/", "127.0.0.1:1", None, "host"),
        (f"/{TOKEN}/", "", None, "host"),
        (f"/{TOKEN}/", HERE, "http://evil.example", "origin"),
        (f"/{TOKEN}/", HERE, "null", "origin"),
        (f"/{TOKEN}/", HERE, f"https://{HERE}", "origin"),
    ],
)
def test_what_is_refused(path, host, origin, why):
    assert refusal(path, host, origin, TOKEN, PORT) == why


def asked(kind, path, host=HERE):
    """What the application was given, and what was sent."""
    seen, sent = [], []

    async def application(scope, receive, send):
        seen.append((scope["path"], scope["root_path"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(OnlyHere(application, TOKEN, PORT)(scope, None, send))
    return seen, sent


def test_an_allowed_request_is_below_the_token_and_gains_headers():
    seen, sent = asked("http", f"/{TOKEN}/lib/a.js")
    assert seen == [(f"/{TOKEN}/lib/a.js", f"/{TOKEN}")]
    headers = dict(sent[0]["headers"])
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert headers[b"referrer-policy"] == b"no-referrer"


def test_others_get_403_and_no_connection():
    assert asked("http", "/wrong/")[1][0]["status"] == 403
    assert asked("http", f"/{TOKEN}/", "evil.example")[1][0]["status"] == 403
    seen, sent = asked("websocket", "/wrong/websocket/")
    assert not seen and sent == [{"type": "websocket.close", "code": 1008}]


def test_the_address_without_its_last_slash_leads_to_the_page():
    assert asked("http", f"/{TOKEN}")[1][0]["status"] == 307


def test_the_token_outlives_the_server_and_is_its_owners_alone(tmp_path):
    token = token_of(tmp_path / ".dashboard")
    file = tmp_path / ".dashboard" / "token"
    assert token_of(tmp_path / ".dashboard") == token and file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)  # others may have read it
    assert token_of(tmp_path / ".dashboard") != token
    assert file.stat().st_mode & 0o777 == 0o600
    assert token_of(tmp_path / "other") != token_of(tmp_path / ".dashboard")


def test_a_cancelled_task_is_not_told(capsys):
    pytest.importorskip("uvicorn")
    serving = pytest.importorskip("popsim.dashboard.serving")
    for problem in (asyncio.CancelledError(), ValueError("a fault")):
        with redirect_stderr(serving.WithoutCancelled(sys.stderr)):
            try:
                raise problem
            except BaseException:
                traceback.print_exc()
            print("afterwards", file=sys.stderr)
    told = capsys.readouterr().err
    assert told.count("Traceback") == 1 and "ValueError: a fault" in told and "Cancelled" not in told
    assert told.count("afterwards") == 2
