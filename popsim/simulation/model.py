"""The model: a population of twins in a care network, simulated day by day as a Mesa model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from mesa import Model
from mesa.time import EventGenerator, Priority, Schedule

from popsim.alerting.building import alert_source_of
from popsim.arguments import MAX_DAYS, real_number, whole_number
from popsim.care.entrance import Entrance
from popsim.care.interventions import Interventions
from popsim.care.monitoring import Monitoring
from popsim.care.policy import networks_by_day, telemonitoring_by_day
from popsim.care.signals import Signals
from popsim.care.strategy_checks import check_strategy
from popsim.care.system import CareSystem
from popsim.economics.clinical import ClinicalValuation
from popsim.economics.discounting import NO_STEPS, Steps
from popsim.economics.prices import priced
from popsim.economics.utility_norms import UtilityNorms
from popsim.economics.valuation import Valuation
from popsim.errors import InputError, RunError, nearest
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.html import html_table
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes.narrative import SettingLabel
from popsim.physiology import Physiology, build_physiology
from popsim.physiology.own import Own
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.entry import refuse_impossible
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within
from popsim.simulation.hooks import Hooks
from popsim.simulation.protocols import Parts
from popsim.simulation.recorder import Recorder
from popsim.simulation.roster import Roster
from popsim.simulation.schema import SCHEMA
from popsim.simulation.twin import PatientTwin
from popsim.simulation.twin_set import TwinSet

if TYPE_CHECKING:
    from popsim.care.network import CareNetwork
    from popsim.definitions.strategy import Strategy


MADE_WITH = frozenset((
    "population", "network", "strategy", "key", "seed", "replication", "follow_up_days", "enrolment_days", "parameters",
))  # fmt: skip
STATEFUL = ("interventions", "monitoring", "care", "valuation", "recorder", "hooks")  # parts that remember


class PopulationModel(Model):  # type: ignore[misc]  # Mesa carries no types
    """Twins under one strategy in one care network.

    A twin whose follow-up is over is valued no longer, but remains a patient until the last follow-up ends, because
    those still under follow-up compete with it for beds and slots.

    A Mesa model: `run_for`, `step`, `schedule_event`, `agents`, `steps`, `time` and Mesa's data collector work as in
    any other. The step at time t simulates day t - 1, so events scheduled between two steps happen between two days,
    and after a step `clock.day` equals `steps`. `running` becomes False when the last follow-up has ended or
    everybody is dead.

    Mesa's generators (`random`, `rng`: shuffles, a user's own draws) are seeded with `key`, but are
    separate from popsim's random streams, which are keyed by person, purpose and day and do not depend on the order of
    calls: a user's draws change no twin.

    Attributes:
        population: the twins' state, one array per variable.
        key: of all random numbers.
        parameters: sets of constants by name.
        clock: the day.
        events: the event log.
        places: label and class of every setting, in the order of the network.
        interventions, physiology, monitoring, care, valuation, recorder: the parts, in the order of a step.
    """

    _default_schedule: EventGenerator  # Mesa's, of the daily step

    def __init__(
        self,
        population: Population,
        network: CareNetwork,
        strategy: Strategy,
        *,
        seed: int | RandomKey,
        replication: int = 0,
        follow_up_days: int = 365,
        enrolment_days: int = 0,
        parameters: Mapping[str, ParameterSet] | None = None,
        environment_series: EnvironmentSeries | None = None,
        utility_norms: UtilityNorms | None = None,
        organ_systems: Sequence[str | Own] | None = None,
        cohort: CohortSource | None = None,
        agent_class: type[PatientTwin] = PatientTwin,
        entrance: Entrance | None = None,
        discount_steps: tuple[Steps, Steps] = NO_STEPS,
    ) -> None:
        """Set up a population in a network under a strategy; nothing happens until the first step.

        Args:
            population: twins at entry; the model claims and changes them, no other model can use them.
            network: of care.
            strategy: with all that it inherits (`experiment.strategy(name)`).
            seed, replication: key of all random numbers, the replication is its stream; or the key as the seed.
            follow_up_days: days for which each twin is followed from its entry.
            enrolment_days: number of days over which entries are spread.
            parameters: sets of constants by name that replace those shipped (popsim/evidence).
            environment_series: daily temperature, particles and viruses; a temperate year when None.
            utility_norms: by which utilities are multiplied; by none when None.
            organ_systems: those around the heart-failure core: names of popsim's (`ORGAN_SYSTEMS`), and a user's own,
                whose columns the population has; all of popsim's when None.
            cohort: the cohort of the population; needed by strategies that raise alerts from beliefs.
            agent_class: class of a twin's handle, for a user's own hooks and attributes.
            entrance: of twins that have lived before: where they enter; their state is kept as it is, nothing of them
                is initialised. None: they are initialised at steady state and enter at the network's entry.
            discount_steps: later discount rates of costs and of QALYs (economics/discounting.py).

        Raises:
            InputError: a number is out of bounds, agent_class cannot be a twin, another model has claimed the twins,
                the strategy needs what the network or the population does not have, or the population has impossible
                values.
        """
        follow_up_days = whole_number("follow_up_days", follow_up_days, 1, MAX_DAYS)
        enrolment_days = whole_number("enrolment_days", enrolment_days, 0, MAX_DAYS)
        key = RandomKey.of(seed, replication)
        super().__init__(rng=list(key))
        self.population, self.network, self.strategy = population, network, strategy
        self.key = key
        self.follow_up_days, self.enrolment_days = follow_up_days, enrolment_days
        self.clock = Clock()
        self._unfinished = False  # whether a day has begun and not ended
        self._make_agents(agent_class)
        population.claim()
        self._entrance, self._discount_steps = entrance, discount_steps
        self._organ_systems, self._environment_series, self._cohort = organ_systems, environment_series, cohort
        self._utility_norms = utility_norms
        self.parameters = parameters if isinstance(parameters, Parameters) else Parameters(parameters)
        parts = self._build(self.parameters)
        self.interventions = parts.interventions
        self.physiology, self.monitoring = parts.physiology, parts.monitoring
        self.care, self.valuation = parts.care, parts.valuation
        self.events, self.setting_labels = parts.events, tuple(parts.setting_labels)
        self.recorder = Recorder(parts.care, parts.events, self.setting_labels)
        self.hooks = Hooks(self.agents, parts.events, self.setting_labels)

    def step(self) -> None:
        """Advance the whole population by one day."""
        self._begin_day()
        self.interventions.apply(self.population, self.clock)
        self.physiology.advance(self.population, self.clock)
        self.monitoring.observe(self.population, self.clock)
        self.care.treat(self.population, self.clock)
        self.valuation.accrue(self.population, self.clock, self.events)
        self.recorder.record(self.population, self.clock)
        self._end_day()

    def __repr__(self) -> str:
        return f"PopulationModel({len(self.population):,} twins under '{self.strategy.name}', day {self.clock.day})"

    def _repr_html_(self) -> str:
        """For notebooks: population, strategy and progress."""
        alive = int(self.population["alive"].sum())
        rows = [("Twins", f"{len(self.population):,}"), ("Alive", f"{alive:,}"), ("Strategy", self.strategy.title),
                ("Day", f"{self.clock.day} of {self.days}"), ("Events", f"{len(self.events):,}")]  # fmt: skip
        return html_table("Population model", [], rows)

    def state(self) -> NamedArrays:
        """Everything that has changed since the first morning, between two days; see `restore`.

        Not a user's own attributes, agents and events, diaries of followed twins, and Mesa's generators.

        Raises:
            RunError: a day was left unfinished.
            InputError: the state of a part cannot be kept.
        """
        self._refuse_unfinished()
        parts: dict[str, Any] = {"people": self.population} | {name: getattr(self, name) for name in STATEFUL}
        kept: NamedArrays = {"day": np.int64(self.clock.day), "key": np.array(self.key, np.int64)}
        for name, part in parts.items():
            kept |= within(name, part.state())
        return kept

    def restore(self, state: State) -> None:
        """Go on from a state: this model has the same people, network and strategy so far, and has simulated nothing.

        Raises:
            InputError: the state is of another model or damaged, or this model has begun.
        """
        day, people = state.number("day"), self.population
        if self.clock.day or not 0 < day <= self.days:
            raise InputError(f"saved state: of day {day}, this model is on day {self.clock.day} of {self.days}")
        if state.take("key", np.int64, (2,)).tolist() != list(self.key):
            raise InputError("saved state: has other random numbers than this model")
        if (state.take("people/person_id", np.int64, (None,)) != people.person_id).any():
            raise InputError("saved state: is of other people")
        people.restore(state.part("people"))
        refuse_impossible(people, (one for one in people.schema.columns.values() if one.kind == "code"))
        own: Any = self  # a part of a user's own that remembers nothing cannot be saved
        own.care.restore(state.part("care"), day)
        own.interventions.restore(state.part("interventions"), day)
        own.monitoring.restore(state.part("monitoring"), people, day)
        own.valuation.restore(state.part("valuation"), people, day)
        self.recorder.restore(state.part("recorder"), day)
        self.hooks.restore(state.part("hooks"))
        self.clock.day = self.steps = day
        self._default_schedule.stop()
        days = Schedule(interval=1.0, start=day + 1.0)
        self._default_schedule = EventGenerator(self, self._do_step, days, priority=Priority.HIGH).start()
        self.time, self.running = float(day), day < self.days

    def daily_frame(self) -> pl.DataFrame:
        """One row per simulated day: persons alive, alerts, census and queue of every setting; see `Recorder.frame`."""
        return self.recorder.frame()

    @property
    def days(self) -> int:
        """Days from the first entry to the end of the last follow-up."""
        return self.enrolment_days + self.follow_up_days

    def run_for(self, duration: float) -> None:
        """Run for a number of days.

        Raises:
            InputError: the duration is invalid, or ends after the last follow-up.
            RunError: a day was left unfinished.
        """
        super().run_for(real_number("duration", duration, 0.0))

    def run_until(self, end_time: float) -> None:
        """Run until a time in days since the start; see `run_for`."""
        self._advance_time(real_number("end_time", end_time))

    def _advance_time(self, until: float) -> None:
        """Advance to a time, for `step`, `run_for` and `run_until`; an invalid time is refused beforehand.

        Raises:
            InputError: the time has passed, or lies after the last follow-up.
            RunError: a day was left unfinished.
        """
        going = f"cannot run from day {self.time:g} to {until:g}"
        if until < self.time:
            raise InputError(f"{going}: time only moves on")
        if until > self.days:
            raise InputError(f"{going}: the simulation ends after {self.days} days (enrolment_days + follow_up_days)")
        self._refuse_unfinished()
        if until > self.time:
            super()._advance_time(until)

    def _refuse_unfinished(self) -> None:
        if self._unfinished:
            raise RunError(f"day {self.clock.day} was left unfinished, the model cannot go on: make a new one")

    def _begin_day(self) -> None:
        """Record that a day has begun; the model cannot continue if it is not completed."""
        self._unfinished = True

    def _end_day(self) -> None:
        """Call the overridden hooks, and advance the clock to the next day."""
        self.hooks.call(self.population, self.clock)
        self.clock.tick()
        to_come = self.population.entered(self.clock.day - 1) < len(self.population)
        self.running = self.clock.day < self.days and (to_come or bool(self.population["alive"].any()))
        self._unfinished = False

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a user's own attribute; refuse one that would have no effect.

        Raises:
            InputError: the attribute is fixed when the model is made, or it resembles an attribute of the model.
        """
        if "hooks" in self.__dict__:  # the model is complete
            if name in MADE_WITH:
                raise InputError(f"{name}: a model keeps what it was made with, make another one")
            if name[0] != "_" and not hasattr(self, name) and (near := nearest(name, dir(self))):
                raise InputError(f"a model has no '{name}': did you mean '{near}'?")
        super().__setattr__(name, value)

    def _build(self, parameters: Parameters) -> Parts:
        """Make the parts; override this method to use other physiology or care."""
        people, strategy, key = self.population, self.strategy, self.key
        self.network.check_columns(people.schema.columns)
        check_strategy(strategy, self.network.definition, people.schema, "strategy")
        networks = networks_by_day(self.network, strategy, len(people))
        programmes = telemonitoring_by_day(strategy)
        answering = {one.desk: one.answered_by for one in programmes.values() if one and one.answered_by}
        network, first = networks.pop(0), programmes.pop(0)
        physiology = self.build_physiology()
        columns = people.schema.columns.values()
        refuse_impossible(people, (column for column in columns if column.settable))
        observation = Signals(people.schema, key=key)
        if self._entrance is None:
            physiology.initialise(people)
            refuse_impossible(people, (column for column in columns if column.name not in SCHEMA))
            observation.sample(people, 0, len(people))
        care = CareSystem(
            network,
            people,
            strategy,
            days=self.days,
            key=key,
            practice=parameters["care_practice"],
            later=networks,
            entrance=self.entrance_to(network),
        )
        alert_source = alert_source_of(
            strategy,
            self.network,
            people,
            cohort=self._cohort,
            body=self.build_physiology,
            observation=observation,
            events=care.events,
            parameters=parameters,
            key=key,
        )
        interventions = Interventions(
            strategy.composed, people, key=key, parameters=parameters, observation=observation
        )
        valuation = Valuation(
            parameters.care_prices,
            parameters.utilities,
            parameters.societal_prices,
            parameters["gbd_disability"],
            priced(network.definition, answering),
            self.follow_up_days,
            discount_steps=self._discount_steps,
            telemonitoring_per_day=first.cost_per_day if first else None,
            telemonitoring_later={day: one.cost_per_day for day, one in programmes.items() if one},
            charges=interventions.charges,
            clinical=ClinicalValuation(parameters.clinical_prices, parameters["clinical_utilities"], people.schema),
            norms=self._utility_norms,
        )
        return Parts(
            interventions=interventions,
            physiology=physiology,
            monitoring=Monitoring(
                first,
                key=key,
                signals=parameters["home_signals"],
                later=programmes,
                observation=observation,
                alert_source=alert_source,
            ),
            care=care,
            valuation=valuation,
            events=care.events,
            setting_labels=[SettingLabel(s.title, s.setting_class) for s in network.settings],
        )

    def entrance_to(self, network: CareNetwork) -> Entrance | None:
        """Where the twins enter; None: at the network's entry."""
        return self._entrance

    def build_physiology(self) -> Physiology:
        """A new physiology like the model's, also for copies of its twins and members of beliefs."""
        return build_physiology(
            self.population.schema,
            self.parameters,
            key=self.key,
            environment_series=self._environment_series,
            organ_systems=self._organ_systems,
        )

    # Agents.

    def _make_agents(self, agent_class: type[PatientTwin]) -> None:
        """Register all twins as Mesa agents without making handles."""
        self.roster = Roster(self, agent_class)
        everybody = np.arange(self.roster.twins, dtype=np.int64)
        self._all_agents = TwinSet(self.roster, everybody, self.random)
        self._agents_by_type = {agent_class: TwinSet(self.roster, everybody, self.random)}
        self.agent_id_counter = self.roster.twins + 1

    def register_agent(self, agent: Any) -> None:
        """Register an agent; called by Mesa's `Agent.__init__`. Twins are registered from the start."""
        if isinstance(agent, PatientTwin):
            return
        agent.unique_id = self.agent_id_counter
        self.roster.enrol(agent)
        super().register_agent(agent)

    def deregister_agent(self, agent: Any) -> None:
        """Remove an agent from `agents`; called by Mesa's `Agent.remove`. A twin's row does not change."""
        super().deregister_agent(agent)
        if not isinstance(agent, PatientTwin):
            self.roster.dismiss(agent)
