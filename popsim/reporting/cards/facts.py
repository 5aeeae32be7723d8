"""Facts of a model card: words in one TOML file, whose numbers are names in braces that results fill in.

    [common]              of every model
    [simulator]           of one model; its keys win over those of [common]
    warnings.risks = "..."

Every fact of FACTS is needed, and an answer to every item of TRIPOD+AI: where it is reported, "not reported: why" or
"not applicable: why". What is missing is refused by name, and so is a digit: numbers come from results.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from popsim.definitions.base import read_toml
from popsim.errors import DefinitionError, InputError, did_you_mean

KINDS = ("simulator", "forecast", "risk_model")
PACKAGED = "facts.toml"
FACTS = {
    "basic": ("name", "developer", "contact"),
    "release": ("stage", "availability", "regulatory"),
    "summary": ("text", "keywords"),
    "uses": ("intended", "users", "how_to", "population", "out_of_scope"),
    "warnings": ("risks", "biases", "clinical_risk"),
    "system": (
        "outputs", "model_type", "foundation_models", "inputs", "data_types", "development_data", "bias_mitigation",
        "maintenance", "security", "transparency",
    ),
    "people": ("funding", "third_parties", "stakeholders"),
    "usefulness": ("goal", "interpretation", "test_type", "data", "process"),
    "fairness": ("goal", "interpretation", "test_type", "data", "process"),
    "safety": ("goal", "interpretation", "test_type", "data", "process"),
    "resources": ("evaluation", "publications", "consent"),
    "sources": ("bibliography", "known_failures"),
}  # fmt: skip
NOT_REPORTED, NOT_APPLICABLE = "not reported: ", "not applicable: "
NAME_OF_NUMBER = re.compile(r"\{([a-z_]+)\}")
FREE_OF_RULE = ("bibliography", "tripod", "publications", "evaluation")  # facts that may have digits: years, versions
DIGIT = re.compile(r"(?<![A-Za-z0-9/-])\d")


class TripodAnswer(NamedTuple):
    """An item of TRIPOD+AI: its number, the part of a study it is about, what it asks, and this model's answer."""

    number: str
    part: str
    asks: str
    answer: str

    @property
    def status(self) -> str:
        """Whether it is reported, not applicable or not reported."""
        for status in (NOT_REPORTED, NOT_APPLICABLE):
            if self.answer.startswith(status):
                return status.rstrip(": ")
        return "reported"


class Facts(NamedTuple):
    """The facts of one model.

    Attributes:
        kind: of KINDS.
        file: where they come from.
        said: by section and key; numbers are still names in braces.
        tripod: answers, in the order of the items.
    """

    kind: str
    file: str
    said: Mapping[str, Mapping[str, Any]]
    tripod: tuple[TripodAnswer, ...]

    def filled(self, numbers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The facts with numbers in the place of their names.

        Raises:
            DefinitionError: results have no number of that name.
        """
        return {
            section: {key: self._filled(f"{section}.{key}", value, numbers) for key, value in facts.items()}
            for section, facts in self.said.items()
        }

    def _filled(self, where: str, value: Any, numbers: Mapping[str, str]) -> Any:
        if isinstance(value, list):
            return [self._filled(where, one, numbers) for one in value]
        for name in NAME_OF_NUMBER.findall(value):
            if name not in numbers:
                allowed = f"no number of that name, {did_you_mean(name, numbers)}"
                raise DefinitionError(self.file, f"{self.kind}.{where}", f"{{{name}}}", allowed)
        return NAME_OF_NUMBER.sub(lambda found: numbers[found[1]], value)


def packaged_facts() -> str:
    """The facts that popsim brings, as text."""
    return files("popsim.reporting.cards").joinpath(PACKAGED).read_text(encoding="utf-8")


def read_facts(kind: str, path: Path | None = None) -> Facts:
    """The facts of a model: popsim's own, or those of a file.

    Raises:
        DefinitionError: the file cannot be read, a fact is missing, or it states a number.
        InputError: there is no such model.
    """
    if kind not in KINDS:
        raise InputError(f"card {kind}: {did_you_mean(kind, KINDS)}")
    file, table = (PACKAGED, tomllib.loads(packaged_facts())) if path is None else (str(path), read_toml(path))
    for name in table:
        if name not in ("common", *KINDS):
            raise DefinitionError(file, name, None, did_you_mean(name, ("common", *KINDS)))
    said: dict[str, dict[str, Any]] = {}
    for source in ("common", kind):
        for section, facts in table.get(source, {}).items():
            if section not in (*FACTS, "tripod") or not isinstance(facts, dict):
                raise DefinitionError(file, f"{source}.{section}", None, did_you_mean(section, (*FACTS, "tripod")))
            said[section] = said.get(section, {}) | facts
    answers = said.pop("tripod", {})
    for problem in _problems(said):
        raise DefinitionError(file, f"{kind}.{problem[0]}", None, problem[1])
    return Facts(kind, file, said, tuple(_answered(answers, kind, file)))


def _problems(said: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for section, keys in FACTS.items():
        facts = said.get(section, {})
        for key in keys:
            where = f"{section}.{key}"
            texts = facts.get(key)
            texts = texts if isinstance(texts, list) else [texts]
            if not texts or any(not isinstance(one, str) or not one.strip() for one in texts):
                yield where, "missing; a model card needs it"
            elif key not in FREE_OF_RULE and any(DIGIT.search(one) for one in texts):
                yield where, "states a number; write a name in braces, which results fill in"
        for key in facts:
            if key not in keys:
                yield f"{section}.{key}", did_you_mean(key, keys)


def _answered(answers: Mapping[str, Any], kind: str, file: str) -> Iterator[TripodAnswer]:
    """The 52 sub-items with their answers."""
    items = tomllib.loads(files("popsim.reporting.cards").joinpath("tripod_ai.toml").read_text(encoding="utf-8"))[
        "items"
    ]
    numbers = [item["number"] for item in items]
    for number in answers:
        if number not in numbers:
            raise DefinitionError(file, f"{kind}.tripod.{number}", None, did_you_mean(number, numbers))
    for item in items:
        answer = answers.get(item["number"])
        if not isinstance(answer, str) or not answer.strip():
            allowed = f"missing; say where it is reported, or '{NOT_REPORTED}...' ({item['asks']})"
            raise DefinitionError(file, f"{kind}.tripod.{item['number']}", None, allowed)
        yield TripodAnswer(item["number"], item["part"], item["asks"], answer)
