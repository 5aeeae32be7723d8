"""Reporting checklists of a study: the items of CHEERS 2022 and STRESS, filled in from a run.

CHEERS 2022: Husereau et al. 2022, 28 items (checklist of BMC Medicine 20:23, table 1). STRESS-DES, and STRESS-ABS whose
items have the same headings: Monks et al. 2019, Journal of Simulation 13:55-67, 20 items. Item names are theirs; the
text under them is popsim's own. An item that neither the experiment nor popsim answers is NOT_REPORTED, with what the
authors have to add.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from popsim.analyses.decision_view import StudyFacts
from popsim.definitions.experiment import Cheers, ExperimentDefinition
from popsim.definitions.horizon import horizon_in_words
from popsim.economics.discounting import rates_in_words
from popsim.evidence.sets import VALUATION_SETS
from popsim.plurals import counted
from popsim.reporting.intervals import sizes
from popsim.runs.run import StoredRun
from popsim.studies.prices import prices_in_words

NOT_REPORTED = "not reported: "


class ChecklistItem(NamedTuple):
    """An item of a checklist: number, name, and this study's answer."""

    number: str
    name: str
    answer: str

    @property
    def reported(self) -> bool:
        """Whether the item is answered."""
        return not self.answer.startswith(NOT_REPORTED)


CHEERS_ITEMS = {  # of CHEERS 2022, with what their authors have to add where nobody has answered them
    "Title": "a title",
    "Abstract": "a structured summary",
    "Background and objectives": "context, question and relevance",
    "Health economic analysis plan": "whether there was a plan, and where it is",
    "Study population": "whom the model is about",
    "Setting and location": "where the decision is made",
    "Comparators": "why these strategies",
    "Perspective": "whose costs the model counts",
    "Time horizon": "why this horizon",
    "Discount rate": "why these rates",
    "Selection of outcomes": "why these outcomes; those measured are in the tables",
    "Measurement of outcomes": "how outcomes are measured",
    "Valuation of outcomes": "whose values; the utilities are among the parameters",
    "Measurement and valuation of resources and costs": "where costs come from",
    "Currency, price date, and conversion": "currency and year of the prices",
    "Rationale and description of model": "why this model",
    "Analytics and assumptions": "main assumptions; each parameter has its source",
    "Characterising heterogeneity": "whether effects differ between people",
    "Characterising distributional effects": "who gains and who bears the cost (popsim equity)",
    "Characterising uncertainty": "how uncertainty was characterised",
    "Approach to engagement with patients and others affected by the study": "whether and how they were engaged",
    "Study parameters": "values and sources of all parameters",
    "Summary of main results": "mean costs and outcomes",
    "Effect of uncertainty": "the effect of uncertain parameters; intervals show Monte Carlo error alone",
    "Effect of engagement with patients and others affected by the study": "what their engagement changed",
    "Study findings, limitations, generalisability, and current knowledge": "discussion by the authors",
    "Source of funding": "who paid for the study",
    "Conflicts of interest": "interests of the authors",
}
UNCERTAINTY_SHOWN = "In the intervals and figures of this page."
RESULTS_SHOWN = "In the tables of outcomes and of differences."


def _cheers(answers: Mapping[str, str]) -> list[ChecklistItem]:
    """The 28 items; one that is not answered says what its authors have to add."""
    return [
        ChecklistItem(str(number), name, answers.get(name) or _missing(lacking))
        for number, (name, lacking) in enumerate(CHEERS_ITEMS.items(), 1)
    ]


def cheers(run: StoredRun) -> list[ChecklistItem]:
    """The 28 items of CHEERS 2022."""
    experiment, said, titles = run.experiment, run.experiment.cheers, run.strategies
    names = ", ".join(titles.values())
    uncertain = f"{counted(experiment.draws, 'draw')} of the uncertain parameters" if experiment.draws else ""
    times = counted(experiment.replications, "replication")
    model = "Digital twins with daily physiology compete for the limited capacity of a care network."
    return _cheers(
        {
            "Title": f"{experiment.title or experiment.name}: an economic evaluation by simulation of {names}.",
            "Abstract": experiment.description,
            "Background and objectives": said.question,
            "Study population": said.population or f"Cohort '{run.cohort.name}'; see the baseline table.",
            "Setting and location": said.setting or f"Care network '{run.network.name}'.",
            "Comparators": _sentences(said.comparators, f"{names}; compared with {titles[run.comparator].lower()}."),
            "Perspective": _sentences(said.perspective, f"Costs counted: {experiment.perspective.replace('_', ' ')}."),
            "Time horizon": _sentences(said.time_horizon, _horizon(experiment)),
            "Discount rate": _sentences(said.discount_rate, _discount_rates(run)),
            "Selection of outcomes": said.outcomes,
            "Measurement of outcomes": "Counted from the event log of the simulation within each person's follow-up; "
            "readmission is defined by index discharge, with death as a competing event.",
            "Valuation of outcomes": said.valuation,
            "Measurement and valuation of resources and costs": "Resources counted in the simulation times unit "
            "prices, which are among the parameters with their sources.",
            "Currency, price date, and conversion": _sentences(
                said.currency, f"Costs are in {prices_in_words(experiment)}."
            ),
            "Rationale and description of model": _sentences(said.rationale, model),
            "Analytics and assumptions": said.assumptions,
            "Characterising heterogeneity": "Effects by subgroup, where persons are kept: see the forest plot.",
            "Characterising uncertainty": f"Monte Carlo error over {times}, paired between strategies"
            f"{f'; {uncertain}.' if uncertain else '; parameters are not varied in this run.'}",
            "Study parameters": "All in the table of parameters, with values, units and sources.",
            "Summary of main results": RESULTS_SHOWN,
            "Effect of uncertainty": UNCERTAINTY_SHOWN if uncertain else "",
            "Study findings, limitations, generalisability, and current knowledge": said.limitations,
        }
    )


def cheers_of_model(facts: StudyFacts, said: Cheers, description: str, kind: str, rates: str) -> list[ChecklistItem]:
    """The 28 items of CHEERS 2022 for a model of one's own.

    Args:
        facts: of the study.
        said: by its authors.
        description: of the study, in a sentence or two.
        kind: of model, with its states and cycles.
        rates: of discounting, in words.
    """
    names = ", ".join(facts.strategies.values())
    drawn = f"{counted(facts.draws, 'draw')} of the uncertain parameters" if facts.draws else ""
    noise = "Expected values, without Monte Carlo error" if facts.exact else f"Monte Carlo error of {sizes(facts)}"
    compared = f"{names}; compared with {facts.strategies[facts.comparator].lower()}."
    return _cheers(
        {
            "Title": f"{facts.title}: an economic evaluation by a model of {names}.",
            "Abstract": description,
            "Background and objectives": said.question,
            "Study population": said.population,
            "Setting and location": said.setting,
            "Comparators": _sentences(said.comparators, compared),
            "Perspective": said.perspective,
            "Time horizon": _sentences(said.time_horizon, f"Used: {facts.horizon}."),
            "Discount rate": _sentences(said.discount_rate, f"Used: {rates}."),
            "Selection of outcomes": said.outcomes,
            "Measurement of outcomes": "Time spent in the states of the model, and its transitions.",
            "Valuation of outcomes": said.valuation,
            "Measurement and valuation of resources and costs": "Costs of states and transitions, as the model has "
            "them; prices are among the parameters.",
            "Currency, price date, and conversion": _sentences(said.currency, f"Costs are in {facts.prices}."),
            "Rationale and description of model": _sentences(said.rationale, f"{kind}."),
            "Analytics and assumptions": said.assumptions,
            "Characterising uncertainty": f"{noise}; {drawn or 'parameters are not varied in this run'}.",
            "Study parameters": "All in the table of parameters, with units and sources where the model has them.",
            "Summary of main results": RESULTS_SHOWN,
            "Effect of uncertainty": UNCERTAINTY_SHOWN if drawn else "",
            "Study findings, limitations, generalisability, and current knowledge": said.limitations,
        }
    )


def stress(run: StoredRun) -> list[ChecklistItem]:
    """The 20 items of STRESS-DES."""
    experiment, manifest = run.experiment, run.manifest
    versions = ", ".join(f"{name} {number}" for name, number in manifest["versions"].items())
    settings = run.network.settings
    scenarios = "; ".join(f"{s.title}: {s.description or 'no description'}" for s in experiment.strategies)
    engine = manifest["engine"]
    return [
        ChecklistItem(
            "1.1", "Purpose of the model", experiment.cheers.question or _missing("background and objectives")
        ),
        ChecklistItem(
            "1.2", "Model outputs", "The measures of the tables; intervals are of the mean over replications."
        ),
        ChecklistItem("1.3", "Experimentation aims", scenarios),
        ChecklistItem("2.1", "Base model overview diagram", "The figure of the care network, where events are kept."),
        ChecklistItem(
            "2.2",
            "Base model logic",
            "Each day: physiology advances, signals are monitored, care processes its events in order of time, costs "
            "and health accrue.",
        ),
        ChecklistItem("2.3", "Scenario logic", "Strategies differ only in the interventions listed with them."),
        ChecklistItem(
            "2.4", "Algorithms", "Lengths of stay, routes and reneging times by inverse distribution functions."
        ),
        ChecklistItem(
            "2.5",
            "Components",
            f"Entities: {experiment.population:,} twins a replication and other patients. Settings with capacities, "
            f"queues and rules: {', '.join(setting.title for setting in settings)}.",
        ),
        ChecklistItem("3.1", "Data sources", "With every parameter and every column of the baseline table."),
        ChecklistItem("3.2", "Pre-processing", _missing("how data were prepared before they became parameters")),
        ChecklistItem("3.3", "Input parameters", "All in the table of parameters."),
        ChecklistItem(
            "3.4", "Assumptions", experiment.cheers.assumptions or "Parameters whose source begins 'assumption'."
        ),
        ChecklistItem(
            "4.1",
            "Initialisation",
            _initialisation(experiment),
        ),
        ChecklistItem(
            "4.2", "Run length", f"{experiment.enrolment_days + experiment.follow_up_days} days, in steps of a day."
        ),
        ChecklistItem(
            "4.3",
            "Estimation approach",
            f"{experiment.replications} independent replications; the same people and random numbers under all "
            "strategies.",
        ),
        ChecklistItem("5.1", "Software or programming language", versions),
        ChecklistItem("5.2", "Random sampling", f"Philox4x32-10, counter-based, seed {experiment.seed}."),
        ChecklistItem(
            "5.3", "Model execution", "Daily steps with events in order of (time, rank, person) within the day."
        ),
        ChecklistItem(
            "5.4",
            "System specification",
            f"{manifest['machine']['system']}, {manifest['machine']['cores']} cores; {engine['workers']} workers with "
            f"{engine['threads']} threads; {manifest['seconds']:,.0f} s.",
        ),
        ChecklistItem("6.1", "Computer model sharing statement", _missing("where the model is available")),
    ]


def _initialisation(experiment: ExperimentDefinition) -> str:
    """How people come to the first day."""
    where = {
        "as_described": "at the network's entry, as the cohort describes them",
        "home": "where they live",
        "discharge": "at the discharge from an index admission",
        "admission": "at the hospital door, at an index admission",
    }[experiment.entry]
    days = f"spread over {experiment.enrolment_days} days" if experiment.enrolment_days else "all on day 0"
    lived = f"after {experiment.run_in_days} days under usual care, " if experiment.run_in_days else ""
    in_use = experiment.entry == "home" and experiment.trial is None
    network = "goes on from the run-in" if in_use else "begins empty of other patients"
    return f"Twins enter {where}, {lived}{days}; the network {network}."


def _missing(what: str) -> str:
    return f"{NOT_REPORTED}{what}"


def _sentences(*parts: str) -> str:
    """What the authors wrote, followed by what popsim knows."""
    return " ".join(part for part in parts if part)


def _horizon(experiment: ExperimentDefinition) -> str:
    used = f"Used: {horizon_in_words(experiment)} from each person's entry"
    if (said := experiment.extrapolation) is None:
        return f"{used}."
    return f"{used}, by a survival curve ({said.family}), costs and utility of the last {said.window_days} days."


def _discount_rates(run: StoredRun) -> str:
    prices = run.manifest["parameters"].get(VALUATION_SETS[run.experiment.prices].care, {})
    rates = []
    for key, what in (("discount_rate_costs", "costs"), ("discount_rate_qalys", "QALYs")):
        own = getattr(run.experiment, key)
        rate = own if own is not None else prices.get(key)
        if rate is not None:
            rates.append(f"{rates_in_words(rate)} for {what}")
    return f"Used: {', '.join(rates)}." if rates else ""
