"""Prices in the form of the accrual kernels: looked up once in the parameter sets, by setting and by symptom class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.network import NetworkDefinition
from popsim.errors import InputError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import accrual
from popsim.kernels.codes import CLASS_NAMES

FUROSEMIDE_TABLET_MG = 40.0
NYHA_CLASSES = (1, 2, 3, 4)
HOSPITAL_CLASSES = ("inpatient", "critical")
ACCOUNT_OF_CLASS = {
    "emergency": accrual.EMERGENCY,
    "observation": accrual.EMERGENCY,
    "inpatient": accrual.WARD,
    "critical": accrual.WARD,
    "community": accrual.COMMUNITY,
    "facility": accrual.COMMUNITY,
    "hospice": accrual.COMMUNITY,
}
# Names of the prices that patients bear in a class of setting; other classes cost them nothing.
BORNE_BY_NIGHT = {
    "inpatient": "hospital_day",
    "critical": "hospital_day",
    "hospice": "hospital_day",
    "facility": "facility_day",
    "community": "home_day",
}
BORNE_BY_CONTACT = {"emergency": "attendance", "outpatient": "visit"}


class PricedSetting(NamedTuple):
    """What valuation needs of a setting: its name, its class (CLASS_NAMES) and the clinician of its contacts.

    `clinician` is none, general_practitioner, specialist, nurse or a role with a `visit_price`; it matters for contact
    settings only.
    """

    name: str
    setting_class: str
    clinician: str = "none"
    visit_price: float | None = None


def priced(network: NetworkDefinition, answering: Mapping[str, str] | None = None) -> list[PricedSetting]:
    """The settings of a network, some with others who answer there (`answering`, by setting)."""
    roles = {role.name: role.visit_price for role in network.clinicians}
    who = {setting.name: setting.clinician for setting in network.settings} | dict(answering or {})
    return [PricedSetting(s.name, s.setting_class, who[s.name], roles.get(who[s.name])) for s in network.settings]


def setting_prices(
    prices: ParameterSet, societal: ParameterSet, settings: Sequence[PricedSetting]
) -> accrual.SettingPrices:
    """Prices by setting: its own price where the set has one under its name, else that of its class or clinician.

    Raises:
        InputError: a class or clinician is unknown or has no price.
    """
    for setting in settings:
        if setting.setting_class not in CLASS_NAMES:
            found = did_you_mean(setting.setting_class, CLASS_NAMES)
            raise InputError(f"setting '{setting.name}': class '{setting.setting_class}': {found}")

    def array(figure: Callable[[PricedSetting], float], dtype: type = np.float64) -> NDArray[Any]:
        return np.array([figure(setting) for setting in settings], dtype)

    return accrual.SettingPrices(
        night_price=array(lambda s: _night_price(prices, s)),
        night_account=array(lambda s: _night_account(prices, s), np.int8),
        night_charge=array(lambda s: _borne(societal, s, BORNE_BY_NIGHT, "charge")),
        night_travel=array(lambda s: _borne(societal, s, BORNE_BY_NIGHT, "travel")),
        start_price=array(lambda s: prices["emergency_attendance"] if s.setting_class == "emergency" else 0.0),
        visit_price=array(lambda s: _visit_price(prices, s)),
        visit_account=array(lambda s: accrual.CLINIC if s.clinician == "specialist" else accrual.COMMUNITY, np.int8),
        contact_charge=array(lambda s: _borne(societal, s, BORNE_BY_CONTACT, "charge")),
        contact_travel=array(lambda s: _borne(societal, s, BORNE_BY_CONTACT, "travel")),
        in_hospital=array(lambda s: s.setting_class in HOSPITAL_CLASSES, np.int8),
        at_home=array(lambda s: s.setting_class == "community", np.int8),
    )


def daily_prices(prices: ParameterSet, societal: ParameterSet, telemonitoring: float) -> accrual.DailyPrices:
    """Prices of a day; an ARNI at target dose is a full RAS inhibitor plus a full neprilysin inhibitor."""
    hours = np.array([societal[f"informal_hours_nyha_{c}"] for c in NYHA_CLASSES])
    return accrual.DailyPrices(
        telemonitoring,
        prices["beta_blocker_day"],
        prices["ras_inhibitor_day"],
        prices["sacubitril_valsartan_day"] - prices["ras_inhibitor_day"],
        prices["mra_day"],
        prices["sglt2_inhibitor_day"],
        prices["loop_diuretic_40_mg_day"] / FUROSEMIDE_TABLET_MG,
        societal["drug_charge_share"],
        hours * societal["informal_care_hour"],
        societal["earnings_day"] * societal["employed_share"],
        np.array([societal[f"work_lost_nyha_{c}"] for c in NYHA_CLASSES]),
        societal["retirement_age"],
    )


def health_rates(utilities: ParameterSet, disability: ParameterSet) -> accrual.Rates:
    """Utilities, hospital decrements and disability weights by symptom class."""
    return accrual.Rates(
        *(utilities[f"utility_nyha_{c}"] for c in NYHA_CLASSES),
        *(utilities[f"hospital_decrement_nyha_{c}"] for c in NYHA_CLASSES),
        *(disability[f"disability_nyha_{c}"] for c in NYHA_CLASSES),
    )


def _night_price(prices: ParameterSet, setting: PricedSetting) -> float:
    """Price of a day in a setting where people stay; 0 elsewhere."""
    if setting.setting_class not in ACCOUNT_OF_CLASS:
        return 0.0
    own = f"{setting.name}_day"
    return prices[own] if own in prices else prices[f"{setting.setting_class}_day"]


def _night_account(prices: ParameterSet, setting: PricedSetting) -> int:
    """Account of a day; none when it costs nothing, which saves the kernel the write."""
    if _night_price(prices, setting) == 0.0:
        return accrual.NOTHING
    return ACCOUNT_OF_CLASS[setting.setting_class]


def _visit_price(prices: ParameterSet, setting: PricedSetting) -> float:
    """Price of a contact; 0 where there are no contacts."""
    if setting.setting_class != "outpatient":
        return 0.0
    own = f"{setting.name}_visit"
    if own in prices:
        return prices[own]
    if setting.visit_price is not None:
        return setting.visit_price
    return 0.0 if setting.clinician == "none" else prices[f"{setting.clinician}_visit"]


def _borne(societal: ParameterSet, setting: PricedSetting, names: dict[str, str], kind: str) -> float:
    """Cost to patients, `kind` charge or travel: the setting's own figure, that of its class, or 0."""
    if setting.setting_class not in names:
        return 0.0
    own, general = f"{setting.name}_{kind}", f"{names[setting.setting_class]}_{kind}"
    return next((societal[name] for name in (own, general) if name in societal), 0.0)
