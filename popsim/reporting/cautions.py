"""What a reader must know before using a run's results: each warning, and the part of a report where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from popsim.definitions.money import AS_PRINTED
from popsim.evidence.sets import SHIPPED
from popsim.plurals import counted
from popsim.reporting.intervals import ADVISED, ADVISED_DRAWS, has_intervals, note
from popsim.runs.run import StoredRun
from popsim.studies.prices import price_years

ASSUMPTION = "assumption"
RESULTS, BASELINE, PARAMETERS = "Main results", "Baseline characteristics", "Parameters"


class Caution(NamedTuple):
    """A warning.

    Attributes:
        about: in two or three words.
        text: a sentence or two.
        section: of the report where it stands again; empty: it is about the whole.
    """

    about: str
    text: str
    section: str


def cautions(run: StoredRun) -> list[Caution]:
    """The warnings that apply to a run, the most general first."""
    return [*_validity(run), *_repeats(run), *_prices(run), *_people(run), *_assumed(run)]


def _validity(run: StoredRun) -> Iterator[Caution]:
    calibrated = (
        " Its parameters were fitted to published figures of other places."
        if run.experiment.calibration is not None
        else ""
    )
    yield Caution(
        "Not validated here",
        f"This run was not compared with data of your region.{calibrated} Compare it with your own counts of "
        "admissions, deaths and beds before you rely on it (popsim validate).",
        "",
    )


def _repeats(run: StoredRun) -> Iterator[Caution]:
    experiment, lacking = run.experiment, note(run.experiment, run.again)
    if lacking:
        yield Caution("Too few repetitions", lacking, RESULTS)
    elif experiment.draws <= 1 and experiment.replications < ADVISED:
        more = run.again("--replications", ADVISED)
        few = counted(experiment.replications, "replication")
        told = f"{few}: chance alone still moves the figures. {more} narrows them."
        yield Caution("Few replications", told, RESULTS)
    if experiment.draws <= 1:
        more = run.again("--draws", ADVISED_DRAWS)
        told = f"Intervals show chance alone, as if every parameter were known. {more} adds what is not known."
        yield Caution("Parameters held certain", told, RESULTS)
    elif has_intervals(experiment) and experiment.replications == 1:
        told = "One replication per draw: chance counts as parameter uncertainty, so certainty is understated."
        yield Caution("Chance not separated", told, RESULTS)


def _prices(run: StoredRun) -> Iterator[Caution]:
    if run.experiment.price_year != AS_PRINTED:
        return
    years = Counter(price_years(run.experiment).values())
    if len(years) > 1:
        usual, number = years.most_common(1)[0]
        told = sorted(year for year in years if year is not None)
        yield Caution(
            "Prices of other years",
            f"{years.total() - number} of {years.total()} prices are not of {usual} like the others but of "
            f"{told[0]} to {told[-1]} or of no stated year, and none is inflated. Set a price_year to convert them.",
            RESULTS,
        )


def _people(run: StoredRun) -> Iterator[Caution]:
    columns = run.cohort.definition.columns.values()
    assumed = sum(ASSUMPTION in column.source.lower() for column in columns)
    if assumed:
        yield Caution(
            "People are assumptions",
            f"{assumed} of the {len(columns)} characteristics from which people are drawn rest on an assumption, "
            "wholly or in part: the cohort's file says which.",
            BASELINE,
        )


def _assumed(run: StoredRun) -> Iterator[Caution]:
    records = [SHIPPED[name].of(key) for name, values in run.manifest.get("parameters", {}).items()
               if name in SHIPPED for key in values if key in SHIPPED[name]]  # fmt: skip
    assumed = sum(ASSUMPTION in record.source.lower() for record in records)
    if assumed:
        yield Caution(
            "Parameters that are assumptions",
            f"{assumed} of {len(records)} parameters rest on an assumption, wholly or in part; the column Source of "
            "their table says which.",
            PARAMETERS,
        )
