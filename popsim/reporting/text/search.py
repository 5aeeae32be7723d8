"""What the command `popsim search` prints and draws."""

from __future__ import annotations

from pathlib import Path

from popsim.plurals import counted
from popsim.registry.summary import NOTICE
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, estimated, rounded
from popsim.search.policy import SearchResult
from popsim.search.storage import race_table, trial_table
from popsim.search.trials import excess

CERTAIN_PROBABILITY = 0.95  # probability above which a winner is called the best


def gain_title(result: SearchResult) -> str:
    """The gain, with its unit."""
    currency = result.problem.experiment.currency
    return {
        "net_benefit": f"net benefit, {currency} per person",
        "qalys": "QALYs gained per person",
        "cost": f"{currency} saved per person",
        "readmissions": "30-day readmissions avoided, share of discharges",
    }[result.problem.search.objective]


def search_text(result: SearchResult) -> str:
    """The finalists, the choices of the winner, and its gain."""
    tabled("Finalists", race_table(result))
    tabled("Variants", trial_table(result))
    return "\n\n".join([_head(result), _finalists(result), _choices(result), _verdict(result)])


def draw_search(result: SearchResult, folder: Path) -> Path:
    """The search as a PNG file in a folder that exists."""
    from popsim.reporting.figures.search import policy_search  # noqa: PLC0415 only this needs matplotlib
    from popsim.reporting.figures.style import save  # noqa: PLC0415

    search = result.problem.search
    figure = policy_search(
        trial_table(result),
        race_table(result),
        result.verdict.gain,
        gain=gain_title(result).capitalize().replace("qaly", "QALY").replace("gbp", "GBP"),
        currency=result.problem.experiment.currency,
        budget=None if search.budget is None else search.budget.most,
        title=search.title or search.name,
    )
    return save(figure, folder / "search.png")


def _head(result: SearchResult) -> str:
    search, experiment = result.problem.search, result.problem.experiment
    comparator = experiment.strategy(experiment.reference).title
    repetitions = result.verdict.gain.sample
    tried = f"{counted(len(result.trials), 'variant')} of '{search.strategy}', {experiment.population:,} people each"
    fresh = f"{counted(result.runners[0].gain.sample or 0, 'replication')} in the race, {repetitions} for the verdict"
    return f"{search.title or search.name}: {tried}; {fresh}.\nGain over {comparator}: {gain_title(result)}."


def _finalists(result: SearchResult) -> str:
    search = result.problem.search
    budget = search.budget is not None
    lines = [["Finalist", "gain in the race (95%)", "ahead of the winner (95%)", "P(better)", *["spent"] * budget]]
    for runner in result.runners:
        name = "current" if runner.variant.number == 0 else f"trial {runner.variant.number}"
        over = excess(runner.spent, search) > 0.0
        ahead = "winner" if runner.ahead is None else estimated(runner.ahead)
        chance = "" if runner.ahead is None else f"{runner.may_be_better:.2f}"
        spent = [f"{rounded(runner.spent)}{' (over)' if over else ''}"] if budget else []
        lines.append([f"  {name}", estimated(runner.gain), ahead, chance, *spent])
    return aligned(lines)


def _choices(result: SearchResult) -> str:
    search = result.problem.search
    lines = [["Choice", "current", "best", "from", "to"]]
    for choice, own, best in zip(
        search.choices, result.trials[0].variant.values, result.verdict.winner.values, strict=True
    ):
        ends = ["one of", f"{len(choice.levels)}"] if choice.options else [_level(choice.low), _level(choice.high)]
        edge = not choice.options and best in (choice.levels[0], choice.levels[-1])
        lines.append([f"  {choice.title}", _level(own), f"{_level(best)}{' (edge)' if edge else ''}", *ends])
    return aligned(lines)


def _verdict(result: SearchResult) -> str:
    verdict, search = result.verdict, result.problem.search
    lines = [
        ["On independent replications", "(95%)"],
        ["  best found, over the comparator", estimated(verdict.gain)],
        ["  current, over the comparator", estimated(verdict.before)],
        ["  best found, over current", estimated(verdict.improvement)],
    ]
    if search.budget is not None:
        lines.append([f"  spent (budget {search.budget.most:,g})", estimated(verdict.spent)])
    chance = verdict.best_probability
    sure = (
        ""
        if chance >= CERTAIN_PROBABILITY
        else " The best is uncertain: finalists with a high P(better) may do as well."
    )
    best = f"The winner is the best of the finalists with a probability of at least {chance:.2f}.{sure}"
    return f"{aligned(lines)}\n{best}\n{NOTICE}"


def _level(value: object) -> str:
    if value is None:  # the strategy leaves it to the network
        return "not set"
    return rounded(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
