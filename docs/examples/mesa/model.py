"""A small ward to watch: the model, what is counted each day, and how a person is drawn. It needs no browser."""

import mesa
import numpy as np

import popsim as ps

EXPERIMENT = ps.Experiment.read("experiments/heart_failure_discharge.toml")
COLORS = {1: "#009E73", 2: "#56B4E9", 3: "#E69F00", 4: "#D55E00"}  # by NYHA class; told apart by the colour-blind
PEOPLE_IN_A_ROW = 8


class Watched(ps.PopulationModel):
    """Mesa makes it anew from the sliders; so all arguments have a name and a default."""

    def __init__(self, people: int = 100, strategy: str = "usual_care", seed: int = 1) -> None:
        sampled = EXPERIMENT.cohort.sample(people, seed=seed)
        super().__init__(sampled, EXPERIMENT.network, EXPERIMENT.strategies[strategy], seed=seed, follow_up_days=90)
        self.datacollector = mesa.DataCollector(
            model_reporters={"in hospital": in_hospital, "dead": lambda model: int((~alive(model)).sum())}
        )
        self.datacollector.collect(self)

    def step(self) -> None:
        super().step()
        self.datacollector.collect(self)


def alive(model: Watched) -> np.ndarray:
    return model.population["alive"].astype(bool)


def in_hospital(model: Watched) -> int:
    return int((alive(model) & model.population["admitted"].astype(bool)).sum())


def portrayal(twin: ps.PatientTwin) -> dict[str, object]:
    """Colour by symptoms; grey and small is dead, a square is in hospital."""
    if not twin.alive:
        return {"color": "#BBBBBB", "size": 15, "marker": "x"}
    return {"color": COLORS[int(twin.nyha_class)], "size": 40, "marker": "s" if twin.admitted else "o"}


def draw(model: Watched, axes: object) -> None:
    """Everybody, person by person in a fixed place, so that the eye can follow one."""
    for place, twin in enumerate(model.agents):
        row, column = divmod(place, PEOPLE_IN_A_ROW * 2)
        shown = portrayal(twin)
        axes.scatter(column, -row, c=shown["color"], s=shown["size"], marker=shown["marker"])
    axes.set_title(f"Day {model.steps:.0f}: {in_hospital(model)} in hospital (squares)")
    axes.set_axis_off()
