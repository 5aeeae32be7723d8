"""Copies of a registry: backup and restore, and the change to an encrypted file and back. Each checks what it wrote."""

from __future__ import annotations

import os
from pathlib import Path

from popsim.errors import InputError
from popsim.registry.audit import Entry
from popsim.registry.database import PATIENCE_S, Database
from popsim.registry.encryption import KEY, KEY_FILE, decrypt, encrypt, is_encrypted, key_from_environment
from popsim.registry.locks import locked
from popsim.registry.privacy import check_private, read_private, shown_path, write_private

BACKUP, RESTORE, ENCRYPT, DECRYPT = "backup", "restore", "encrypt", "decrypt"


def backup(registry: Path, copy: Path) -> list[Entry]:
    """Write a checked copy, encrypted with the same key if the registry is; other commands may go on meanwhile.

    Returns:
        the lines of the copy's audit log.

    Raises:
        InputError: the copy exists, or cannot be written.
        RunError: the registry is damaged, or not as its log says.
    """
    refuse_existing(copy)
    source = Database(registry)
    source.check()
    source.log(BACKUP)
    content = source.content()
    write_private(copy, source.sealed(content))
    return Database(copy).check()


def restore(copy: Path, registry: Path, *, replace: bool = False) -> list[Entry]:
    """Make a registry of a checked copy; nothing is changed if the copy is not sound.

    Args:
        replace: take the place of a registry that exists.

    Returns:
        the lines of the registry's audit log.

    Raises:
        InputError: the registry exists and is not to be replaced, or one of the two is encrypted and the other is not.
        RunError: the copy is damaged, or not as its log says.
    """
    source = Database(copy)
    source.check()
    if not os.path.lexists(registry):
        write_private(registry, read_private(copy))
    elif not replace:
        raise InputError(f"--registry {shown_path(registry)}: exists; --replace replaces it by the copy")
    else:
        check_private(registry)
        if is_encrypted(registry) != source.encrypted:
            raise InputError(f"--registry {shown_path(registry)}: either both or neither must be encrypted")
        Database(registry).replace(source.content())
    restored = Database(registry)
    restored.log(RESTORE)
    return restored.check()


def change_encryption(registry: Path, *, encrypted: bool) -> list[Entry]:
    """Encrypt a registry in its place, or store it without encryption; the key is that of the environment.

    Returns:
        the lines of its audit log.

    Raises:
        InputError: there is no key, or the registry is so already.
        RunError: the registry is damaged, or in use.
    """
    check_private(registry)
    name, key = f"--registry {shown_path(registry)}", key_from_environment()
    if key is None:
        raise InputError(f"{name}: needs a key; give it by {KEY_FILE} or {KEY} ('popsim twin key' makes one)")
    with locked(registry, PATIENCE_S, alone=True):
        if is_encrypted(registry) == encrypted:
            raise InputError(f"{name}: is {'' if encrypted else 'not '}encrypted already")
        if encrypted:
            _encrypt(registry, key)
        else:
            write_private(registry, decrypt(read_private(registry), key, name))
    changed = Database(registry, key=key if encrypted else None)
    changed.log(ENCRYPT if encrypted else DECRYPT)
    return changed.check()


def _encrypt(registry: Path, key: bytes) -> None:
    """Replace the file while no other process writes to it, and overwrite what was not encrypted."""
    plain = Database(registry, key=None)
    plain.check()
    with plain.writing() as connection:
        content = bytes(connection.connection.driver_connection.serialize())  # type: ignore[union-attr]
        old = os.open(registry, os.O_WRONLY)
        try:
            write_private(registry, encrypt(content, key))
            os.pwrite(old, bytes(os.fstat(old).st_size), 0)
            os.fsync(old)
        finally:
            os.close(old)
    plain.engine.dispose()


def refuse_existing(path: Path) -> None:
    """Refuse to write over a file.

    Raises:
        InputError: there is one.
    """
    if os.path.lexists(path):
        raise InputError(f"{shown_path(path)}: exists; give the name of a new file")
