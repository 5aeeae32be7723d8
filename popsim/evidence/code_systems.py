"""Code systems and the one table of codes: the folder codes, one TOML file per kind, and its readers.

Fields: popsim/definitions/codes.py. Every code has a source that was read; what could not be confirmed is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from popsim.definitions.codes import CodeEntry, CodeFile, CodeSystem, CodeSystemFile, is_code
from popsim.errors import DefinitionError, InputError, did_you_mean

FOLDER = Path(__file__).parent / "codes"
SYSTEM_FILE = "systems.toml"


@dataclass(frozen=True)
class Coded:
    """The codes of one meaning.

    Attributes:
        key: popsim's own name.
        label: in words.
        codes: by code system; the first is written, all are read.
        unit: UCUM; empty where the meaning has none.
        concept_id: OMOP standard concept; 0 = not confirmed.
        unit_concept_id: of the unit; 0 = not confirmed.
        domain: OMOP domain.
        source: where the codes were read.
        units: by code, the unit that the code implies where it is not `unit`.
        strengths: by code of a product, the amount of the drug in one piece, in `unit` without "/d".
        cause: why a person with this diagnosis seeks acute care (kernels/codes.py); empty: not of itself.
        column: of the twin that this diagnosis or procedure sets to 1; empty: none.
        same_as: key whose codes are written for this one; empty: it has its own.
        written_only: code systems whose first code means something wider, and is not read as this.
    """

    key: str
    label: str
    codes: Mapping[str, tuple[str, ...]]
    unit: str
    concept_id: int
    unit_concept_id: int
    domain: str
    source: str
    units: Mapping[str, str]
    strengths: Mapping[str, float]
    cause: str = ""
    column: str = ""
    same_as: str = ""
    written_only: frozenset[str] = frozenset()

    def code(self, system: str) -> str | None:
        """The code to write in a code system; None where there is none."""
        return self.codes[system][0] if system in self.codes else None


@cache
def code_systems() -> Mapping[str, CodeSystem]:
    """Every code system by its key."""
    found = CodeSystemFile.read(FOLDER / SYSTEM_FILE).systems
    return MappingProxyType({system.key: system for system in found})


def systems() -> Mapping[str, str]:
    """The canonical address of every code system by its key."""
    return MappingProxyType({key: system.url for key, system in code_systems().items()})


def system_url(key: str) -> str:
    """The canonical address of a code system.

    Raises:
        InputError: there is no such key.
    """
    if key not in code_systems():
        raise InputError(f"no code system '{key}', {did_you_mean(key, code_systems())}")
    return code_systems()[key].url


@cache
def _keys_of_addresses() -> Mapping[str, str]:
    return {url: key for key, system in code_systems().items() for url in (system.url, *system.also)}


def system_key(url: str) -> str | None:
    """The key of the code system that an address names, also an old one; None for an unknown address."""
    return _keys_of_addresses().get(url.rstrip("/"))


def kinds() -> tuple[str, ...]:
    """The kinds of meaning that have a table."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.name != SYSTEM_FILE))


@cache
def load_codes(kind: str) -> Mapping[str, Coded]:
    """The codes of every meaning of a kind, by popsim's own names.

    Args:
        kind: name of a file of the folder, such as signals, drugs or diagnoses.

    Raises:
        InputError: there is no such kind.
        DefinitionError: the file is refused.
    """
    if kind not in kinds():
        raise InputError(f"no table of codes '{kind}', {did_you_mean(kind, kinds())}")
    return read_codes(FOLDER / f"{kind}.toml")


def read_codes(path: Path) -> Mapping[str, Coded]:
    """Read one file of codes.

    Raises:
        DefinitionError: the file is refused; a code has not the form of its system, or means two things.
    """
    file = CodeFile.read(path)
    entries = {entry.key: entry for entry in file.codes}
    for entry in file.codes:
        _check_forms(entry, path)
    found = {
        entry.key: _coded(entry, entries[entry.same_as] if entry.same_as is not None else entry, file.sources)
        for entry in file.codes
    }
    _meanings(found, path)
    return MappingProxyType(found)


def _check_forms(entry: CodeEntry, path: Path) -> None:
    for name in ("codes", "written"):
        for system, codes in getattr(entry, name).items():
            key = f"codes.{entry.key}.{name}.{system}"
            if system not in code_systems():
                raise DefinitionError(path, key, None, f"no such code system, {did_you_mean(system, code_systems())}")
            for code in codes:
                if not is_code(code_systems()[system], code):
                    raise DefinitionError(path, key, code, f"is not a code of {code_systems()[system].name}")


def _coded(entry: CodeEntry, own: CodeEntry, sources: Mapping[str, str]) -> Coded:
    """An entry with the codes of `own`: itself, or that which it is the same as."""
    return Coded(
        key=entry.key,
        label=entry.label,
        codes=MappingProxyType({**own.codes, **own.written}),
        unit=own.unit,
        concept_id=own.concept_id,
        unit_concept_id=own.unit_concept_id,
        domain=own.domain,
        source="; ".join(sources[key] for key in own.sources),
        units=MappingProxyType(dict(own.units)),
        strengths=MappingProxyType(dict(own.strengths)),
        cause=entry.cause or own.cause or "",
        column=entry.column or "",
        same_as=entry.same_as or "",
        written_only=frozenset(own.written),
    )


def _read(found: Mapping[str, Coded]) -> Iterator[tuple[tuple[str, str], str]]:
    """Every code that is read, with its meaning."""
    for key, coded in found.items():
        if not coded.same_as:
            for system, codes in coded.codes.items():
                if system not in coded.written_only:
                    yield from (((system, code), key) for code in codes)


def _meanings(found: Mapping[str, Coded], path: Path) -> dict[tuple[str, str], str]:
    meanings: dict[tuple[str, str], str] = {}
    for (system, code), key in _read(found):
        if (system, code) in meanings:
            where, allowed = f"codes.{key}.codes.{system}", f"means '{meanings[system, code]}' already"
            raise DefinitionError(path, where, code, allowed)
        meanings[system, code] = key
    return meanings


@cache
def meaning_of(kind: str) -> Mapping[tuple[str, str], str]:
    """popsim's own name by (key of the code system, code), each code exactly as it stands in the table.

    Raises:
        InputError: there is no such kind.
    """
    return MappingProxyType(dict(_read(load_codes(kind))))


def find_meaning(kind: str, system: str, code: str) -> str | None:
    """popsim's own name of a code; in nested systems (ICD-10, ATC) also that of the nearest wider code.

    Args:
        kind: as for `load_codes`.
        system: key of the code system.
        code: with or without the dot of ICD-10.
    """
    known = code_systems().get(system)
    if known is None:
        return None
    meanings = meaning_of(kind)
    if not known.nested:
        return meanings.get((system, code))
    if system.startswith("icd") and "." not in code and len(code) > 3:
        code = f"{code[:3]}.{code[3:]}"
    while code:
        if (system, code) in meanings:
            return meanings[system, code]
        code = code[:-1].rstrip(".")
    return None


def loinc_of(name: str) -> str | None:
    """The LOINC code of a column or signal; that of the quantity for a baseline, a home reading and a result."""
    for prefix in ("baseline_", "measured_", "seen_"):
        name = name.removeprefix(prefix)
    coded = load_codes("signals").get(name)
    return None if coded is None else coded.code("loinc")


class _Systems(Mapping[str, str]):
    """`systems()`, read on first use."""

    def __getitem__(self, key: str) -> str:
        return systems()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(systems())

    def __len__(self) -> int:
        return len(systems())


SYSTEMS: Mapping[str, str] = _Systems()
