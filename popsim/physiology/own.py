"""A user's own organ systems: objects and classes of Python, and those in a Python file that an experiment names."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from popsim.definitions.fields import IDENTIFIER
from popsim.errors import DefinitionError, InputError, PopsimError, did_you_mean, place_of
from popsim.evidence.sets import SHIPPED_SETS, Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.influences import Influences
from popsim.physiology.organ_system import OrganSystem
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

METHODS = {"initialise": ("population", "influences"), "advance": ("population", "clock", "influences")}


@dataclass(frozen=True)
class OrganSystemInFile:
    """A class or an object in a user's Python file.

    Other processes get the source and need no file, so that the file is all that its results depend on: it can import
    installed packages only.

    Attributes:
        path: of the file.
        name: of the class or object in it.
        source: the content of the file.
    """

    path: Path
    name: str
    source: bytes

    @classmethod
    def read(cls, folder: Path, entry: str, file: object) -> OrganSystemInFile:
        """The organ system that an experiment names: "my_organs.py:Thyroid", a file of the experiment's own folder.

        Raises:
            DefinitionError: the file is missing, lies elsewhere or fails, or has no such organ system.
        """

        def refuse(allowed: str) -> DefinitionError:
            return DefinitionError(file, "organ_systems", entry, allowed)

        name = entry.rpartition(":")[2]
        path = folder / entry.rpartition(":")[0]
        if not path.resolve().is_relative_to(folder.resolve()):
            raise refuse("must be a file of the experiment's own folder, because its code is run")
        try:
            own = cls(path, name, path.read_bytes())
        except OSError as error:
            raise refuse(f"{path}: cannot be read: {error.strerror}") from None
        try:
            found = vars(own.module)
        except (Exception, SystemExit) as error:
            place = "" if isinstance(error, SyntaxError) else f" ({place_of(error, str(path))})"
            raise refuse(f"the file fails: {type(error).__name__}: {error}{place}") from error
        if name not in found:
            made_here = [key for key, one in found.items() if getattr(one, "__module__", "") == own.module.__name__]
            raise refuse(f"the file has no '{name}', {did_you_mean(name, made_here)}")
        try:
            check(own)
        except InputError as error:
            raise refuse(str(error).removeprefix("organ_systems: ")) from None
        return own

    @property
    def module(self) -> ModuleType:
        """The file as a module; it runs once in a process."""
        return _module(str(self.path), self.source)

    @property
    def content(self) -> list[str]:
        """What it computes, for the keys of results: its source, wherever the file lies."""
        return [hashlib.sha256(self.source).hexdigest(), self.name]


type Own = OrganSystem | type[OrganSystem] | OrganSystemInFile


class _Source(SourceLoader):
    """Loads a module from a source in memory."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path, self._source = path, source

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        return self._source


@cache
def _module(path: str, source: bytes) -> ModuleType:
    name = f"popsim_own_{Path(path).stem}_{hashlib.sha256(source).hexdigest()[:8]}"
    spec = spec_from_loader(name, _Source(path, source))
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def definition_of(own: Own) -> Any:
    """The object or class."""
    return getattr(own.module, own.name) if isinstance(own, OrganSystemInFile) else own


def title(own: Own) -> str:
    """Its name in messages and lists."""
    if isinstance(own, OrganSystemInFile):
        return f"{own.path.name}:{own.name}"
    return own.__name__ if isinstance(own, type) else type(own).__name__


def check(own: Own) -> None:
    """Refuse what is no organ system.

    Raises:
        InputError: it lacks a method of `OrganSystem`, or is a class that cannot be made.
    """
    found = definition_of(own)
    is_class = isinstance(found, type)
    called = found.__name__ if is_class else type(found).__name__
    for method, taken in METHODS.items():
        if not _takes(getattr(found, method, None), *range(len(taken) + is_class)):
            raise InputError(f"organ_systems: {called}: must have {method}({', '.join(taken)})")
    if is_class and not (_takes(found) or _takes(found, None, key=None)):
        raise InputError(f"organ_systems: {called}: a class is made as {called}() or {called}(parameters, key=key)")
    columns = getattr(found, "columns", ())
    if not (isinstance(columns, Sequence) and all(isinstance(one, Column) for one in columns)):
        raise InputError(f"organ_systems: {called}: columns must be a tuple of Column")


def own_columns(own: Sequence[Own]) -> tuple[Column, ...]:
    """The columns that they declare in their attribute `columns`."""
    return tuple(column for one in own for column in getattr(definition_of(one), "columns", ()))


def own_needs(own: Sequence[Own]) -> Iterator[tuple[str, str]]:
    """Each with the organ systems of popsim that it names in its attribute `needs`."""
    yield from ((title(one), needed) for one in own for needed in getattr(definition_of(one), "needs", ()))


def own_parameter_files(own: Sequence[Own], known: Container[str] = SHIPPED_SETS) -> dict[str, Path]:
    """The files of parameter sets that they name and that are not known, beside their code, by the set's name.

    Raises:
        InputError: a name is refused, or there is no such file.
    """
    files: dict[str, Path] = {}
    for one in own:
        name = getattr(definition_of(one), "parameter_set", None)
        if name is None or name in known:
            continue
        if not (isinstance(name, str) and IDENTIFIER.fullmatch(name)):
            raise InputError(f"organ_systems: {title(one)}: parameter_set = {name!r}: must be a name like 'thyroid'")
        files[name] = Path(_file(one)).parent / f"{name}.toml"
        if not files[name].is_file():
            raise InputError(f"organ_systems: {title(one)}: parameter_set = '{name}': no file {files[name]}")
    return files


def made(own: Own, parameters: Parameters, key: RandomKey) -> OrganSystem:
    """An organ system with its parameters and random numbers, whose faults are told in one line.

    Raises:
        InputError: it cannot be made.
    """
    found = definition_of(own)
    name, file = title(own), _file(own)
    if not isinstance(found, type):
        return _Told(name, file, found)
    with _told(name, file, "cannot be made"):
        return _Told(name, file, found(parameters, key=key) if _takes(found, None, key=None) else found())


class _Told:
    """An organ system whose faults are told in one line, with the line of the user's code."""

    def __init__(self, name: str, file: str, system: OrganSystem) -> None:
        self._name, self._file, self._system = name, file, system

    def initialise(self, population: Population, influences: Influences) -> None:
        with _told(self._name, self._file, "initialise fails"):
            self._system.initialise(population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        with _told(self._name, self._file, f"advance fails on day {clock.time_days:g}"):
            self._system.advance(population, clock, influences)


@contextmanager
def _told(name: str, file: str, fails: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, PopsimError) else f"{type(error).__name__}: {error}"
        raise InputError(f"organ_systems: {name}: {fails}: {reason} ({place_of(error, file)})") from error


def _file(own: Own) -> str:
    """Path of its code; empty for a notebook's."""
    if isinstance(own, OrganSystemInFile):
        return str(own.path)
    kind = own if isinstance(own, type) else type(own)
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or ""


def _takes(function: object, *arguments: object, **keywords: object) -> bool:
    """Whether it can be called with these arguments."""
    try:
        inspect.signature(function).bind(*arguments, **keywords)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
