"""The planner's page as HTML: everything that does not change while it is open. What does is filled in by `server`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from popsim.dashboard.document import document, output
from popsim.dashboard.levers import GROUPS, Lever
from popsim.dashboard.revaluing import OBSERVED, WHOLE, Stored
from popsim.dashboard.scenarios import ExperimentFile
from popsim.dashboard.state import VIEWS, PageState
from popsim.dashboard.workspace import Opened, RunEntry
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import EFFECTS
from popsim.economics.perspectives import PERSPECTIVES
from popsim.studies.measures import measure_of

KINDS = {"scenario": "Saved scenarios", "experiment": "Experiments here", "example": "Examples of popsim"}
PRICE_TOP = 200  # percent of today's prices
OPEN_GROUPS = ("Beds", "Slots", "Nurses", "Size of the run")
SUBGROUPS = {
    "deprivation_quintile": "Fifth of deprivation", "age_years": "Age", "female": "Sex", "ethnicity": "Ethnicity",
}  # fmt: skip


class PageParts(NamedTuple):
    """What the page is made from.

    Attributes:
        state: from the address.
        files, runs: to choose from.
        opened: the experiment; None if there is none.
        shown: the experiment of the run that is shown; None without a run.
        stored: of that run, as far as it has come; None before the first comparison.
        problem: why the run or experiment cannot be shown.
    """

    state: PageState
    files: Sequence[ExperimentFile]
    runs: Sequence[RunEntry]
    opened: Opened | None
    shown: ExperimentDefinition | None
    stored: Stored | None
    problem: str


def planner_page(parts: PageParts) -> str:
    """The whole page."""
    experiment = parts.shown or (parts.opened.experiment if parts.opened else None)
    title = "popsim dashboard" if experiment is None else experiment.title or experiment.name
    panels = {
        "answer": _answer(parts), "setup": _setup(parts), "network": _network(parts), "people": _people(parts),
        "compare": _compare(parts),
    }  # fmt: skip
    tabs = "".join(_tab(name, parts.state.view) for name in VIEWS)
    return document(
        title,
        f"""<header>
<h1>{escape(title)}</h1>
{output("out_status", live=False)}
<div class="sr" role="status" id="out_said_holder">{output("out_said", live=False)}</div>
{f'<p class="problem">{escape(parts.problem)}</p>' if parts.problem else ""}
</header>
<nav aria-label="Views"><div role="tablist" aria-label="Views">{tabs}</div></nav>
<main id="main" tabindex="-1">
{"".join(_panel(name, parts.state.view, panels[name]) for name in VIEWS)}
</main>""",
    )


def option(value: str, label: str, chosen: str) -> str:
    """One choice of a list."""
    return f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(label)}</option>'


def chooser(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str, hint: str = "") -> str:
    """A list to choose from."""
    choices = "".join(option(value, words, chosen) for value, words in options)
    told = f'<p class="hint" id="{name}_hint">{escape(hint)}</p>' if hint else ""
    about = f' aria-describedby="{name}_hint"' if hint else ""
    chosen_from = f'<select id="{name}"{about}>{choices}</select>'
    return f'<div class="field"><label for="{name}">{escape(label)}</label>{chosen_from}{told}</div>'


def slider(name: str, label: str, low: float, high: float, step: float, value: float, unit: str = "") -> str:
    """A slider with its value in words; it answers while it is moved."""
    said = f' data-unit="{escape(unit)}"' if unit else ""
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label><output for="{name}"></output>'
        f'<input type="range" id="{name}" min="{low:g}" max="{high:.12g}" step="{step:.12g}" value="{value:.12g}"'
        f"{said}></div>"
    )


def number(name: str, label: str, value: float, low: float, high: float, step: str = "1") -> str:
    """A number to type."""
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label>'
        f'<input type="number" id="{name}" value="{value:g}" min="{low:g}" max="{high:.12g}" step="{step}"></div>'
    )


def _tab(name: str, chosen: str) -> str:
    mine = name == chosen
    return (
        f'<button type="button" role="tab" id="tab_{name}" data-view="{name}" aria-controls="panel_{name}" '
        f'aria-selected="{str(mine).lower()}" tabindex="{0 if mine else -1}">{escape(VIEWS[name])}</button>'
    )


def _panel(name: str, chosen: str, content: str) -> str:
    hidden = "" if name == chosen else " hidden"
    return (
        f'<section role="tabpanel" id="panel_{name}" aria-labelledby="tab_{name}" tabindex="0"{hidden}>\n'
        f"<h2>{escape(HEADINGS[name])}</h2>\n{content}\n</section>"
    )


HEADINGS = {
    "answer": "What to choose, and what it means for your region",
    "setup": "Change the experiment and simulate it",
    "network": "Beds, queues and flows, day by day",
    "people": "Who gains, who loses, and one person's life",
    "compare": "Strategies and scenarios side by side",
}


def _answer(parts: PageParts) -> str:
    if parts.shown is None:
        go = '<button type="button" data-go="setup">Choose an experiment and start one</button>'
        return f"<p>No simulation yet. {go}</p>"
    return f"""{output("out_words", live=True)}
{output("out_days")}
<div class="sides">
<form class="controls" aria-label="Value anew, without a simulation" onsubmit="return false">
<p class="hint">What you move here shows at once: the same simulated people are valued in another way.
No simulation is started.</p>
{_value_controls(parts.shown, parts.stored, parts.state)}
</form>
<div>
{output("out_decision")}
<div class="pair"><div>{output("out_benefit")}</div><div>{output("out_curve")}</div></div>
{output("out_region")}
{output("out_sharpening")}
{output("out_outcomes")}
</div>
</div>"""


def _value_controls(experiment: ExperimentDefinition, stored: Stored | None, state: PageState) -> str:
    price = experiment.willingness_to_pay
    top = max(3.0 * price, state.threshold or 0.0) or 100_000.0
    currency = experiment.currency
    effects = [one.measure for one in EFFECTS] if stored is None else stored.effects
    words = [(one.replace("_", " "), one) for one in PERSPECTIVES]
    parts = [
        number("people", "People whom the decision affects in a year in your region", state.people, 1, 100_000_000),
        slider("threshold", f"Willingness to pay, {currency}", 0.0, top, top / 120.0,
               price if state.threshold is None else state.threshold),
        chooser("perspective", "Whose costs count", [(value, label) for label, value in words],
                state.perspective or experiment.perspective),
        chooser("effect", "Effect that is paid for", [(one, measure_of(one).title(currency)) for one in effects],
                state.effect or "qalys"),
    ]  # fmt: skip
    if stored is not None and stored.has_observed_part:
        parts.append(chooser("part", "Horizon", [(WHOLE, "the whole horizon"), (OBSERVED, "the observed days alone")],
                             state.part or WHOLE))  # fmt: skip
    components = list(COST_NAMES) if stored is None else stored.components
    if components:
        sliders = "".join(
            slider(f"price_{name}", measure_of(name).short, 0, PRICE_TOP, 1, 100.0 * state.prices.get(name, 1.0), " %")
            for name in components
        )
        moved = " open" if state.prices else ""
        parts.append(f"<details{moved}><summary>Prices, % of those of the run</summary>{sliders}</details>")
    go = '<button type="button" data-go="setup">Change them</button>'
    needs = "Beds, slots, nurses, uptake, drugs, follow-up and discount rates change what happens to people"
    parts.append(f'<p class="hint">{needs}: they need a simulation. {go}</p>')
    return "".join(parts)


def _setup(parts: PageParts) -> str:
    choose = _choose(parts)
    if parts.opened is None:
        return choose
    levers = _levers(parts.opened.levers, parts.state.changes)
    return f"""{choose}
<p class="hint">Nothing is simulated until you press Start.
Beds, slots and nurses are for {_reference(parts.opened)}.</p>
<form onsubmit="return false" aria-label="What to change">
<div class="bar"><div class="field"><label for="filter">Find something to change</label>
<input type="text" id="filter" autocomplete="off"></div>
<button type="button" id="undo">Undo all changes</button></div>
{levers}
<h3>Save and start</h3>
{output("out_changes", live=True)}
<div class="field"><label for="scenario">Name of the scenario (needed if something was changed)</label>
<input type="text" id="scenario" autocomplete="off" maxlength="100"></div>
<div class="bar"><button type="button" id="start" class="main action-button">Start the simulation</button>
<button type="button" id="keep" class="action-button">Save without starting</button></div>
{output("out_started", live=True)}
</form>"""


def _reference(opened: Opened) -> str:
    people = opened.network.reference_population
    if people is None:
        return "the network as it is"
    return f"{people:,} people of the network file; a run of other size has them in proportion"


def _choose(parts: PageParts) -> str:
    """Experiments and runs to open."""
    groups = []
    chosen = "" if parts.opened is None else parts.state.file
    for kind, label in KINDS.items():
        mine = [option(str(one.path), one.title, chosen) for one in parts.files if one.kind == kind]
        if mine:
            groups.append(f'<optgroup label="{label}">{"".join(mine)}</optgroup>')
    blank = "" if parts.opened else option("", "choose", "")
    runs = "".join(
        option(one.run, f"{one.title}{'' if one.is_finished else ' - not finished'}", parts.state.run)
        for one in parts.runs
    )
    return f"""<div class="pair">
<div class="field"><label for="open">Experiment</label><select id="open">{blank}{"".join(groups)}</select></div>
<div class="field"><label for="open_run">Show a run that is stored</label>
<select id="open_run"><option value="">choose</option>{runs}</select></div>
</div>"""


def _levers(levers: Sequence[Lever], changes: Mapping[str, float]) -> str:
    parts = []
    numbered = {lever.key: place for place, lever in enumerate(levers)}
    for group in GROUPS:
        mine = [lever for lever in levers if lever.group == group]
        if not mine:
            continue
        rows = "".join(_lever(lever, numbered[lever.key], changes) for lever in mine)
        is_open = " open" if group in OPEN_GROUPS or any(lever.key in changes for lever in mine) else ""
        parts.append(
            f'<details class="group"{is_open}><summary>{group} ({len(mine)})</summary>'
            f'<div class="levers">{rows}</div></details>'
        )
    return "".join(parts)


def _lever(lever: Lever, place: int, changes: Mapping[str, float]) -> str:
    value = changes.get(lever.key, lever.value)
    high = "" if lever.high is None else f' max="{lever.high:.12g}"'
    return (
        f'<div class="lever"><label for="lever_{place}">{escape(lever.label)}</label>'
        f'<input type="number" id="lever_{place}" data-lever="{escape(lever.key)}" data-was="{lever.value:.12g}" '
        f'value="{value:.12g}" min="{lever.low:g}"{high} step="any"></div>'
    )


def _strategies(parts: PageParts, name: str, label: str) -> str:
    assert parts.shown is not None
    options = [(one.name, one.title) for one in parts.shown.strategies]
    return chooser(name, label, options, parts.state.strategy or parts.shown.reference)


def _network(parts: PageParts) -> str:
    if parts.shown is None:
        return "<p>No simulation yet.</p>"
    days = parts.shown.follow_up_days + parts.shown.enrolment_days
    day = days // 2 if parts.state.day is None else min(parts.state.day, days)
    keys = "".join(
        f'<li><span class="swatch" style="background:{colour}"></span> {words}</li>'
        for colour, words in (
            ("#dcecf7", "places are free"),
            ("#f6d9a8", "more than 85% taken"),
            ("#f0b49a", "95% and more taken"),
        )
    )
    return f"""<div class="pair">{_strategies(parts, "strategy", "Strategy")}
{slider("day", "Day of the simulation (the week that ends on it)", 0, days, 1, day)}</div>
<ul class="legend">{keys}
<li><span class="swatch" style="border:3px solid #a03000"></span> bottleneck: full, or people wait</li></ul>
{output("out_network")}
{output("out_beds")}"""


def _people(parts: PageParts) -> str:
    if parts.shown is None:
        return "<p>No simulation yet.</p>"
    groups = chooser("by", "Groups by", list(SUBGROUPS.items()), "deprivation_quintile")
    return f"""<div class="pair"><div>{groups}</div><div></div></div>
{output("out_groups")}
<h3>One person's life</h3>
<p class="hint">The person's replication is simulated again with the same random numbers: it takes some seconds.</p>
<div class="pair">{_strategies(parts, "life_strategy", "Under")}
<div>{output("out_persons")}</div></div>
{output("out_life", live=True)}"""


def _compare(parts: PageParts) -> str:
    chosen = set(parts.state.against.split(",")) | {parts.state.run}
    boxes = "".join(
        f'<div><label><input type="checkbox" name="against" value="{escape(one.run)}"'
        f"{' checked' if one.run in chosen else ''}> {escape(one.title)}</label></div>"
        for one in parts.runs
        if one.is_finished
    )
    if not boxes:
        return "<p>No finished run yet.</p>"
    return f"""<fieldset id="against" class="shiny-input-checkboxgroup"><legend>Runs to show</legend>{boxes}</fieldset>
{output("out_compare")}"""
