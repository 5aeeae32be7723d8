"""Perspectives: whose costs count.

Each perspective is a sum of components, in the order of `COST_NAMES`:

                                payer   health_system   societal   patient
    ward ... programme            +           +            +                  care at its full price
    out_of_pocket                 -                                   +       what patients pay of that price
    travel                                                 +          +
    informal_care                                          +
    productivity                                           +

Charges are a transfer from patients to the payer, so they are no cost to the health system or to society, whose
components already hold the full price. The health system is all providers of care, with social care (National Health
Service and personal social services with the packaged prices); the payer pays the bills, less what patients pay.
Patients do not pay for unpaid care and lost work, so these are societal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from types import MappingProxyType
from typing import get_args

import polars as pl

from popsim.definitions.money import Perspective
from popsim.economics.columns import COST_NAMES
from popsim.errors import InputError, did_you_mean

PERSPECTIVES: tuple[Perspective, ...] = get_args(Perspective)

CARE = (
    "cost_ward", "cost_emergency", "cost_clinic", "cost_community", "cost_drugs", "cost_devices",
    "cost_telemonitoring", "cost_programme",
)  # fmt: skip
_FULL_PRICE = dict.fromkeys(CARE, 1)
SIGNS: Mapping[Perspective, Mapping[str, int]] = MappingProxyType(
    {
        "payer": _FULL_PRICE | {"cost_out_of_pocket": -1},
        "health_system": _FULL_PRICE,
        "societal": _FULL_PRICE | dict.fromkeys(("cost_travel", "cost_informal_care", "cost_productivity"), 1),
        "patient": {"cost_out_of_pocket": 1, "cost_travel": 1},
    }
)


def total_cost(perspective: Perspective) -> pl.Expr:
    """The sum of a perspective's components, added in order, so that a component of 0 changes no bit."""
    signs = SIGNS[perspective_named(perspective)]
    counted = (pl.col(name) if signs[name] > 0 else -pl.col(name) for name in COST_NAMES if name in signs)
    return reduce(add, counted)


def perspective_named(name: str) -> Perspective:
    """The perspective of that name.

    Raises:
        InputError: there is none.
    """
    for perspective in PERSPECTIVES:
        if perspective == name:
            return perspective
    raise InputError(f"perspective '{name}': {did_you_mean(name, PERSPECTIVES)}")


def mean_costs(persons: pl.DataFrame) -> pl.DataFrame:
    """Mean cost per person in every perspective.

    Args:
        persons: one row for each person, with the cost components.

    Returns:
        measure (`cost_payer`, `cost_health_system`, `cost_societal`, `cost_patient`), value; null without persons.
    """
    means = persons.select(total_cost(perspective).mean().alias(f"cost_{perspective}") for perspective in PERSPECTIVES)
    return means.unpivot(variable_name="measure")
