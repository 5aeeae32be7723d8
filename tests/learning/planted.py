"""People whose risk is known, because it was planted."""

import numpy as np
import polars as pl
from scipy.special import expit

LEVEL, EFFECTS = -1.5, np.array([1.0, -0.6, 0.0])
FEATURES = ("x0", "x1", "x2")


def people(number: int, seed: int, *, day: int = 0, level: float = LEVEL, shift: float = 0.0) -> pl.DataFrame:
    """person_id, day, x0 to x2 (standard normal; x0 shifted), risk, admission, admission_day."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(number, 3))
    x[:, 0] += shift
    return landmarks(x, day, seed, level)


def landmarks(
    x: np.ndarray, day: int, seed: int, level: float = LEVEL, factor: float | np.ndarray = 1.0
) -> pl.DataFrame:
    """The same for given people, whose risk is multiplied by a factor; the horizon is 30 days."""
    risk = expit(level + x @ EFFECTS) * factor
    draw = np.random.default_rng((seed, day))
    happened = draw.random(len(x)) < risk
    when = np.where(happened, day + 30.0 * draw.random(len(x)), np.nan)
    columns = {"person_id": np.arange(len(x)), "day": np.full(len(x), day, np.int32)}
    columns |= {name: x[:, i] for i, name in enumerate(FEATURES)}
    columns |= {"true_risk": risk, "admission": happened.astype(np.int8), "admission_day": when}
    return pl.DataFrame(columns).with_columns(pl.col("admission_day").fill_nan(None))


def closed_form_c_statistic(level: float = LEVEL) -> float:
    """Of the true risks: the log odds are normal, so the probability is an integral over two of them."""
    spread = np.sqrt((EFFECTS**2).sum())
    grid = np.linspace(-8.0, 8.0, 4001)
    density = np.exp(-0.5 * grid**2) / np.sqrt(2.0 * np.pi) * (grid[1] - grid[0])
    p = expit(level + spread * grid)
    below = np.cumsum(density * (1.0 - p)) - 0.5 * density * (1.0 - p)
    return float((density * p * below).sum() / ((density * p).sum() * (density * (1.0 - p)).sum()))
