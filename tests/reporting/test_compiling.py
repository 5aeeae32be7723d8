"""The notice of the first command of an installation."""

from __future__ import annotations

from popsim.reporting.text import compiling
from popsim.reporting.text.compiling import NOTICE, CompilingNotice


def said_at(seconds, monkeypatch, capsys, *, fresh, terminal):
    """What is said when functions are compiled at these times."""
    clock = iter(seconds)
    monkeypatch.setattr(compiling.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(compiling.sys.stderr, "isatty", lambda: terminal)
    notice = CompilingNotice()
    for _ in seconds:
        notice(fresh)
    return capsys.readouterr().err.splitlines()


def test_an_empty_cache_is_announced_once_and_a_terminal_sees_how_far_it_is(monkeypatch, capsys):
    seconds = [100.0, 101.0, 111.0, 112.0, 125.0]
    assert said_at(seconds, monkeypatch, capsys, fresh=True, terminal=False) == [NOTICE]
    shown = said_at(seconds, monkeypatch, capsys, fresh=True, terminal=True)
    assert shown == [NOTICE, *(f"popsim: compiling: {done}" for done in ("2 functions in 11 s", "4 functions in 25 s"))]


def test_a_cache_that_lacks_a_few_functions_is_not_announced(monkeypatch, capsys):
    assert said_at([0.0, 5.0], monkeypatch, capsys, fresh=False, terminal=True) == []
