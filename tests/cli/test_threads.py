"""Whatever simulates takes the number of its threads, and of its processes where the work is divided over them."""

from __future__ import annotations

import inspect
import os

import numba
import pytest
import typer

from popsim.cli import app
from popsim.cli.options import StudyOptions


def commands(group, path=()):
    """Every command of the tree with its source."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command, inspect.getsource(inspect.unwrap(command.callback))


TREE = list(commands(typer.main.get_command(app)))
DIVIDED = [one for one in TREE if "options.run" in one[2] or "options.engine" in one[2] or "_asked(" in one[2]]
HERE = [one for one in TREE if "options.use_threads" in one[2]]


def test_the_tree_is_walked():
    assert {"run", "scenarios", "capacity", "plan", "validate", "calibrate", "search", "data-value"} <= {
        name for name, *_ in DIVIDED
    }
    assert {name for name, *_ in HERE} == {"score", "learn", "verify"}


@pytest.mark.parametrize(("name", "command"), [one[:2] for one in DIVIDED], ids=[one[0] for one in DIVIDED])
def test_whatever_is_divided_over_processes_takes_workers_and_threads(name, command):
    assert {"workers", "threads"} <= {option.name for option in command.params}


@pytest.mark.parametrize(("name", "command"), [one[:2] for one in HERE], ids=[one[0] for one in HERE])
def test_whatever_simulates_in_its_own_process_takes_threads(name, command):
    assert "threads" in {option.name for option in command.params}


def test_threads_are_those_asked_for_else_those_that_pay_off(monkeypatch):
    before = numba.get_num_threads()
    monkeypatch.setitem(os.environ, "NUMBA_NUM_THREADS", str(numba.config.NUMBA_NUM_THREADS))
    try:
        StudyOptions(threads=numba.config.NUMBA_NUM_THREADS).use_threads(10)
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
        StudyOptions().use_threads(10)
        assert numba.get_num_threads() == 1  # for so few people more would cost time
    finally:
        numba.set_num_threads(before)
