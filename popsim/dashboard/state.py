"""What the page shows, as the query of its address: whoever opens the address again sees the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from urllib.parse import parse_qsl, urlencode

VIEWS = {
    "answer": "Answer", "setup": "Change and run", "network": "Beds and flows", "people": "People",
    "compare": "Compare",
}  # fmt: skip
CHANGE, PRICE = "set.", "price."  # how the keys of changes and of factors of prices begin
MAX_QUERY = 16_000  # characters; longer addresses are cut by browsers and proxies
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class PageState:
    """The state of the planner's page.

    Attributes:
        file: the experiment, as a path.
        run: <experiment>/<run id> below the folder of results; empty: the newest of the experiment.
        view: one of VIEWS.
        changes: what is to be changed before the next simulation, by lever.
        threshold: willingness to pay; the experiment's when None.
        perspective, effect, part: empty for the experiment's own, QALYs and the whole horizon.
        prices: factors of the components of cost, by name.
        strategy: that is drawn; the comparator when empty.
        day: of the simulation.
        person: whose life is told.
        people: whom the decision affects in a year in the planner's own region.
        against: runs to compare with, by comma.
    """

    file: str = ""
    run: str = ""
    view: str = "answer"
    changes: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None
    perspective: str = ""
    effect: str = ""
    part: str = ""
    prices: Mapping[str, float] = field(default_factory=dict)
    strategy: str = ""
    day: int | None = None
    person: int | None = None
    people: int = 1000
    against: str = ""

    @classmethod
    def of(cls, query: str) -> PageState:
        """The state that a query describes; what cannot be understood stays as it is by default."""
        found: dict[str, object] = {}
        changes: dict[str, float] = {}
        prices: dict[str, float] = {}
        for key, text in parse_qsl(query[:MAX_QUERY]):
            if key.startswith(CHANGE) and (number := _number(text)) is not None:
                changes[key.removeprefix(CHANGE)] = number
            elif key.startswith(PRICE) and (number := _number(text)) is not None and number >= 0.0:
                prices[key.removeprefix(PRICE)] = number
            elif key in READERS and (value := READERS[key](text)) is not None:
                found[key] = value
        return replace(cls(), **found, changes=changes, prices=prices)  # type: ignore[arg-type]

    @property
    def query(self) -> str:
        """The query; what is as by default is left out."""
        usual = PageState()
        pairs: list[tuple[str, str]] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Mapping):
                start = CHANGE if one.name == "changes" else PRICE
                pairs += [(f"{start}{name}", f"{number:g}") for name, number in value.items()]
            elif value != getattr(usual, one.name) and value is not None:
                pairs.append((one.name, f"{value:g}" if isinstance(value, float) else str(value)))
        return urlencode(pairs, safe="/,")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _text(text: str) -> str | None:
    return text if len(text) <= MAX_TEXT and text.isprintable() else None


def _positive(text: str) -> float | None:
    number = _number(text)
    return number if number is not None and number >= 0.0 else None


READERS = {
    **dict.fromkeys(("file", "run", "perspective", "effect", "part", "strategy", "against"), _text),
    "view": lambda text: text if text in VIEWS else None,
    "threshold": _positive,
    **dict.fromkeys(("day", "person", "people"), _whole),
}
