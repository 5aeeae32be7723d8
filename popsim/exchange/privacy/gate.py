"""The gate through which simulated people leave a run, one by one or all together: nobody gives a real person away.

Whatever writes or shows rows of persons takes them from here (`unit_to_export`, `allow_persons`); tests hold every
command of `popsim export` and every reader of the table of persons to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from popsim.errors import InputError
from popsim.exchange.privacy.disclosure import LIMIT, Disclosure, assess
from popsim.exchange.privacy.real_people import is_of_real_people, real_people
from popsim.population.cohort import CohortSource
from popsim.runs.run import StoredRun
from popsim.runs.store import RunStore
from popsim.studies.design import Unit

KEY = "disclosure"  # of the manifest


def disclosure(cohort: CohortSource, size: int | None = None, seed: int = 1, limit: float = LIMIT) -> Disclosure | None:
    """Attack a cohort's synthetic people; None if nobody behind it is real.

    Raises:
        DefinitionError: the cohort or a table is refused.
        InputError: there are too few people, or too few columns.
    """
    people = real_people(cohort, size or cohort.definition.size, seed)
    return None if people is None else assess(people.train, people.synthetic, people.control, limit, seed)


def allow_export(run: StoredRun, limit: float = LIMIT) -> Mapping[str, Any] | None:
    """Let a run's people leave, or refuse; the verdict stays in the run's manifest. To be called before any export.

    Returns:
        The verdict as it is kept (see `Disclosure.said`); None if nobody behind the run is real.

    Raises:
        InputError: an attack succeeds beyond chance, or an excess above the limit cannot be excluded; it names attack
            and columns. Or the people cannot be attacked: their table is gone, or they are too few.
    """
    if not is_of_real_people(run.cohort.definition):
        return None
    kept = run.manifest.get(KEY)
    if not isinstance(kept, dict) or kept.get("limit") != limit:
        found = disclosure(run.cohort, run.experiment.population, run.experiment.seed, limit)
        assert found is not None
        kept = {**found.said(), "why": found.why}
        RunStore(run.folder, private=run.cohort.definition.table is not None).annotate(KEY, kept)
    if not kept["passed"]:
        raise InputError(
            f"{run.folder}: export refused, its people would give real people away: {kept['why']}. "
            "'popsim cohort synthesise' makes a cohort that copies nobody"
        )
    return kept


def unit_to_export(
    run: StoredRun, strategy: str = "", draw: int | None = None, replication: int = 0, region: int = 0
) -> Unit:
    """A unit of a run whose people may leave; the comparator and the first draw by default.

    Raises:
        InputError: there is no such unit, the run cannot be repeated, or real people would be given away.
    """
    allow_export(run)
    return run.unit(strategy or run.comparator, draw, replication, region)


def allow_persons(run: StoredRun, what: str) -> None:
    """Let single persons of a run be shown.

    Args:
        run: finished.
        what: shows them, for the error.

    Raises:
        InputError: they are real, or would give real people away.
    """
    run.refuse_single_persons(what)
    allow_export(run)
