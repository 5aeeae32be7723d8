"""Results in the documentation come from docs/results.py, and the reference from the code."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from command_lines import parse

import popsim
from popsim.calibration.endpoints import ENDPOINTS
from popsim.calibration.quantities import QUANTITIES
from popsim.care.network import CareNetwork
from popsim.definitions.writing import KINDS
from popsim.evidence.parameters import load_parameters
from popsim.simulation.schema import SCHEMA

DOCS = Path(__file__).parent.parent.parent / "docs"
GENERATED = DOCS / "generated"
PNG = b"\x89PNG"


def module(name: str) -> ModuleType:
    """A script of the documentation, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


RESULTS = module("results")


def test_every_stored_result_has_its_commands():
    figures = {figure for result in RESULTS.RESULTS.values() for figure in result.figures}
    assert {path.stem for path in GENERATED.glob("*.png")} == figures
    typed = {
        text: result.typed(quick=False)[: last + 1]
        for name, result in RESULTS.RESULTS.items()
        for text, last in (result.texts or {name: len(result.commands) - 1}).items()
    }
    for path in GENERATED.glob("*.txt"):
        shown = re.findall(r"^\$ (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert shown[: len(typed[path.stem])] == typed[path.stem]


def test_the_commands_of_results_parse():
    for result in RESULTS.RESULTS.values():
        for quick in (False, True):
            for command in result.typed(quick):
                if command.startswith("popsim"):
                    parse(command)


def test_notebooks_of_the_documentation_are_the_shipped_ones_with_what_they_show():
    for path in sorted((DOCS.parent / "experiments/notebooks").glob("*.ipynb")):
        shipped, shown = (nbformat.read(at, as_version=4) for at in (path, DOCS / "notebooks" / path.name))
        assert [cell.source for cell in shown.cells] == [cell.source for cell in shipped.cells]
        assert sum(len(cell.get("outputs", ())) for cell in shown.cells) > 10
        assert "error" not in {output.output_type for cell in shown.cells for output in cell.get("outputs", ())}


def test_pages_show_stored_results_only():
    shown = {
        name
        for page in DOCS.rglob("*.md")
        for name in re.findall(r"\.\./generated/(\S+\.(?:txt|png))", page.read_text(encoding="utf-8"))
    }
    assert len(shown) > 30
    assert {name for name in shown if not (GENERATED / name).exists()} == set()


def test_the_table_of_the_readme_is_that_of_the_result():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    found = RESULTS.README_TABLE.search(readme)
    assert found is not None
    assert found[0] == found[1] + RESULTS.readme_table() + found[2]
    assert all(any(line.strip().startswith(row) for line in found[0].splitlines()) for row in RESULTS.README_ROWS)


def test_as_many_constants_are_assumed_as_the_readme_says():
    """Two in five."""
    rows = (GENERATED / "provenance.txt").read_text(encoding="utf-8").splitlines()
    heads = next(row for row in rows if row.startswith("set ")).split()
    [total] = [row.split() for row in rows if row.startswith("all ")]
    assumed = int(total[heads.index("assumed")]) / int(total[heads.index("parameters")])
    assert "Two in five of its constants" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert 0.35 < assumed < 0.45


def test_a_result_is_written_with_commands_seed_and_hash(tmp_path, monkeypatch):
    monkeypatch.setattr(RESULTS, "WORK", tmp_path)
    RESULTS.make("network", quick=True)
    text = (tmp_path / "quick" / "network.txt").read_text(encoding="utf-8")
    assert text.startswith(
        "$ popsim pathway show experiments/networks/heart_failure_catchment.toml --out network.png\n"
    )
    assert re.search(r"^# seed 1, SHA-256 of the text [0-9a-f]{16}, popsim ", text, re.MULTILINE)
    figure = (tmp_path / "quick" / "network.png").read_bytes()
    assert figure.startswith(PNG) and b"popsim pathway show" in figure


@pytest.mark.slow
def test_results_are_made_one_after_another_and_one_that_fails_stops_no_other(tmp_path, monkeypatch, capsys):
    broken = RESULTS.Result(("popsim check no_such_file.toml",))
    monkeypatch.setattr(RESULTS, "WORK", tmp_path)
    monkeypatch.setattr(RESULTS, "RESULTS", {"broken": broken, "check": RESULTS.RESULTS["check"]})
    monkeypatch.setattr(sys, "argv", ["results.py", "--quick", "broken", "check"])
    with pytest.raises(SystemExit) as left:
        RESULTS.main()
    lines = capsys.readouterr().out.splitlines()
    assert left.value.code == 1 and len(lines) == 2
    assert re.match(r"broken: \d+ s, failed: popsim check .*no such file", lines[0])
    assert re.fullmatch(r"check: \d+ s, ok", lines[1])


@pytest.mark.slow
def test_a_figure_of_a_twin_is_the_same_each_time(tmp_path, monkeypatch):
    found = []
    for folder in ("a", "b"):
        monkeypatch.setattr(RESULTS, "WORK", tmp_path / folder)
        RESULTS.make("twin", quick=True)
        files = sorted((tmp_path / folder / "quick").glob("twin*.txt"))
        found.append([file.read_bytes() for file in (*files, tmp_path / folder / "quick" / "twin.png")])
    assert len(found[0]) == 5 and found[0] == found[1]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    module("generate").write(folder)
    return folder


def test_the_reference_has_all_that_there_is(reference):
    python = (reference / "python.md").read_text(encoding="utf-8")
    assert [name for name in popsim.__all__ if "## {}\n".format(name.replace("_", r"\_")) not in python] == []
    columns = (reference / "columns.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in columns for name in SCHEMA.columns)
    quantities = (reference / "quantities.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in quantities for name in (*QUANTITIES, *ENDPOINTS))
    assert {path.stem for path in (reference / "files").glob("*.md")} == {*KINDS, "index"}
    prices = (reference / "parameters" / "nhs_prices.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in prices for name in load_parameters("nhs_prices"))
    commands = (reference / "command-line.md").read_text(encoding="utf-8")
    assert "## popsim sensitivity one-way" in commands and "## popsim twin forget" in commands


def test_a_key_has_type_bounds_default_and_meaning(reference):
    rows = (reference / "files" / "experiment.md").read_text(encoding="utf-8").splitlines()
    [row] = [row for row in rows if row.startswith("| `replications` |")][:1]
    assert "whole number, 1 to 10,000" in row and "`10`" in row and "ndependent replications" in row


def test_methods_are_in_the_reference(reference):
    python = (reference / "python.md").read_text(encoding="utf-8")
    assert "### CareNetwork.read" in python and (CareNetwork.read.__doc__ or "").partition("\n")[0] in python


def test_inherited_members_are_in_the_reference(reference):
    """Of popsim's own classes in full, of Mesa's in a line each."""
    python = (reference / "python.md").read_text(encoding="utf-8")
    for name in ("Run.open", "Run.events", "Cohort.read", "StateTransitionModel.run", "Run.experiment"):
        assert f"### {name}\n" in python
    assert "| `agents` |" in python and "| `remove` |" in python and "| `run_for` |" not in python
