"""Twins for tests: few members, made from a record of a made-up person."""

from pathlib import Path
from unittest.mock import patch

from popsim.evidence.sets import SHIPPED
from popsim.population.cohort import CohortSource
from popsim.registry.record import read_record
from popsim.registry.service import TwinRegistry
from popsim.registry.vocabulary import vocabulary_of

ROOT = Path(__file__).parents[2]
COHORT = ROOT / "cohorts" / "heart_failure_discharge.toml"
HEADER = "time,code,value,unit,kind"
MEMBERS = 24
RECORD = """
age_years = 74
sex = "female"
[diagnoses]
diabetes = true
copd = false
[[measurements]]
code = "29463-7"
value = 180
unit = "[lb_av]"
[medications]
furosemide = { dose = 40, unit = "mg/d" }
bisoprolol = { dose = 5, unit = "mg/d" }
"""


def stream(*lines, header=HEADER):
    """Bytes of a file of these lines."""
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def person(folder, text=RECORD):
    path = folder / "record.toml"
    path.write_text(text)
    return read_record(path, vocabulary_of(SHIPPED))


def registry_of(folder, twins=1, record=RECORD):
    """A registry with some twins of the same record, and their ids, which are the same each time: so is their luck."""
    registry = TwinRegistry(folder / "twins.db", create=True)
    with patch("popsim.registry.service.new_id", side_effect=[f"test{number:04}" for number in range(twins)]):
        ids = registry.new([person(folder, record)] * twins, CohortSource.read(COHORT), members=MEMBERS)
    return registry, ids


def state(registry, twin):
    """Day and every array of the belief about a twin, as bytes."""
    _, belief = registry.belief(twin)
    return belief.day, belief.ensemble.to_bytes()


WEEK = tuple(
    f"{day}.3,{code},{value + 0.3 * day:.1f},{unit},observation"
    for day in range(1, 8)
    for code, value, unit in (("29463-7", 81.0, "kg"), ("8480-6", 118.0, "mm[Hg]"), ("8867-4", 70.0, "/min"))
)
