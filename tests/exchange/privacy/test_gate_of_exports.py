"""No way round the gate: every command that writes people of a run, and every reader of its table of persons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import popsim
from popsim.cli import main
from popsim.cli.export import export_app
from popsim.errors import InputError
from popsim.exchange.privacy import gate

PEOPLE = {"fhir", "omop"}  # write rows of people
SUMMARIES = {"excel", "r"}  # write means of strategies and draws, in which small cells are hidden
OF_A_TWIN = {"twin"}  # of the registry, for its owner
# Modules that read a run's table of persons, and how people are protected there.
ONE_BY_ONE = {"reporting/text/explanation.py", "reporting/figures/trajectories.py", "dashboard/lives.py"}
IN_GROUPS = {
    "reporting/text/subgroups.py", "reporting/figures/outcomes.py", "dashboard/views.py", "surface/run.py",
}  # fmt: skip
IN_ALL = {  # of everybody; steps of at least small_cells; how many are in hospital on a day, for the warm-up
    "reporting/text/outcomes.py", "reporting/figures/curves.py", "reporting/figures/beds.py",
}  # fmt: skip


@pytest.fixture
def closed(monkeypatch):
    """A gate that lets nobody pass."""

    def refuse(run, limit=0.0):
        raise InputError("the gate is closed")

    monkeypatch.setattr(gate, "allow_export", refuse)
    monkeypatch.setattr("popsim.reporting.bundle.inputs.allow_export", refuse)


def test_every_command_of_export_is_known():
    names = {one.name for one in export_app.registered_commands}
    assert names == PEOPLE | SUMMARIES | OF_A_TWIN, "say whether a new command writes rows of people, and test it here"


@pytest.mark.parametrize("command", [["export", name] for name in sorted(PEOPLE)] + [["explain"]])
def test_people_do_not_leave_through_a_closed_gate(run, closed, tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert main([*command, str(run.folder)]) == 2
    assert "the gate is closed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert not (run.folder / "fhir" / ".tmp").exists()


def test_a_trajectory_and_a_bundle_do_not_either(run, closed, tmp_path, capsys):
    assert main(["plot", str(run.folder), "--only", "twin", "--out", str(tmp_path / "figures")]) in (0, 2)
    told = capsys.readouterr()
    assert "the gate is closed" in told.out + told.err
    assert not list(tmp_path.rglob("*.png"))
    assert main(["bundle", str(run.folder), "--out", str(tmp_path / "b.zip"), "--no-verify"]) == 2
    assert "the gate is closed" in capsys.readouterr().err
    assert not (tmp_path / "b.zip").exists()


def test_who_records_people_asks_the_gate_and_who_reads_persons_is_known():
    root = Path(popsim.__file__).parent
    readers, recorders = set(), set()
    for path in root.rglob("*.py"):
        text, name = path.read_text(), path.relative_to(root).as_posix()
        layer = name.partition("/")[0]
        if layer in ("reporting", "dashboard", "cli", "surface", "exchange"):
            if re.search(r'(rows_of|table|frame)\(\s*"(persons|admissions|urgent_visits)"', text):
                readers.add(name)
            if re.search(r"\brecord\(\s*unit", text) and name != "exchange/records.py":
                recorders.add(name)
    assert readers == ONE_BY_ONE | IN_GROUPS | IN_ALL
    assert all("allow_persons(" in (root / name).read_text() for name in ONE_BY_ONE)
    assert all("refuse_small_groups(" in (root / name).read_text() for name in IN_GROUPS)
    assert recorders and all("unit_to_export(" in (root / name).read_text() for name in recorders)
