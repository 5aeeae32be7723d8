"""A registry encrypted at rest: the whole file, with AES-256-GCM, by a key that is never an argument.

    header      mark (8 bytes), salt (16), check of the key (16)
    segments    of at most 1 MiB, each encrypted with the number of the segment as its nonce

The key of a file is derived (HKDF-SHA256) from the user's key and the salt, which is new with each writing, so no nonce
is ever used twice. The header, the segment's number and whether it is the last are authenticated with each segment: a
file that was cut off, reordered or altered is not opened. Nothing that is not encrypted touches the disk.

Uses cryptography (Apache-2.0 or BSD, https://cryptography.io), popsim's extra `encryption`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from popsim.errors import InputError, RunError
from popsim.registry.privacy import shown_path

MARK = b"POPSIM\x00\x01"
SALT_BYTES = CHECK_BYTES = 16
KEY_BYTES = 32
HEADER_BYTES = len(MARK) + SALT_BYTES + CHECK_BYTES
SEGMENT = 1 << 20
TAG = 16
PURPOSE = b"popsim registry of twins"
KEY, KEY_FILE = "POPSIM_REGISTRY_KEY", "POPSIM_REGISTRY_KEY_FILE"
FORM = f"must be {KEY_BYTES} random bytes in base64, as 'popsim twin key' makes them"
MAX_KEY_FILE = 1024


def new_key() -> str:
    """A random key, as text."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def key_from_environment(environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The key that the environment gives, itself or as a file that only its owner can read; None: it gives none.

    Raises:
        InputError: it gives both, the file cannot be read or others may read it, or it is not a key.
    """
    key, file = environment.get(KEY), environment.get(KEY_FILE)
    if key and file:
        raise InputError(f"{KEY} and {KEY_FILE} are both set; set one of them")
    if file:
        return _decoded(_read_key_file(Path(file)), f"{KEY_FILE} {shown_path(file)}")
    return _decoded(key, KEY) if key else None


def _read_key_file(path: Path) -> str:
    name = f"{KEY_FILE} {shown_path(path)}"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{name}: is not a file")
        if os.name == "posix" and mode & 0o077:
            raise InputError(f"{name}: other people may read it: chmod 600 it first")
        with path.open("rb") as file:
            return file.read(MAX_KEY_FILE).decode("ascii", "replace")
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None


def _decoded(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{name}: {FORM}")
    return key


def is_encrypted(path: Path) -> bool:
    """Whether a file is an encrypted registry."""
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def encrypt(content: bytes, key: bytes) -> bytes:
    """The bytes of an encrypted file.

    Raises:
        InputError: cryptography is not installed.
    """
    salt = os.urandom(SALT_BYTES)
    header = MARK + salt + _check(key, salt)
    cipher = _cipher(key, salt)
    parts = [header]
    starts = range(0, max(len(content), 1), SEGMENT)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        parts.append(cipher.encrypt(_nonce(number), content[start : start + SEGMENT], _bound(header, number, last)))
    return b"".join(parts)


def decrypt(content: bytes, key: bytes, name: str) -> bytes:
    """The content of an encrypted file.

    Args:
        name: of the file, for errors.

    Raises:
        InputError: the key is another one, or cryptography is not installed.
        RunError: the file is damaged.
    """
    header, rest = content[:HEADER_BYTES], content[HEADER_BYTES:]
    salt, check = header[len(MARK) : -CHECK_BYTES], header[-CHECK_BYTES:]
    if not content.startswith(MARK):
        raise InputError(f"{name}: is not encrypted any more")
    if len(header) < HEADER_BYTES or not rest:
        raise RunError(f"{name}: damaged")
    if not hmac.compare_digest(check, _check(key, salt)):
        raise InputError(f"{name}: the key is not that of this registry")
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 (an extra)

    cipher, parts = _cipher(key, salt), []
    starts = range(0, len(rest), SEGMENT + TAG)
    try:
        for number, start in enumerate(starts):
            bound = _bound(header, number, number == len(starts) - 1)
            parts.append(cipher.decrypt(_nonce(number), rest[start : start + SEGMENT + TAG], bound))
    except InvalidTag:
        raise RunError(f"{name}: damaged") from None
    return b"".join(parts)


def _cipher(key: bytes, salt: bytes):  # type: ignore[no-untyped-def]
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (an extra)
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415
    except ImportError:
        raise InputError("an encrypted registry needs popsim's extra 'encryption' (cryptography)") from None
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, PURPOSE).derive(key))


def _check(key: bytes, salt: bytes) -> bytes:
    """Tells a wrong key from a damaged file; says nothing about the key."""
    return hmac.digest(key, PURPOSE + b" key check" + salt, hashlib.sha256)[:CHECK_BYTES]


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound(header: bytes, number: int, last: bool) -> bytes:
    """What is authenticated with a segment."""
    return header + number.to_bytes(8, "big") + bytes([last])
