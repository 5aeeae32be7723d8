"""Figures can be read: nothing hidden or over anything else, ticks as numbers, also in one column of a journal."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from revalued_run import revalued_run

from popsim.cli import main
from popsim.reporting import figures
from popsim.reporting.figures import beds, style, value
from popsim.reporting.labels import level_label
from popsim.runs.run import StoredRun
from popsim.runs.warm_up import WarmUpRule


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> StoredRun:
    return revalued_run(tmp_path_factory.mktemp("made"), 40, 2)


def legend_words(figure) -> list[str]:
    boxes = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    return [text.get_text() for box in boxes for text in box.get_texts()]


def extents(figure, texts: list[Text]) -> list:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return [text.get_window_extent(canvas.get_renderer()) for text in texts]


def test_hatches_are_calm_and_differ():
    """At most two strokes a cell; colours alone would not do in grey."""
    assert len(set(style.HATCHES)) == len(style.HATCHES) == 8
    assert all(len(hatch) <= 2 for hatch in style.HATCHES)


def test_every_component_of_cost_is_in_the_legend_with_its_share(run):
    figure = figures.cost_breakdown(run)
    labels = legend_words(figure)
    summary = run.frame("summary").filter(pl.col("strategy") == "usual_care")
    costs = {row["measure"]: row["mean"] for row in summary.iter_rows(named=True) if row["measure"].startswith("cost_")}
    assert costs["cost_drugs"] > 0 and any(label.startswith("Drugs (") for label in labels)
    assert len(labels) == len({patch.get_facecolor() for patch in figure.axes[0].patches})
    assert all(label.endswith("%)") for label in labels)
    ends = [max(line.get_xdata()) for line in figure.axes[0].lines]
    assert figure.axes[0].get_xlim()[1] > max(ends, default=0.0), "no interval runs out of the figure"


def test_differences_of_cost_are_the_stored_ones_and_add_up(run):
    figure = figures.cost_differences(run)
    axis = figure.axes[0]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    table = run.frame("comparisons").filter(pl.col("strategy") == "telemonitoring")
    stored = dict(table.select("measure", "mean").iter_rows())
    points = {container.lines[0].get_ydata()[0]: container.lines[0].get_xdata()[0] for container in axis.containers}
    lower = [points[y] for y in sorted(points) if y > round(y)]
    assert labels[-1] == "Total" and len(lower) == len(labels)
    assert lower[-1] == pytest.approx(stored["cost_total"], rel=1e-12)
    assert sum(lower[:-1]) == pytest.approx(stored["cost_total"], rel=1e-9)


def test_logarithmic_ticks_are_plain_numbers():
    figure = style.blank(4, 3, "x")
    axis = figure.subplots()
    axis.plot([3, 900], [0.02, 4000])
    axis.set_xscale("log")
    axis.set_yscale("log")
    for one, ends in ((axis.xaxis, ["5", "10", "500"]), (axis.yaxis, ["0.1", "1", "1,000"])):
        style.log_ticks(one)
        shown = [label.get_text() for label in one.get_ticklabels()]
        assert set(ends) <= set(shown) and not [word for word in shown if "$" in word or "^" in word]
        assert len(one.get_minorticklocs()) == 0


def test_numbers_below_an_axis_do_not_touch_in_a_column(made):
    with style.column_width():
        (drawn,) = figures.draw_all(made, ["evpi"])
    ticks = drawn.figure.axes[0].get_xticklabels()
    boxes = sorted((box for box in extents(drawn.figure, ticks) if box.width > 0), key=lambda box: box.x0)
    gaps = [after.x0 - before.x1 for before, after in itertools.pairwise(boxes)]
    assert len(gaps) >= 2 and min(gaps) > 4


@pytest.mark.parametrize("ends", [(1800.0, 3400.0), (2050.0, 2900.0)])
def test_a_short_logarithmic_axis_has_more_than_one_tick(ends):
    axis = style.blank(4, 3, "x").subplots()
    axis.set_yscale("log")
    axis.set_ylim(ends)
    style.log_ticks(axis.yaxis)
    shown = [float(label.get_text().replace(",", "")) for label in axis.get_yticklabels()]
    assert 2 <= len(shown) <= 10 and shown == sorted(set(shown)) and ends[0] <= shown[0] and shown[-1] <= ends[1]


@pytest.mark.parametrize("shift", [(-1, -1), (0, 0)])
def test_quadrants_of_the_plane_are_named_where_there_is_room(made, shift, monkeypatch):
    points = value.increments(made)
    middle = points.select("qalys", "cost").mean().row(0)
    moved = points.with_columns(pl.col("qalys") + shift[0] * middle[0], pl.col("cost") + shift[1] * middle[1])
    monkeypatch.setattr(value, "increments", lambda _: moved)
    words = {text.get_text() for text in value.cost_effectiveness_plane(made).axes[0].texts}
    named = {"better, dearer", "better, cheaper", "worse, dearer", "worse, cheaper"}
    assert words & named == (named if shift[0] else {"better, dearer"})


@pytest.mark.parametrize(("column", "level", "words"), [
    ("age_years", "65 to under 75", "age 65 to under 75 years"),
    ("age_years", "75 and over", "age 75 years and over"),
    ("gfr_ml_min", "under 30", "gfr under 30 mL/min"),
    ("systolic_mmhg", "under 110", "systolic under 110 mmHg"),
    ("ejection_fraction_percent", "under 40", "ejection fraction under 40%"),
    ("female", "1", "women"),
])  # fmt: skip
def test_units_of_subgroups_in_words(column, level, words):
    assert level_label(column, level) == words


@pytest.mark.parametrize("days", [0, 7])
def test_the_warm_up_of_the_run_is_shaded_and_its_rule_told(run, monkeypatch, days):
    monkeypatch.setattr(beds, "warm_up_of", lambda *_: WarmUpRule(days, "Of these days."))
    figure = figures.occupancy(run, ["general_ward"])
    assert [patch.get_width() for patch in figure.axes[0].patches if patch.get_width() > 0] == [days] * bool(days)
    told = " ".join(figure.get_supxlabel().split())
    assert "Of these days." in told and ("They are shaded." in told) == bool(days)
    assert "place" in " ".join(text.get_text() for text in figure.axes[0].texts)


@pytest.mark.parametrize("name", ["plane", "acceptability", "net_benefit", "evpi", "costs", "cost_differences"])
def test_in_a_column_nothing_is_below_6_points_or_out_of_the_figure(made, run, name):
    with style.column_width():
        (drawn,) = figures.draw_all(run if name == "costs" else made, [name])
        figure = drawn.figure
        assert figure.get_size_inches()[0] == pytest.approx(85 / 25.4)
        texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert min(text.get_fontsize() for text in texts) >= 6.0
        width, boxes = figure.bbox.width, extents(figure, texts)
        ticks = {*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()}  # some are beyond the axis
        for one, box in zip(texts, boxes, strict=True):
            assert one in ticks or (box.x0 > -2 and box.x1 < width + 2), one.get_text()
        title, legend = boxes[texts.index(figure._suptitle)], figure.axes[0].get_legend()
        assert legend is None or not legend.get_window_extent().overlaps(title)


@pytest.mark.slow
def test_plot_draws_for_a_column_and_refuses_what_needs_a_page(made, tmp_path, capsys):
    flags = ["plot", str(made.folder), "--width", "column", "--out", str(tmp_path)]
    assert main([*flags, "--only", "plane"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plane.png"]
    capsys.readouterr()
    assert main([*flags, "--only", "network"]) == 2
    assert "--only network: needs the width of a page" in capsys.readouterr().err
    assert main(["plot", str(made.folder), "--width", "colum"]) == 2
    assert "--width colum: did you mean 'column'" in capsys.readouterr().err
