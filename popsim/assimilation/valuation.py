"""QALYs and costs of a simulated day of a member, by the utilities and prices of the economic evaluation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.economics.clinical import ClinicalValuation
from popsim.economics.prices import daily_prices, health_rates
from popsim.evidence.sets import Parameters
from popsim.kernels import accrual
from popsim.population.columns import Schema
from popsim.population.population import Population


class DailyValuation:
    """Prices and utilities of a day, from the perspective of the health service, not discounted.

    Args:
        parameters: prices and utilities of a country, gbd_disability and clinical_utilities.
        schema: columns of the members.
    """

    def __init__(self, parameters: Parameters, schema: Schema) -> None:
        self.prices = prices = parameters.care_prices
        self._daily = daily_prices(prices, parameters.societal_prices, prices["telemonitoring_day"])
        rates = health_rates(parameters.utilities, parameters["gbd_disability"])
        self._utility = np.array([rates.utility_1, rates.utility_2, rates.utility_3, rates.utility_4])
        self._decrement = np.array([rates.decrement_1, rates.decrement_2, rates.decrement_3, rates.decrement_4])
        stay = parameters["therapy_choice"]["stay_days"] * prices["inpatient_day"]
        self.admission = prices["emergency_attendance"] + stay
        self._clinical = ClinicalValuation(parameters.clinical_prices, parameters["clinical_utilities"], schema)

    def utility(self, people: Population, at_home: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Utility of each row's day, per year."""
        index = people["nyha_class"].astype(np.int64) - 1
        found = self._utility[index] - np.where(at_home, 0.0, self._decrement[index])
        return np.asarray(found - self._clinical.losses(people, slice(0, len(people))))

    def drugs(self, people: Population) -> NDArray[np.float64]:
        """Price of each row's drugs for a day at home."""
        p = self._daily
        priced = {
            "beta_blocker_fraction": p.beta_blocker,
            "ras_inhibitor_fraction": p.ras_inhibitor,
            "neprilysin_inhibitor_fraction": p.neprilysin_inhibitor,
            "mra_fraction": p.mra,
            "sglt2_inhibitor_fraction": p.sglt2_inhibitor,
            "loop_diuretic_mg_day": p.loop_diuretic_mg,
        }
        total = np.zeros(len(people))
        for column, price in priced.items():
            total += price * people[column]
        for component, _, weighed in self._clinical.daily:
            if component == accrual.DRUGS:
                total += self._clinical.prices(people, slice(0, len(people)), weighed)
        return total

    def visit(self, clinician: str) -> float:
        """Price of a contact."""
        return float(self.prices[f"{clinician}_visit"])
