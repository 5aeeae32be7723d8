"""What a file that comes for a twin is, by its content: popsim's own stream, or one of the formats of others."""

from __future__ import annotations

from pathlib import Path

from popsim.drafting.reading import decoded
from popsim.errors import InputError
from popsim.exchange.wearables.apple_health import is_apple_health, read_apple_health
from popsim.exchange.wearables.device_csv import is_device_csv, read_device_csv
from popsim.exchange.wearables.json_files import is_device_json, read_device_json
from popsim.exchange.wearables.readings import DeviceFile
from popsim.exchange.wearables.to_stream import WearableData, to_stream
from popsim.registry.privacy import shown_path
from popsim.registry.stream import Calendar, read_bytes
from popsim.registry.vocabulary import Vocabulary

HEAD = 64 * 1024
OWN_KEYS = ("time", "code")  # of a stream's header or line


def wearable_data(path: Path, twin: str | None, calendar: Calendar, vocabulary: Vocabulary) -> WearableData | None:
    """The readings of a device's file as a stream; None if the file is not a device's.

    Args:
        twin: its id.
        calendar: with the date of day 0.
        vocabulary: of the twin's stream.

    Raises:
        DefinitionError: the file is a device's and is refused.
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise InputError(f"{shown_path(path)}: {error.strerror}") from None
    found = _device_file(path, head)
    return None if found is None else to_stream(found, path, twin, calendar, vocabulary)


def _device_file(path: Path, head: bytes) -> DeviceFile | None:
    if is_apple_health(head):
        return read_apple_health(path)
    text, _ = decoded(head)
    if _is_own(text):
        return None
    if is_device_json(text):
        return read_device_json(decoded(read_bytes(path))[0], path)
    if is_device_csv(text):
        return read_device_csv(read_bytes(path), path)
    return None


def _is_own(text: str) -> bool:
    """Whether the first line is that of a stream of popsim's own."""
    first = next((line for line in text.split("\n") if line.strip()), "").lower()
    return all(f'"{key}"' in first for key in OWN_KEYS) or set(OWN_KEYS) <= {word.strip() for word in first.split(",")}
