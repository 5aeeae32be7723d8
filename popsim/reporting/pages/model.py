"""One self-contained HTML page on a model of one's own: as the report of a run, as far as its parts apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from popsim.analyses.contrast import NET_BENEFIT
from popsim.analyses.decision_view import DecisionView
from popsim.definitions.experiment import Cheers
from popsim.definitions.horizon import over_horizon
from popsim.definitions.parameter import Parameter
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST, cost_effectiveness, net_benefit, strategy_means
from popsim.economics.decision import Decision, choice_table
from popsim.economics.information import EVERYTHING, MIN_DRAWS, information
from popsim.errors import PopsimError
from popsim.html import html_table
from popsim.reporting.answer import answer
from popsim.reporting.cautions import cautions_of_model
from popsim.reporting.figures import answer_figure, tornado
from popsim.reporting.figures.information import evpi, evppi, net_benefit_density
from popsim.reporting.figures.value import acceptability, cost_effectiveness_plane
from popsim.reporting.intervals import of_means, readable, sizes
from popsim.reporting.labels import difference_label
from popsim.reporting.pages.checklists import cheers_of_model
from popsim.reporting.pages.page import wide, write_page
from popsim.reporting.pages.sections import answer_section, checklist, figure_element, lines_table, report_document
from popsim.reporting.text.formatting import change, difference, estimate, rounded, span, with_interval
from popsim.reporting.text.tables import Lines, value_lines
from popsim.reporting.text.verification import WORDS
from popsim.statistics import central_interval
from popsim.studies.measures import measure_of
from popsim.verification.checking import Finding

MEASURES = (TOTAL_COST, QALYS, "life_years")
TOP = 10  # parameters whose value of information is shown
SAME = "The strategies cannot be told apart."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What a page on a model of one's own shows.

    Attributes:
        view: the decision.
        description: of the study, in a sentence or two.
        said: by its authors, under headings of CHEERS 2022.
        kind: of model, with its states and cycles, in words.
        rates: of discounting, in words.
        strategies: what each sets, by title.
        parameters: with their records; a number has neither unit nor source.
        one_way: gives the table of a tornado.
        findings: of the checks.
        budget: strategy, year, current_mix, new_mix, net, low, high; None where nobody asked for it.
        provenance: what the results were made from: name and value.
    """

    view: DecisionView
    description: str
    said: Cheers
    kind: str
    rates: str
    strategies: Mapping[str, str]
    parameters: Mapping[str, Parameter | float]
    one_way: Callable[[], pl.DataFrame]
    findings: Sequence[Finding]
    budget: pl.DataFrame | None
    provenance: Mapping[str, object]


def write_model_report(model: ModelReport, path: Path | str) -> Path:
    """Write the page.

    Raises:
        InputError: the file cannot be written.
    """
    return write_page(model_page(model), path)


def model_page(model: ModelReport) -> str:
    """The page as text."""
    view = model.view
    sections = {
        "Main results": _results(view),
        "Figures": _figures(model),
        "Value of information": _information(view),
        "Budget impact": "" if model.budget is None else _budget(view, model.budget),
        "Methods": _methods(model),
        "Checks": _checks(model.findings),
        "Parameters": _parameters(model),
        "Provenance": wide(html_table("What these results were made from", ["", "Value"], model.provenance.items())),
    }
    shown = {title: text for title, text in sections.items() if text}
    warned = cautions_of_model(view, [one for one in model.parameters.values() if isinstance(one, Parameter)])
    found = answer(view)
    opening = answer_section(found.sentences if found else (SAME,), answer_figure(view) if found else None, warned)
    size = f"{model.kind}; {sizes(view)}, {view.horizon}."
    return report_document(view.title, model.description, size, opening, shown, warned)


def _results(view: DecisionView) -> str:
    """Means of every strategy, differences from the comparator, and the choice."""
    means, others = strategy_means(view.measures), [name for name in view.strategies if name != view.comparator]
    differences = pl.DataFrame() if view.differences is None else view.differences
    tables = [
        (f"Per person over {view.horizon}{of_means(view)}; costs are in {view.prices}", means, [*view.strategies],
         estimate, []),
        (f"Difference from {view.strategies[view.comparator].lower()}", differences, others, difference,
         value_lines(cost_effectiveness(view.measures, view.comparator, view.willingness_to_pay), view)),
    ]  # fmt: skip
    parts = []
    for head, table, names, written, more in tables:
        cells = {(row["strategy"], row["measure"]): row for row in readable(table, view).iter_rows(named=True)}
        lines: Lines = [["", *(view.strategies[name] for name in names)]]
        for measure in map(measure_of, MEASURES):
            label = f"{over_horizon(measure.label, view)}{f', {view.currency}' if measure.name == TOTAL_COST else ''}"
            lines.append([label, *(written(cells.get((name, measure.name)), measure) for name in names)])
        parts.append(lines_table(head, [*lines, *more]))
    return "\n".join([*parts, _choice(view)])


def _choice(view: DecisionView) -> str:
    """The incremental analysis, cheapest strategy first, and how sure the choice is."""
    decision, price, drawn = Decision.of(view.measures, view.comparator), view.willingness_to_pay, view.draws > 1
    gains = readable(net_benefit(view.measures, view.comparator, price), view)
    rows = []
    for row in choice_table(decision, gains, price, with_draws=drawn).iter_rows(named=True):
        worth = (row["net_monetary_benefit"], row["net_monetary_benefit_low"], row["net_monetary_benefit_high"])
        title = f"{view.strategies[row['strategy']]}{' *' if drawn and row['optimal'] else ''}"
        cells = [title, rounded(row["cost"], 4), rounded(row["effect"], 4), row["status"]]
        cells += ["" if row["icer"] is None else rounded(row["icer"]), with_interval(*worth) if worth[0] else "0"]
        rows.append([*cells, *([f"{100 * row['probability']:.0f}%", rounded(row["expected_loss"])] if drawn else [])])
    head = ["Strategy", f"Cost, {view.currency}", "QALYs", "", "Cost per QALY gained", "Net benefit"]
    caption = f"Incremental analysis, and net benefit at {price:,.0f} {view.currency} per QALY over the comparator"
    star = "; * highest expected net benefit" if drawn else ""
    return wide(html_table(caption + star, [*head, *(["Probability best", "Expected loss"] if drawn else [])], rows))


def _figures(model: ModelReport) -> str:
    parts, missing = [], []
    for name, draw in _drawings(model):
        try:
            parts.append(figure_element(name, draw()))
        except PopsimError as error:
            missing.append((name.replace("_", " "), str(error)))
    if missing:
        parts.append(html_table("Figures that this analysis has no data for", ["Figure", "Why"], missing))
    return "\n".join(parts)


def _drawings(model: ModelReport) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Figures by name; a tornado for each strategy but the comparator."""
    view = model.view
    yield "plane", partial(cost_effectiveness_plane, view)
    yield "acceptability", partial(acceptability, view)
    yield "net_benefit", partial(net_benefit_density, view)
    yield "evpi", partial(evpi, view)
    yield "evppi", partial(evppi, view)
    try:
        table = model.one_way()
    except PopsimError as error:
        yield "tornado", partial(_refuse, error)
        return
    label = difference_label(NET_BENEFIT, view)
    for (name,), rows in table.group_by("strategy", maintain_order=True):
        title = f"Which parameter matters most: {view.strategies[str(name)]}"
        yield f"tornado_{name}", partial(tornado, rows, label[:1].upper() + label[1:], title)


def _refuse(error: PopsimError) -> Figure:
    raise error


def _information(view: DecisionView) -> str:
    """EVPI and the parameters, or groups of them, most worth knowing; empty where draws are too few."""
    decision = Decision.of(view.measures, view.comparator)
    if view.draws < MIN_DRAWS or len(decision.distinct.strategies) == 1:
        return ""
    known, price, rows = view.known(QALYS), view.willingness_to_pay, []
    for groups in (None, known.groups) if known.groups else (None,):
        table = information(decision, known.draws, price, groups)
        for row in table.head(TOP + 1).iter_rows(named=True):
            if row["known"] == EVERYTHING and groups is not None:
                rows.append(["Groups of parameters"])
                continue
            share = "" if row["share_of_evpi"] is None else f"{100 * row['share_of_evpi']:.0f}%"
            rows.append([row["known"], with_interval(row["value"], row["low"], row["high"]), share])
    caption = f"Value per person of knowing parameters, {view.currency}, at {price:,.0f} per QALY (95% Monte Carlo)"
    return wide(html_table(caption, ["Known", "Value", "Share of all"], rows))


def _budget(view: DecisionView, table: pl.DataFrame) -> str:
    rows = [
        (
            view.strategies[row["strategy"]],
            row["year"],
            f"{row['current_mix']:,.0f}",
            f"{row['new_mix']:,.0f}",
            change(row["net"]),
            "" if row["low"] is None else f"{change(row['low'])} to {change(row['high'])}",
        )
        for row in readable(table, view).iter_rows(named=True)
    ]
    head = ["New strategy", "Year", "Current mix", "New mix", "Net impact", "95% interval"]
    return wide(html_table(f"Budget by year, not discounted; costs are in {view.prices}", head, rows))


def _methods(model: ModelReport) -> str:
    compared = html_table("Strategies compared", ["Strategy", "What it sets"], model.strategies.items())
    items = cheers_of_model(model.view, model.said, model.description, model.kind, model.rates)
    return f"{compared}\n{checklist('CHEERS 2022 (Husereau et al. 2022)', items)}"


def _checks(findings: Sequence[Finding]) -> str:
    rows = [(one.title, WORDS[one.holds], one.did, one.saw) for one in findings]
    return wide(html_table("What must hold of any such model", ["Check", "Result", "Did", "Saw"], rows))


def _parameters(model: ModelReport) -> str:
    """Every parameter: its base-case value, and where it is drawn the interval of its draws."""
    draws, rows = model.view.known(QALYS).draws, []
    for name, record in model.parameters.items():
        known = record if isinstance(record, Parameter) else None
        ends = central_interval(draws[name].to_numpy().astype(float)) if name in draws.columns else (None, None)
        value = known.value if known else float(record)  # type: ignore[arg-type]
        rows.append((name, f"{value:g}", span(*ends) or "", "" if known is None or known.unit == "1" else known.unit,
                     known.source if known else "not stated"))  # fmt: skip
    return wide(html_table("Parameters", ["Name", "Value", "95% of draws", "Unit", "Source"], rows))
