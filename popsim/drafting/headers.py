"""The names of a user's columns: what each holds, and in what unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from popsim.drafting.vocabulary import ALL_SUBJECTS, UNIT_OF, Subject, folded, squashed
from popsim.errors import InputError, nearest
from popsim.units import convert

MIN_COMPARED = 6  # letters of a name that may be misspelt
LIKENESS = 0.88
ADMISSION = frozenset({"admission", "adm", "arrival", "presentation"})
ADDED = frozenset({
    "baseline", "bl", "base", "serum", "plasma", "blood", "s", "p", "value", "level", "result", "mean", "initial",
    "measured", "patient", "pt", "patients", "at", "on", "of", "in", "the", "history", "hx", "yn", "flag", "entry",
    "index", "usual", "current", "discharge", "prior", "previous", "known", "diagnosis", "dx", "comorbidity", "past",
    "medical", "pmh", "bei", "aufnahme", "entlassung", "has", "with", "yes", "no", "y", "n", "ja", "nein",
    "0", "1", "enrolment", "inclusion",
})  # fmt: skip


class ColumnMatch(NamedTuple):
    """What a column of the table is taken for.

    Attributes:
        header: its name in the table.
        subject: key of ALL_SUBJECTS.
        unit: that the name says, if it says one.
        name: of the subject, as found in the header.
        on_admission: whether the name says that it was measured on admission.
        misspelt: whether the name is only like one that is known.
    """

    header: str
    subject: str
    unit: str | None
    name: str
    on_admission: bool = False
    misspelt: bool = False


_LEGEND = re.compile(r"[(\[][^()\[\]]*=[^()\[\]]*[)\]]")  # such as (1=m, 2=w)
_KEY_OF = {squashed(name): (key, name) for key, subject in ALL_SUBJECTS.items() for name in subject.names}


def match_header(header: str) -> ColumnMatch | None:
    """What a column with this name holds; None if nothing known."""
    words = re.findall("[a-z0-9]+", folded(_LEGEND.sub("", header)).replace("%", " percent "))
    core = [word for word in words if word not in ADDED and word not in ADMISSION]
    for tried in (words, core):
        found = _known("".join(tried))
        if found is not None:
            key, name, unit = found
            admitted = ALL_SUBJECTS[key].content == "number" and not ADMISSION.isdisjoint(words)
            return ColumnMatch(header, key, unit, name, admitted)
    near = nearest("".join(core), [name for name in _KEY_OF if len(name) >= MIN_COMPARED], LIKENESS)
    if near is None or len("".join(core)) < MIN_COMPARED:
        return None
    key, name = _KEY_OF[near]
    return ColumnMatch(header, key, None, name, misspelt=True)


def legend_of(header: str) -> dict[str, str]:
    """What the codes of a column mean, where its name says so, as in 'sex (1=m, 2=f)'."""
    return dict(re.findall(r"(\w+)\s*=\s*(\w[^,;/=()\[\]]*?)\s*(?=[,;/()\[\]])", "".join(_LEGEND.findall(header))))


def _known(joined: str) -> tuple[str, str, str | None] | None:
    """Subject, its name and the unit that follows the name, if any."""
    if joined in _KEY_OF:
        return (*_KEY_OF[joined], None)
    for spelled in sorted(UNIT_OF, key=len, reverse=True):
        name = joined.removesuffix(spelled)
        if name != joined and name in _KEY_OF and convertible(UNIT_OF[spelled], ALL_SUBJECTS[_KEY_OF[name][0]]):
            return (*_KEY_OF[name], UNIT_OF[spelled])
    return None


def convertible(unit: str, subject: Subject) -> bool:
    """Whether values of a subject can be in a unit."""
    if subject.content in ("unused", "identifier"):
        return True
    if subject.content != "number":
        return False
    try:
        convert(1.0, unit, subject.units[0], subject.substance)
    except InputError:
        return False
    return True


def match_headers(headers: Sequence[str]) -> tuple[list[ColumnMatch], list[str]]:
    """What each column is, and the names of those that nothing is known of."""
    found = {header: match_header(header) for header in headers}
    return [one for one in found.values() if one is not None], [name for name, one in found.items() if one is None]
