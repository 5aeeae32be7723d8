"""solara run docs/examples/mesa/app.py"""

import sys
from pathlib import Path

import solara
from matplotlib.figure import Figure
from mesa.visualization import Slider, SolaraViz, make_plot_component
from mesa.visualization.utils import update_counter

sys.path.insert(0, str(Path(__file__).parent))
from model import EXPERIMENT, Watched, draw


@solara.component
def People(model: Watched) -> None:  # noqa: N802 - components of Solara begin with a capital
    """Drawn anew after each step."""
    update_counter.get()
    figure = Figure(figsize=(6, 4))
    draw(model, figure.subplots())
    solara.FigureMatplotlib(figure)


page = SolaraViz(
    Watched(),
    components=[People, make_plot_component(["in hospital", "dead"])],
    model_params={
        "people": Slider("People", 100, 50, 300, 50, dtype=int),
        "strategy": {
            "type": "Select",
            "value": "usual_care",
            "values": list(EXPERIMENT.strategies),
            "label": "Strategy",
        },
        "seed": 1,
    },
    name="Heart failure after discharge (for research, not for care)",
)
