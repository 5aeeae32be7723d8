"""What a reader must know before using a run's results: each warning, and the part of a report where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from popsim.analyses.decision_view import StudyFacts
from popsim.definitions.money import AS_PRINTED
from popsim.definitions.parameter import Parameter
from popsim.evidence.sets import SHIPPED
from popsim.plurals import counted
from popsim.reporting.intervals import ADVISED, ADVISED_DRAWS, any_run, has_intervals, note
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
    facts = replace(StudyFacts.of(run.experiment), again=run.again)
    return [*_validity(run), *_repeats(facts), *_prices(run), *_people(run), *_assumed(_records(run))]


def cautions_of_model(facts: StudyFacts, parameters: Sequence[Parameter]) -> list[Caution]:
    """The warnings that apply to a model of one's own.

    Args:
        facts: of the study.
        parameters: those that have a source.
    """
    valid = Caution(
        "Not validated here",
        "popsim checks that the model keeps to arithmetic, not that it is true. Compare its survival, events and costs "
        "with data that it was not made from.",
        "",
    )
    return [valid, *_repeats(facts), *_assumed(parameters)]


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


def _repeats(facts: StudyFacts) -> Iterator[Caution]:
    lacking, again = note(facts, facts.again), facts.again or any_run
    if lacking and not facts.exact:
        yield Caution("Too few repetitions", lacking, RESULTS)
    elif facts.draws <= 1 and facts.replications < ADVISED and not facts.exact:
        more = again("--replications", ADVISED)
        few = counted(facts.replications, "replication")
        told = f"{few}: chance alone still moves the figures. {more} narrows them."
        yield Caution("Few replications", told, RESULTS)
    if facts.draws <= 1:
        more = again("--draws", ADVISED_DRAWS)
        shown = "No interval is shown" if facts.exact else "Intervals show chance alone"
        told = f"{shown}, as if every parameter were known. {more} adds what is not known."
        yield Caution("Parameters held certain", told, RESULTS)
    elif has_intervals(facts) and facts.replications == 1 and not facts.exact:
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


def _records(run: StoredRun) -> list[Parameter]:
    return [SHIPPED[name].of(key) for name, values in run.manifest.get("parameters", {}).items()
            if name in SHIPPED for key in values if key in SHIPPED[name]]  # fmt: skip


def _assumed(records: Sequence[Parameter]) -> Iterator[Caution]:
    assumed = sum(ASSUMPTION in record.source.lower() for record in records)
    if assumed:
        yield Caution(
            "Parameters that are assumptions",
            f"{assumed} of {len(records)} parameters rest on an assumption, wholly or in part; the column Source of "
            "their table says which.",
            PARAMETERS,
        )
