"""Interventions: the parts of a strategy in an experiment file.

    drug            a drug started, changed or stopped
    device          implanted once, changes the person
    programme       anything done with a person
    hazard_ratio    any treatment whose effect is a trial's hazard ratio, without a mechanism
    policy          follow-up and telemonitoring, between two dates
    capacity        beds or slots of a setting, between two dates
    genetic_test    once per person; its result guides prescribing

Days are calendar days of the simulation, counted from 0, the first day of enrolment. An intervention is in force from
the beginning of `from_day` until the beginning of `until_day`. Money is in the experiment's currency.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.conditions import MAX_NUMBER, Conditions
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, real, whole
from popsim.definitions.network import MAX_CAPACITY
from popsim.definitions.rota import Rota

LAST_DAY = 36_525
MAX_COST = 1e7
MAX_FACTOR = 1000.0
MIN_RATIO, MAX_RATIO = 0.01, 100.0  # of hazards

Outcome = Literal[
    "heart_failure_admission", "other_admission", "admission", "infarction", "stroke", "bleeding", "sudden_death",
    "pump_failure_death", "other_cardiovascular_death", "cardiovascular_death", "non_cardiovascular_death", "death",
]  # fmt: skip
Ratio = Annotated[float, real(MIN_RATIO, MAX_RATIO)]
Share = Annotated[float, real(0.0, 1.0)]
Cost = Annotated[float, real(0.0, MAX_COST)]
Pressure = Annotated[float, real(40.0, 300.0)]
HeartRate = Annotated[float, real(20.0, 250.0)]


class FollowUp(Definition):
    """A contact that is booked at entry and at every discharge from an inpatient setting to home or a facility.

    Attributes:
        setting: contact setting of the network.
        within_days: days from discharge until the visit is due.
        uptake: share of discharges for which it is booked.
        every_days: days from each contact there to the next; None: there is only one.
    """

    setting: Identifier
    within_days: Annotated[int, whole(1, 365)]
    uptake: Share = 1.0
    every_days: Annotated[int, whole(7, 3653)] | None = None


class Telemonitoring(Definition):
    """Daily home measurement of weight, systolic pressure and pulse; alerts go to a telemonitoring centre.

    Attributes:
        desk: contact setting of the network (the telemonitoring centre) whose daily slots answer the alerts.
        uptake: share of people who take part.
        duration_days: from entry, and again from every discharge.
        answered_by: who answers the alerts; the clinician of the centre's setting when absent.
        answer_after_days: from the alert to the answer, which also waits for a slot and the centre's opening hours.
        may_change: what may be changed at once: nothing (advice, and sending on to acute care), diuretics, or all
            drugs, by a nurse after the specialist's rules; what the clinician changes at any contact when absent.
        weight_gain_kg: alert when the weight is this far above its slow-moving reference.
        systolic_low_mmhg, systolic_high_mmhg, heart_rate_low_bpm, heart_rate_high_bpm: alert outside these limits.
        filling_pressure_low_mmhg, filling_pressure_high_mmhg: with an implanted sensor of (pulmonary artery diastolic)
            filling pressure: alert outside these limits, between which the answers keep it by the diuretic, instead of
            by weight and symptoms.
        days_between_alerts: minimum number of days between two alerts of one person.
        signal_error_factor: errors of these devices relative to those of home signals (evidence/home_signals.toml).
        measured_every_days: days between a person's measurements.
        delay_days: from measurement until the centre has the readings; alerts are delayed as long.
        missed_share: share of mornings on which the person forgets to measure, at random.
        alert_fatigue: share by which each recent alert of the same person lowers the chance that the centre acts on
            the next; recent alerts fade by evidence/home_signals.toml. Clinicians accepted reminders 30% less for each
            further one in an encounter, while the amount of work made no difference (Ancker et al. 2017, BMC Med Inform
            Decis Mak 17:36, abstract).
        cost_per_day: equipment and service per person and day, in the experiment's currency; without it the price
            set's `telemonitoring_day`, with its uncertainty.
    """

    desk: Identifier
    uptake: Share
    duration_days: Annotated[int, whole(1, 3653)]
    answered_by: Literal["nurse", "general_practitioner", "specialist"] | None = None
    answer_after_days: Annotated[int, whole(0, 30)] = 0
    may_change: Literal["nothing", "diuretics", "all"] | None = None
    weight_gain_kg: Annotated[float, real(0.1, 20.0)]
    systolic_low_mmhg: Pressure
    systolic_high_mmhg: Pressure
    heart_rate_low_bpm: HeartRate
    heart_rate_high_bpm: HeartRate
    filling_pressure_low_mmhg: Annotated[float, real(0.0, 60.0)] | None = None
    filling_pressure_high_mmhg: Annotated[float, real(1.0, 60.0)] | None = None
    days_between_alerts: Annotated[int, whole(1, 365)]
    signal_error_factor: Annotated[float, real(0.1, 20.0)] = 1.0
    measured_every_days: Annotated[int, whole(1, 90)] = 1
    delay_days: Annotated[int, whole(0, 30)] = 0
    missed_share: Share = 0.0
    alert_fatigue: Share = 0.0
    cost_per_day: Cost | None = None

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        sensor = ("filling_pressure_low_mmhg", "filling_pressure_high_mmhg")
        if (getattr(self, sensor[0]) is None) != (getattr(self, sensor[1]) is None):
            raise ValueError(f"{', '.join(sensor)}: a sensor must have both limits")
        pairs = [("systolic_low_mmhg", "systolic_high_mmhg"), ("heart_rate_low_bpm", "heart_rate_high_bpm"), sensor]
        for low, high in pairs:
            if getattr(self, low) is not None and getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} = {getattr(self, low):g} must be below {high} ({getattr(self, high):g})")
        return self


class _Dated(Definition):
    """The common part of all interventions.

    Attributes:
        name: key; a strategy that inherits replaces the intervention of the same name, and strategies that have the
            same personal intervention give it to the same people.
        label: name in tables.
        from_day, until_day: first day in force, and first day no longer in force (None: to the end).
    """

    name: Identifier
    label: Label = ""
    from_day: Annotated[int, whole(0, LAST_DAY)] = 0
    until_day: Annotated[int, whole(1, LAST_DAY)] | None = None

    @property
    def title(self) -> str:
        """The label, or the name in words."""
        return self.label or self.name.replace("_", " ").capitalize()

    def in_force(self, day: int) -> bool:
        """Whether it is in force on a day."""
        return self.from_day <= day and (self.until_day is None or day < self.until_day)

    @model_validator(mode="after")
    def _dates_are_ordered(self) -> Self:
        if self.until_day is not None and self.until_day <= self.from_day:
            raise ValueError(f"until_day = {self.until_day} must be after from_day ({self.from_day})")
        return self


class PersonalIntervention(_Dated):
    """An intervention on one person: offered once, at entry or on `from_day`, whichever is later.

    Attributes:
        eligible: conditions on the person's columns at that moment, all of which must hold; people who are not eligible
            then are not offered it again.
        uptake: share of the eligible who take it up. The draw is keyed by person and name.
        adherence: share of the dose or of the effect that reaches the person, in addition to the model's forgotten
            doses; costs are paid in full.
        same_people_as: name of another such intervention, whose draw of uptake this one shares: of equal uptake and
            eligibility, the same people get both.
        duration_days: for each person (None: until `until_day`, death or the end). Its changes are reversed at its end.
        cost_once: charged when the person gets it.
        cost_per_day: charged on every day of having it, while alive; for drugs outside hospital only.
    """

    eligible: Conditions = ()
    uptake: Share = 1.0
    same_people_as: Identifier | None = None
    adherence: Share = 1.0
    duration_days: Annotated[int, whole(1, LAST_DAY)] | None = None
    cost_once: Cost = 0.0
    cost_per_day: Cost = 0.0


class DrugIntervention(PersonalIntervention):
    """A drug of the care columns (care/columns.py), which affects physiology and is paid for each day.

    Its price (evidence/nhs_prices.toml) follows from the dose; `cost_per_day` is added to it. Clinicians continue to
    change the dose by their own rules.

    Attributes:
        column: a `..._fraction` of the target dose, loop_diuretic_mg_day or iv_iron_mg (given on the day).
        drug: instead of a column, a drug by the name of its file (evidence/drugs), which then is the one that people
            take of its class; a drug in a fixed combination brings the other along.
        mode: `start` raises the dose to `dose` where it is lower, `change` sets it, `stop` sets it to 0.
        dose: in the unit of the column, or of a `drug` as a share of its target dose; times adherence.
        first_dose, step_days: titration: the dose on the first day, doubled after every `step_days` up to `dose` in
            those whose dose clinicians have not reduced.
        every_days: an infusion is repeated after so many days; once only without it.
    """

    kind: Literal["drug"]
    column: Identifier | None = None
    drug: Identifier | None = None
    mode: Literal["start", "change", "stop"] = "start"
    dose: Annotated[float, real(0.0, 3000.0)] | None = None
    first_dose: Annotated[float, real(1e-3, 3000.0)] | None = None
    step_days: Annotated[int, whole(1, 365)] | None = None
    every_days: Annotated[int, whole(1, 3653)] | None = None

    @model_validator(mode="after")
    def _dose_fits_mode(self) -> Self:
        if bool(self.column) == bool(self.drug):
            raise ValueError("must have exactly one of column, drug")
        if (self.dose is None) != (self.mode == "stop"):
            raise ValueError("dose: must be given, except with mode = 'stop', which has none")
        if (self.first_dose is None) != (self.step_days is None):
            raise ValueError("first_dose, step_days: a titration must have both")
        if self.first_dose is not None and (self.dose is None or not self.first_dose < self.dose):
            raise ValueError(f"first_dose = {self.first_dose:g}: must be below dose")
        return self

    @property
    def rungs(self) -> tuple[tuple[int, float], ...]:
        """Days since its start, and the dose from then on."""
        dose = self.dose or 0.0
        if self.first_dose is None or self.step_days is None:
            return ((0, dose),)
        rungs = [(0, self.first_dose)]
        while rungs[-1][1] < dose:
            rungs.append((rungs[-1][0] + self.step_days, min(2.0 * rungs[-1][1], dose)))
        return tuple(rungs)


class ColumnEffect(Definition):
    """A lasting change of a column that physiology reads: exactly one of `add` and `multiply`, kept within bounds.

    With an adherence of a: a x add, or 1 + a (multiply - 1) times. `multiply` on life_table_hazard_per_day is a hazard
    ratio of death.
    """

    column: Identifier
    add: Annotated[float, real(-MAX_NUMBER, MAX_NUMBER)] | None = None
    multiply: Annotated[float, real(0.0, MAX_FACTOR)] | None = None

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if (self.add is None) == (self.multiply is None):
            raise ValueError(f"the effect on '{self.column}' must have exactly one of add, multiply")
        return self


Effects = Annotated[tuple[ColumnEffect, ...], AS_TUPLE, Field(max_length=8)]


class Device(PersonalIntervention):
    """A device, with its cost at implantation (`cost_once`) and its effects."""

    kind: Literal["device"]
    effects: Effects = ()


class Programme(PersonalIntervention):
    """Any other intervention on a person: training, coaching, home visits; with its costs and effects."""

    kind: Literal["programme"]
    effects: Effects = ()


class HazardRatio(PersonalIntervention):
    """A treatment whose effect is a hazard ratio of a trial: a drug, device or programme that has no mechanism here.

    A ratio below 1 prevents the share 1 - ratio of what would happen without it, a ratio above 1 multiplies the hazard,
    in addition to what everything else does. With an adherence of a the logarithm of the ratio is a times as large.

    Attributes:
        outcome: an admission stands for the acute presentation that leads to it.
        value, low, high: the ratio and its 95% interval, from which parameter draws take it (lognormal).
        full_effect_after_days: from each person's start, until when the logarithm grows evenly from 0.
        half_life_days: waning: after the full effect the logarithm halves every so many days.
        treatment: what its costs are counted as.
    """

    kind: Literal["hazard_ratio"]
    outcome: Outcome
    value: Ratio
    low: Ratio | None = None
    high: Ratio | None = None
    full_effect_after_days: Annotated[int, whole(0, 3653)] = 0
    half_life_days: Annotated[float, real(1.0, 1e6)] | None = None
    treatment: Literal["drug", "device", "programme"] = "programme"

    @model_validator(mode="after")
    def _interval_holds_the_value(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low, high: an interval must have both")
        if self.low is not None and self.high is not None and not self.low < self.value < self.high:
            raise ValueError(f"value = {self.value:g}: must lie between low ({self.low:g}) and high ({self.high:g})")
        return self


class GeneticTest(_Dated):
    """A pharmacogenetic test: offered once to each person, its result guides prescribing from then on.

    Attributes:
        when: `entry`: at entry, or on `from_day` to everybody present (a pre-emptive panel); `trigger`: when one of the
            `triggers` becomes true (a reactive test): a reaction occurs, a drug is started.
        triggers: conditions on the person's columns in the morning; any of them suffices. A condition that holds at
            entry is no trigger until it has ended.
        eligible: conditions that must all hold when it is offered; people who are not eligible then are not offered it
            again.
        uptake: share of the eligible who are tested. The draw is keyed by person and name.
        sensitivity: share of results that show the variants present; the others are false negatives.
        turnaround_days: from the test to its result.
        guides: names of the rules by which the result changes prescriptions (evidence/genome/prescribing.toml), whose
            genes the panel must include. Of two that change the same column, the later in the list counts.
        cost_once: of the test with its interpretation, charged when it is taken.
    """

    kind: Literal["genetic_test"]
    when: Literal["entry", "trigger"] = "entry"
    triggers: Conditions = ()
    eligible: Conditions = ()
    uptake: Share = 1.0
    sensitivity: Share = 1.0
    turnaround_days: Annotated[int, whole(0, 365)] = 0
    guides: Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=16)] = ()
    cost_once: Cost = 0.0

    @model_validator(mode="after")
    def _triggers_fit(self) -> Self:
        if (self.when == "trigger") != bool(self.triggers):
            raise ValueError("triggers: must be given with when = 'trigger', and only then")
        return self


class Capacity(_Dated):
    """Another capacity of a setting (beds, or slots a day) while in force, for the network's reference population.

    Added beds go at once to people who wait; removed beds close only as people leave. Of two that are in force in one
    setting, the later in the list counts. A strategy may have several, of one or more settings.

    Attributes:
        rota: hours with another capacity, instead of the network's rota, which stays when absent; empty: the places
            are the same at all hours.
    """

    kind: Literal["capacity"]
    setting: Identifier
    places: Annotated[int, whole(0, MAX_CAPACITY)]
    rota: Rota | None = None


class PolicyIntervention(_Dated):
    """How the service works while in force: follow-up contacts of people discharged meanwhile, telemonitoring.

    Follow-up adds up over policies in force; of several telemonitoring programmes in force the last in the list counts.
    Telemonitoring is offered on its first day to everybody at home, and ends for all on `until_day`.

    Attributes:
        eligible: conditions on the columns of the person, tested when a contact is booked or telemonitoring offered.
        follow_up: contacts booked after a discharge.
        telemonitoring: the programme, or None.
    """

    kind: Literal["policy"]
    eligible: Conditions = ()
    follow_up: Annotated[tuple[FollowUp, ...], AS_TUPLE, Field(max_length=16)] = ()
    telemonitoring: Telemonitoring | None = None


Personal = DrugIntervention | Device | Programme | HazardRatio
Intervention = Annotated[
    DrugIntervention | Device | Programme | HazardRatio | GeneticTest | Capacity | PolicyIntervention,
    Field(discriminator="kind"),
]
