"""The changing parts of the planner's page as HTML, from numbers that have been computed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import polars as pl

from popsim.analyses.run_comparison import compared, not_paired
from popsim.care.network import CareNetwork
from popsim.dashboard.charts import Line, PlottedInterval, cloud_chart, intervals_chart, lines_chart
from popsim.dashboard.daily_flows import WINDOW_DAYS, NetworkDay
from popsim.dashboard.document import problem
from popsim.dashboard.live import LiveRun
from popsim.dashboard.network_picture import NetworkPicture, network_rows
from popsim.dashboard.revaluing import Basis
from popsim.dashboard.tables import wide
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.cost_effectiveness import TOTAL_COST, effect_of
from popsim.economics.equity import distribution
from popsim.economics.individual import individual_effects
from popsim.errors import InputError
from popsim.html import html_table
from popsim.plurals import counted
from popsim.reporting.intervals import readable
from popsim.reporting.labels import level_label
from popsim.reporting.text.formatting import difference, estimate, rounded, sharp, with_interval
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of

SHARPENING = ("readmission_30d", "bed_days", TOTAL_COST, "qalys")
COMPARED = ("readmission_30d", "admissions_per_person_year", "mortality", "bed_days", TOTAL_COST, "qalys")
MAX_POINTS = 400  # of a cloud
type Titles = Mapping[str, str]


def looks_of(titles: Titles, comparator: str) -> dict[str, int]:
    """The place of each strategy in the order of looks: the comparator is the dark, solid one."""
    return {name: place for place, name in enumerate(sorted(titles, key=lambda name: name != comparator))}


def benefit_chart(basis: Basis, titles: Titles, threshold: float) -> str:
    """Net benefit of every strategy over the comparator."""
    looks = looks_of(titles, basis.comparator)
    rows = [
        PlottedInterval(titles[row["strategy"]], row["mean"], row["low"], row["high"], looks[row["strategy"]],
                 with_interval(row["mean"], row["low"], row["high"]))
        for row in basis.benefit(threshold).iter_rows(named=True)
    ]  # fmt: skip
    unit = effect_of(basis.effect).unit
    label = f"{basis.experiment.currency} per person at {threshold:,.0f} per {unit}"
    words = "Net benefit: " + "; ".join(f"{row.label} {row.words}" for row in rows)
    against = titles[basis.comparator].lower()
    return f"<h3>Net benefit over {escape(against)}</h3>{intervals_chart(rows, label, words, zero=True)}"


def curve_chart(basis: Basis, titles: Titles, threshold: float, highest: float) -> str:
    """The probability of being the best buy by willingness to pay; without draws, the plane of replications."""
    curves = basis.curves(highest)
    looks = looks_of(titles, basis.comparator)
    currency, unit = basis.experiment.currency, effect_of(basis.effect).unit
    if curves is None:
        return _plane(basis, titles, threshold)
    lines = []
    for name in basis.decision.distinct.strategies:
        mine = curves.filter(pl.col("strategy") == name)
        lines.append(
            Line(titles[name], mine["willingness_to_pay"].to_list(), mine["probability"].to_list(), looks[name])
        )
    words = f"Probability of being the best buy by willingness to pay, 0 to {highest:,.0f} {currency} per {unit}"
    across = f"Willingness to pay, {currency} per {unit}"
    chart = lines_chart(lines, across, "Probability best", words, y_from=0.0, y_to=1.0, at=threshold)
    return f"<h3>Probability of being the best buy</h3>{chart}"


def _plane(basis: Basis, titles: Titles, threshold: float) -> str:
    """Differences of cost and effect, replication by replication."""
    wide_ = basis.measures.pivot(on="measure", index=["strategy", "draw", "replication"], values="value")
    base = wide_.filter(pl.col("strategy") == basis.comparator).drop("strategy")
    looks, sign = looks_of(titles, basis.comparator), effect_of(basis.effect).sign
    clouds = {}
    for name, title in titles.items():
        if name == basis.comparator:
            continue
        both = wide_.filter(pl.col("strategy") == name).join(base, on=["draw", "replication"], suffix="_base")
        both = both.select(
            x=sign * (pl.col(basis.effect) - pl.col(f"{basis.effect}_base")),
            y=pl.col(TOTAL_COST) - pl.col(f"{TOTAL_COST}_base"),
        ).drop_nulls().head(MAX_POINTS)  # fmt: skip
        clouds[title] = (both["x"].to_list(), both["y"].to_list(), looks[name])
    currency, unit = basis.experiment.currency, effect_of(basis.effect).unit
    words = f"Extra cost and {unit} of each replication; below the dashed line a strategy is worth its cost"
    chart = cloud_chart(
        clouds, threshold, f"{unit[:1].upper()}{unit[1:]}, per person", f"Extra cost, {currency} per person", words
    )
    hint = '<p class="hint">Below the dashed line: worth its cost.</p>'
    return f"<h3>Extra cost and extra health, by replication</h3>{chart}{hint}"


def region_table(rows: list[list[str]], titles: Titles, comparator: str, people: int) -> str:
    """Absolute numbers of the planner's region."""
    others = [f"{title}: difference" for name, title in titles.items() if name != comparator]
    caption = f"For {people:,} people a year; brackets hold 95% intervals of chance"
    table = html_table(caption, ["In your region", titles[comparator], *others], rows)
    return f"<h3>Your region</h3>{wide(table, 'Your region')}"


def sharpening_charts(run: LiveRun) -> str:
    """How differences and their intervals have become what they are, comparison by comparison."""
    if len(run.strategies) < 2 or len(run.whole) < 2:
        return ""
    looks, parts = looks_of(run.strategies, run.experiment.reference), []
    for name in SHARPENING:
        history = run.history(name)
        if history.is_empty():
            continue
        measure, lines = measure_of(name), []
        for strategy, title in run.strategies.items():
            mine = history.filter(pl.col("strategy") == strategy, pl.col("comparisons") > 1)
            if mine.is_empty():
                continue
            values = [
                [None if v is None else v * measure.factor for v in mine[column]] for column in ("mean", "low", "high")
            ]
            lines.append(Line(title, mine["comparisons"].to_list(), values[0], looks[strategy], values[1], values[2]))
        if not lines:
            continue
        label = measure.title(run.experiment.currency)
        middle = [y for line in lines for y in line.y if y is not None]
        final = [
            end for line in lines for ends in (line.low, line.high) for end in ends[len(ends) // 3 :] if end is not None
        ]
        low, high = min([*middle, *final, 0.0]), max([*middle, *final, 0.0])
        words = f"{label}, difference from {run.strategies[run.experiment.reference].lower()}, by number of comparisons"
        chart = lines_chart(
            lines, "Comparisons finished", "Difference", words, height=200.0, y_from=low, y_to=high or 1.0
        )
        parts.append(f"<div><h4>{escape(label)}</h4>{chart}</div>")
    against = run.strategies[run.experiment.reference].lower()
    head = f"<h3>How sure: difference from {escape(against)} as comparisons come in</h3>"
    hint = '<p class="hint">Lines are means so far, bands 95% intervals of chance.</p>'
    return f'{head}{hint}<div class="pair">{"".join(parts)}</div>'


def network_view(picture: NetworkPicture, today: NetworkDay, title: str, has_flows: bool) -> str:
    """The network of a day: in words, drawn, and as a table."""
    network: CareNetwork = picture.network
    stuck = [network[name].title for name in today.bottlenecks]
    where = f"Bottlenecks: {', '.join(stuck)}." if stuck else "No bottleneck."
    first = max(0, today.day - WINDOW_DAYS + 1)
    ill = f" {today.presenting:.1f} people of the study fall acutely ill a day." if has_flows else ""
    words = f"{title}, days {first} to {today.day}: {where}{ill}"
    note = "" if has_flows else "<p>Arrows have no flow: the run keeps no events, or its people are real.</p>"
    head = ["Setting", "People there", "Waiting", "Come or are seen", "State"]
    table = wide(
        html_table(f"{title}, mean of days {first} to {today.day}", head, network_rows(network, today)),
        "The network as a table",
    )
    drawing = wide(picture.svg(today, words), "Drawing of the care network")
    told = (
        "People there and waiting are all patients; arrows and what comes are people of the study, in one replication."
    )
    return (
        f'<p><strong>{escape(words)}</strong></p><p class="hint">{told}</p>{note}{drawing}'
        f"<details><summary>The same as a table</summary>{table}</details>"
    )


def beds_charts(
    daily: pl.DataFrame,
    network: CareNetwork,
    places: Mapping[str, float],
    title: str,
    day: int,
    look: int,
    warm_up: int,
) -> str:
    """People in every setting with limited places, and those who wait for it, by day; the warm-up is shaded."""
    if daily.is_empty():
        return "<p>The run keeps no days.</p>"
    names = [one.name for one in network.settings if one.name in places and f"census_{one.name}" in daily.columns]
    columns = [f"{kind}_{name}" for name in names for kind in ("census", "queue")]
    means = (
        daily.group_by("draw", "replication", "day").agg(pl.col(columns).sum())
        .group_by("day").agg(pl.col(columns).mean()).sort("day")
        .with_columns(pl.col(columns).rolling_mean(WINDOW_DAYS, min_samples=1))
    )  # fmt: skip
    every = max(1, len(means) // 180)
    means = means.gather_every(every)
    parts = []
    for name in names:
        days = means["day"].to_list()
        lines = [
            Line("people there", days, means[f"census_{name}"].to_list(), look),
            Line("waiting for a place", days, means[f"queue_{name}"].to_list(), 2 if look != 2 else 3),
        ]
        setting = network[name].title
        most = max(float(means[f"census_{name}"].max() or 0.0), places[name])  # type: ignore[arg-type]
        words = f"{setting}: up to {most:,.0f} people a day of {counted(round(places[name]), 'place')}"
        chart = lines_chart(
            lines, "Day", "People", words, height=180.0, at=float(day), limit=places[name], y_from=0.0,
            shaded_to=float(warm_up) or None,
        )  # fmt: skip
        parts.append(f"<div><h4>{escape(setting)}, {counted(round(places[name]), 'place')}</h4>{chart}</div>")
    hint = (
        "Means over replications and seven days; the dashed red line is the number of places, the dotted one the day."
    )
    if warm_up:
        hint += f" Grey: the warm-up, {warm_up} days, which occupancy leaves out."
    head = f'<h3>Beds in use: {escape(title.lower())}</h3><p class="hint">{hint}</p>'
    return f'{head}<div class="pair">{"".join(parts)}</div>'


def groups_view(run: StoredRun, by: str, threshold: float) -> str:
    """Who gains and who loses: person by person, and by group."""
    if "persons" not in run.tables or len(run.strategies) < 2:
        return problem(
            "Who gains and who loses needs the persons of the run (store = 'persons' or 'events'), and two strategies."
        )
    persons, currency = run.table("persons"), run.experiment.currency
    try:
        run.refuse_small_groups(persons, [by])
    except InputError as error:
        return problem(str(error))
    others = {name: title for name, title in run.strategies.items() if name != run.comparator}
    spread = individual_effects(persons, run.comparator, threshold)
    rows = []
    for name, title in others.items():
        mean = dict(spread.filter(pl.col("strategy") == name).select("measure", "mean").iter_rows())
        shares = [f"{100 * (mean[f'health_share_{fate}'] or 0):.0f}%" for fate in ("gains", "loses", "unchanged")]
        rows.append([title, *shares, f"{100 * (mean['net_benefit_share_gains'] or 0):.0f}%"])
    head = ["Strategy", "Gain QALYs", "Lose QALYs", "Have the same", "Worth its cost"]
    against = run.strategies[run.comparator].lower()
    parts = [
        wide(html_table(f"Persons, against the same person under {against}; chance included", head, rows), "Persons")
    ]
    table = readable(distribution(persons, run.comparator, by, threshold), run.experiment)
    looks = looks_of(run.strategies, run.comparator)
    for name, title in others.items():
        mine = table.filter(pl.col("strategy") == name)
        parts.append(_groups(mine, by, title, looks[name], currency))
    note = (
        f"Extra cost displaces care: one QALY is lost for every {currency} {threshold:,.0f}, borne equally by "
        "everybody (assumption)."
    )
    return "".join([*parts, f'<p class="hint">{escape(note)}</p>'])


def _groups(table: pl.DataFrame, by: str, title: str, look: int, currency: str) -> str:
    """Each group's gain, cost, loss elsewhere and net health benefit under a strategy."""
    rows, chart = [], []
    for (level,), cells in table.group_by("level", maintain_order=True):
        found = {row["measure"]: row for row in cells.iter_rows(named=True)}
        label, gain = level_label(by, str(level)), found["net_health_benefit"]
        figures = [sharp(found[name], 1.0 if name == "cost" else THOUSAND) for name in GROUP_MEASURES]
        rows.append([label, f"{100 * gain['share']:.0f}%", *figures])
        ends = [None if gain[end] is None else gain[end] * THOUSAND for end in ("mean", "low", "high")]
        chart.append(PlottedInterval(label, ends[0], ends[1], ends[2], look, figures[-1]))
    told = "; ".join(f"{one.label} {one.words}" for one in chart)
    words = f"Net health benefit of {title.lower()} by group: {told}"
    head = [
        "Group",
        "People",
        "QALYs gained per 1,000",
        f"Cost per person, {currency}",
        "QALYs lost elsewhere per 1,000",
    ]
    head.append("Net health benefit, QALYs per 1,000")
    return (
        f"<h3>{escape(title)}: net health benefit by group</h3>"
        f"{intervals_chart(chart, 'QALYs per 1,000 people of the group', words, zero=True)}"
        f"{wide(html_table('By group', head, rows), 'Groups')}"
    )


THOUSAND = 1000.0
GROUP_MEASURES = ("qalys_gained", "cost", "qalys_lost_elsewhere", "net_health_benefit")


def compare_view(runs: Mapping[str, StoredRun]) -> str:
    """Runs side by side, strategy by strategy; of two runs also what differs, with its error."""
    if not runs:
        return "<p>Choose at least one run.</p>"
    rows: list[list[str]] = []
    labels = [measure_of(name).title(next(iter(runs.values())).experiment.currency) for name in COMPARED]
    for title, run in runs.items():
        cells = {
            (row["strategy"], row["measure"]): row
            for row in readable(run.frame("summary"), run.experiment).iter_rows(named=True)
        }
        value = {row["strategy"]: row for row in run.frame("cost_effectiveness").iter_rows(named=True)}
        rows.append([title])
        for name, strategy in run.strategies.items():
            figures = [estimate(cells.get((name, one)), measure_of(one)) for one in COMPARED]
            worth = value.get(name)
            benefit = "" if worth is None else rounded(worth["net_monetary_benefit"], signed=True)
            rows.append([strategy, *figures, benefit])
    parts = [
        wide(
            html_table("Means per person (95% interval)", ["Strategy", *labels, "Net benefit"], rows),
            "Runs side by side",
        )
    ]
    if len(runs) == 2:
        (first, one), (second, other) = runs.items()
        parts.append(_two(first, one, second, other))
    return "".join(parts)


def _two(first: str, one: StoredRun, second: str, other: StoredRun) -> str:
    """The difference of two runs, as `popsim compare` has it."""
    table = readable(compared(one, other), one.experiment)
    reasons = not_paired(one, other)
    how = f"independent: not the same {', '.join(reasons)}" if reasons else "the same people, in pairs"
    rows: list[list[str]] = []
    for name, title in one.strategies.items():
        mine = {row["measure"]: row for row in table.filter(pl.col("strategy") == name).iter_rows(named=True)}
        if not mine:
            continue
        rows.append([title])
        for measure in COMPARED:
            if measure in mine:
                row = mine[measure]
                apart = {"mean": row["difference"], "low": row["low"], "high": row["high"]}
                cells = [
                    estimate({"mean": row[end], "low": None, "high": None}, measure_of(measure))
                    for end in ("first", "second")
                ]
                rows.append(
                    [measure_of(measure).title(one.experiment.currency), *cells, difference(apart, measure_of(measure))]
                )
    caption = f"Second less first; {how}"
    table_ = html_table(caption, ["Measure", first, second, "Difference"], rows)
    return f"<h3>What differs</h3>{wide(table_, 'Difference of two runs')}"


def sizes_in_words(experiment: ExperimentDefinition) -> str:
    """How large a run is."""
    draws = f"{counted(experiment.draws, 'draw')} of the uncertain parameters, " if experiment.draws else ""
    return f"{experiment.population:,} people, {draws}{counted(experiment.replications, 'replication')}"
