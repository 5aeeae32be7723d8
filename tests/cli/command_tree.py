"""Every command of popsim by its name, like `twin new`."""

import typer

from popsim.cli import app


def _commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


TREE = dict(_commands(typer.main.get_command(app)))
