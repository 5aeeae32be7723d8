"""The export of Apple Health: export.xml, or the ZIP file that holds it. It is read as a stream, whatever its size."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.parsers import expat

from popsim.exchange.wearables import quantities as q
from popsim.exchange.wearables.readings import MAX_READINGS, DeviceFile, DeviceReading, Refuser, local_moment
from popsim.numbers import parse_number

TYPES = {
    "BodyMass": q.WEIGHT, "BloodPressureSystolic": q.SYSTOLIC, "BloodPressureDiastolic": q.DIASTOLIC,
    "HeartRate": q.PULSE, "RestingHeartRate": q.RESTING, "OxygenSaturation": q.OXYGEN, "StepCount": q.STEPS,
}  # fmt: skip
PREFIX = "HKQuantityTypeIdentifier"
MAX_BYTES = 8 * 1024**3
CHUNK = 1 << 20  # bytes read at a time
ZIP_MARK = b"PK\x03\x04"


def is_apple_health(head: bytes) -> bool:
    """Whether a file begins like an export of Apple Health."""
    return b"<HealthData" in head or head.startswith(ZIP_MARK)


def read_apple_health(path: Path) -> DeviceFile:
    """The readings of an export.

    Raises:
        DefinitionError: it is damaged, declares entities, or has too many readings.
    """
    refuser, passed = Refuser(path), Counter[str]()
    readings: list[DeviceReading] = []
    sources: dict[str, int] = {}
    try:
        with _opened(path, refuser) as stream:
            for record in _records(stream, refuser):
                reading = _reading(record, sources, passed)
                if reading is not None:
                    readings.append(reading)
                if len(readings) > MAX_READINGS:
                    refuser.refuse("file", f"has more than {MAX_READINGS:,} readings; divide it")
    except expat.ExpatError as error:
        refuser.refuse("file", "is not valid XML (cut off?)", error.lineno)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        refuser.refuse("file", "cannot be read, or is damaged")
    return DeviceFile("Apple Health", readings, passed)


@contextmanager
def _opened(path: Path, refuser: Refuser) -> Iterator[IO[bytes] | _Limited]:
    """The XML, in a ZIP file or by itself; nothing is unpacked."""
    with path.open("rb") as file:
        if file.read(len(ZIP_MARK)) != ZIP_MARK:
            file.seek(0)
            yield file
            return
        with zipfile.ZipFile(path) as archive:
            inside = [one for one in archive.infolist() if Path(one.filename).name == "export.xml"]
            if len(inside) != 1:
                refuser.refuse("file", "must hold one export.xml, as Apple Health writes it")
            if inside[0].file_size > MAX_BYTES:
                refuser.refuse("file", f"is larger than {MAX_BYTES // 1024**3} GiB unpacked")
            with archive.open(inside[0]) as stream:
                yield _Limited(stream, refuser)


class _Limited:
    """A stream that refuses to give more than it said it holds."""

    def __init__(self, stream: IO[bytes], refuser: Refuser) -> None:
        self._stream, self._refuser, self._left = stream, refuser, MAX_BYTES

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        found = self._stream.read(size)
        self._left -= len(found)
        if self._left < 0:
            self._refuser.refuse("file", f"is larger than {MAX_BYTES // 1024**3} GiB unpacked")
        return found


def _records(stream: IO[bytes] | _Limited, refuser: Refuser) -> Iterator[dict[str, str]]:
    """Attributes of the records, as they are read."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Record":
            found.append(attributes)

    def declared(*_: object) -> None:
        refuser.refuse("file", "declares XML entities, as no export does")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EntityDeclHandler = start, declared
    while chunk := stream.read(CHUNK):
        parser.Parse(chunk, False)
        yield from found
        found.clear()
    parser.Parse(b"", True)


def _reading(record: dict[str, str], sources: dict[str, int], passed: Counter[str]) -> DeviceReading | None:
    quantity = TYPES.get(record.get("type", "").removeprefix(PREFIX))
    if quantity is None:
        passed["of a kind that is not read"] += 1
        return None
    stamp = local_moment(record.get("startDate", ""))
    value, unit = parse_number(record.get("value", "")), q.unit_of(record.get("unit", ""))
    if stamp is None or value is None or unit is None:
        passed["without a time, a number or a known unit"] += 1
        return None
    source = sources.setdefault(record.get("sourceName", ""), len(sources))
    return DeviceReading(quantity, *stamp, value, unit, source)
