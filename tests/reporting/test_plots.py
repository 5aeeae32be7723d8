"""Figures of a small run, and the notebook that shows them, executed cell by cell."""

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from popsim.cli import main
from popsim.reporting import plots

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    file = str(EXPERIMENTS / "heart_failure_discharge.toml")
    flags = ["--population", "300", "--replications", "2", "--days", "90", "--enrolment-days", "20", "--workers", "1"]
    assert main(["run", file, *flags, "--quiet", "--out", str(folder / "results")]) == 0
    (run,) = (folder / "results/heart_failure_discharge").iterdir()
    return run


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_every_strategy_and_measure_is_named(run):
    figure = plots.strategies(run)
    for name in ("Usual care", "Early follow-up", "Telemonitoring", "30-day readmission, %", "QALYs per person"):
        assert name in words(figure)


def test_the_plane_has_a_point_for_each_replication_and_strategy(run):
    (axis,) = plots.cost_effectiveness_plane(run).axes
    assert [len(points.get_offsets()) for points in axis.collections] == [2, 2]
    assert "20,000 GBP per QALY" in words(axis.figure)


def test_occupancy_has_a_panel_for_each_setting(run):
    figure = plots.occupancy(run, ["cardiology_ward", "general_ward"])
    assert len(figure.axes) == 2
    assert all(len(axis.lines) == 3 for axis in figure.axes)
    assert "Cardiology ward" in words(figure)


def test_the_notebook_runs(run, monkeypatch, tmp_path):
    shutil.copytree(run.parent.parent, tmp_path / "results")
    (tmp_path / "experiments").mkdir()
    monkeypatch.chdir(tmp_path / "experiments")
    notebook = json.loads((EXPERIMENTS / "heart_failure_discharge.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["run"].name == run.name
    assert set(names["persons"]["strategy"].unique()) == {"usual_care", "early_follow_up", "telemonitoring"}
