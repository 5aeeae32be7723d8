"""Which parameters can change net benefit at all, given the perspective and the measure of effect.

The components of cost that a price changes are found by varying it and comparing the kernels' prices. Utilities change
QALYs alone, disability weights DALYs alone. Every other parameter changes what happens to people, so it may change
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from popsim.definitions.money import Perspective
from popsim.economics.clinical import TREATMENTS
from popsim.economics.columns import COST_NAMES
from popsim.economics.perspectives import CARE, SIGNS, perspective_named
from popsim.economics.prices import PricedSetting, daily_prices, setting_prices
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.kernels import accrual

INTERVENTIONS, CHARGED = "interventions", ("cost_once", "cost_per_day")  # what strategies charge
EFFECT_OF_SET = {"clinical_utilities": "qalys", "gbd_disability": "dalys"}
DISCOUNT_RATES = ("discount_rate_costs", "discount_rate_qalys")
DISCOUNTED_EFFECTS = ("qalys", "dalys")
_DRUGS = ("cost_drugs", "cost_out_of_pocket")
COMPONENTS_OF_DAY: Mapping[str, tuple[str, ...]] = {  # of the fields of accrual.DailyPrices
    "telemonitoring": ("cost_telemonitoring",),
    **dict.fromkeys(
        ("beta_blocker", "ras_inhibitor", "neprilysin_inhibitor", "mra", "sglt2_inhibitor", "loop_diuretic_mg"), _DRUGS
    ),
    "drug_charge_share": ("cost_out_of_pocket",),
    "informal_care": ("cost_informal_care",),
    **dict.fromkeys(("earnings", "work_lost", "retirement_age"), ("cost_productivity",)),
}
COMPONENTS_OF_SETTING = {  # of those of accrual.PlacePrices that are not booked by setting
    "start_price": "cost_emergency",
    "night_charge": "cost_out_of_pocket",
    "contact_charge": "cost_out_of_pocket",
    "night_travel": "cost_travel",
    "contact_travel": "cost_travel",
}
BOOKED = {"night_price": "night_account", "visit_price": "visit_account"}


def without_influence(
    names: Iterable[str],
    sets: Parameters,
    settings: Sequence[PricedSetting],
    perspective: Perspective,
    effect: str,
) -> list[str]:
    """The named parameters that can change neither the cost in a perspective nor the effect.

    Args:
        names: "set.parameter".
        sets: the parameters of the study; a name that none of them has may change everything.
        settings: of its care network.
        perspective: whose costs count.
        effect: the measure of effect.
    """
    counted, of_country = set(SIGNS[perspective_named(perspective)]), sets.valuation
    effect_of_set = EFFECT_OF_SET | {of_country.utilities: "qalys"}
    idle = []
    for dotted in names:
        set_name, _, key = dotted.partition(".")
        if set_name in effect_of_set:
            matters = effect == effect_of_set[set_name]
        elif key in DISCOUNT_RATES:
            matters = key == "discount_rate_costs" or effect in DISCOUNTED_EFFECTS
        elif set_name == INTERVENTIONS:
            matters = not key.endswith(CHARGED) or not counted.isdisjoint(CARE)
        elif set_name == of_country.clinical:
            treatment = any(worth.parameter == key for worth in TREATMENTS)
            matters = ("cost_clinic" if treatment else "cost_drugs") in counted
        elif set_name in (of_country.care, of_country.societal) and key in sets[set_name]:
            matters = bool(components_of(set_name, key, sets.care_prices, sets.societal_prices, settings) & counted)
        else:
            matters = True
        if not matters:
            idle.append(dotted)
    return idle


def components_of(
    set_name: str, key: str, prices: ParameterSet, societal: ParameterSet, settings: Sequence[PricedSetting]
) -> set[str]:
    """The components of cost that a price changes."""
    other_prices, other_societal = (_changed(one, key) if one.name == set_name else one for one in (prices, societal))
    pairs = ((prices, societal), (other_prices, other_societal))
    found: set[str] = set()
    days = [daily_prices(care, borne, care["telemonitoring_day"]) for care, borne in pairs]
    for field, components in COMPONENTS_OF_DAY.items():
        if not np.array_equal(getattr(days[0], field), getattr(days[1], field)):
            found |= {*components}
    if days[0].drug_charge_share == days[1].drug_charge_share == 0.0:
        found -= {"cost_out_of_pocket"} if set_name == prices.name else set()
    priced_settings = [setting_prices(care, borne, settings) for care, borne in pairs]
    for field, component in COMPONENTS_OF_SETTING.items():
        if not np.array_equal(getattr(priced_settings[0], field), getattr(priced_settings[1], field)):
            found.add(component)
    for field, account in BOOKED.items():
        moved = getattr(priced_settings[0], field) != getattr(priced_settings[1], field)
        booked = getattr(priced_settings[1], account)[moved]
        found |= {COST_NAMES[place] for place in booked if place != accrual.NOTHING}
    return found


def _changed(parameters: ParameterSet, key: str) -> ParameterSet:
    """A set in which one parameter has another value, within its bounds."""
    record = parameters.of(key)
    higher = record.value + 0.01 * max(abs(record.value), 1.0)
    return parameters.with_values({key: higher if higher <= record.high else 0.5 * (record.low + record.value)})
