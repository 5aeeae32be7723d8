"""Tables of a twin as files, which only their owner can read."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from popsim.cli.options import file_parameters, give_signature, parameters_of
from popsim.errors import InputError

KINDS = ("csv", "xlsx")  # --json prints a twin's JSON


def _index(given: Mapping[str, Any], path: Path) -> None:
    """Add a table to the index of exports of the twin that it is about."""
    twin, registry = given.get("twin"), given.get("registry")
    if not twin or registry is None:
        return
    from popsim.registry.database import Database
    from popsim.registry.exports import index_export

    with Database(registry).writing() as connection:
        index_export(connection, [twin], "table", path)


def prints_private_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command of twins --csv and --xlsx; errors do not repeat the folders of a file."""

    @functools.wraps(command)
    def with_files(**given: Any) -> None:
        paths: dict[str, Path] = {kind: path for kind in KINDS if (path := given.pop(kind)) is not None}
        for kind, path in paths.items():
            if path.suffix != f".{kind}" or path.is_dir() or not path.parent.is_dir():
                must = f"must be the path of a .{kind} file in a folder that exists"
                raise InputError(f"command line: --{kind}: {must}")
        if not paths:
            command(**given)
            return
        from popsim.registry.privacy import shown_path, write_private
        from popsim.reporting.table_files import collects, write_tables

        with collects(f"popsim twin {command.__name__}") as collection, TemporaryDirectory() as folder:
            command(**given)
            csv, xlsx = (Path(folder) / paths[kind].name if kind in paths else None for kind in KINDS)
            for made in write_tables(collection, csv, None, xlsx):
                path = paths[made.suffix[1:]].with_name(made.name)
                write_private(path, made.read_bytes())
                _index(given, path)
                print(f"popsim: {shown_path(path)} written", file=sys.stderr)

    own = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters_of(command)]
    give_signature(with_files, [*own, *file_parameters(*KINDS)])
    with_files.prints_tables = True  # type: ignore[attr-defined]
    return with_files
