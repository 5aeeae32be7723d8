"""Zip files whose bytes depend on nothing but names and contents."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can express
FILE, SCRIPT = 0o100644, 0o100755


def zipped(folder: Path, name: str) -> bytes:
    """All files below a folder, under `name`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return _zip((f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in paths)


def same_times(content: bytes) -> bytes:
    """A zip with the same members in the same order, without times."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        return _zip((one.filename, old.read(one)) for one in old.infolist())


def _zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, EARLIEST)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = (SCRIPT if name.endswith(".sh") else FILE) << 16
            archive.writestr(info, content)
    return written.getvalue()
