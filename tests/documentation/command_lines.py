"""Command lines as the documentation shows them."""

import shlex
from pathlib import Path

import typer

from popsim.cli import app

ROOT = Path(__file__).parent.parent.parent
COMMANDS = typer.main.get_command(app)
OWN = ("mine", "my_")  # how files of a reader's own are called


def parse(line: str) -> None:
    """Take a command line apart as popsim does, and stop before it does anything."""
    words = shlex.split(line, comments=True)
    assert words[0] == "popsim"
    command, name, rest = COMMANDS, words[0], words[1:]
    while hasattr(command, "commands"):
        name, *rest = rest
        assert name in command.commands, line
        command = command.commands[name]
    command.make_context(name, rest)
    for word in rest:
        path = Path(word)
        if path.parts[0] in ("cohorts", "experiments", "popsim") and not path.name.startswith(OWN):
            assert (ROOT / path).exists(), line
