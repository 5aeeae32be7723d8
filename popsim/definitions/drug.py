"""Drugs: dosing, kinetics and their covariates, effects, reactions, and prescribing rules."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Source, Text, real, whole
from popsim.definitions.parameter import Parameter
from popsim.units import canonical

MAX_CODE = 30  # each drug that a person has stopped is one bit of a number
Compartment = Literal["depot", "central", "peripheral", "effect_site"]
Reaction = Literal["bradycardia", "hypotension", "hyperkalaemia", "kidney_injury", "bleeding_risk", "hypoglycaemia"]


# The units of the kernels (kernels/physiology/pharmacology.py); a file in other units would be misread.
UNITS = {
    "target_dose": ("mg/d", "[iU]/d", "{dose}/d"),
    "absorption": ("/h",),
    "volume": ("L/kg",),
    "peripheral_volume": ("L/kg",),
    "clearance": ("L/h",),
    "half_saturation": ("mg/L",),
    "exchange": ("L/h/kg",),
    "effect_delay": ("d",),
    "age_slope": ("/a",),
    **dict.fromkeys(("bioavailability", "renal_share", "extraction", "variability", "gut_congestion"), ("1",)),
}


class Activity(Definition):
    """Activity of a pathway by phenotype, relative to a normal metaboliser; codes as in population/genome.py."""

    poor: Annotated[float, real(0.0, 10.0)]
    intermediate: Annotated[float, real(0.0, 10.0)]
    rapid: Annotated[float, real(0.0, 10.0)] = 1.0
    ultrarapid: Annotated[float, real(0.0, 10.0)] = 1.0
    source: Source


class Inhibition(Definition):
    """Remaining activity of the pathway with a moderate and with a strong inhibitor (phenoconversion)."""

    column: Identifier
    moderate: Annotated[float, real(0.0, 1.0)]
    strong: Annotated[float, real(0.0, 1.0)]
    source: Source


class Pathway(Definition):
    """The role of a gene in removing the drug, or in producing its effective concentration.

    Attributes:
        gene: column of the phenotype.
        share: its part of metabolic clearance, or of the effective concentration, in a normal metaboliser.
        activity: by phenotype.
        inhibitors: other drugs that reduce the activity, if any.
    """

    gene: Literal["cyp2d6", "cyp2c19", "cyp2c9", "vkorc1", "slco1b1"]
    share: Parameter
    activity: Activity
    inhibitors: Inhibition | None = None


class DrugEffect(Definition):
    """An effect: at_target (1 + s) x**h / (1 + s x**h), s = half**-h, x the concentration relative to the usual one.

    `at_target` is the effect at the mean concentration of the usual person on the target dose (x = 1). The maximum
    effect is at_target (1 + half**h), and x = half gives half of it. Without `half` the effect is proportional to x**h.

    Attributes:
        influence: a row of kernels/physiology/influences.py.
        unless: column (0 or 1) that abolishes the effect.
    """

    influence: Identifier
    at_target: Parameter
    half: Annotated[float, real(1e-3, 1e6)] | None = None
    hill: Annotated[float, real(0.1, 20.0)] = 1.0
    unless: Identifier | None = None
    source: Source


class Intolerance(Definition):
    """Why people stop the drug themselves: a hazard per_day x**power, x the concentration relative to the usual one.

    Attributes:
        name: the symptom, e.g. cough.
    """

    name: Identifier
    per_day: Parameter
    power: Annotated[int, whole(0, 7)] = 0


class DrugCondition(Definition):
    """A prescribing rule: do not start, reduce, or stop where a signal is at least or below a value."""

    action: Literal["not_start", "reduce", "stop"]
    column: Identifier
    at_least: float | None = None
    below: float | None = None
    source: Source

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.below is None):
            raise ValueError("must have either at_least or below")
        return self


class Drug(Definition):
    """A drug, as in popsim/evidence/drugs/<name>.toml. The usual person: normal metaboliser, 75 kg, 75 years, GFR 60.

    Attributes:
        code: number of the drug, never reused: its bit in `stopped_drugs`; the lowest of a class keys the random
            differences between people in handling it.
        drug_class: prefix of the columns of its amounts.
        dose_column, column_at_target: the prescribed dose, and its value at the target dose.
        agent_column, agent: where a class has several drugs, the column that selects one, and this drug's code there.
        contains: another drug that is part of it, at the same share of the target dose (a fixed combination).
        route: oral, subcutaneous (through the depot), bolus (at once), daily (the mean of the day follows the dose).
        doses_a_day: 1 or 2, in equal parts; more frequent doses count as two, rarer ones as equal daily parts.
        target_dose, bioavailability, absorption (ka), volume (central), clearance: of the usual person.
        half_saturation: concentration at which half of the highest rate of elimination is reached (Michaelis and
            Menten). `clearance` is then that at the mean concentration of the usual person on the target dose.
        exchange, peripheral_volume: define a second compartment.
        keeps: amounts kept from day to day. A depot that is not kept is empty by midnight.
        effect_delay: time constant with which the effect follows the concentration; `keeps` must have `effect_site`.
        size_scaling: clearance scales with nothing, with (weight / 75)**0.75 (allometric) or with weight.
        age_slope: part of clearance lost with each year above 75 (gained below).
        renal_share: part of clearance proportional to GFR / 60.
        extraction: by the liver in the usual person; a change of its enzymes then also changes the bioavailability.
        variability: sd between people of the logarithm of metabolic capacity, beyond all of the above.
        removed_by, activated_by: genes that change metabolic clearance, or the effective concentration.
        gut_congestion: share of the dose lost at a filling pressure 10 mmHg above the person's own.
        effects, intolerances: see their definitions.
        implicated_in: reactions after which people stop it, and clinicians reduce it.
        ladder: doses as shares of the target, ascending.
        conditions: prescribing rules.
    """

    name: Identifier
    label: Label
    code: Annotated[int, whole(0, MAX_CODE)]
    drug_class: Identifier
    dose_column: Identifier
    column_at_target: Annotated[float, real(1e-6, 1e6)] = 1.0
    agent_column: Identifier | None = None
    agent: Annotated[int, whole(0, 9)] = 0
    contains: Identifier | None = None
    note: Text = ""
    route: Literal["oral", "subcutaneous", "bolus", "daily"]
    doses_a_day: Annotated[int, whole(1, 2)] = 1
    target_dose: Parameter
    bioavailability: Parameter
    absorption: Parameter | None = None
    volume: Parameter | None = None
    clearance: Parameter
    half_saturation: Parameter | None = None
    exchange: Parameter | None = None
    peripheral_volume: Parameter | None = None
    keeps: Annotated[tuple[Compartment, ...], AS_TUPLE] = ()
    effect_delay: Parameter | None = None
    size_scaling: Literal["none", "allometric", "weight"] = "none"
    age_slope: Parameter | None = None
    renal_share: Parameter | None = None
    extraction: Parameter | None = None
    variability: Parameter | None = None
    gut_congestion: Parameter | None = None
    removed_by: Pathway | None = None
    activated_by: Pathway | None = None
    effects: Annotated[tuple[DrugEffect, ...], AS_TUPLE] = ()
    intolerances: Annotated[tuple[Intolerance, ...], AS_TUPLE] = ()
    implicated_in: Annotated[tuple[Reaction, ...], AS_TUPLE] = ()
    ladder: Annotated[tuple[Annotated[float, real(0.0, 3.0)], ...], AS_TUPLE] = (0.0, 1.0)
    conditions: Annotated[tuple[DrugCondition, ...], AS_TUPLE] = ()

    @model_validator(mode="after")
    def _in_units(self) -> Self:
        stated = [(name, getattr(self, name), units) for name, units in UNITS.items()]
        stated += [(f"intolerances.{i}.per_day", one.per_day, ("/d",)) for i, one in enumerate(self.intolerances)]
        pathways = {"removed_by": self.removed_by, "activated_by": self.activated_by}
        stated += [(f"{name}.share", one.share, ("1",)) for name, one in pathways.items() if one]
        for name, parameter, units in stated:
            if parameter and canonical(parameter.unit) not in [canonical(unit) for unit in units]:
                raise ValueError(f"{name}.unit = '{parameter.unit}': must be '{"' or '".join(units)}'")
        return self

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        kept = "central" in self.keeps
        if kept == (self.route == "daily"):
            raise ValueError("keeps must have 'central' unless the route is daily")
        if kept and self.volume is None:
            raise ValueError("volume is needed where the central amount is kept")
        if (self.route in ("oral", "subcutaneous")) != (self.absorption is not None):
            raise ValueError("absorption must be given for the routes oral and subcutaneous, and for no other")
        if not ((self.exchange is None) == (self.peripheral_volume is None) == ("peripheral" not in self.keeps)):
            raise ValueError("exchange, peripheral_volume and keeping 'peripheral' go together")
        if self.half_saturation is not None and (
            self.exchange is not None or self.route not in ("oral", "subcutaneous")
        ):
            raise ValueError("half_saturation needs one compartment and the route oral or subcutaneous")
        if self.exchange is not None and self.route == "daily":
            raise ValueError("a drug of two compartments must have another route than daily")
        if (self.effect_delay is None) != ("effect_site" not in self.keeps):
            raise ValueError("effect_delay and keeping 'effect_site' go together")
        if list(self.ladder) != sorted(set(self.ladder)):
            raise ValueError("ladder must ascend")
        return self
