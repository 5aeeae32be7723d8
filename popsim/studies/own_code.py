"""The content of a user's own objects, for the keys of units: an edited organ system has other results."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from popsim.physiology.own import OrganSystemInFile
from popsim.studies.content import file_hash, json_hash

SIMPLE = (type(None), bool, int, float, str, bytes, np.generic)
INSTALLED = {"site-packages", "dist-packages"}


def own_code_hash(value: object) -> str:
    """Hash of an object's class and attributes, and of all code and constants that their functions refer to.

    Of what an experiment names in a file, it takes the file.
    It does not follow the code of installed packages; of their modules, and of others used whole, it takes the file.
    """
    return json_hash(value.content if isinstance(value, OrganSystemInFile) else _content(value, {}))


def elsewhere(value: object) -> bool:
    """Whether other processes can have an object: its class is not made in a notebook or within a function."""
    kind = value if isinstance(value, type) else type(value)
    module = sys.modules.get(kind.__module__)
    in_notebook = kind.__module__ == "__main__" and not hasattr(module, "__file__")
    return not in_notebook and getattr(module, kind.__qualname__, None) is kind


def _content(value: Any, seen: dict[int, object]) -> Any:
    """The content of a value as JSON; `seen` ends circles, and keeps what has an id alive."""
    value = getattr(value, "py_func", value)  # of a compiled function
    if id(value) in seen:
        return "seen"
    found: Any
    if not isinstance(value, SIMPLE):
        seen[id(value)] = value
    match value:
        case np.ndarray():
            found = [str(value.dtype), value.shape, hashlib.sha256(value.tobytes()).hexdigest()]
        case _ if isinstance(value, SIMPLE):
            found = repr(value)
        case CodeType():
            found = [value.co_code.hex(), value.co_names, _content(list(value.co_consts), seen)]
        case ModuleType():
            found = _file_hash(value.__name__)
        case Mapping():
            found = {str(key): _content(one, seen) for key, one in value.items()}
        case list() | tuple():
            found = [_content(one, seen) for one in value]
        case MethodType() | staticmethod() | classmethod():
            found = _content(value.__func__, seen)
        case FunctionType() | type() if _installed(value):
            found = [value.__qualname__, _file_hash(value.__module__)]
        case FunctionType():
            known = value.__globals__
            used = {name: known[name] for name in sorted({*_names(value.__code__)}) if name in known}
            inner = [cell.cell_contents for cell in value.__closure__ or ()]
            found = [_content(one, seen) for one in (value.__code__, used, inner, value.__defaults__)]
        case type():
            members = {n: one for n, one in vars(value).items() if n[:2] != "__" or isinstance(one, FunctionType)}
            found = [_content(one, seen) for one in (members, *value.__mro__[1:])]
        case _:
            state = vars(value) if hasattr(value, "__dict__") else repr(value)
            found = [_content(type(value), seen), _content(state, seen)]
    return found


def _names(code: CodeType) -> Iterator[str]:
    """Names that code refers to, inner functions included."""
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names(one)


def _installed(value: FunctionType | type) -> bool:
    """Whether a function or a class is Python's, popsim's or an installed package's."""
    module = sys.modules.get(value.__module__)
    if module is None or module.__name__ == "__main__" or not hasattr(module, value.__qualname__.partition(".")[0]):
        return False
    parts = Path(getattr(module, "__file__", None) or "").parts
    return bool(INSTALLED & {*parts}) or value.__module__.partition(".")[0] in {"popsim", *sys.stdlib_module_names}


@cache
def _file_hash(module: str) -> str:
    """Hash of a module's file; the name of a module that has none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return module if file is None else file_hash(Path(file))
