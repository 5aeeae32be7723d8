"""popsim twin forget, audit, exports, key, encrypt, decrypt, backup and restore: the registry and its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.private_commands import PrivateCommand, private
from popsim.cli.twin import (
    Registry,
    Twin,
    Whose,
    _opened,
    _whose,
    twin_app,
)
from popsim.cli.twin_tables import NOTICE, Json, prints_private_tables, tell
from popsim.errors import InputError

__all__ = ("twin_app",)
New = Annotated[Path, typer.Argument(metavar="FILE", help="File to write; only its owner can read it.")]


@twin_app.command(cls=PrivateCommand)
@private
def forget(twin: Twin, registry: Registry, json_file: Json = None) -> None:
    """Delete everything about a twin; the audit log keeps only that its id existed."""
    from popsim.reporting.text.twin import exports_text

    whose = str(_whose(twin))
    gone = _opened(registry).forget(whose)
    told = [f"{whose}: forgotten"]
    if gone:
        told += ["", exports_text(gone), "popsim cannot delete these files: find them by sha256sum, and delete them."]
    content = {"forgotten": whose, "exports": [one._asdict() for one in gone]}
    tell(content, "\n".join([*told, "", NOTICE]), json_file, registry)


@twin_app.command(cls=PrivateCommand)
@private
@prints_private_tables
def audit(
    registry: Registry,
    twin: Whose = "",
    expect: Annotated[
        str, typer.Option(metavar="HASH", help="A head of the log noted earlier; the log must extend it.")
    ] = "",
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Only lines that read this file.")] = None,
    json_file: Json = None,
) -> None:
    """Check every row of the registry against the audit log; print the log, of one twin or of all, and its head.

    Anyone who can write the file can also write a new log: note the head elsewhere, and pass it to --expect.
    """
    from popsim.registry.audit import lines_that_read
    from popsim.registry.exports import digest_of_file
    from popsim.reporting.text.twin import audit_text

    if expect and not re.fullmatch("[0-9a-f]{64}", expect):
        raise InputError("command line: --expect: must be a hash as this command prints it, 64 digits 0-9 and a-f")
    whose = _whose(twin)
    database = _opened(registry).database
    entries = database.check(expect or None)
    head = entries[-1].hash if entries else ""
    shown = [entry for entry in entries if whose in (None, entry.twin)]
    if file is not None:
        with database.reading() as connection:
            lines = lines_that_read(connection, digest_of_file(file))
        shown = [entry for entry in shown if entry.number in lines]
    tell(
        {"head": head, "entries": [entry._asdict() for entry in shown]},
        audit_text(shown, head),
        json_file,
        registry,
        [whose] if whose else [],
    )


@twin_app.command(cls=PrivateCommand)
@private
def key(file: New) -> None:
    """Make a random key for encrypted registries. Keep it apart from the registry: without it nothing can be read."""
    import os

    from popsim.registry.encryption import KEY_FILE, new_key
    from popsim.registry.privacy import shown_path, write_private

    if os.path.lexists(file):
        raise InputError(f"{shown_path(file)}: exists; a key is never overwritten")
    write_private(file, f"{new_key()}\n".encode())
    print(f"{shown_path(file)}: written; export {KEY_FILE} with its path, and keep a copy where the registry is not")


@twin_app.command(cls=PrivateCommand)
@private
def encrypt(registry: Registry, json_file: Json = None) -> None:
    """Encrypt a registry in its place with the key of POPSIM_REGISTRY_KEY_FILE or POPSIM_REGISTRY_KEY."""
    from popsim.registry.copies import change_encryption

    lines = change_encryption(registry, encrypted=True)
    tell({"encrypted": True, "head": lines[-1].hash}, f"encrypted and checked\n\n{NOTICE}", json_file, registry)


@twin_app.command(cls=PrivateCommand)
@private
def decrypt(registry: Registry, json_file: Json = None) -> None:
    """Store a registry without encryption again."""
    from popsim.registry.copies import change_encryption

    lines = change_encryption(registry, encrypted=False)
    tell(
        {"encrypted": False, "head": lines[-1].hash},
        f"stored without encryption, checked\n\n{NOTICE}",
        json_file,
        registry,
    )


@twin_app.command(cls=PrivateCommand)
@private
def backup(file: New, registry: Registry, json_file: Json = None) -> None:
    """Write a checked copy of a registry, also while other commands use it; encrypted if the registry is."""
    from popsim.registry.copies import backup as write_copy
    from popsim.registry.privacy import shown_path

    lines = write_copy(registry, file)
    name, head = shown_path(file), lines[-1].hash
    told = f"{name}: written and checked, {len(lines)} lines of the audit log, head {head}\n\n{NOTICE}"
    tell({"backup": name, "lines": len(lines), "head": head}, told, json_file, registry)


@twin_app.command(cls=PrivateCommand)
@private
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Copy that 'popsim twin backup' wrote.")],
    registry: Registry,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a registry that exists.")] = False,
    json_file: Json = None,
) -> None:
    """Make a registry of a copy: all of it, or nothing if the copy is not sound."""
    from popsim.registry.copies import restore as take_copy
    from popsim.registry.privacy import shown_path

    lines = take_copy(file, registry, replace=replace)
    head = lines[-1].hash
    told = f"{shown_path(registry)}: restored and checked, {len(lines)} lines of the audit log, head {head}\n\n{NOTICE}"
    tell({"restored": True, "lines": len(lines), "head": head}, told, json_file, registry)


@twin_app.command(cls=PrivateCommand)
@private
def migrate(
    registry: Registry,
    copy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Copy to write first; by default REGISTRY.v3 beside it.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Take over a registry of the version before in its place, after a copy of it; all of it or nothing."""
    from popsim.registry.database import MIGRATES_FROM
    from popsim.registry.migration import migrate as take_over
    from popsim.registry.privacy import shown_path

    path = copy or registry.with_name(f"{registry.name}.v{MIGRATES_FROM}")
    lines = take_over(registry, path)
    name, head = shown_path(registry), lines[-1].hash
    told = f"{name}: taken over and checked, {len(lines)} lines of the audit log, head {head}\n"
    told += f"{shown_path(path)}: the registry as it was\n\n{NOTICE}"
    tell({"migrated": True, "copy": shown_path(path), "lines": len(lines), "head": head}, told, json_file, registry)


@twin_app.command(cls=PrivateCommand)
@private
@prints_private_tables
def exports(twin: Twin, registry: Registry, json_file: Json = None) -> None:
    """List the files that were written with something about a twin: what, the twin's day, and SHA-256."""
    from popsim.registry.exports import exports_of
    from popsim.reporting.text.twin import exports_text

    whose, database = str(_whose(twin)), _opened(registry)
    with database.database.reading() as connection:
        database.standings(connection, whose)
        found = exports_of(connection, whose)
    content = {"twin": whose, "exports": [one._asdict() for one in found]}
    tell(
        content,
        f"{exports_text(found) or 'No file holds anything about it.'}\n\n{NOTICE}",
        json_file,
        registry,
        [whose],
    )
