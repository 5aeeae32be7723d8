"""Odd arguments at every Python door to a compiled kernel: prints a line before each, one after it.

A crash of the interpreter leaves the last line without its answer. Each door is called with good arguments, then with
one of them odd at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("economics", "microsimulation", "assimilation")]

from linear_world import believe  # noqa: E402
from small_models import leaving, leaving_kernel  # noqa: E402

from popsim.assimilation.belief import Belief  # noqa: E402
from popsim.assimilation.ensemble import Ensemble  # noqa: E402
from popsim.care.flow import FLOW_COLUMNS, PatientFlow  # noqa: E402
from popsim.care.network import CareNetwork  # noqa: E402
from popsim.care.system import CareSystem  # noqa: E402
from popsim.definitions.base import validate  # noqa: E402
from popsim.definitions.network import NetworkDefinition  # noqa: E402
from popsim.definitions.strategy import Strategy  # noqa: E402
from popsim.economics.prices import PricedSetting  # noqa: E402
from popsim.economics.valuation import Valuation  # noqa: E402
from popsim.evidence.parameters import load_parameters  # noqa: E402
from popsim.evidence.sets import SHIPPED  # noqa: E402
from popsim.kernels.microsimulation import BLOCK  # noqa: E402
from popsim.kernels.numerics.random import RandomKey  # noqa: E402
from popsim.physiology import ClinicalPhysiology  # noqa: E402
from popsim.physiology.influences import Influences  # noqa: E402
from popsim.physiology.organs.lungs import Lungs  # noqa: E402
from popsim.physiology.pharmacology.drugs import Pharmacology  # noqa: E402
from popsim.population.clock import Clock  # noqa: E402
from popsim.population.columns import Schema  # noqa: E402
from popsim.population.event_log import EventLog  # noqa: E402
from popsim.population.genome import diplotypes  # noqa: E402
from popsim.population.population import Population  # noqa: E402
from popsim.population.sampling import sample  # noqa: E402
from popsim.simulation.schema import SCHEMA  # noqa: E402
from popsim.surface.cohort import Cohort  # noqa: E402

ROOT = Path(__file__).parents[2]
PERSONS, MEMBERS, DAYS = 4, 5, 6
ROWS = PERSONS * MEMBERS
COHORT = Cohort.read(ROOT / "cohorts/heart_failure_discharge.toml")
PEOPLE = {size: sample(COHORT, SCHEMA, size, RandomKey(1)) for size in (1, 3, ROWS)}
PRICES = [load_parameters(name) for name in ("nhs_prices", "griffiths_2014", "societal_prices", "gbd_disability")]
DRUGS = Pharmacology(SHIPPED)
LUNGS = Lungs(SHIPPED)
BODY = ClinicalPhysiology(SHIPPED, key=RandomKey(0), organ_systems=())
NUMBERS = (
    -1, 0, 1, 2**31, 2**63, 2**70, -(2**63), 1.5, float("nan"), float("inf"), True, None, "1", b"1", [], {}, (1,),
    np.int64(2), np.uint8(3), np.float32(1.0), np.array([1, 2]), object(),
)  # fmt: skip


def arrays(good: np.ndarray) -> Iterator[Any]:
    """Relatives of an array: sizes, orders, types, values, and what is none."""
    long = np.concatenate([good, good], axis=-1)
    yield from (good[..., :0], good[..., :1], good[..., :-1], long, long[..., ::2], good[None], good[..., None])
    yield from (np.asfortranarray(good), good[..., ::-1], good.byteswap().view(good.dtype.newbyteorder()))
    read_only = good.copy()
    read_only.flags.writeable = False
    yield from (read_only, good.tolist(), good.astype(object), good.astype("U8"), good.astype(complex))
    for dtype in (np.bool_, np.int8, np.uint16, np.int64, np.uint64, np.float16, np.float32, np.float64):
        yield np.nan_to_num(good).astype(dtype)
    yield from (np.full_like(good, 99), np.full_like(good, -1), np.full(good.shape, np.nan), np.full(good.shape, 1e300))
    yield from (None, 3, "text", [[1], [2, 3]], {})


def network() -> CareNetwork:
    """A ward with a queue between home and home, and patients from outside."""
    exponential = {"distribution": "exponential", "mean": 0.5}
    away = [{"to": "exit", "for": "external"}, {"to": "home"}]
    table = {
        "name": "odd", "entry": "home",
        "settings": [
            {"name": "home", "class": "community", "stay": exponential, "routes": [{"to": "ward"}]},
            {"name": "ward", "class": "inpatient", "capacity": 2, "stay": exponential, "routes": away},
        ],
        "arrivals": [{"name": "others", "to": "ward", "per_day": 2.0}],
    }  # fmt: skip
    return CareNetwork(validate(table, NetworkDefinition, "odd.toml"), (), "odd.toml")


def flow(days_to_run: Any = DAYS, **keys: Any) -> None:
    PatientFlow(**{"network": network(), "residents": 3, "days": DAYS} | keys).run(days_to_run).summary()


def care(first: Any = 0, last: Any = DAYS, twins: Any = 3, **keys: Any) -> None:
    """A network of three lived by the day, then at one go, or with other people."""
    people = [Population(Schema(FLOW_COLUMNS), np.arange(n)) for n in (3, twins)]
    system = CareSystem(
        network(),
        people[0],
        Strategy(name="none"),
        **{"days": DAYS, "key": RandomKey(1), "practice": SHIPPED["care_practice"]} | keys,
    )
    system.treat(people[1], Clock(0))
    system.open_day(first, 3)
    system.run_day(first)
    system.run_days(first, last)


def sampled(**keys: Any) -> None:
    COHORT.sample(**{"size": 3, "seed": 1} | keys)


def genes(**keys: Any) -> None:
    people = PEOPLE[3].copy()
    people["ethnicity"] = keys.pop("ethnicity", 0)
    diplotypes(people, **{"gene": "cyp2d6", "seed": 1} | keys)


def drugs(column: str, code: Any) -> None:
    people = PEOPLE[3].copy()
    people[column] = code
    DRUGS.initialise(people, Influences(3))


def organ(twins: Any = 3) -> None:
    LUNGS.advance(PEOPLE[3].copy(), Clock(0), Influences(twins))


def belief(**keys: Any) -> None:
    """A day of a belief: what is read, who presents, what else is known."""
    own = believe(PERSONS, MEMBERS, seed=1)
    own.advance(Clock(1))
    own.assimilate(keys.get("readings", np.zeros((1, PERSONS))), keys.get("days_ago", 0))
    own.weigh(keys.get("log_likelihood", np.zeros(ROWS)))


def heard(**keys: Any) -> None:
    """A belief about people who present, or not."""
    people = PEOPLE[ROWS].copy()
    BODY.initialise(people)
    options = {name: keys.pop(name) for name in ("memory_days",) if name in keys}
    own = Belief(Ensemble(people, MEMBERS), BODY, (), key=RandomKey(1), parameters=SHIPPED, **options)
    own.update_events(**{"acute_cause": np.ones(PERSONS, np.int8)} | keys)


def ensemble(**keys: Any) -> None:
    people = Population(SCHEMA, np.arange(ROWS))
    Ensemble(**{"people": people, "members": MEMBERS} | keys).weights()


def valued(twins: Any = 3, column: str | None = None, values: Any = 0, settings: Any = 2, **keys: Any) -> None:
    """Two days of three people, the second perhaps of others or with a column changed."""
    priced = [PricedSetting(name, "community", "none") for name in ("home", "lodging")]
    worth = Valuation(*PRICES, priced, **{"follow_up_days": 30} | keys)
    for day, size in enumerate((3, twins)):
        people = PEOPLE[size].copy()
        people["alive"] = 1
        if column is not None and day:
            people[column] = values
        worth.accrue(people, Clock(day), EventLog([f"s{n}" for n in range(settings if day else 2)], people.person_id))


def unit_totals(**keys: Any) -> None:
    leaving().run(**{"individuals": 5, "seed": 1} | keys)


def stray(state: int) -> None:
    """A user's function that gives no state, of more than a block of people."""
    model = leaving_kernel(next_state=STRAYS[state], states=["healthy", "ill", "dead"], spells=[["healthy", "ill"]])
    model.run(BLOCK + 3, seed=1)


def far(state: int, time_in_state: int, cycle: int, u: float, p: Any, x: Any) -> int:
    return 10**12 if u > 0.9 else 0


def below(state: int, time_in_state: int, cycle: int, u: float, p: Any, x: Any) -> int:
    return -(10**12) if u > 0.9 else 0


STRAYS = {0: far, 1: below}


def cases() -> Iterator[tuple[str, Callable[..., None], dict[str, Any]]]:
    """Name, door and odd arguments."""
    for door, names in (
        (flow, ("days_to_run", "residents", "days", "seed", "replication", "network", "strategy")),
        (care, ("first", "last", "twins", "days")),
        (sampled, ("size", "seed", "replication", "enrolment_days")),
        (genes, ("gene", "seed")),
        (organ, ("twins",)),
        (heard, ("memory_days",)),
        (belief, ("days_ago",)),
        (ensemble, ("members",)),
        (valued, ("follow_up_days",)),
        (unit_totals, ("individuals", "seed", "replications")),
    ):
        yield f"{door.__name__}()", door, {}
        for name in names:
            for value in NUMBERS:
                if not (
                    value is np.inf or (name in ("individuals", "twins") and isinstance(value, int) and value > 2**20)
                ):
                    yield f"{door.__name__}({name} = {value!r})", door, {name: value}
    for door, name, good in (
        (belief, "readings", np.zeros((1, PERSONS))),
        (belief, "log_likelihood", np.zeros(ROWS)),
        (heard, "acute_cause", np.ones(PERSONS, np.int8)),
        (heard, "watched", np.ones(PERSONS, np.bool_)),
        (ensemble, "bias", np.zeros((2, ROWS), np.float32)),
        (ensemble, "log_weight", np.zeros(ROWS)),
        (ensemble, "memory", np.zeros((2, ROWS), np.float32)),
    ):
        for number, value in enumerate(arrays(good)):
            yield f"{door.__name__}({name} = {number}: {value!r:.60})".replace("\n", " "), door, {name: value}
    for number, value in enumerate(arrays(np.arange(3))):
        yield f"Population({number})", lambda ids: Population(SCHEMA, ids), {"ids": value}
    for column in ("cyp2d6", "cyp2c19", "slco1b1", "beta_blocker_handling", "beta_blocker_agent", "stopped_drugs"):
        for code in (-128, -1, 99, 127):
            yield f"drugs({column} = {code})", drugs, {"column": column, "code": code}
    for values in ([0, 10**9, 5], [10**9, 0, 0], [-5, -(10**9), 0], [5, 0, 0], 127, -128):
        for column in ("entry_day", "setting", "nyha_class"):
            if column == "entry_day" or not isinstance(values, list):
                yield f"valued({column} = {values})", valued, {"column": column, "values": values}
    for twins in (1, ROWS):
        yield f"valued(twins = {twins})", valued, {"twins": twins}
    for code in (-128, -1, 6, 99, 127):
        yield f"genes(ethnicity = {code})", genes, {"ethnicity": code}
    for settings in (0, 1, 3, 100):
        yield f"valued(settings = {settings})", valued, {"settings": settings}
    yield from ((f"stray({number})", stray, {"state": number}) for number in STRAYS)


def main() -> None:
    for name, door, keys in cases():
        print(f"case {name}", flush=True)
        try:
            door(**keys)
            print("done", flush=True)
        except Exception as error:
            kinds = ",".join(kind.__name__ for kind in type(error).__mro__)
            print(f"raised {kinds} {len(str(error).splitlines())} {str(error)[:150]!r}", flush=True)


if __name__ == "__main__":
    main()
