"""One self-contained HTML page on a finished run: the answer, tables, figures, methods, parameters and provenance.

It has no scripts and no external files or fonts, so it can be mailed, printed and archived. Everything that comes from
definitions or data is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from popsim.definitions.horizon import horizon_in_words
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.exchange.privacy.baseline import safe_summary
from popsim.html import html_table
from popsim.kernels.numerics.random import RandomKey
from popsim.outcomes.small_cells import note
from popsim.plurals import counted
from popsim.population.sampling import sample
from popsim.reporting.answer import answer
from popsim.reporting.cautions import Caution, cautions
from popsim.reporting.figures import FIGURES, answer_figure, draw_all
from popsim.reporting.pages.checklists import cheers, stress
from popsim.reporting.pages.page import wide, write_page
from popsim.reporting.pages.sections import (
    ANSWER,
    answer_section,
    checklist,
    figure_element,
    lines_table,
    report_document,
)
from popsim.reporting.text.beds import beds_lines
from popsim.reporting.text.cohort import baseline_lines, hidden_words
from popsim.reporting.text.tables import comparison_lines, outcome_lines
from popsim.runs.run import StoredRun

MAX_BASELINE = 20_000  # people sampled for the baseline table


def write_report(run: StoredRun, path: Path | str) -> Path:
    """Write the page.

    Raises:
        InputError: the file cannot be written.
    """
    return write_page(report_page(run), path)


def report_page(run: StoredRun) -> str:
    """The page as text."""
    title = run.experiment.title or run.experiment.name
    sections = {
        "Main results": _results(run),
        "Figures": _figures(run),
        "Baseline characteristics": _baseline(run),
        "Methods": _methods(run),
        "Parameters": _parameters(run),
        "Provenance": _provenance(run),
    }
    warned = cautions(run)
    return report_document(title, run.experiment.description, _sizes(run), _answer(run, warned), sections, warned)


def _answer(run: StoredRun, warned: Sequence[Caution]) -> str:
    """Three sentences, a figure, and what to know before using them."""
    found = answer(run)
    sentences = found.sentences if found else ("The strategies of this run cannot be told apart or compared.",)
    return answer_section(sentences, answer_figure(run) if found else None, warned)


def _sizes(run: StoredRun) -> str:
    experiment = run.experiment
    draws = f"{counted(experiment.draws, 'parameter draw')}, " if experiment.draws else ""
    return (
        f"{experiment.population:,} simulated people, {draws}{counted(experiment.replications, 'replication')}, "
        f"{horizon_in_words(experiment)} of follow-up. "
        f"Written by popsim {run.manifest['versions']['popsim']} from run {run.manifest['run_id']}."
    )


def _results(run: StoredRun) -> str:
    labels = {setting.name: setting.title for setting in run.network.settings}
    parts = [lines_table(*outcome_lines(run.frame("summary"), run.experiment, labels))]
    if len(run.strategies) > 1:
        value = run.frame("cost_effectiveness")
        parts.append(lines_table(*comparison_lines(run.frame("comparisons"), value, run.experiment, labels)))
    if beds := beds_lines(run):
        parts.append(lines_table(beds[0], beds[1]))
    if said := note(run.hidden_measures, run.least_count):
        parts.append(f"<p>{escape(said)}</p>")
    return "\n".join(parts)


def _figures(run: StoredRun) -> str:
    parts, missing = [], []
    for drawn in draw_all(run, [name for name in FIGURES if name != ANSWER]):
        if drawn.figure is None:
            missing.append((drawn.name, drawn.problem))
            continue
        parts.append(figure_element(drawn.name, drawn.figure))
    if missing:
        parts.append(html_table("Figures that this run has no data for", ["Figure", "Why"], missing))
    return "\n".join(parts)


def _baseline(run: StoredRun) -> str:
    """Table 1, of people sampled like those of the run."""
    experiment = run.experiment
    size = min(experiment.population, MAX_BASELINE)
    try:
        people = sample(run.cohort, run.schema, size, RandomKey(experiment.seed))
        rows = list(baseline_lines(safe_summary(people, run.cohort)))
    except InputError as error:
        return f"<p>Not available: {escape(str(error))}</p>"
    head = ["", "Unit", "Mean (SD) or n (%)", "Median [quartiles]", "From"]
    caption = f"{run.cohort.definition.label or run.cohort.name}: {size:,} people at entry{hidden_words(run.cohort)}"
    return wide(html_table(caption, head, rows))


def _methods(run: StoredRun) -> str:
    strategies = [(s.title, s.description) for s in run.experiment.strategies]
    return "\n".join(
        [
            html_table("Strategies compared", ["Strategy", "Description"], strategies),
            checklist("CHEERS 2022 (Husereau et al. 2022)", cheers(run)),
            checklist("STRESS-DES and STRESS-ABS (Monks et al. 2019)", stress(run)),
        ]
    )


def _parameters(run: StoredRun) -> str:
    """Every parameter of the run: its value in the run, and unit and source from the current evidence."""
    rows: list[tuple[str, ...]] = []
    for name, values in run.manifest["parameters"].items():
        if name not in SHIPPED:  # of interventions
            continue
        evidence = SHIPPED[name]
        rows.append((name.replace("_", " "),))
        for key, value in values.items():
            known = evidence.of(key) if key in evidence else None
            number = f"{value:g}" if isinstance(value, int | float) else str(value)
            rows.append((key, number, known.unit if known else "", known.source if known else "not known"))
    changed = ", ".join(run.experiment.parameters)
    note = f"<p>Set by the experiment itself: {escape(changed)}.</p>" if changed else ""
    return note + wide(html_table("Parameters", ["Name", "Value", "Unit", "Source"], rows))


def _provenance(run: StoredRun) -> str:
    manifest = run.manifest
    flags = " ".join(f"{flag} {value}" for flag, value in manifest["flags"].items())
    file = next(iter(manifest["files"]))
    rows = [
        ("Command", f"popsim run {file} {flags}".strip()),
        ("Run", manifest["run_id"]),
        ("Content hash of all results", manifest["content_hash"]),
        ("Hash of the code and evidence", manifest["code"]),
        ("Seed", run.experiment.seed),
        ("Started", manifest["started_at"]),
        *((f"Version of {name}", number) for name, number in manifest["versions"].items()),
        *((f"SHA-256 of {Path(name).name}", value) for name, value in manifest["files"].items()),
    ]
    return wide(html_table("What these results were made from", ["", "Value"], rows))
