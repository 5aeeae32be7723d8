"""Write the reference from the code: command line, files, Python, columns, measures, quantities, parameters.

Nothing here is typed twice. `docs/conf.py` calls `write` before Sphinx reads a page; the pages are not committed.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

import popsim
from popsim.calibration.endpoints import ENDPOINTS
from popsim.calibration.quantities import QUANTITIES
from popsim.cli import app
from popsim.definitions.parameter import PROVENANCES, Parameter
from popsim.definitions.writing import KINDS, json_schema
from popsim.evidence.code_systems import code_systems, load_codes, loinc_of
from popsim.evidence.drugs import DRUG_SET
from popsim.evidence.sets import PARAMETER_SETS, SHIPPED, VALUATION_SETS
from popsim.outcomes.measure import OutcomeMeasure
from popsim.population.columns import DTYPE, Column
from popsim.reporting.text.parameters import parameter_frame, provenance_frame
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import read_study
from popsim.studies.measures import MEASURES, STORED

type Json = Mapping[str, Any]

MAIN = Path(__file__).parents[1] / "experiments" / "heart_failure_discharge.toml"
MESA = ("mesa.model", "mesa.agent")  # what a model and a twin are made of

KINDS_IN_WORDS = {
    "experiment": "what is compared: people, network, strategies, scenarios, size and prices",
    "cohort": "who the people are",
    "network": "where care is given: settings, capacities, stays and routes",
    "parameters": "constants with unit, source and uncertainty",
    "calibration": "which parameters are fitted to which targets",
    "calibrated": "what a calibration found, for experiments to use",
    "targets": "published figures to calibrate to or to validate against",
    "signals": "what devices, laboratories and clinicians see",
    "options": "what a comparison for one person may choose between",
    "search": "what a search may change, what is best and what may be spent",
    "data_value": "which qualities of data are varied",
    "market": "market shares of strategies by year",
    "score": "a points score of the literature",
}


def write(folder: Path) -> None:
    """Write all pages; a page that has not changed is left alone, so that Sphinx does not read it again."""
    pages = {
        "command-line": command_line(),
        "python": python_api(),
        "columns": columns(),
        "codes": codes(),
        "measures": measures(),
        "quantities": quantities(),
        **dict(files()),
        **dict(parameters()),
    }
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder).with_suffix("")) not in pages:
            path.unlink()


# Markdown


def escaped(text: object) -> str:
    """Text that Markdown leaves as it is, on one line, also in a table."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~@])", r"\\\1", re.sub(r"\s+", " ", str(text)))


def prose(text: str) -> str:
    """A sentence of a docstring: `code` stays code, all else is plain."""
    parts = re.split(r"(`[^`]+`)", text.strip())
    return "".join(code(part[1:-1]) if part.startswith("`") and len(part) > 2 else escaped(part) for part in parts)


def code(text: object) -> str:
    """Text as code."""
    return f"`{str(text).replace('|', chr(92) + '|')}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def page(title: str, *parts: str) -> str:
    """A page."""
    return "\n\n".join([f"# {title}", *(part for part in parts if part)]) + "\n"


def toctree(names: Iterable[str]) -> str:
    """The pages below this one, in the menu."""
    return "\n".join(["```{toctree}", ":maxdepth: 1", "", *names, "```"])


# Command line


def command_line() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    return page(
        "Command line",
        "`popsim COMMAND --help` prints the same. Exit codes: 0 done, 1 the work failed (or a check found a fault), "
        "2 the input was refused, 130 interrupted, 129 the terminal was closed.",
        *(part for words, command in _commands(root, ("popsim",)) for part in _command(words, command)),
    )


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, inner in sorted(command.commands.items()):
        yield from _commands(inner, (*words, name))


def _command(words: tuple[str, ...], command: Any) -> Iterator[str]:
    name = " ".join(words)
    yield f"(command-{'-'.join(words[1:])})=\n## {name}"
    summary, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    yield prose(summary)
    if rest:
        yield "\n\n".join(prose(part) for part in rest.split("\n\n"))
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    usage = " ".join([name, *(_metavar(one) for one in arguments), "[OPTIONS]" if len(shown) > len(arguments) else ""])
    yield f"```text\n{usage.strip()}\n```"
    rows = [[_flags(one), prose(one.help or ""), _default(one)] for one in shown]
    if rows:
        yield table(["Argument or option", "Meaning", "Default"], rows)


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _flags(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return code(_metavar(parameter))
    value = "" if parameter.is_flag else f" {parameter.metavar or _kind(parameter)}"
    return code(", ".join(parameter.opts) + value)


def _kind(option: Any) -> str:
    """What an option without a metavar takes; typer keeps it in one of two places, by version."""
    kind = option.type_descriptor.annotation if hasattr(option, "type_descriptor") else option.type
    words = str(getattr(kind, "name", kind)).lower()
    return "PATH" if "path" in words else "NUMBER" if "int" in words or "float" in words else "TEXT"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value in (None, "", False, ()) or callable(value) or "unset" in repr(value).lower() else code(value)


# Files


def files() -> Iterator[tuple[str, str]]:
    """A page for each kind of TOML file, and one that lists them."""
    rows = [[f"[{kind}]({kind}.md)", prose(KINDS_IN_WORDS.get(kind, ""))] for kind in KINDS]
    yield (
        "files/index",
        page(
            "Files",
            "popsim is told what to do by TOML files. `popsim check FILE` reads one with all it refers to; "
            "`popsim schema all --out schemas` writes these definitions as JSON Schemas for editors.",
            table(["Kind", "Says"], rows),
            toctree(KINDS),
        ),
    )
    for kind in KINDS:
        yield f"files/{kind}", _file(kind)


def _file(kind: str) -> str:
    schema = json_schema(kind)
    tables = {name: part for name, part in schema.get("$defs", {}).items() if "properties" in part}
    parts = [prose(_summary(schema)), _keys(schema, kind, tables)]
    for name, part in sorted(tables.items()):
        parts += [f"(file-{kind}-{name.lower()})=\n## {_title(name)}", prose(_summary(part)), _keys(part, kind, tables)]
    return page(f"{kind.replace('_', ' ').capitalize()} file", *parts)


def _title(name: str) -> str:
    """CamelCase in words, without the module that pydantic puts before names that are there twice."""
    *module, last = name.split("__")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).capitalize()
    return f"{words} ({module[-1]})" if module else words


def _summary(schema: Json) -> str:
    return str(schema.get("description", "")).split("\n\n")[0]


def _keys(schema: Json, kind: str, tables: Json) -> str:
    documented, required = attributes(str(schema.get("description", ""))), set(schema.get("required", ()))
    rows = []
    for key, part in schema.get("properties", {}).items():
        meaning = str(part.get("description") or documented.get(key, ""))
        default = "required" if key in required else _value(part.get("default"))
        rows.append([code(key), _type(part, kind, tables), default, prose(meaning[:1].upper() + meaning[1:])])
    return table(["Key", "Type and bounds", "Default", "Meaning"], rows) if rows else ""


def _value(value: Any) -> str:
    if value in (None, "", []) or isinstance(value, dict):
        return ""
    return code(str(value).lower() if isinstance(value, bool) else value)


def attributes(docstring: str) -> dict[str, str]:
    """The section "Attributes:" of a docstring, by name."""
    section = docstring.partition("Attributes:\n")[2].split("\n\n")[0]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.cleandoc("\n" + section).splitlines():
        begins = re.match(r"([a-z_][a-z0-9_, ]*): (.*)", line)
        if begins:
            names = begins[1].split(", ")
            found |= dict.fromkeys(names, begins[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _type(schema: Json, kind: str, tables: Json, within: tuple[str, ...] = ()) -> str:
    """What a value may be, in words."""
    several = schema.get("anyOf") or schema.get("oneOf")
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2], kind, tables, within)
    if several:
        return " or ".join(dict.fromkeys(_type(s, kind, tables, within) for s in several if s.get("type") != "null"))
    words = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if words:
        return ", ".join(code(f'"{word}"' if isinstance(word, str) else word) for word in words)
    return _simple(schema, kind, tables, within)


def _named(name: str, kind: str, tables: Json, within: tuple[str, ...]) -> str:
    """A link to a table, or what the name stands for, but not within itself."""
    if name in tables:
        return f"[{_title(name)}](#file-{kind}-{name.lower()})"
    if name in within:
        return "a table like this"
    return _type(_definitions(kind).get(name, {}), kind, tables, (*within, name))


def _simple(schema: Json, kind: str, tables: Json, within: tuple[str, ...]) -> str:
    """A number, text, list or table with its bounds."""
    inner = schema.get("items") or next(iter(schema.get("patternProperties", {}).values()), None)
    inner = inner or schema.get("additionalProperties")
    held = f" of {_type(inner, kind, tables, within)}" if isinstance(inner, dict) and inner else ""
    words = {
        "array": f"list{held}{_between(schema, 'minItems', 'maxItems', 'items')}",
        "object": f"table{held}",
        "string": "name" if "pattern" in schema else f"text{_between(schema, 'minLength', 'maxLength', 'characters')}",
        "integer": f"whole number{_between(schema, 'minimum', 'maximum')}",
        "number": f"number{_between(schema, 'minimum', 'maximum')}",
        "boolean": "`true` or `false`",
    }
    return words.get(schema.get("type", ""), "value")


def _definitions(kind: str) -> Json:
    definitions: Json = json_schema(kind).get("$defs", {})
    return definitions


def _between(schema: Json, low: str, high: str, what: str = "") -> str:
    ends = [schema.get(low), schema.get(high)]
    if ends == [None, None]:
        return ""
    least, most = (None if end is None else _number(end) for end in ends)
    text = f"{least} to {most}" if least and most else f"at least {least}" if least else f"up to {most}"
    return f", {text} {what}".rstrip()


def _number(value: float) -> str:
    """A bound: whole numbers in full, with commas where they are no years."""
    return (f"{value:,}" if abs(value) >= 10_000 else str(value)) if isinstance(value, int) else f"{value:g}"


# Python


def python_api() -> str:
    """Every name that `popsim` exports, with its methods."""
    parts = ["`import popsim` has these names. They are loaded when they are first used."]
    for name in sorted(popsim.__all__):
        parts += _member(name, getattr(popsim, name), 2)
        parts += _from_mesa(getattr(popsim, name))
        for inner, function in _methods(getattr(popsim, name)):
            parts += _member(f"{name}.{inner}", function, 3)
    return page("Python", *parts)


def _methods(member: Any) -> list[tuple[str, Any]]:
    """Its own and what it inherits from popsim, in the order of the classes, most general first."""
    found: dict[str, Any] = {}
    for kind in reversed(inspect.getmro(member)) if inspect.isclass(member) else ():
        if kind.__module__.startswith("popsim."):
            found |= {name: inspect.getattr_static(member, name) for name in vars(kind)}
    return [(name, inner) for name, inner in found.items() if _is_shown(name, inner)]


def _is_shown(name: str, inner: Any) -> bool:
    kinds = property | cached_property | classmethod | staticmethod
    return not name.startswith("_") and (inspect.isfunction(inner) or isinstance(inner, kinds))


def _from_mesa(member: Any) -> Iterator[str]:
    """What a class has from Mesa, in a line each."""
    bases = [kind for kind in inspect.getmro(member) if kind.__module__ in MESA] if inspect.isclass(member) else []
    own = {name for name, _ in _methods(member)}
    rows = {
        name: [code(name), prose(inspect.getdoc(inner).partition("\n")[0])]
        for kind in bases
        for name, inner in vars(kind).items()
        if name not in own and not name.startswith("_") and hasattr(inner, "__get__") and inspect.getdoc(inner)
    }
    if rows:
        yield "From [Mesa](https://mesa.readthedocs.io) it has:"
        yield table(["Member", "Meaning"], [rows[name] for name in sorted(rows)])


def _member(name: str, member: Any, level: int) -> Iterator[str]:
    function = next((getattr(member, at) for at in ("__func__", "fget", "func") if hasattr(member, at)), member)
    yield f"(api-{name.lower().replace('_', '-')})=\n{'#' * level} {name.replace('_', chr(92) + '_')}"
    if not isinstance(member, property | cached_property):
        with contextlib.suppress(ValueError, TypeError):  # some built-in classes have none
            yield f"```python\n{name.rpartition('.')[2]}{_signature(function)}\n```"
    yield from _docstring(inspect.getdoc(function) or "")


def _signature(function: Any) -> str:
    """The signature, its annotations without the quotes that they have as text; of a definition, names of keys only.

    What a key may hold is in the reference of files.
    """
    if hasattr(function, "model_fields"):
        return f"(*, {', '.join(function.model_fields)})"
    return str(inspect.signature(function)).replace("'", "")


def _docstring(text: str) -> Iterator[str]:
    """Paragraphs as prose, sections as lists, indented blocks as they stand."""
    for part in text.split("\n\n"):
        head, _, rest = part.partition("\n")
        if head in ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:"):
            items = re.split(r"\n(?=\S)", inspect.cleandoc("\n" + rest))
            yield f"*{head}*\n\n" + "\n".join(f"- {prose(item)}" for item in items)
        elif part.startswith("    "):
            yield f"```text\n{inspect.cleandoc(chr(10) + part)}\n```"
        elif part.strip():
            yield prose(part)


# Columns, measures, quantities, parameters


def columns() -> str:
    """Every column of a twin by who writes it."""
    by_writer: dict[str, list[Column]] = {}
    for column in SCHEMA.columns.values():
        by_writer.setdefault(column.writer, []).append(column)
    parts = [
        "The state of a twin. A column has one writer while the model runs and keeps within its bounds.",
    ]
    for writer, those in by_writer.items():
        rows = [
            [
                code(c.name),
                DTYPE[c.kind].__name__,
                escaped(c.unit),
                f"{c.low:g} to {c.high:g}",
                prose(c.meaning),
                c.loinc or loinc_of(c.name) or "",
            ]
            for c in those
        ]
        parts += [f"## Written by {writer}", table(["Column", "Type", "Unit", "Bounds", "Meaning", "LOINC"], rows)]
    return page("Columns", *parts)


CODES_IN_WORDS = {
    "signals": "Measurements", "drugs": "Drugs", "diagnoses": "Diagnoses, causes and events", "genes": "Genes",
    "procedures": "Procedures", "settings": "Settings of care", "dispositions": "Discharge dispositions",
    "people": "Sex, race and ethnicity", "types": "Kinds of record (OMOP)", "flags": "Marks of a record",
    "specimens": "Specimens", "answers": "Answers",
}  # fmt: skip


def codes() -> str:
    """The table of codes, with licences and sources."""
    systems = code_systems()
    parts = [
        "What popsim writes and reads in the code systems of others. The first code of a cell is written, all are "
        "read; in ICD-10 and ATC a code is read with all that are nested in it. A concept of OMOP that could not be "
        "confirmed in a public source is left out, and so is a code. There is no CPT.",
    ]
    for kind, title in CODES_IN_WORDS.items():
        rows = []
        for coded in load_codes(kind).values():
            said = [f"{escaped(systems[key].name)} {code(', '.join(some))}" for key, some in coded.codes.items()]
            if coded.same_as:
                said = [f"as {code(coded.same_as)}"]
            concept = str(coded.concept_id or "") if not coded.same_as else ""
            rows.append([code(coded.key), escaped(coded.label), "<br>".join(said), escaped(coded.unit), concept])
        found = sorted({one for coded in load_codes(kind).values() for one in coded.source.split("; ")})
        sources = "Sources: " + "; ".join(escaped(one) for one in found) + "."
        parts += [f"## {title}", table(["Name", "Meaning", "Codes", "Unit", "OMOP concept"], rows), sources]
    rows = [[escaped(one.name), code(one.url), escaped(one.licence)] for one in systems.values()]
    parts += ["## Code systems and licences", table(["System", "Address in FHIR", "Licence"], rows)]
    return page("Codes", *parts)


def measures() -> str:
    """Every measure as it is declared."""
    parts = [
        "Rows of `measures.parquet`, `summary.parquet` and `comparisons.parquet`; `x.*` stands for one measure for "
        "each setting, fifth of deprivation or year. What is in % is stored as a share. A command that takes a measure "
        "takes any of these names, and for a difference from the comparator also `net_monetary_benefit`.",
        _measures(STORED),
        "## Worked out from a finished run\n\nThese are not stored: tables and analyses make them.",
        _measures(measure for measure in MEASURES.values() if measure not in STORED),
    ]
    return page("Measures", *parts)


def _measures(those: Iterable[OutcomeMeasure]) -> str:
    cells = [
        [code(m.name), prose(m.label), m.unit.format(currency="currency"), m.better, m.horizon, prose(m.meaning)]
        for m in those
    ]
    return table(["Measure", "Label", "Unit", "Better", "Horizon", "Meaning"], cells)


def quantities() -> str:
    """Every quantity and every endpoint that a target may name."""
    of_quantities = [
        [code(name), prose(one.meaning), ", ".join(one.units) or "any", _codes(one.needs), _codes(one.takes)]
        for name, one in QUANTITIES.items()
    ]
    contrasts = _codes(name for name, one in QUANTITIES.items() if one.contrast)
    return page(
        "Quantities and endpoints",
        "What a [target](files/targets.md) may name. Every quantity also takes `arm`, and `where` for the people of "
        f"the figure. {contrasts} compare an arm with the comparator; any other does so with `contrast`: `difference`, "
        "`ratio` or, of a proportion, `odds_ratio`. With `group` two groups of people of one arm are compared instead.",
        table(["Quantity", "Meaning", "Units", "Needs", "Takes"], of_quantities),
        "## Endpoints",
        table(["Endpoint", "Counts"], [[code(name), prose(one.meaning)] for name, one in ENDPOINTS.items()]),
    )


def _codes(names: Iterable[str]) -> str:
    return ", ".join(code(name) for name in names)


def parameters() -> Iterator[tuple[str, str]]:
    """A page for each parameter set, and one that lists them with the provenance of their values."""
    names, rows = sorted(SHIPPED), []
    counts = provenance_frame(parameter_frame(read_study(MAIN)))
    shares = {str(row["set"]): row for row in counts.iter_rows(named=True)}
    for name in names:
        found = SHIPPED[name]
        uncertain = sum(found.of(key).uncertainty is not None for key in found)
        used = "every simulation" if name in (*PARAMETER_SETS, DRUG_SET) else "guidance or a command"
        used = next((f'prices = "{one}"' for one, sets in VALUATION_SETS.items() if name in sets), used)
        origins = [str(shares[name][kind]) for kind in PROVENANCES]
        rows.append([f"[{escaped(name)}]({name}.md)", str(len(found)), str(uncertain), *origins, used])
        yield f"parameters/{name}", page(f"{escaped(name)}", _parameters(found))
    total = shares["all"]
    parts = [f"{total[kind]} ({total[kind] / total['parameters']:.0%})" for kind in PROVENANCES]
    rows.append(["all", str(total["parameters"]), "", *parts, ""])
    yield (
        "parameters/index",
        page(
            "Parameters",
            'Constants by the file of their set. An experiment changes one by `"set.parameter"` under `[parameters]`.',
            "A value was read in a publication that its source cites; computed from such figures (the source begins "
            'with "computed"); fitted by the calibration of the shipped experiments; fixed by definition, as a unit or '
            'a reference; or it is assumed, a reasoned guess (the source begins with "assumption"). '
            f"{code(f'popsim parameters {MAIN.name} --provenance')} counts them for an experiment.",
            table(["Set", "Parameters", "Uncertain", *(kind.title() for kind in PROVENANCES), "Used by"], rows),
            toctree(names),
        ),
    )


def _parameters(found: Mapping[str, float]) -> str:
    rows = []
    for key in found:
        record: Parameter = found.of(key)  # type: ignore[attr-defined]
        bounds = f"{record.low:g} to {record.high:g}" if record.low > -1e11 or record.high < 1e11 else ""
        value = f"{record.value:g}"
        rows.append([code(key), value, escaped(record.unit), bounds, _uncertainty(record), escaped(record.source)])
    return table(["Parameter", "Value", "Unit", "Bounds", "Distribution", "Source"], rows)


def _uncertainty(record: Parameter) -> str:
    if record.uncertainty is None:
        return ""
    said = {k: v for k, v in dict(record.uncertainty).items() if k in record.uncertainty.model_fields_set}
    family = said.pop("distribution", "")
    said.pop("source", None)
    return escaped(", ".join([str(family), *(f"{key.replace('_', ' ')} {value}" for key, value in said.items())]))


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "reference" / "generated"))
