"""What README.md and docs/ show is so: Python runs as printed, commands parse, files are what they are said to be."""

import re
import shutil
from collections.abc import Container
from pathlib import Path
from tomllib import loads
from typing import Any, NamedTuple

import pytest
from command_lines import COMMANDS, parse
from slow_cases import with_slow

from popsim.care.network import CareNetwork
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.writing import KINDS
from popsim.evidence.sets import SHIPPED
from popsim.registry.record import read_record
from popsim.registry.vocabulary import vocabulary_of
from popsim.simulation.schema import SCHEMA

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
LONG = {"README", "read-a-forecast", "analyst", "when-not-to-trust-it", "own-organ-system", "forecast", "fairness"}
EXAMPLES = with_slow(sorted((DOCS / "examples").glob("*.py")), lambda path: path.stem != "recurrence")
PAGES = [
    ROOT / "README.md",
    *(path for path in sorted(DOCS.rglob("*.md")) if not {"build", "generated"} & set(path.relative_to(DOCS).parts)),
]
BLOCK = re.compile(
    r"(?:^<!-- toml: (?P<kind>\w+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
MANY = re.compile(r"\b[0-9_]{5,}\b(?=, seed|\))")  # individuals, in the place of whom tests have a thousand


class Block(NamedTuple):
    """A block of code: kind of file, for TOML (empty: a part of an experiment), language and text."""

    kind: str
    language: str
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    found = (Block(b["kind"] or "", b["language"], b["text"]) for b in BLOCK.finditer(page.read_text(encoding="utf-8")))
    return [block for block in found if block.language == language]


def pages_with(language: str, slow: Container[str] = ()) -> Any:
    those = with_slow([page for page in PAGES if blocks(page, language)], lambda page: page.stem in slow)
    return pytest.mark.parametrize("page", those, ids=lambda page: page.stem)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of what the blocks read, so that they may write."""
    for name in ("cohorts", "experiments", "docs/examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pages_with("python", LONG)
def test_python_runs_as_printed(page, project, capsys):
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block.text, str(page), "exec"), names)
    assert capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, project, capsys, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)  # as Python does for a script
    text = MANY.sub("1000", path.read_text(encoding="utf-8"))
    exec(compile(text, str(path), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_only_the_arithmetic_of_kernels_is_imported_from_below_popsim():
    """All else that a page or a notebook needs, `import popsim as ps` has."""
    shown = [*PAGES, *sorted((DOCS / "examples").glob("*.py")), *sorted((ROOT / "experiments").rglob("*.ipynb"))]
    below = {
        (page.name, name)
        for page in shown
        for name in re.findall(r"(?:from|import) (popsim\.[\w.]+)", page.read_text(encoding="utf-8"))
    }
    assert {name for _, name in below if not name.startswith("popsim.kernels.")} == set()
    assert {page for page, _ in below} <= {"kernel_model.py", "own-drug.md"}


@pages_with("sh")
def test_commands_parse(page):
    lines = [line for block in blocks(page, "sh") for line in block.text.splitlines() if line.strip()]
    assert lines
    for line in lines:
        parse(line)


def test_commands_in_the_text_have_the_flags_that_are_shown():
    for page in PAGES:
        for line in re.findall(r"`popsim ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
            command, words = COMMANDS, line.split()
            while hasattr(command, "commands") and words and re.fullmatch("[a-z-]+", words[0]):
                assert words[0] in command.commands, (page, line)
                command, words = command.commands[words[0]], words[1:]
            flags = {flag for one in command.params for flag in one.opts} | {"--help", "--version"}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= flags, (page, line)


@pages_with("toml")
def test_files_read_as_what_they_are_said_to_be(page, tmp_path):
    """Parts of an experiment are put together, page by page, and its strategies are checked against a network."""
    whole: dict[str, Any] = {"name": "shown", "cohort": "c.toml", "network": "n.toml"}
    strategies: dict[str, Any] = {"usual_care": {"name": "usual_care"}}
    for block in blocks(page, "toml"):
        table = loads(block.text)
        if block.kind == "record":
            path = tmp_path / "record.toml"
            path.write_text(block.text, encoding="utf-8")
            assert read_record(path, vocabulary_of(SHIPPED), None)
        elif block.kind:
            validate(table, KINDS[block.kind], page.name)
        else:
            strategies |= {strategy["name"]: strategy for strategy in table.pop("strategies", ())}
            whole |= table
    experiment = validate(whole | {"strategies": list(strategies.values())}, ExperimentDefinition, page.name)
    network = CareNetwork.read(ROOT / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns).definition
    for strategy in experiment.strategies:
        check_strategy(experiment.strategy(strategy.name), network, SCHEMA, page.name)
    for scenario in experiment.scenarios:
        assert experiment.in_scenario(scenario.name)


def test_parameters_that_files_name_exist():
    """In calibrations, and in experiments and parts of one; those of interventions are the experiment's own."""
    known = {f"{name}.{key}" for name, numbers in SHIPPED.items() for key in numbers}
    named = set()
    for page in PAGES:
        for table in (loads(block.text) for block in blocks(page, "toml")):
            found = table.get("parameters", {})
            named |= {(page.stem, one["name"] if isinstance(found, list) else one) for one in found}
            named |= {(page.stem, one) for group in table.get("parameter_groups", ()) for one in group["parameters"]}
    assert len(named) > 5
    assert {one for one in named if one[1] not in known and not one[1].startswith("interventions.")} == set()


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 8_000


def test_messages_that_are_explained_exist():
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "popsim").rglob("*.py")))
    rows = re.findall(r"^\| (`[^|]+) \|", (DOCS / "messages.md").read_text(encoding="utf-8"), re.MULTILINE)
    fragments = [
        part.strip(" '") for row in rows for text in re.findall("`([^`]+)`", row) for part in text.split("...")
    ]
    assert len(fragments) > 15
    assert [fragment for fragment in fragments if fragment not in source] == []
