"""The technical report of a run as numbered sections, from which the HTML page and the Word document are written.

The answers to CHEERS 2022 stand in the sections that they belong to; the checklist at the end says where each is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from popsim.definitions.network import UNLIMITED
from popsim.exchange.tables.decision_tables import DecisionTables
from popsim.exchange.tables.inputs import parameter_inputs
from popsim.reporting.figures import Drawn, draw_all
from popsim.reporting.pages.blocks import ReportTable
from popsim.reporting.pages.checklists import ChecklistItem, cheers, stress
from popsim.reporting.text.tables import Lines, comparison_lines, outcome_lines
from popsim.reporting.text.verification import WORDS
from popsim.runs.run import StoredRun
from popsim.verification.checking import Finding

SECTIONS = (
    "Summary", "Decision problem", "Model", "Outcomes and costs", "Inputs", "Methods of analysis", "Main results",
    "Uncertainty", "Discussion and declarations", "Verification", "Reproduction", "CHEERS 2022", "STRESS",
    "Changes",
)  # fmt: skip
WHERE = {  # the section that answers each item of CHEERS 2022
    "Summary": (1, 2),
    "Decision problem": (3, 5, 6, 7, 8, 9, 10),
    "Model": (16,),
    "Outcomes and costs": (11, 12, 13, 14, 15),
    "Inputs": (22,),
    "Methods of analysis": (4, 17, 18, 19, 20, 21),
    "Main results": (23,),
    "Uncertainty": (24,),
    "Discussion and declarations": (25, 26, 27, 28),
}
FIGURES = {
    "Model": ("network",),
    "Main results": ("outcomes", "plane", "costs", "readmission", "survival", "subgroups", "occupancy"),
    "Uncertainty": ("acceptability", "net_benefit", "evpi", "evppi"),
}
GRID_STEPS = (0.5, 1.0, 1.5, 2.0)  # of the willingness to pay, in the table of uncertainty


type Block = str | ReportTable | Drawn


@dataclass
class ReportSection:
    """A numbered section."""

    number: int
    title: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """For links."""
        return f"section_{self.number}"


@dataclass(frozen=True)
class TechnicalReport:
    """The report.

    Attributes:
        title, subtitle: of the document.
        sections: in order.
        items: of CHEERS 2022, each with the section that answers it; None where it is not reported.
    """

    title: str
    subtitle: str
    sections: tuple[ReportSection, ...]
    items: tuple[tuple[ChecklistItem, ReportSection | None], ...]


def technical_report(run: StoredRun, findings: Sequence[Finding], changes: str) -> TechnicalReport:
    """The report of a run.

    Args:
        run: finished.
        findings: of its verification.
        changes: the change log.
    """
    sections = {title: ReportSection(number, title) for number, title in enumerate(SECTIONS, 1)}
    items = _items(run, sections)
    for section in sections.values():
        own = [(item.number, item.name, item.answer) for item, at in items if at is section]
        if own and section.title != "Summary":
            section.blocks.append(ReportTable("", ["CHEERS item", "Topic", "This study"], own))
    experiment = run.experiment
    title = experiment.title or experiment.name
    sections["Summary"].blocks += [*([experiment.description] if experiment.description else []), *_answer(run)]
    _model(run, sections["Model"])
    _inputs(run, sections["Inputs"])
    _results(run, sections["Main results"])
    sections["Uncertainty"].blocks += _uncertainty(run)
    for drawn in draw_all(run, [name for names in FIGURES.values() for name in names]):
        if drawn.figure is not None:
            at = next(title for title, names in FIGURES.items() if drawn.name in names)
            sections[at].blocks.append(drawn)
    sections["Verification"].blocks += _verification(findings)
    sections["Reproduction"].blocks += _reproduction(run)
    stress_rows = [(item.number, item.name, item.answer) for item in stress(run)]
    sections["STRESS"].blocks.append(
        ReportTable("STRESS-DES and STRESS-ABS (Monks et al. 2019)", ["Item", "Topic", "This study"], stress_rows)
    )
    sections["Changes"].blocks += [part for part in changes.split("\n\n") if part]
    subtitle = (
        f"Technical report of run {run.manifest['run_id']}, written by popsim {run.manifest['versions']['popsim']}"
    )
    return TechnicalReport(title, subtitle, tuple(sections.values()), tuple(items))


def _items(run: StoredRun, sections: dict[str, ReportSection]) -> list[tuple[ChecklistItem, ReportSection | None]]:
    at = {str(number): sections[title] for title, numbers in WHERE.items() for number in numbers}
    return [(item, at[item.number] if item.reported else None) for item in cheers(run)]


def _lines(head: str, lines: Lines) -> ReportTable:
    return ReportTable(" ".join(head.split("\n")), lines[0], [[line[0].strip(), *line[1:]] for line in lines[1:]])


def _answer(run: StoredRun) -> Iterator[Block]:
    """Which strategy is best at the threshold, how sure that is, and what each step of the frontier costs."""
    if len(run.strategies) < 2:
        yield "One strategy was simulated; nothing is compared."
        return
    tables = DecisionTables.of(run)
    currency, price, titles = run.experiment.currency, tables.price, run.strategies
    benefits = tables.benefits(price)
    best = tables.titles[int(benefits.argmax())]
    sure = ""
    if tables.has_curves:
        share = tables.curve([price])["probability"].to_list()[int(benefits.argmax())]
        sure = f", with the highest net benefit in {share:.0%} of the {tables.drawn:,} parameter draws"
    yield f"At {price:,.0f} {currency} per QALY, {best} has the highest expected net benefit{sure}."
    rows = []
    for row in tables.frontier().iter_rows(named=True):
        ratio = "" if row["icer"] is None else f"{row['icer']:,.0f}"
        status = row["status"]
        if status.startswith("same as "):
            status = f"same as {titles[status.removeprefix('same as ')]}"
        rows.append((titles[row["strategy"]], f"{row['cost']:,.0f}", f"{row['effect']:.4f}", status, ratio))
    head = ["Strategy", f"Cost, {currency}", "QALYs", "Status", f"ICER, {currency} per QALY"]
    yield ReportTable("Incremental analysis of mean costs and QALYs per person", head, rows)


def _model(run: StoredRun, section: ReportSection) -> None:
    strategies = [(one.title, one.description or "no description") for one in run.experiment.strategies]
    section.blocks.append(ReportTable("Strategies compared", ["Strategy", "What is done"], strategies))
    settings = []
    for one in run.network.settings:
        kind = "slots a day" if one.slots_per_day is not None else "places"
        places = "not limited" if one.places == UNLIMITED else f"{one.places:,} {kind}"
        settings.append((one.title, one.setting_class.replace("_", " "), places))
    people = run.network.reference_population
    caption = "Settings of the care network" + (f", for {people:,} people" if people else "")
    section.blocks.append(ReportTable(caption, ["Setting", "Class", "Capacity"], settings))


def _inputs(run: StoredRun, section: ReportSection) -> None:
    table = parameter_inputs(run)
    uncertain = table.filter(table["low"].is_not_null())
    section.blocks.append(
        f"{len(table):,} parameters, {len(uncertain):,} of them uncertain. inputs/inputs.xlsx and "
        "inputs/inputs.csv list them all, and the numbers of experiment, cohort and care network, with unit, "
        "distribution, bounds and source."
    )
    rows = [
        (row["id"], f"{row['value']:.4g} {row['unit']}", f"{row['low']:.4g} to {row['high']:.4g}", row["distribution"])
        for row in uncertain.iter_rows(named=True)
    ]
    if rows:
        section.blocks.append(
            ReportTable("Uncertain parameters", ["Parameter", "Value", "95% interval", "Distribution"], rows)
        )


def _results(run: StoredRun, section: ReportSection) -> None:
    labels = {setting.name: setting.title for setting in run.network.settings}
    section.blocks.append(_lines(*outcome_lines(run.frame("summary"), run.experiment, labels)))
    if len(run.strategies) > 1:
        value = run.frame("cost_effectiveness")
        section.blocks.append(_lines(*comparison_lines(run.frame("comparisons"), value, run.experiment, labels)))


def _uncertainty(run: StoredRun) -> Iterator[Block]:
    if len(run.strategies) < 2:
        return
    tables = DecisionTables.of(run)
    if tables.note:
        yield tables.note
    if not tables.has_curves:
        return
    currency = run.experiment.currency
    prices = [tables.price * step for step in GRID_STEPS]
    curve = tables.curve(prices)["probability"].to_numpy().reshape(len(prices), -1)
    values = tables.information(prices) if tables.has_information else [None] * len(prices)
    rows = [
        (f"{price:,.0f}", *(f"{share:.0%}" for share in shares), "n/a" if value is None else f"{value:,.1f}")
        for price, shares, value in zip(prices, curve, values, strict=True)
    ]
    head = [f"{currency} per QALY", *tables.titles, f"EVPI per person, {currency}"]
    yield ReportTable("Probability of the highest net benefit, and the value of perfect information", head, rows)


def _verification(findings: Sequence[Finding]) -> Iterator[Block]:
    if not findings:
        yield "Not verified: the bundle was made without."
        return
    counts = {word: sum(WORDS[one.holds] == word for one in findings) for word in WORDS.values()}
    yield (
        "Checks in the manner of TECH-VER (Büyükkaramikli et al. 2019, PharmacoEconomics 37:1391-1408, "
        "doi 10.1007/s40273-019-00844-y): "
        f"{counts['holds']} hold, {counts['FAILS']} fail, {counts['not applicable']} do not apply. Each is made by "
        "changing inputs of a small copy of the model and comparing what follows; verification/tech_ver.csv has what "
        "was done and seen."
    )
    rows = [(one.area, one.title, WORDS[one.holds]) for one in findings]
    yield ReportTable("Verification of the model", ["Area", "Check", "Result"], rows)


def _reproduction(run: StoredRun) -> Iterator[Block]:
    manifest = run.manifest
    yield "sh reproduce.sh runs the model on inputs/ and compares the hash of the results; with reduced, it runs less."
    rows = [
        ("Content hash of all results", manifest["content_hash"]),
        ("Hash of code and evidence", manifest["code"]),
        ("Seed", str(run.experiment.seed)),
        ("Started", manifest["started_at"]),
        ("Seconds", f"{manifest['seconds']:,.0f}"),
        *((f"Version of {name}", number) for name, number in manifest["versions"].items()),
    ]
    yield ReportTable("What the results were made from", ["", "Value"], rows)
