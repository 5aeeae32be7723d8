"""Treatments given as hazard ratios: adds their logarithms to the hazards of presentations and deaths."""

from __future__ import annotations

import numpy as np

from popsim.physiology.influences import Influences
from popsim.population.population import Population

# Column of a log ratio: the influences of which it is part, and the daily hazards that it multiplies.
LOG_HAZARDS = {
    "heart_failure_admission_log_ratio": "heart_failure_log_hazard",
    "other_admission_log_ratio": "other_presentation_log_hazard",
    "sudden_death_log_ratio": "sudden_log_hazard",
    "pump_failure_death_log_ratio": "pump_log_hazard",
    "other_cardiovascular_death_log_ratio": "other_cardiovascular_log_hazard",
    "non_cardiovascular_death_log_ratio": "non_cardiovascular_log_hazard",
}
HAZARDS = {
    "infarction_log_ratio": "infarction_per_day",
    "stroke_log_ratio": "stroke_per_day",
    "bleeding_log_ratio": "bleeding_per_day",
    "other_cardiovascular_death_log_ratio": "cardiovascular_death_per_day",
}


class Treatments:
    """Advances after all other organ systems, whose hazards it multiplies, and before the core. Writes no column."""

    def advance(self, population: Population, influences: Influences) -> None:
        """Add the log ratios of every person; a column that is 0 for all costs next to nothing."""
        for column, influence in LOG_HAZARDS.items():
            if column in population and (ratio := population[column]).any():
                influences[influence] += ratio
        for column, influence in HAZARDS.items():
            if column in population and (ratio := population[column]).any():
                influences[influence] *= np.exp(ratio)
