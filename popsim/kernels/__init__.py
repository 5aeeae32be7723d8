"""Compiled kernels: plain functions over arrays, and the only modules that import numba.

numba's own cache looks at the file of the compiled function alone, so a change in a function that it calls from
another file would be served stale. The cache therefore lives in a folder named after the content of all kernel
sources and the versions that compile them: any change to any kernel starts a fresh folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import llvmlite
import numba

SOURCE_FOLDER = Path(__file__).parent


def source_hash() -> str:
    """Hex digest of every kernel source with the numba, llvmlite and Python versions that compile them."""
    digest = hashlib.sha256()
    for version in (numba.__version__, llvmlite.__version__, platform.python_version()):
        digest.update(version.encode())
    for path in sorted(SOURCE_FOLDER.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: $POPSIM_CACHE, or popsim under the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = os.environ.get("POPSIM_CACHE") or str(Path(home) / "popsim")
    return Path(root) / f"kernels-{source_hash()}"


numba.config.CACHE_DIR = str(cache_folder())
# Threads that wait for the next parallel loop sleep instead of spinning: on a machine that others use too, a spinning
# thread keeps the one that it waits for from running. Read when the first parallel kernel is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
