"""Privacy: random ids, files that only their owner can read, and errors without personal data.

A registry holds random ids, days since the twin's start and numbers: no names, dates or free text. The date of day 0 is
not stored (`--day-zero` gives it each time), nor is any clock time, which together with the twin's day would reveal it.
Errors name the line, the key and what is allowed; they repeat only short numbers, units and codes of a known form.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from pathlib import Path

from popsim.errors import InputError

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter looks like a digit
ID_LETTERS = 8
ID = re.compile(f"[{ALPHABET}]{{{ID_LETTERS}}}")
MAX_DIGITS_SHOWN = 5
LOINC = re.compile(r"\d{1,6}-\d")
OWNER_ONLY = 0o600
ADDRESS = re.compile(r"\S@\S")
DATE = re.compile(r"\d{1,4}\s*[-/.]\s*(\d{1,2}|[A-Za-z]{3,9})\s*[-/.]\s*\d{1,4}")
LONG_NUMBER = re.compile(r"\d([\s-]?\d){6,}")
# Keys that identify people; refused with a reason of their own.
PERSONAL_KEYS = re.compile(
    r"(^|_)(name|forename|surname|given|family|initials|dob|birth|born|birthday|nhs|ssn|mrn|identifier|patient|"
    r"e?mail|phone|telephone|mobile|address|street|postcode|zip|insurance)(_|$)"
)
NO_NAMES = (
    "nothing that names a person is taken: no names, dates of birth, numbers of records or insurance, addresses;"
    " give age_years and numbers"
)


def new_id() -> str:
    """A random id of forty bits, from the operating system's random source."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LETTERS))


def new_salt() -> str:
    """The key of the digests of one twin's rows; deleted with the twin."""
    return secrets.token_hex(16)


def number_of(twin: str) -> int:
    """The id as a number below 2**40, which keys the random streams of the twin's members."""
    number = 0
    for letter in twin:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number


def checked_id(twin: str) -> str:
    """The id, if it is well-formed.

    Raises:
        InputError: it is not; the message does not repeat it.
    """
    if not ID.fullmatch(twin):
        raise InputError(f"twin: must be an id as 'popsim twin new' prints it, {ID_LETTERS} letters and digits")
    return twin


def shown(value: object) -> str | None:
    """A value as an error may repeat it; None if it might identify a person."""
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS_SHOWN:
        return None  # Python refuses to print very long integers
    if isinstance(value, bool | int | float):
        text = repr(value)
    elif isinstance(value, str):
        text = value.strip()
        if LOINC.fullmatch(text):
            return text
        try:
            float(text)
        except ValueError:
            return None
    else:
        return None
    return text if sum(c.isdigit() for c in text) <= MAX_DIGITS_SHOWN and len(text) <= 2 * MAX_DIGITS_SHOWN else None


def shown_path(path: Path | str) -> str:
    """The last part of a file's path, without folders, which often contain a name; hidden if it looks personal.

    A name cannot be recognised as such: files of persons should be named by the twin's id.
    """
    name = Path(path).name
    return f"(a file){Path(path).suffix}" if personal(name) else name


def personal(text: str) -> bool:
    """Whether a text looks like an e-mail address, a date, or a record number."""
    return any(pattern.search(text) for pattern in (ADDRESS, DATE, LONG_NUMBER))


def personal_key(key: str) -> bool:
    """Whether a key names personal data that a registry must not hold."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
    return PERSONAL_KEYS.search(re.sub(r"[^a-z0-9]+", "_", words)) is not None


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, or check the permissions of an existing one.

    SQLite gives its journal the same permissions.

    Raises:
        InputError: the file cannot be created, is not a regular file, or other people may read it.
    """
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY)
        os.fchmod(file, OWNER_ONLY)  # regardless of the umask
        os.close(file)
    except FileExistsError:
        check_private(path)
    except OSError as error:
        raise InputError(f"--registry {shown_path(path)}: cannot be made: {error.strerror}") from None


def check_private(path: Path) -> None:
    """Refuse a registry that does not exist, is a link or not a regular file, or that other people may read.

    Raises:
        InputError: any of these.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise InputError(f"--registry {shown_path(path)}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"--registry {shown_path(path)}: {_is_no_file(mode)}")
    if os.name == "posix" and mode & 0o077:
        raise InputError(f"--registry {shown_path(path)}: other people may read it: chmod 600 it first")


def read_private(path: Path) -> bytes:
    """The content of a registry's file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"--registry {shown_path(path)}: {error.strerror}") from None


def write_private(path: Path, content: bytes) -> None:
    """Write or replace a file that only its owner can read, atomically.

    Raises:
        InputError: the path is a link or not a regular file, or cannot be written.
    """
    try:
        if os.path.lexists(path) and not stat.S_ISREG(mode := path.lstat().st_mode):
            raise InputError(f"--out {shown_path(path)}: {_is_no_file(mode)}")
        file, beside = tempfile.mkstemp(prefix=".popsim-", dir=path.parent)
        try:
            with os.fdopen(file, "wb") as opened:
                os.fchmod(file, OWNER_ONLY)
                opened.write(content)
                opened.flush()
                os.fsync(file)
            Path(beside).replace(path)  # never follows a link
        except BaseException:
            Path(beside).unlink()
            raise
    except OSError as error:
        raise InputError(f"--out {shown_path(path)}: cannot be written: {error.strerror}") from None


def _is_no_file(mode: int) -> str:
    return "is a link; name the file itself" if stat.S_ISLNK(mode) else "not a file"
