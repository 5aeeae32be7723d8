"""Tables and JSON of a twin as files, which only their owner can read."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from popsim.cli.options import FILES_PANEL, STANDARD_OUTPUT, file_parameters, give_signature, parameters_of
from popsim.errors import InputError

KINDS = ("csv", "xlsx")  # --json is of the whole result, not of its tables
NOTICE = "For research, not for care."  # the same as in registry/summary.py, which is slow to import


def _checked(kind: str, path: Path) -> Path:
    """The path of a file that can be written, before anything is done.

    Raises:
        InputError: it cannot.
    """
    if path.suffix != f".{kind}" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"command line: --{kind}: must be the path of a .{kind} file in a folder that exists")
    return path


def _json_file(text: str) -> Path:
    return Path(text) if text == STANDARD_OUTPUT else _checked("json", Path(text))


Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        parser=_json_file,
        metavar="FILE",
        help="Also write the result to this JSON file; - prints JSON alone.",
        rich_help_panel=FILES_PANEL,
    ),
]


def tell(content: dict[str, Any], text: str, file: Path | None, registry: Path, twins: Sequence[str] = ()) -> None:
    """Print a result: as JSON alone, with the notice added, or as text, which contains it, and JSON in a file.

    Args:
        content: for JSON.
        text: for the terminal.
        file: of --json.
        registry: whose index of exports gets the file.
        twins: those that the content is about.
    """
    told = json.dumps(content | {"notice": NOTICE})
    print(told if str(file) == STANDARD_OUTPUT else text)
    if file is None or str(file) == STANDARD_OUTPUT:
        return
    from popsim.registry.privacy import write_private

    write_private(file, f"{told}\n".encode())
    _written(file, registry, "JSON", twins)


def _written(path: Path, registry: Path, what: str, twins: Sequence[str]) -> None:
    """Add a file to the index of exports of the twins that it is about, and say that it is there."""
    from popsim.registry.database import Database
    from popsim.registry.exports import index_export
    from popsim.registry.privacy import shown_path

    if twins:
        with Database(registry).writing() as connection:
            index_export(connection, twins, what, path)
    print(f"popsim: {shown_path(path)} written", file=sys.stderr)


def prints_private_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command of twins --csv and --xlsx; errors do not repeat the folders of a file."""

    @functools.wraps(command)
    def with_files(**given: Any) -> None:
        paths = {kind: _checked(kind, path) for kind in KINDS if (path := given.pop(kind)) is not None}
        if not paths:
            command(**given)
            return
        from popsim.registry.privacy import write_private
        from popsim.reporting.table_files import collects, write_tables

        with collects(f"popsim twin {command.__name__}") as collection, TemporaryDirectory() as folder:
            command(**given)
            csv, xlsx = (Path(folder) / paths[kind].name if kind in paths else None for kind in KINDS)
            for made in write_tables(collection, csv, None, xlsx):
                path = paths[made.suffix[1:]].with_name(made.name)
                write_private(path, made.read_bytes())
                _written(path, given["registry"], "table", [given["twin"]] if given.get("twin") else [])

    own = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters_of(command)]
    give_signature(with_files, [*own, *file_parameters(*KINDS)])
    with_files.prints_tables = True  # type: ignore[attr-defined]
    return with_files
