"""The sources of all kernels as a hash: part of the key of every result, so it is found without loading numba."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

SOURCE_FOLDER = Path(__file__).parent
COMPILERS = ("numba", "llvmlite")


def source_hash() -> str:
    """Hex digest of every kernel source with the numba, llvmlite and Python versions that compile them."""
    digest = hashlib.sha256()
    for one in (*map(version, COMPILERS), platform.python_version()):
        digest.update(one.encode() + b"\0")
    for path in sorted(SOURCE_FOLDER.rglob("*.py")):
        digest.update(path.relative_to(SOURCE_FOLDER).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
