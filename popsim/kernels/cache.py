"""The cache of compiled kernels.

numba's own cache checks only the file of the compiled function, so it would miss a change in a function called from
another file, and it runs damaged files. Here a folder is named by a hash of all kernel sources and everything else that
affects machine code, and each file begins with a checksum: a damaged file is compiled again. If the folder cannot be
written, a private folder among the temporary files is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

import numba
import numpy as np
from numba.core import dispatcher
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps, loads

from popsim.kernels.numerics.compiling import WATCHERS
from popsim.kernels.sources import source_hash

WITHOUT_INFLUENCE = {"NUM_THREADS", "THREADING_LAYER", "THREADING_LAYER_PRIORITY", "CACHE_DIR"}  # on machine code
FOLDERS_KEPT = 8  # of as many versions of the sources; some 25 MB each
CHECKSUM_BYTES = 32


def code_hash() -> str:
    """Hex digest of everything that affects machine code except the processor: `source_hash`, NumPy, flags of numba."""
    flags = [f"{name}={value}" for name, value in sorted(os.environ.items()) if _is_flag(name)]
    shapes = (source_hash(), np.__version__, sys.abiflags, numba.config.USING_SVML, flags)
    return hashlib.sha256(repr(shapes).encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """The folder of compiled kernels: $POPSIM_CACHE, or popsim in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  (does not fail)
    root = os.environ.get("POPSIM_CACHE") or f"{home}/popsim"
    return Path(root).absolute() / f"kernels-{code_hash()}"


def private_folder() -> Path:
    """The user's private folder among the temporary files, used if the other cannot be written."""
    return Path(tempfile.gettempdir()) / f"popsim-{_USER}" / FOLDERS[0].name


class KernelCache(FunctionCache):
    """Compiled versions of one function, a file for each signature and processor."""

    def __init__(self, py_func):
        self._py_func, self._name = py_func, repr(py_func)
        self._source = _content_of(py_func.__code__.co_filename)
        self.enable()

    @property
    def cache_path(self):
        """The preferred folder for writing."""
        return str(FOLDERS[0])

    def flush(self):
        """Forget all versions."""
        for folder in FOLDERS:
            for path in folder.glob(f"{self._stem()}.*.nbc"):
                path.unlink(missing_ok=True)

    def _load_overload(self, sig, target_context):
        """A version that was compiled before, or None."""
        key = self._key(sig, target_context.codegen())
        for folder in FOLDERS if self._enabled and self._source else ():
            content = _read(folder / self._file(key))
            if content is not None:
                kept, payload = loads(content)
                return CompileResult._rebuild(target_context, *payload) if kept == key else None
        for watch in WATCHERS:
            watch(FRESH)
        return None

    def _save_overload(self, sig, data):
        """Store a version, if any folder can be written."""
        lasting = not data.library.has_dynamic_globals and all(lifted.can_cache for lifted in data.lifted)
        if not (self._enabled and self._source and lasting):
            return
        key = self._key(sig, data.codegen)
        content = dumps((key, data._reduce()))
        for folder in FOLDERS:
            with contextlib.suppress(OSError):
                _write(folder / self._file(key), content)
                return

    def _key(self, sig, codegen):
        """The key of a version: signature, processor, byte code, values in closures, and the function's own file."""
        return (*self._index_key(sig, codegen), self._source)

    def _stem(self):
        name = f"{self._py_func.__module__}.{self._py_func.__qualname__}-{self._py_func.__code__.co_firstlineno}"
        return re.sub(r"[^\w.-]", "", name)[-120:]

    def _file(self, key):
        return f"{self._stem()}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"


@cache
def _content_of(file):
    """Hash of a source file; empty if there is none, as in a notebook: such functions are not cached."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return ""


def _read(path):
    """The content of a file; None if it is missing, unreadable or damaged, or if others could have written it."""
    try:
        _check_owner(path.parent)
        content = path.read_bytes()
    except OSError:
        return None
    checksum, content = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    return content if hashlib.sha256(content).digest() == checksum else None


def _write(path, content):
    """Write a file in one step.

    Raises:
        OSError: it cannot be written, or others could change it.
    """
    folder = path.parent
    if not folder.is_dir():
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        _prune(folder.parent)
    _check_owner(folder)
    temporary = folder / f".tmp-{secrets.token_hex(8)}"
    try:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_owner(folder):
    """Trust a folder among the temporary files only if it belongs to the user.

    Raises:
        OSError: it does not exist, or belongs to somebody else.
    """
    if folder != FOLDERS[0]:
        found = folder.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != _USER or found.st_mode & 0o022:
            raise PermissionError(f"{folder.parent}: others can write it")


def _prune(root):
    """Remove the folders of old versions, the longest unused first."""
    with contextlib.suppress(OSError):
        folders = [path for path in root.iterdir() if re.fullmatch("kernels-[0-9a-f]{16}", path.name)]
        folders.sort(key=lambda path: path.stat().st_mtime)
        for folder in folders[:-FOLDERS_KEPT]:
            shutil.rmtree(folder, ignore_errors=True)


def _is_flag(name):
    return name.startswith("NUMBA_") and name.removeprefix("NUMBA_") not in WITHOUT_INFLUENCE


_USER = os.getuid() if hasattr(os, "getuid") else 0
FOLDERS = [cache_folder()]  # looked into in this order; the first that can be written is
with contextlib.suppress(OSError):
    FOLDERS.append(private_folder())
FRESH = not any(folder.is_dir() for folder in FOLDERS)  # nothing has been compiled yet
with contextlib.suppress(OSError):
    os.utime(FOLDERS[0])  # in use
dispatcher.FunctionCache = KernelCache
