"""What care sees: errors, schedules and delays of signals, and that care never acts on the hidden truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flagship import NO_PAST

from popsim.care.signals import FILE, SEEN, Signals, hidden
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.base import validate
from popsim.definitions.codes import has_check_digit
from popsim.definitions.signal import Signal, SignalFile
from popsim.errors import DefinitionError, PopsimError
from popsim.evidence.code_systems import loinc_of
from popsim.kernels.codes import LEVEL_WARD
from popsim.kernels.numerics.random import RandomKey
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
BASE_CASE = {key: Change(f"--{key}", value) for key, value in ({"draws": 0} | NO_PAST).items()}
SIGNALS = {signal.measures: signal for signal in SignalFile.read(FILE).signals}
POTASSIUM, SEEN_POTASSIUM = "potassium_mmol_l", "seen_potassium_mmol_l"
SIZE = 20_000


def people(size: int = SIZE, **columns: float) -> Population:
    """Alive, at home since day -1000, all alike but for their ids."""
    population = Population(SCHEMA, np.arange(size))
    population["alive"] = 1
    for name, value in columns.items():
        population[name] = value
    return population


def test_every_loinc_code_has_its_check_digit():
    assert not any(signal.loinc for signal in SIGNALS.values())  # said once, in evidence/codes/signals.toml
    codes = [code for name in SIGNALS if (code := loinc_of(name))]
    assert len(codes) >= 10 and all(has_check_digit(code) for code in codes)
    assert not has_check_digit("8480-5") and not has_check_digit("8480") and not has_check_digit("x-1")


@pytest.mark.parametrize("name", ["weight_kg", "systolic_mmhg", "nt_probnp_pg_ml", "ejection_fraction_percent"])
def test_a_reading_has_the_noise_and_bias_of_its_device(name):
    """Of 20,000 people alike on two days: sd of the difference is sqrt(2) noise, of the mean bias and noise / sqrt(2).

    The standard error of a standard deviation is sd / sqrt(2 n), tested at four of them; drift adds a uniform.
    """
    truth = 0.5 * (SCHEMA[name].low + SCHEMA[name].high)
    population, observation, signal = people(**{name: truth}), Signals(SCHEMA, key=RandomKey(3)), SIGNALS[name]
    rows = np.arange(SIZE)
    one, two = observation.look(population, 10, name, rows), observation.look(population, 11, name, rows)
    noise = np.hypot(signal.noise_sd, 0.0) + signal.noise_share * truth
    tolerance = 4.0 / np.sqrt(2.0 * SIZE)
    assert np.std(one - two) == pytest.approx(np.sqrt(2.0) * noise, rel=tolerance)
    drift = signal.drift_per_day * signal.adjusted_every_days / np.sqrt(12.0)
    together = np.sqrt(signal.bias_sd**2 + noise**2 / 2.0 + drift**2)
    assert np.std((one + two) / 2.0) == pytest.approx(together, rel=tolerance + 0.01)


def test_looking_twice_on_a_day_shows_the_same():
    population, observation = people(50, weight_kg=80.0), Signals(SCHEMA, key=RandomKey(3))
    rows = np.arange(50)
    once = observation.look(population, 5, "weight_kg", rows)
    assert np.array_equal(once, observation.look(population, 5, "weight_kg", rows))
    assert np.array_equal(once[7:9], observation.look(population, 5, "weight_kg", rows[7:9]))


def sampled(population: Population, first: int, last: int, seed: int = 3) -> Signals:
    """Mornings first..last-1 of the laboratory, after the hospital's results of day 0."""
    observation = Signals(SCHEMA, key=RandomKey(seed))
    if first == 0:
        observation.sample(population, 0, len(population))
    for day in range(max(first, 1), last):
        observation.sample(population, day, len(population))
    return observation


def test_a_result_is_known_after_its_delay_and_is_that_of_the_day_of_the_sample():
    """Potassium rises on day 20: a sample of day d is known from d + delay on, and nobody knows before."""
    signal = SIGNALS[POTASSIUM]
    population = people(2_000, potassium_mmol_l=4.0)
    sampled(population, 0, 20)
    population[POTASSIUM] = 6.0
    for day in range(20, 40):
        Signals(SCHEMA, key=RandomKey(3)).sample(population, day, len(population))
        knows = population[SEEN_POTASSIUM] > 5.0
        phase = (day + population.person_id) % signal.interval_days
        due = (phase >= signal.delay_days) & (phase <= day - 20) | (phase + signal.interval_days <= day - 20)
        assert not (knows & ~due).any(), day
    assert 0.6 < knows.mean() < 1.0  # some have missed their only sample


def test_samples_are_missed_more_often_in_a_lapse_of_adherence():
    """Share missed: 0.15 when well, 0.15 x (1 + 2 x 1) = 0.45 in a full lapse; four binomial standard errors."""
    signal = SIGNALS[POTASSIUM]
    for lapse in (0.0, 1.0):
        population = people(potassium_mmol_l=4.0, adherence_lapse=lapse, frailty=0.0)
        sampled(population, 0, 1)
        population[POTASSIUM] = 6.0
        sampled(population, 1, 1 + signal.interval_days + signal.delay_days)
        missed = np.mean(population[SEEN_POTASSIUM] < 5.0)
        expected = signal.missed * (1.0 + signal.missed_more_in_lapse * lapse)
        # Whose sample is under way at the end do not know yet: one phase of the fourteen for each day of delay.
        late = signal.delay_days / signal.interval_days
        assert missed == pytest.approx(expected, abs=4.0 * np.sqrt(expected / SIZE) + late)


def test_in_hospital_results_are_known_the_same_day():
    population = people(500, potassium_mmol_l=4.0)
    sampled(population, 0, 3)
    population[POTASSIUM] = 6.0
    population["care_level"] = LEVEL_WARD
    sampled(population, 3, 4)
    assert (population[SEEN_POTASSIUM] > 5.0).all()


@pytest.fixture(scope="module")
def models():
    """The same people under usual care: as they are, with a different hidden truth, and with different signals."""

    def lived(change: str = "") -> tuple[np.ndarray, np.ndarray]:
        model = build(read_study(EXPERIMENT, BASE_CASE).units[0], 300)
        people, visits = model.population, []
        people["entry_day"] = 0
        for _ in range(20):
            model.step()
        truth, seen = people[POTASSIUM].copy(), people[SEEN_POTASSIUM].copy()
        for _ in range(20, 40):
            if change == "truth":  # on the morning of care only: physiology itself lives on as before
                people[POTASSIUM] = 6.5
            elif change == "signal":
                people[SEEN_POTASSIUM] = 6.5
            before = len(model.events)
            model.care.treat(people, model.clock)
            visits.append(model.events.slice(before))
            model.clock.tick()
            people[POTASSIUM], people[SEEN_POTASSIUM] = truth, seen
        log = np.concatenate([model.events.records[: len(model.events)]])
        return log.copy(), people.block("real").copy()

    return {change: lived(change) for change in ("", "truth", "signal")}


def test_care_never_acts_on_the_hidden_truth(models):
    """With the signals held, no event and no dose differs when the true potassium is 6.5."""
    for same, other in zip(models[""], models["truth"], strict=True):
        assert same.tobytes() == other.tobytes()


def test_care_acts_on_the_signals(models):
    doses = [SCHEMA.index(name) for name in ("mra_fraction", "ras_inhibitor_fraction")]
    usual, high = models[""][1][doses], models["signal"][1][doses]
    assert (high <= usual).all() and (high < usual).sum() > 10


def test_what_no_signal_shows_cannot_be_a_condition():
    assert hidden("intrinsic_natriuresis_l_day", SCHEMA) and not hidden(POTASSIUM, SCHEMA)
    study = read_study(EXPERIMENT)
    strategy = study.experiment.strategies[0].model_dump(mode="json", by_alias=True)
    rule = [{"column": "intrinsic_natriuresis_l_day", "at_least": 1.0}]
    strategy["interventions"] = [
        {"name": "x", "kind": "policy", "eligible": rule,
         "follow_up": [{"setting": "general_practice", "within_days": 7}]}
    ]  # fmt: skip
    strategy["follow_up"] = []
    with pytest.raises(PopsimError, match="hidden"):
        changed = validate(dict(study.experiment) | {"strategies": [strategy]}, type(study.experiment), "test")
        check_strategy(changed.strategies[0], study.network, SCHEMA, "test")


def test_every_signal_is_of_a_column_with_its_unit():
    assert set(SCHEMA.columns) >= SEEN
    observation = Signals(SCHEMA)
    assert len(observation.signals) == len(SIGNALS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"loinc": "2823-4"}, "check digit"),
        ({"delay_days": 14}, "below interval_days"),
        ({"stored": None}, "both of stored and interval_days"),
    ],
)
def test_a_signal_that_makes_no_sense_is_refused(change, says):
    with pytest.raises(DefinitionError, match=says):
        validate(SIGNALS[POTASSIUM].model_dump() | change, Signal, "test")
