"""Panels about one twin: each quantity as measured, estimated and forecast; risks; options compared."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from popsim.assimilation.reasons import UNCHANGED
from popsim.registry.summary import Band, OptionSummary, RiskSummary, SignalHistory, TwinSummary
from popsim.reporting.figures import style
from popsim.reporting.figures.trajectories import LOGARITHMIC
from popsim.units import canonical

BELIEVED, FORESEEN, MEASURED = style.COLOURS[1], style.COLOURS[2], style.COLOURS[0]
FORESEEN_LINE = (0, (4, 1.5))
MAX_SIGNALS = 9
ACROSS = 3
PAST_DAYS = 120  # shown before today
# Shown first among unmeasured quantities, because they characterise heart failure.
UNSEEN_FIRST = ("extracellular_fluid_excess_l", "filling_pressure_mmhg", "symptom_score")
UNIT_WORDS = {"1": "", "bpm": "beats/min", "mL/min/1.73m2": "mL/min/1.73 m²"}
LABEL_LETTERS = 46
SIGNALS_NOTE = (
    "Dots: measurements (hollow: too late to be used); for kidney function also from creatinine (CKD-EPI 2021). "
    "Blue: the twin's estimate of the true value, median and 90% interval, which is wide without measurements. "
    "Orange, dashed: forecast if treatment stays as it is, median and 90% interval. Dotted vertical lines: events."
)
RISKS_NOTE = (
    "Expected number with the event among 100 people with the same record, if treatment stays as it is. Lines: 90% "
    "interval, from the least to the most at risk among the members of the twin's ensemble, who differ in their state "
    "and, as far as they are not known, in the constants of physiology."
)
OPTIONS_NOTE = (
    "Health gained (as money) minus costs, compared with no change; right of the line is better. Bars: 95% "
    "interval of the expectation. Hollow: not allowed. Best: share of ensemble members for whom it is the best."
)


@style.styled
def twin_signals(summary: TwinSummary) -> Figure:
    """Measurements, estimates and forecasts, a panel for each quantity."""
    shown = chosen_signals(summary)
    rows = max(1, math.ceil(len(shown) / ACROSS))
    figure = style.blank(10.5, 1.5 + 1.75 * rows, f"Measured, estimated and forecast, day {summary.day}", SIGNALS_NOTE)
    panels = figure.subplots(rows, ACROSS, squeeze=False).ravel()
    for panel, signal in zip(panels, shown, strict=False):
        draw_signal(panel, signal, summary)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    figure.legend(handles=signal_legend(), loc="outside upper right", ncols=5, fontsize=8)
    return figure


@style.styled
def twin_risks(summary: TwinSummary) -> Figure:
    """Risks by horizon with their intervals."""
    events = len({risk.name for risk in summary.risks})
    title = f"Risks in the days after day {summary.forecast_day}"
    figure = style.blank(6.2, 1.4 + 0.75 * events, title, RISKS_NOTE)
    draw_risks(figure.subplots(), summary.risks)
    return figure


@style.styled
def twin_options(summary: TwinSummary) -> Figure:
    """Net benefit of each option with its interval, and how probably it is the best."""
    title = f"Treatment options, compared on day {summary.options_day}"
    options = real_options(summary)
    figure = style.blank(9.0, 1.3 + 0.34 * len(options), title, OPTIONS_NOTE)
    draw_options(figure.subplots(), options, summary.benefit_unit)
    return figure


def real_options(summary: TwinSummary) -> list[OptionSummary]:
    """The options that would change this person's treatment, best first."""
    return [option for option in summary.options if option.refused != UNCHANGED]


def chosen_signals(summary: TwinSummary) -> list[SignalHistory]:
    """The quantities to show: all that were measured, then the most important of the others."""

    def rank(signal: SignalHistory) -> int:
        if signal.readings:
            return 0
        return 1 if signal.name in UNSEEN_FIRST else 2

    return sorted(summary.signals, key=rank)[:MAX_SIGNALS]


def unit_words(signal: SignalHistory) -> str:
    """A signal's unit in common notation; empty where it has none."""
    unit = canonical(signal.unit)
    return UNIT_WORDS.get(unit, unit)


def signal_legend() -> list[Line2D | Patch]:
    """The legend of all panels."""
    return [
        Line2D([], [], ls="none", marker="o", ms=4, color=MEASURED, label="measured"),
        Patch(facecolor=BELIEVED, alpha=0.35, label="estimate (90%)"),
        Line2D([], [], color=style.INK, lw=0.9, label="today"),
        Patch(facecolor=FORESEEN, alpha=0.3, label="forecast (90%)"),
        Line2D([], [], color=style.QUIET, lw=0.9, ls=":", label="event"),
    ]


def draw_signal(axis: Axes, signal: SignalHistory, summary: TwinSummary, size: float = 8.0) -> None:
    """One quantity over time: measurements, estimate, forecast, events and today."""
    first = max(0, summary.day - PAST_DAYS)
    last = max([summary.day + 1, *signal.forecast.days[-1:]])
    _band(axis, _since(signal.belief, first), BELIEVED, "solid")
    _band(axis, _joined(signal), FORESEEN, FORESEEN_LINE)
    for used, face in ((True, MEASURED), (False, "white")):
        mine = [one for one in signal.readings if one.used is used and one.time >= first]
        axis.plot([o.time for o in mine], [o.value for o in mine], "o", ms=2.6, color=MEASURED, mfc=face, mew=0.7)
    for day in {day for day, _ in summary.events if day >= first}:
        axis.axvline(day, color=style.QUIET, lw=0.9, ls=":", zorder=0.5)
    axis.axvline(summary.day, color=style.INK, lw=0.8, zorder=0.6)
    if signal.name in LOGARITHMIC:
        axis.set_yscale("log")
        style.log_ticks(axis.yaxis)
    else:
        axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_xlim(first, last)
    unit = unit_words(signal)
    axis.set_title(signal.label + (f", {unit}" if unit else ""), fontsize=size + 0.5, pad=3)
    axis.tick_params(labelsize=size - 1, length=2)
    if not signal.readings:
        axis.annotate(
            "never measured", (1, 1), (-2, -2), xycoords="axes fraction", textcoords="offset points", ha="right",
            va="top", fontsize=size - 1, style="italic", color=style.QUIET,
        )  # fmt: skip


def draw_risks(axis: Axes, risks: Sequence[RiskSummary], size: float = 8.0) -> None:
    """A line for each event and horizon: a dot, its interval, and both in figures."""
    position, ticks, labels = 0.0, [], []
    for name in dict.fromkeys(risk.name for risk in risks):
        mine = sorted((risk for risk in risks if risk.name == name), key=lambda risk: risk.within_days)
        axis.annotate(
            mine[0].label, (0, position), (-44, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", annotation_clip=False, fontsize=size, weight="bold", color=style.INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
        for step, risk in enumerate(mine, start=1):
            y = position + step
            axis.plot([100 * risk.low, 100 * risk.high], [y, y], color=FORESEEN, lw=3.2, alpha=0.4)
            axis.plot(100 * risk.probability, y, "o", ms=4, color=FORESEEN)
            axis.text(1.02, y, risk_words(risk), transform=axis.get_yaxis_transform(), va="center", fontsize=size - 1)
            ticks.append(y)
            labels.append(f"{risk.within_days} days")
        position += len(mine) + 1.25
    axis.set_yticks(ticks, labels, fontsize=size - 1)
    axis.spines["left"].set_visible(False)
    axis.set_ylim(position - 0.5, -0.7)
    axis.set_xlim(0, 100)
    axis.set_xticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"], fontsize=size - 1)
    axis.tick_params(length=2)
    axis.grid(axis="y", visible=False)


def draw_options(axis: Axes, options: Sequence[OptionSummary], unit: str, size: float = 8.0) -> None:
    """A line for each option: net benefit beyond no change with its interval, and how probably it is the best."""
    labels = []
    for position, option in enumerate(options):
        colour = BELIEVED if option.chosen else style.QUIET if not option.refused else style.RULE
        axis.plot([option.low, option.high], [position, position], color=colour, lw=3.2, alpha=0.45)
        axis.plot(option.benefit, position, "D" if option.chosen else "o", ms=4.5, color=colour,
                  mfc="white" if option.refused else colour)  # fmt: skip
        words = "not allowed" if option.refused else f"{100 * option.probability_best:.0f}%"
        axis.text(
            1.02, position, words, transform=axis.get_yaxis_transform(), va="center", fontsize=size - 1,
            weight="bold" if option.chosen else "normal", color=style.QUIET if option.refused else style.INK,
        )  # fmt: skip
        what, _, doses = option.label.partition(" (")
        labels.append("\n".join([what, *textwrap.wrap(doses.removesuffix(")"), LABEL_LETTERS)]))
    axis.text(1.02, -0.95, "Best", transform=axis.get_yaxis_transform(), va="center", fontsize=size - 1)
    axis.set_yticks(range(len(options)), labels, fontsize=size - 1, linespacing=1.15)
    for tick, option in zip(axis.get_yticklabels(), options, strict=True):
        tick.set_fontweight("bold" if option.chosen else "normal")
        tick.set_color(style.QUIET if option.refused else style.INK)
    axis.axvline(0, color=style.INK, lw=0.8, zorder=1)
    axis.set_ylim(len(options) - 0.4, -0.6)
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_formatter(lambda value, _: signed(value))
    axis.tick_params(labelsize=size - 1, length=2)
    axis.set_xlabel(f"Net benefit, {unit}", fontsize=size - 1, loc="right")
    axis.grid(axis="y", visible=False)


def risk_words(risk: RiskSummary) -> str:
    """A risk with its interval, in per cent."""
    return f"{percent(risk.probability)} ({percent(risk.low)} to {percent(risk.high)})"


def signed(value: float) -> str:
    """A whole number with its sign; 0 has none."""
    return f"{value:+,.0f}" if round(value) else "0"


def percent(share: float) -> str:
    """A share in per cent with no more digits than are useful for action."""
    value = 100.0 * share
    if 0.0 < value < 0.1:
        return "<0.1%"
    return f"{value:.1f}%" if 0.0 < value < 9.95 else f"{value:.0f}%"


def _band(axis: Axes, band: Band, colour: str, line: object) -> None:
    axis.fill_between(band.days, band.low, band.high, color=colour, alpha=0.25, lw=0)
    axis.plot(band.days, band.median, color=colour, ls=line, lw=1.2)


def _since(band: Band, first: int) -> Band:
    start = next((position for position, day in enumerate(band.days) if day >= first), len(band.days))
    return Band(band.days[start:], band.low[start:], band.median[start:], band.high[start:])


def _joined(signal: SignalHistory) -> Band:
    """The forecast, starting from the estimate of the day before it."""
    band, belief = signal.forecast, signal.belief
    if not band.days or band.days[0] - 1 not in belief.days:
        return band
    at = belief.days.index(band.days[0] - 1)
    return Band(
        (belief.days[at], *band.days),
        (belief.low[at], *band.low),
        (belief.median[at], *band.median),
        (belief.high[at], *band.high),
    )
