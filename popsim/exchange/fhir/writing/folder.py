"""A Bulk Data folder: NDJSON files by type, a manifest and a log; whole, or not there."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple, Self

import orjson

from popsim.errors import InputError
from popsim.exchange.fhir.writing.coding import Json

MANIFEST, LOG, BUNDLES = "manifest.json", "log.ndjson", "bundles"
RESOURCES_PER_FILE = 200_000
MAKER = "popsim"
REFERENCE = re.compile(r'"reference":"[A-Za-z]+/([0-9a-f-]{36})"')


class WrittenFolder(NamedTuple):
    """What an export wrote: the folder, resources by type, files, bytes and bundles."""

    folder: Path
    resources: Mapping[str, int]
    files: int
    size_bytes: int
    bundles: int


class BulkFolder:
    """A folder under construction beside its place; it takes that place once everything is written.

    Args:
        path: of the folder; a new one, an empty one, or that of an earlier export, which is replaced.

    Raises:
        InputError: the folder holds anything else, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        check_folder(path)
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._beside = Path(tempfile.mkdtemp(prefix=".popsim-", dir=path.parent))
        except OSError as error:
            raise InputError(f"--out {path}: cannot be made: {error.strerror}") from None
        self._beside.chmod(0o755)
        self._open: dict[str, IO[bytes]] = {}
        self._counts: Counter[str] = Counter()
        self._files: dict[str, int] = {}
        self._bundles = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        for file in self._open.values():
            file.close()
        shutil.rmtree(self._beside, ignore_errors=True)

    def write(self, kind: str, lines: Sequence[str]) -> None:
        """Append resources of a type, one a line."""
        while lines:
            file, room = self._file(kind)
            part, lines = lines[:room], lines[room:]
            file.write("".join(f"{line}\n" for line in part).encode())
            self._counts[kind] += len(part)
            self._files[file.name] = self._files.get(file.name, 0) + len(part)

    def write_bundle(self, name: str, resources: Iterable[tuple[str, str, str]]) -> None:
        """Write one transaction Bundle of (type, id, line); its references are to entries of the Bundle."""
        folder = self._beside / BUNDLES
        folder.mkdir(exist_ok=True)
        entries = ",\n".join(
            f'{{"fullUrl":"urn:uuid:{identity}","resource":{REFERENCE.sub(_within, line)},'
            f'"request":{{"method":"PUT","url":"{kind}/{identity}"}}}}'
            for kind, identity, line in resources
        )
        text = f'{{"resourceType":"Bundle","id":"{name}","type":"transaction","entry":[\n{entries}\n]}}\n'
        (folder / f"{name}.json").write_text(text)
        self._bundles += 1

    def finish(self, transaction_time: str, request: str, facts: Json) -> WrittenFolder:
        """Write the manifest and the log, and put the folder in its place.

        Args:
            transaction_time: FHIR instant until which the data reach.
            request: URI of what was asked.
            facts: of the export, kept in the manifest's extension.
        """
        for file in self._open.values():
            file.close()
        output = [
            {"type": Path(name).name.partition(".")[0], "url": Path(name).name, "count": count}
            for name, count in sorted(self._files.items())
        ]
        manifest = {
            "transactionTime": transaction_time,
            "request": request,
            "requiresAccessToken": False,
            "outputFormat": "application/fhir+ndjson",
            "output": output,
            "error": [],
            "extension": {MAKER: facts},
        }
        (self._beside / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
        size = sum(Path(name).stat().st_size for name in self._files)
        self._write_log(transaction_time, request, len(output), size)
        written = WrittenFolder(self._path, dict(sorted(self._counts.items())), len(output), size, self._bundles)
        self._put_in_place()
        return written

    def _write_log(self, time: str, request: str, files: int, size: int) -> None:
        """The log of a Bulk Data client; times are those of the data, so that the same export has the same bytes."""
        counted = {"totalOutputFileCount": files, "totalDeletedFileCount": 0, "totalErrorFileCount": 0}
        done = {"files": files, "resources": sum(self._counts.values()), "bytes": size, "attachments": 0, "duration": 0}
        kickoff: Json = {
            "exportUrl": request, "softwareName": MAKER, "softwareVersion": version(MAKER), "fhirVersion": "4.0.1",
            "requestParameters": {}, "errorCode": None, "errorBody": None,
        }  # fmt: skip
        events = {
            "kickoff": kickoff, "status_complete": {"transactionTime": time}, "manifest_complete": counted,
            "export_complete": done,
        }  # fmt: skip
        lines = [
            orjson.dumps({"exportId": request, "timestamp": time, "eventId": name, "eventDetail": detail})
            for name, detail in events.items()
        ]
        (self._beside / LOG).write_bytes(b"\n".join(lines) + b"\n")

    def _put_in_place(self) -> None:
        before = self._path.with_name(f"{self._beside.name}-before")
        try:
            if self._path.exists():
                self._path.rename(before)
            self._beside.rename(self._path)
        except OSError as error:
            raise InputError(f"--out {self._path}: cannot be written: {error.strerror}") from None
        shutil.rmtree(before, ignore_errors=True)

    def _file(self, kind: str) -> tuple[IO[bytes], int]:
        """The open file of a type, and how many resources it has room for."""
        number, filled = divmod(self._counts[kind], RESOURCES_PER_FILE)
        if filled == 0:
            if kind in self._open:
                self._open[kind].close()
            self._open[kind] = (self._beside / f"{kind}.{number:03d}.ndjson").open("wb")
        return self._open[kind], RESOURCES_PER_FILE - filled


def check_folder(path: Path) -> None:
    """Refuse a place that holds anything but an earlier export.

    Raises:
        InputError: it does.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError(f"--out {path}: must be a folder")
    if path.is_dir() and any(path.iterdir()) and not _is_export(path):
        raise InputError(f"--out {path}: must be a new or an empty folder, or that of an earlier export of popsim")


def _is_export(path: Path) -> bool:
    try:
        manifest = orjson.loads((path / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(manifest, dict) and MAKER in (manifest.get("extension") or {})


def _within(found: re.Match[str]) -> str:
    return f'"reference":"urn:uuid:{found[1]}"'
