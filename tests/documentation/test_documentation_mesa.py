"""The example for Mesa's users: the model by itself, and the page where Mesa's visualisation is installed."""

import importlib.util
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent.parent.parent / "docs/examples/mesa"


def load(name, monkeypatch):
    """The example as `solara run` loads it, from the folder of the project."""
    monkeypatch.chdir(FOLDER.parent.parent.parent)
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "model", raising=False)
    spec = importlib.util.spec_from_file_location(f"mesa_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_the_model_counts_and_draws_its_people_without_a_browser(monkeypatch):
    example = load("model", monkeypatch)
    model = example.Watched(people=50)
    model.run_for(5)
    counted = model.datacollector.get_model_vars_dataframe()
    assert len(counted) == 6 and list(counted.columns) == ["in hospital", "dead"]
    assert counted["dead"].iloc[-1] == sum(not twin.alive for twin in model.agents)
    assert counted["in hospital"].iloc[-1] == sum(bool(twin.admitted) and bool(twin.alive) for twin in model.agents)
    shown = [example.portrayal(twin) for twin in model.agents]
    assert all(one.keys() == {"color", "size", "marker"} for one in shown)
    assert {one["marker"] for one, twin in zip(shown, model.agents, strict=True) if twin.alive} <= {"o", "s"}
    axes = Figure().subplots()
    example.draw(model, axes)
    assert len(axes.collections) == 50


@pytest.mark.filterwarnings("ignore")
def test_mesa_makes_the_model_anew_from_its_sliders(monkeypatch):
    """As SolaraViz does on reset: `type(model)(**values)`."""
    example = load("model", monkeypatch)
    again = type(example.Watched(people=20))(people=30, strategy="telemonitoring", seed=2)
    assert len(again.agents) == 30 and again.strategy.name == "telemonitoring"


@pytest.mark.filterwarnings("ignore")
def test_the_page_builds(monkeypatch):
    solara = pytest.importorskip("solara")
    pytest.importorskip("altair")
    example = load("app", monkeypatch)
    box, rendered = solara.render(example.page, handle_error=False)
    assert box.children
    rendered.close()
