"""The first mistake in a table, in one line: pydantic's problems in popsim's words."""

from __future__ import annotations

from typing import Any, Literal, TypeAliasType, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from popsim.errors import DefinitionError, did_you_mean


def first_problem(
    error: ValidationError, model: type[BaseModel], file: object, table: dict[str, Any]
) -> DefinitionError:
    """The mistake to correct first in a table that pydantic refuses."""
    if other := _other_kind(table, model):
        return DefinitionError(file, "file", None, other)
    problems = error.errors()
    # A misspelt key also makes the right one missing: report the misspelling.
    misspelt = (problem for problem in problems if problem["type"] == "extra_forbidden")
    return _explained(next(misspelt, problems[0]), model, file, problems)


# Kinds of file, by a key that only such a file has.
KINDS = {
    "strategies": "an experiment",
    "settings": "a care network",
    "columns": "a cohort",
    "table": "a cohort",
    "drug_class": "a drug",
    "signals": "a file of signals",
    "items": "a risk score",
    "choices": "a search",
    "axes": "a question about the value of data",
    "targets": "a file of published figures",
}


def _other_kind(table: dict[str, Any], model: type[BaseModel]) -> str | None:
    """The kind of a file that was given instead of another, if its keys show it."""
    wanted = {key: kind for key, kind in KINDS.items() if key in model.model_fields}
    found = [kind for key, kind in KINDS.items() if key in table and key not in wanted]
    if not wanted or not found or any(key in table for key in wanted):
        return None
    key, kind = next(iter(wanted.items()))
    return f"is {found[0]}, must be {kind} (with {key})"


def _explained(
    problem: ErrorDetails, model: type[BaseModel], file: object, problems: list[ErrorDetails]
) -> DefinitionError:
    """One of pydantic's problems in popsim's words; of a missing key with the others that its table lacks."""
    path, owners, alternatives = _walk(model, problem["loc"])
    where = ".".join(path)
    value = problem.get("input")
    if problem["type"] == "extra_forbidden":
        known = sorted({field.alias or name for m in owners for name, field in m.model_fields.items()})
        key = str(problem["loc"][-1])
        hints = [hint for m in owners if (hint := getattr(m, "LEFT_OUT", {}).get(key))]
        allowed = hints[0] if hints else did_you_mean(key, known)
        return DefinitionError(file, where, None, f"unknown key, {allowed}")
    if problem["type"] == "missing":
        missing = [one["loc"] for one in problems if one["type"] == "missing" and one is not problem]
        others = ", ".join(str(key) for *table, key in missing if table == [*problem["loc"][:-1]])
        allowed = f"like {others}: these keys are required" if others else "this key is required"
        return DefinitionError(file, where, None, f"missing, {allowed}")
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _untagged(problem, where, alternatives, file)
    message = problem["msg"].removeprefix("Value error, ")
    shown = None if isinstance(value, dict | list | BaseModel) else value
    return DefinitionError(file, where or "file", shown, message[:1].lower() + message[1:])


def _untagged(problem: ErrorDetails, where: str, alternatives: list[type[BaseModel]], file: object) -> DefinitionError:
    """The error for a key that selects an alternative and is missing, or has an unknown value."""
    key = str(problem["ctx"]["discriminator"]).strip("'")
    known = sorted(str(word) for m in alternatives for word in _tags(m))
    tag = problem["ctx"].get("tag")
    allowed = did_you_mean(str(tag), known) if tag is not None else f"missing, allowed: {', '.join(known)}"
    return DefinitionError(file, f"{where}.{key}", tag, allowed)


def _walk(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[list[str], list[type[BaseModel]], list[type[BaseModel]]]:
    """The keys on the path to a problem, the definitions that own the last of them and those that it may hold.

    pydantic adds to the keys the class name or tag of the union member that it tried; these are left out.
    """
    path: list[str] = []
    owners, models = [model], [model]
    for part in location:
        named = [m for m in models if part == m.__name__ or part in _tags(m)]
        if named and (len(models) > 1 or not any(part in m.model_fields for m in models)):
            models = named
            continue
        path.append(str(part))
        owners = models
        fields = [f for m in models for name, f in m.model_fields.items() if part in (name, f.alias)]
        models = [m for field in fields for m in _models_in(field.annotation)] or models
    return path, owners, models


def _tags(model: type[BaseModel]) -> set[object]:
    """Values that select a definition among its alternatives (fields that hold one literal)."""
    literals = [get_args(f.annotation) for f in model.model_fields.values() if get_origin(f.annotation) is Literal]
    return {words[0] for words in literals if len(words) == 1}


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Every definition class named in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, TypeAliasType):
        return _models_in(annotation.__value__)
    inner = getattr(annotation, "__args__", ())
    return [m for part in inner for m in _models_in(part)]
