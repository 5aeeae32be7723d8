"""Drugs in people: exposure by genotype as published, steady states, superposition, monotone responses, reactions."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drug_people import SeenPharmacology, alike, influenced, lived, lived_together, medicated, various
from scipy.integrate import solve_ivp

from popsim.definitions.drug import Drug
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError, InputError
from popsim.evidence.drugs import FOLDER, load_drugs, read_drug
from popsim.kernels.physiology.kinetics import one_compartment
from popsim.kernels.physiology.pharmacology import CHUNK, first_pass, people_on
from popsim.kernels.physiology.reactions import INTOLERANCE, REACTIONS
from popsim.physiology.influences import PLACE, Influences
from popsim.physiology.pharmacology.drugs import COLUMNS, check_columns
from popsim.population.clock import Clock
from popsim.simulation.schema import SCHEMA

DRUGS = {drug.name: drug for drug in load_drugs()}
POOR, INTERMEDIATE, NORMAL, ULTRARAPID = 1, 2, 3, 5
FLOAT32 = 1e-5  # relative, after some days of amounts kept as float32


def exposure(name: str, **values: float) -> float:
    """Steady exposure of one usual person, other columns as given; 1 is that on the target dose, all taken."""
    people, system = medicated(DRUGS[name], **values), SeenPharmacology((alike(DRUGS[name]),))
    system.initialise(people, Influences(len(people)))
    return float(system.exposure[0])


def test_the_usual_person_on_the_target_dose_has_exposure_one():
    for name, drug in DRUGS.items():
        if drug.effects:
            assert exposure(name) == pytest.approx(1.0, rel=FLOAT32), name


def test_metoprolol_exposure_by_genotype_and_inhibitor_is_as_published():
    """Blake 2013: AUC of poor against extensive metabolisers 4.9, against ultrarapid 13; paroxetine: 2.5 to 8 fold."""
    poor, usual = exposure("metoprolol", cyp2d6=POOR), exposure("metoprolol", cyp2d6=NORMAL)
    assert poor / usual == pytest.approx(4.9, rel=0.02)
    assert poor / exposure("metoprolol", cyp2d6=ULTRARAPID) == pytest.approx(13.0, rel=0.02)
    assert 1.0 < exposure("metoprolol", cyp2d6=INTERMEDIATE) < 2.5
    assert 2.5 < exposure("metoprolol", cyp2d6_inhibitor=2) / usual < 8.0
    assert exposure("metoprolol", cyp2d6_inhibitor=2, cyp2d6=POOR) == pytest.approx(poor, rel=1e-6)
    assert exposure("bisoprolol", cyp2d6=POOR) == pytest.approx(1.0, rel=FLOAT32)


def test_metoprolol_half_life_and_peak_follow_from_first_pass():
    """Blake 2013: half-life 2.3 times and peak 2.3 times as high in poor metabolisers; neither was set."""
    drug = DRUGS["metoprolol"]
    enzymes = {"usual": 1.0, "poor": 1.0 - drug.removed_by.share.value}
    peak, rate = {}, {}
    for who, m in enzymes.items():
        passes = float(first_pass(m, drug.extraction.value))
        rate[who] = drug.clearance.value * m * passes / (75.0 * drug.volume.value)
        hours = np.linspace(0.0, 12.0, 2401)
        course = [one_compartment(passes, 0.0, 0.0, drug.absorption.value, rate[who], t)[1] for t in hours]
        peak[who] = max(course)
    assert rate["usual"] / rate["poor"] == pytest.approx(2.3, rel=0.02)
    assert peak["poor"] / peak["usual"] == pytest.approx(2.3, rel=0.06)


def test_warfarin_clopidogrel_and_statin_follow_their_genes():
    """Warfarin: dose for the same effect by the IWPC equation, computed for 75 years, 170 cm, 77 kg, white."""
    assert exposure("warfarin", vkorc1=1) == pytest.approx(1.0 / 0.53, rel=0.01)
    assert exposure("warfarin", cyp2c9=2) == pytest.approx(1.0 / 0.78, rel=0.02)
    assert exposure("clopidogrel", cyp2c19=POOR) < exposure("clopidogrel", cyp2c19=INTERMEDIATE) < 1.0
    assert exposure("ticagrelor", cyp2c19=POOR) == pytest.approx(1.0, rel=FLOAT32)
    assert exposure("atorvastatin", slco1b1=POOR) > 2.0


def test_exposure_rises_with_dose_and_falls_with_kidneys_weight_and_congestion():
    for name, drug in DRUGS.items():
        if not drug.effects:
            continue
        assert exposure(name, **{drug.dose_column: 0.5 * drug.column_at_target}) == pytest.approx(0.5, rel=FLOAT32)
        slow = exposure(name, baseline_gfr_ml_min=20.0)
        assert (slow > 1.0 + FLOAT32) == (drug.renal_share is not None), name
        assert math.isfinite(exposure(name, baseline_gfr_ml_min=5.0, dry_weight_kg=30.0, age_years=110.0))
    assert exposure("digoxin", baseline_gfr_ml_min=20.0) == pytest.approx(1 / (0.29 + 0.71 / 3), rel=1e-4)
    congested = influenced(DRUGS["furosemide"], filling_pressure_mmhg=30.0)
    assert congested["loop_diuretic_mg"][0] == pytest.approx(30.0, rel=1e-4)


def test_initialise_is_the_steady_state_of_every_drug():
    """All drugs and all agents at once: what enters at steady state stays there, but for twenty days of ageing."""
    people = various(64)
    system = SeenPharmacology()
    start = Influences(len(people))
    system.initialise(people, start)
    before = {column.name: people[column.name].copy() for column in COLUMNS if column.unit in ("mg", "1")}
    later = Influences(len(people))
    for day in range(20):
        later.clear()
        system.advance(people, Clock(day=day), later)
    same = people["stopped_drugs"] == 0
    for name, values in before.items():
        if name not in ("stopped_drugs", "reaction"):
            assert np.allclose(people[name][same], values[same], rtol=1e-3, atol=1e-7), name
    drug_effects = start.values[:23] != 0.0
    assert drug_effects.any(axis=1).sum() >= 15
    same &= people["alive"] == 1  # no drug acts on the dead
    assert np.allclose(later.values[:23][:, same], start.values[:23][:, same], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["bisoprolol", "warfarin", "digoxin", "semaglutide", "vericiguat"])
def test_days_of_irregular_doses_are_the_sum_of_the_days_alone(name):
    """Superposition: linear kinetics, delay included; within what float32 keeps."""
    drug, random = DRUGS[name], np.random.default_rng(3)
    doses = random.random(25) * (random.random(25) < 0.7) * drug.column_at_target

    def course(given: np.ndarray) -> np.ndarray:
        people, system = medicated(drug, adherence=1.0, **{drug.dose_column: 0.0}), SeenPharmacology((drug,))
        system.initialise(people, Influences(len(people)))
        influence_on = []
        for day, dose in enumerate(given):
            people[drug.dose_column] = dose
            system.advance(people, Clock(day=day), Influences(len(people)))
            influence_on.append(float(system.exposure[0]) if people[drug.dose_column].any() or day else 0.0)
        return np.array(influence_on)

    together = course(doses)
    alone = sum(course(np.where(np.arange(25) == day, doses, 0.0)) for day in range(25) if doses[day] > 0.0)
    assert together[-1] > 0.0
    assert together == pytest.approx(alone, rel=1e-4, abs=1e-6)


def test_each_person_has_his_own_handling_and_keeps_it():
    drug = DRUGS["warfarin"]
    people, system = medicated(drug, size=4000), SeenPharmacology((drug,))
    system.initialise(people, Influences(len(people)))
    logs = np.log(system.exposure)
    error = drug.variability.value / math.sqrt(2 * len(people))  # standard error of a standard deviation
    expected = drug.variability.value  # of the logarithm of capacity; exposure has the same, as extraction is nil
    assert abs(logs.std() - expected) < 4 * error
    again = medicated(drug, size=4000)
    SeenPharmacology((drug,)).initialise(again, Influences(len(again)))
    assert (again["anticoagulant_handling"] == people["anticoagulant_handling"]).all()


def test_people_stop_drugs_at_the_rate_of_their_files_and_take_no_more():
    drug = DRUGS["semaglutide"]
    people, system = medicated(drug, size=4000), SeenPharmacology((drug,))
    system.initialise(people, Influences(len(people)))
    hazard = sum(reason.per_day.value for reason in drug.intolerances)
    days = 140
    for day in range(days):
        system.advance(people, Clock(day=day), Influences(len(people)))
    stopped = people["stopped_drugs"] > 0
    expected = 1.0 - math.exp(-hazard * days)
    assert abs(stopped.mean() - expected) < 4 * math.sqrt(expected / len(people))
    assert ((people["reaction"] & INTOLERANCE) > 0)[stopped].all()
    assert people["glp1_agonist_central"][stopped].mean() < 0.8 * people["glp1_agonist_central"][~stopped].mean()
    people["glp1_agonist_fraction"] = 0.0
    for day in range(days, days + 7):
        system.advance(people, Clock(day=day), Influences(len(people)))
    assert not people["stopped_drugs"].any()


def test_reactions_show_the_state_and_slow_rhythm_needs_a_slow_pulse_and_a_drug():
    drug, hazards = DRUGS["metoprolol"], []
    for pulse, dose in ((70.0, 1.0), (45.0, 1.0), (40.0, 1.0), (40.0, 0.0)):
        people = medicated(drug, heart_rate_bpm=pulse, beta_blocker_fraction=dose, potassium_mmol_l=5.6)
        hazards.append(float(lived(people, drug)["slow_rhythm_per_day"][0]))
        present = {name for name, bit in REACTIONS.items() if people["reaction"][0] & bit}
        assert present == ({"hyperkalaemia", "bradycardia"} if pulse < 50 and dose else {"hyperkalaemia"})
    assert hazards[0] == 0.0 < hazards[1] < hazards[2]
    assert hazards[3] == 0.0


def test_ivabradine_acts_in_sinus_rhythm_only_and_digoxin_is_toxic_with_poor_kidneys():
    slowed = [influenced(DRUGS["ivabradine"], atrial_fibrillation=af)["heart_rate_shift_bpm"][0] for af in (0, 1)]
    assert slowed == pytest.approx([-10.0, 0.0], abs=1e-4)
    safe, toxic = (
        influenced(DRUGS["digoxin"], baseline_gfr_ml_min=gfr, gfr_ml_min=gfr)["arrhythmia_log_rate"][0]
        for gfr in (60.0, 8.0)
    )
    assert safe < 0.05
    assert toxic > 0.3


def test_ivabradine_lowers_heart_failure_as_it_slows_in_sinus_rhythm_only():
    """In atrial fibrillation the pulse tells nothing of outcome (PARADIGM-HF and ATMOSPHERE)."""
    rows = ("heart_rate_shift_bpm", "heart_failure_log_hazard")
    half, full, fibrillating = (
        [influenced(DRUGS["ivabradine"], ivabradine_fraction=dose, atrial_fibrillation=af)[row][0] for row in rows]
        for dose, af in ((0.5, 0), (1.0, 0), (1.0, 1))
    )
    assert full[1] < half[1] < 0.0 == fibrillating[1]
    assert half[1] / full[1] == pytest.approx(half[0] / full[0], rel=1e-4)


def test_digoxin_lowers_heart_failure_as_much_at_low_as_at_high_concentrations_and_moves_modes_of_death_apart():
    """DIG: admissions 0.62 (0.54-0.72) at 0.5 to 0.9 ng/mL, 0.68 (0.59-0.79) from 1.0; deaths by pump failure 0.88
    (0.77-1.01), by other cardiovascular causes at low risk 1.27 (0.93-1.74)."""
    drug = DRUGS["digoxin"]
    usual = 1e3 * drug.bioavailability.value * drug.target_dose.value / (24.0 * drug.clearance.value)
    assert 0.5 < usual < 0.9
    low, high = (influenced(drug, digoxin_fraction=level / usual) for level in (0.7, 1.2))
    assert low["heart_failure_log_hazard"][0] < 0.0
    assert high["heart_failure_log_hazard"][0] == pytest.approx(low["heart_failure_log_hazard"][0], rel=0.15)
    for one in (low, high):
        assert math.log(0.77) < one["pump_log_hazard"][0] < 0.0 < one["sudden_log_hazard"][0] < math.log(1.74)


def test_hydralazine_with_nitrate_lowers_heart_failure_and_death_by_pump_failure_only():
    """A-HeFT: a third fewer admissions for heart failure; deaths by pump failure fell by three quarters."""
    full, half = (influenced(DRUGS["hydralazine_nitrate"], hydralazine_nitrate_fraction=dose) for dose in (1.0, 0.5))
    for row in ("heart_failure_log_hazard", "pump_log_hazard"):
        assert full[row][0] < half[row][0] < 0.0
    assert full["sudden_log_hazard"][0] == full["non_cardiovascular_log_hazard"][0] == 0.0


def test_the_dead_keep_their_amounts_while_the_living_take_less():
    people = various(64)
    system = SeenPharmacology()
    system.initialise(people, Influences(len(people)))
    people["alive"][::2] = 0
    people["adherence"] = 0.3
    before = people.copy()
    system.advance(people, Clock(day=0), Influences(len(people)))
    for column in COLUMNS:
        assert (people[column.name][::2] == before[column.name][::2]).all(), column.name
    alive = (people["alive"] == 1) & (before["mra_central"] > 0) & (people["adherence_trait"] > 0.3)
    assert (people["mra_central"][alive] < before["mra_central"][alive]).all()


def test_nothing_of_the_dead_changes_and_no_drug_acts_on_them():
    """Not even what they had stopped, when their prescriptions end, in a chunk of the living or of the dead alone."""
    people, system = various(2 * CHUNK + 40), SeenPharmacology()
    system.initialise(people, Influences(len(people)))
    people["stopped_drugs"] = sum(1 << drug.code for drug in system.drugs)
    people["alive"][:CHUNK] = people["alive"][CHUNK::3] = 0
    dead = people["alive"] == 0
    for drug in DRUGS.values():
        people[drug.dose_column] = 0.0
    before = people.copy()
    for day in range(7):
        influences = Influences(len(people))
        system.advance(people, Clock(day=day), influences)
        assert not influences.values[: PLACE["natriuresis_shift_l_day"], dead].any()
    for column in COLUMNS:
        assert (people[column.name][dead] == before[column.name][dead]).all(), column.name
    assert not people["stopped_drugs"][~dead].any()


def test_a_drug_is_on_those_alive_who_take_it_or_have_some_left():
    random, size, code, agent = np.random.default_rng(6), CHUNK - 3, 5, 1
    dose, kept, also_kept = (random.choice([0.0, 1.0], size).astype(np.float32) for _ in range(3))
    agents, alive = (random.integers(0, 2, size).astype(np.int8) for _ in range(2))
    stopped = random.choice([0, 1 << code, 1 << (code + 1)], size).astype(np.int32)
    flags, who = np.zeros(CHUNK, np.uint8), np.empty(CHUNK, np.uint32)
    for kernel in (people_on, people_on.py_func):
        found = kernel(dose, agents, np.int8(agent), kept, also_kept, stopped, code, alive, flags, who)
        takes = (dose > 0) & (stopped != 1 << code)
        expected = (alive == 1) & (agents == agent) & (takes | (kept > 0) | (also_kept > 0))
        assert who[:found].tolist() == np.flatnonzero(expected).tolist()


def test_a_drug_that_is_stopped_and_has_left_the_body_acts_no_more():
    drug = DRUGS["metformin"]  # no amount of it is stored
    people, system, influences = medicated(drug, 2), SeenPharmacology((drug,)), Influences(2)
    system.initialise(people, influences)
    people["stopped_drugs"][0] = 1 << drug.code
    influences.clear()
    system.advance(people, Clock(day=drug.code + 1), influences)
    gone, acts = influences[drug.effects[0].influence]
    assert gone == 0.0 < abs(acts)


def test_codes_beyond_their_bounds_are_refused_by_the_name_of_their_column():
    people, system = various(CHUNK + 9), SeenPharmacology()
    system.initialise(people, Influences(len(people)))
    before = people.copy()
    for code in (-1, 6):
        people["cyp2d6"][CHUNK + 2] = code
        with pytest.raises(InputError, match=r"column 'cyp2d6': holds .* must be between 0 and 5"):
            system.advance(people, Clock(day=1), Influences(len(people)))
        assert (people["beta_blocker_central"][CHUNK:] == before["beta_blocker_central"][CHUNK:]).all()
    people["cyp2d6"][CHUNK + 2] = 5
    system.advance(people, Clock(day=1), Influences(len(people)))


def test_compiled_equals_plain_python_to_the_last_bit(tmp_path):
    out = tmp_path / "plain.npz"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).parent / "drug_people.py"
    subprocess.run([sys.executable, str(script), str(out)], check=True, env=environment, timeout=200)
    plain = np.load(out)
    people, influences = lived_together(24, 8)
    for kind in ("real", "code", "count"):
        assert plain[kind].tobytes() == people.block(kind).tobytes(), kind
    assert plain["influences"].tobytes() == influences.values.tobytes()


def test_drug_files_that_cannot_be_are_refused(tmp_path):
    file = tmp_path / "metoprolol.toml"
    good = (FOLDER / "metoprolol.toml").read_text(encoding="utf-8")
    for old, new, key in (
        ('influence = "beta_blockade"', 'influence = "beta_blokade"', "effects[0].influence"),
        ('keeps = ["central"]', "keeps = []", None),
        ('route = "oral"', 'route = "daily"', None),
        ("ladder = [0.0, 0.125", "ladder = [0.3, 0.125", None),
        ("code = 0", "code = 31", "code"),
        ('name = "metoprolol"', 'name = "metoprol"', "name"),
    ):
        assert old in good
        file.write_text(good.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(DefinitionError) as refused:
            read_drug(file)
        assert key is None or refused.value.key == key
    file.write_text(good.replace('"beta_blocker_fraction"', '"beta_bloker_fraction"'), encoding="utf-8")
    with pytest.raises(DefinitionError, match="beta_blocker_fraction"):
        check_columns(read_drug(file), SCHEMA, file)


def swallowed(drug: Drug, **kinetics: tuple[float, str]) -> Drug:
    """A drug taken by mouth twice a day, with other constants."""
    more = {
        name: Parameter(value=value, unit=unit, source="assumption: made up")
        for name, (value, unit) in kinetics.items()
    }
    return alike(drug).model_copy(update={"route": "oral", "doses_a_day": 2, **more})


def courses(drug: Drug, days: int, **values: float) -> tuple[np.ndarray, np.ndarray]:
    """Central amounts after each day from nothing on, and the exposures."""
    people, system = medicated(drug, **{drug.dose_column: 0.0}), SeenPharmacology((drug,))
    system.initialise(people, Influences(1))
    people[drug.dose_column] = drug.column_at_target
    central, exposures = [], []
    for day in range(days):
        system.advance(people, Clock(day=day), Influences(1))
        central.append(float(people[f"{drug.drug_class}_central"][0]))
        exposures.append(float(system.exposure[0]))
    return np.array(central), np.array(exposures)


def test_two_compartments_by_mouth_against_a_solver():
    """SciPy's solution of the differential equations, doses at 0 and 12 h; at midnight the depot is emptied."""
    drug = swallowed(DRUGS["digoxin"], absorption=(0.4, "/h"))
    k10 = drug.clearance.value / (75 * drug.volume.value)
    k12, k21 = drug.exchange.value / drug.volume.value, drug.exchange.value / drug.peripheral_volume.value
    dose = drug.target_dose.value * drug.bioavailability.value

    def rates(t: float, x: np.ndarray) -> list[float]:
        depot, central, peripheral, _ = x
        return [-0.4 * depot, 0.4 * depot - (k10 + k12) * central + k21 * peripheral,
                k12 * central - k21 * peripheral, central / (75 * drug.volume.value)]  # fmt: skip

    x, central, mean = np.zeros(4), [], []
    for _ in range(12):
        x[3] = 0.0
        for _ in range(2):
            x[0] += dose / 2
            x = solve_ivp(rates, (0, 12), x, rtol=1e-10, atol=1e-14).y[:, -1]
        x[0], x[1] = 0.0, x[1] + x[0]
        central.append(x[1])
        mean.append(x[3] / 24)
    seen, exposures = courses(drug, 12)
    assert seen == pytest.approx(central, rel=1e-4)
    usual = dose / (24 * drug.clearance.value)
    assert exposures[-1] == pytest.approx(mean[-1] / usual, rel=0.02)


def test_two_compartments_by_mouth_begin_at_their_steady_state():
    drug = swallowed(DRUGS["digoxin"], absorption=(0.4, "/h"))
    people, system = medicated(drug), SeenPharmacology((drug,))
    system.initialise(people, Influences(1))
    start = [float(people[f"digoxin_{part}"][0]) for part in ("central", "peripheral")]
    assert system.exposure[0] == pytest.approx(1.0, rel=FLOAT32)
    for day in range(5):
        system.advance(people, Clock(day=day), Influences(1))
    assert [float(people[f"digoxin_{part}"][0]) for part in ("central", "peripheral")] == pytest.approx(start, rel=1e-4)


def saturable() -> Drug:
    """Warfarin as if half of its highest rate of elimination were reached at the usual concentration."""
    drug = DRUGS["warfarin"]
    usual = drug.bioavailability.value * drug.target_dose.value / (24 * drug.clearance.value)
    at_once = {"removed_by": None, "effect_delay": None, "keeps": ("central",)}
    return swallowed(drug, half_saturation=(usual, "mg/L")).model_copy(update=at_once)


@pytest.mark.slow
def test_saturable_elimination_against_a_solver():
    """SciPy's solution of Michaelis and Menten's equation over twenty days."""
    drug = saturable()
    km, volume, ka = drug.half_saturation.value, 75 * drug.volume.value, drug.absorption.value
    highest = 2 * drug.clearance.value * km  # mg/h: twice the clearance at the usual concentration, which is km
    dose = drug.target_dose.value * drug.bioavailability.value

    def rates(t: float, x: np.ndarray) -> list[float]:
        c = x[1] / volume
        return [-ka * x[0], ka * x[0] - highest * c / (km + c), c]

    x, central, mean = np.zeros(3), [], []
    for _ in range(20):
        x[2] = 0.0
        for _ in range(2):
            x[0] += dose / 2
            x = solve_ivp(rates, (0, 12), x, rtol=1e-10, atol=1e-14).y[:, -1]
        x[0], x[1] = 0.0, x[1] + x[0]
        central.append(x[1])
        mean.append(x[2] / 24)
    seen, exposures = courses(drug, 20)
    assert seen == pytest.approx(central, rel=2e-3)  # amounts are single precision, rounded every hour
    assert exposures == pytest.approx(np.array(mean) / km, rel=2e-3)


def test_saturable_elimination_at_steady_state():
    """Mean concentration by the closed form of a steady infusion, Km R / (Vmax - R), within the swing of a day."""
    drug = saturable()

    def steady(share: float) -> float:
        people, system = medicated(drug, **{drug.dose_column: share * drug.column_at_target}), SeenPharmacology((drug,))
        system.initialise(people, Influences(1))
        return float(system.exposure[0])

    for share in (0.5, 1.0, 1.5):
        assert steady(share) == pytest.approx(share / (2.0 - share), rel=0.01)
    assert math.isfinite(steady(2.5))  # more than can be eliminated: no steady state


def test_saturation_needs_one_compartment_by_mouth():
    record = DRUGS["digoxin"].model_dump() | {
        "half_saturation": {"value": 1.0, "unit": "mg/L", "source": "assumption: made up"}
    }
    with pytest.raises(ValueError, match="half_saturation needs one compartment"):
        Drug.model_validate(record)
