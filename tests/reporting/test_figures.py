"""Figures of a small run: what they show, in words and in numbers known from elsewhere."""

import re
import warnings

import numpy as np
import polars as pl
import pytest
from finished_run import with_changes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.stats import multivariate_normal

from popsim.cli import main
from popsim.errors import InputError
from popsim.reporting import figures
from popsim.reporting.figures import style, trajectories
from popsim.reporting.figures.curves import people_of
from popsim.reporting.figures.trajectories import _simulated
from popsim.reporting.figures.value import ellipse, increments
from popsim.runs.run import StoredRun
from popsim.studies.unit import build

TITLES = {"usual_care": "Usual care", "early_follow_up": "Early follow-up", "telemonitoring": "Telemonitoring"}


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.fixture(scope="module")
def drawn(run) -> dict[str, figures.Drawn]:
    return {one.name: one for one in figures.draw_all(run)}


def test_everything_that_needs_no_parameter_draws_is_drawn_without_them(drawn):
    missing = {name: one.problem for name, one in drawn.items() if one.figure is None}
    assert [*missing] == ["acceptability", "net_benefit", "evpi", "evppi", "evsi"]
    assert "name a study" in missing.pop("evsi")
    assert all("0 parameter draws" in problem for problem in missing.values())


def test_every_figure_says_what_it_is(drawn):
    for name, one in drawn.items():
        if one.figure is not None:
            assert len(style.described(one.figure)) > 60, name


@pytest.mark.parametrize("name", ["outcomes", "readmission", "survival", "plane", "costs", "subgroups", "occupancy"])
def test_every_strategy_is_named(drawn, name):
    said = words(drawn[name].figure).lower()
    assert all(title.lower() in said for title in TITLES.values())


@pytest.mark.parametrize("name", ["readmission", "survival", "occupancy"])
def test_lines_differ_in_colour_and_in_dashes(drawn, name):
    lines = [line for line in drawn[name].figure.axes[0].lines if not line.get_label().startswith("_")][:3]
    looks = [(line.get_color(), line.get_linestyle(), line._dash_pattern) for line in lines]
    assert len({colour for colour, _, _ in looks}) == 3
    assert len({str(dashes) for _, _, dashes in looks}) == 3


def test_looks_differ_far_beyond_the_number_of_colours():
    found = style.looks([f"s{i}" for i in range(40)])
    assert len({(a.colour, str(a.line), a.marker, a.hatch) for a in found.values()}) == 40


def test_the_comparator_is_dark_and_solid_wherever_it_stands():
    assert style.looks(["a", "b"], "b")["b"] == style.look(0)


def test_the_last_day_of_the_readmission_curve_is_the_stored_measure(run, drawn):
    measures = run.frame("measures").filter(pl.col("measure") == "readmission_30d_cumulative_incidence")
    expected = measures.group_by("strategy").agg(pl.col("value").mean())
    lines = {line.get_label(): line for line in drawn["readmission"].figure.axes[0].lines}
    for name, value in expected.iter_rows():
        assert lines[TITLES[name]].get_ydata()[-1] == pytest.approx(100 * value, rel=1e-12)


def test_the_last_day_of_the_survival_curve_is_the_stored_mortality(run, drawn):
    deaths = run.frame("persons").group_by("strategy").agg(pl.col("died").mean())
    lines = {line.get_label(): line for line in drawn["survival"].figure.axes[0].lines}
    for name, died in deaths.iter_rows():  # everybody has the same follow-up: Kaplan-Meier is the share alive
        assert lines[TITLES[name]].get_ydata()[-1] == pytest.approx(100 * (1 - died), rel=1e-12)


def test_people_are_who_was_observed(run):
    people = people_of(run, run.frame("persons").head(5))
    assert people.columns == ["person_id", "entry_day", "end_day", "death_time_days", "entered_as", "entry_cause"]
    assert (people["end_day"] - people["entry_day"] == 90).all()


def test_the_plane_shows_the_stored_differences(run, drawn):
    value = run.frame("cost_effectiveness")
    means = increments(run).group_by("strategy").agg(pl.col("qalys", "cost").mean())
    joined = means.join(value, on="strategy")
    assert len(joined) == 2
    assert np.allclose(joined["cost"], joined["cost_difference"], rtol=1e-12)
    assert np.allclose(joined["qalys"], joined["qaly_difference"], rtol=1e-12)
    assert [len(points.get_offsets()) for points in drawn["plane"].figure.axes[0].collections] == [3, 3]


def test_the_ellipse_of_points_holds_95_percent_of_a_normal():
    """Against scipy: 20,000 points, standard error of the share 0.0015."""
    points = multivariate_normal([1.0, 2.0], [[2.0, 0.7], [0.7, 0.5]], seed=1).rvs(20_000)
    outline = ellipse(points, of_the_mean=False)
    inverse = np.linalg.inv(np.cov(points.T))

    def distance(x: np.ndarray) -> np.ndarray:
        away = x - points.mean(axis=0)
        return np.einsum("ni,ij,nj->n", away, inverse, away)

    edge = distance(outline)
    assert np.ptp(edge) < 1e-9 * edge.mean()
    assert (distance(points) < edge.mean()).mean() == pytest.approx(0.95, abs=0.006)


def test_points_on_a_line_or_too_few_have_no_ellipse():
    assert ellipse(np.array([[0.0, 0.0], [1.0, 1.0]]), of_the_mean=True) is None
    assert ellipse(np.zeros((5, 2)), of_the_mean=True) is None


def test_components_add_up_to_the_total(run, drawn):
    axis = drawn["costs"].figure.axes[0]
    total = run.frame("summary").filter((pl.col("measure") == "cost_total") & (pl.col("strategy") == "usual_care"))
    widths = [bar.get_width() for bar in axis.patches if bar.get_y() < 0]
    assert sum(widths) == pytest.approx(total["mean"].item(), rel=1e-9)


def test_occupancy_shows_the_places_of_the_scaled_network(run, drawn):
    model = build(run.unit("usual_care"))
    place = [setting.name for setting in model.network.settings].index("general_ward")
    assert f"{model.care.capacity[0, place]:,} places" in words(drawn["occupancy"].figure)
    with pytest.raises(InputError, match="did you mean 'general_ward'"):
        figures.occupancy(run, ["general_wards"])


def test_the_flow_out_of_the_wards_is_what_the_log_counts(run, drawn):
    assert "of the study" in words(drawn["network"].figure)
    starts = run.events("usual_care").filter((pl.col("event") == "start") & (pl.col("setting") == "general_ward"))
    per_day = len(starts.collect()) / 110
    assert f"{per_day:.2g}/day of the study" in words(drawn["network"].figure)


def test_a_twin_is_followed_with_the_bits_of_the_run(run):
    model = build(run.unit("telemonitoring", replication=1))
    _simulated(model, np.array([0]), ["weight_kg"])
    stored = run.events("telemonitoring", replication=1).collect()
    assert model.events.frame()["time_days"].equals(stored["time_days"])


def test_the_trajectory_shades_each_stay_in_hospital(run):
    here = (pl.col("strategy") == "usual_care") & (pl.col("replication") == 0)
    most = run.frame("persons").filter(here).sort("admissions", "person_id", descending=[True, False])[0]
    figure = figures.twin_trajectory(run)
    assert f"Person {most['person_id'].item()}," in words(figure)
    assert len(figure.axes[0].patches) >= most["admissions"].item() > 0
    with pytest.raises(InputError, match="no person 9999"):
        figures.twin_trajectory(run, 9999)
    with pytest.raises(InputError, match="no column 'weight'"):
        figures.twin_trajectory(run, signals=["weight"])


def test_a_death_after_the_end_of_follow_up_is_none_of_the_experiment(run, monkeypatch):
    """The simulation goes on to the last person's end; the table counts what falls into each one's follow-up."""
    real, follow_up = trajectories.history, run.experiment.follow_up_days

    def died_later(*arguments):
        log = real(*arguments).filter(pl.col("event") != "death")
        late = pl.lit(log["time_days"].min() + follow_up + 15.0).alias("time_days")
        return pl.concat([log, log[:1].with_columns(pl.lit("death").cast(log.schema["event"]).alias("event"), late)])

    monkeypatch.setattr(trajectories, "history", died_later)
    figure = figures.twin_trajectory(run)
    assert "alive at the end of follow-up" in words(figure) and "died" not in words(figure)
    assert figure.axes[-1].get_xlim()[1] == follow_up


@pytest.mark.slow
def test_acceptability_sums_to_one_and_is_drawn_from_draws(uncertain_run):
    figure = figures.acceptability(uncertain_run)
    curves = [line for line in figure.axes[0].lines if line.get_label() in TITLES.values()]
    assert len(curves) == 3
    assert np.allclose(sum(line.get_ydata() for line in curves), 1.0)


@pytest.mark.slow
def test_a_run_without_persons_says_what_it_cannot_draw(uncertain_run):
    missing = {one.name: one.problem for one in figures.draw_all(uncertain_run) if one.figure is None}
    assert {"readmission", "survival", "subgroups", "occupancy", "network"} <= set(missing)
    assert all("store is 'measures'" in missing[name] for name in ("readmission", "subgroups", "occupancy", "network"))


def test_a_tornado_has_its_widest_bar_on_top():
    frame = pl.DataFrame(
        {
            "parameter": ["a.narrow", "a.wide"], "low_value": [1.0, 2.0], "high_value": [3.0, 4.0],
            "outcome_low": [9.0, 20.0], "outcome_high": [11.0, 0.0], "base": [10.0, 10.0],
        }
    )  # fmt: skip
    axis = figures.tornado(frame, "Net benefit, GBP").axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["wide", "narrow"]
    assert sorted(bar.get_width() for bar in axis.patches) == [-10.0, -1.0, 1.0, 10.0]


def test_bars_that_luck_alone_may_have_made_are_grey_and_last():
    frame = pl.DataFrame(
        {
            "parameter": ["a.lucky", "a.known"], "low_value": [1.0, 2.0], "high_value": [3.0, 4.0],
            "outcome_low": [0.0, 9.0], "outcome_high": [20.0, 11.0], "base": [10.0, 10.0],
            "low_reach": [30.0, 0.5], "high_reach": [30.0, 0.5], "told": [False, True],
        }
    )  # fmt: skip
    figure = figures.tornado(frame, "Net benefit, GBP")
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["known", "lucky"]
    greys = {bar.get_width(): to_hex(bar.get_facecolor()) for bar in axis.patches}
    assert greys[10.0] == greys[-10.0] == "#c8c8c8"
    assert "#c8c8c8" not in (greys[1.0], greys[-1.0])
    assert len(axis.containers) == 8, "a bar and its Monte Carlo error at each end"
    assert "Grey: unknown, because the swing is smaller than its Monte Carlo error" in " ".join(
        figure.get_supxlabel().split()
    )


def test_costs_say_of_which_years_their_prices_are(run, tmp_path):
    printed = StoredRun.open(with_changes(run.folder, tmp_path, price_year="as_printed"))
    for draw in (figures.cost_breakdown, figures.main_outcomes, figures.cost_effectiveness_plane):
        for one, told in ((run, "GBP of 2023"), (printed, "not inflated (1 of 2011")):
            figure = draw(one)
            assert told in " ".join(figure.get_supxlabel().split()), draw
            assert "2012 prices" not in figure.get_suptitle()


def test_levels_have_names(run):
    labels = " ".join(label.get_text() for label in figures.subgroup_forest(run).axes[0].get_yticklabels())
    for name in ("Men", "Women", "Most deprived fifth", "Least deprived fifth", "White"):
        assert name in labels
    assert not re.search(r"[Ff]emale|quintile|ethnicity \d", labels)


def test_plot_writes_files_and_says_why_not(run, tmp_path, capsys):
    folder = str(run.folder)
    flags = ["--only", "plane", "--only", "acceptability", "--format", "svg", "--out", str(tmp_path)]
    assert main(["plot", folder, *flags]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plane.svg"]
    assert "acceptability: not drawn: 0 parameter draws" in capsys.readouterr().out
    first = (tmp_path / "plane.svg").read_bytes()
    assert main(["plot", folder, *flags]) == 0
    assert (tmp_path / "plane.svg").read_bytes() == first


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only", "plan"], "no figure 'plan', did you mean 'plane'"),
        (["--format", "gif"], "--format gif"),
    ],
)
def test_plot_refuses_in_one_line(run, flags, message, capsys):
    assert main(["plot", str(run.folder), *flags]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint and complaint.count("\n") == 1


@pytest.mark.parametrize("label", ["早期随访", "a label far too long for its place in the figure " * 4])
def test_what_matplotlib_cannot_show_well_is_no_noise_on_the_console(label, tmp_path):
    with warnings.catch_warnings(action="error"), style.in_style():
        figure = Figure(figsize=(2, 1), layout="constrained")
        figure.subplots().set_title(label)
        style.save(figure, str(tmp_path / "label.png"))


@pytest.mark.parametrize(("name", "message"), [("a.gif", "must end in .png, .svg, .pdf"), ("no/a.png", "cannot be")])
def test_a_figure_that_cannot_be_saved_is_one_line(name, message, tmp_path):
    with pytest.raises(InputError, match=message):
        style.save(Figure(), tmp_path / name)


def test_panels_bear_the_label_and_unit_of_the_measure(run):
    named = ["mortality", "cost_drugs", "wait_p95_hours.general_ward"]
    figure = figures.main_outcomes(run, named)
    assert [axis.get_title(loc="left").replace("\n", " ") for axis in figure.axes] == [
        "Died during follow-up, %", "Cost per person, drugs, GBP", "Wait for a bed, hours, 95th centile: General ward",
    ]  # fmt: skip


@pytest.mark.parametrize("draw", [lambda run: figures.main_outcomes(run, ["qaly"]),
                                  lambda run: figures.subgroup_forest(run, measure="qalys")])  # fmt: skip
def test_a_misspelt_measure_is_refused(run, draw):
    with pytest.raises(InputError, match="did you mean 'qaly"):
        draw(run)


def test_an_end_without_a_ratio_has_its_words_in_the_tornado():
    frame = pl.DataFrame(
        {
            "parameter": ["a.price", "a.gain"], "low_value": [1.0, 2.0], "high_value": [3.0, 4.0],
            "outcome_low": [9000.0, 14000.0], "outcome_high": [11000.0, None], "base": [10000.0, 10000.0],
            "low_reach": [50.0, 80.0], "high_reach": [50.0, None], "told": [True, True],
            "low_verdict": ["gains health at a cost"] * 2, "high_verdict": ["gains health at a cost", "dominant"],
        }
    )  # fmt: skip
    figure = figures.tornado(frame, "Cost per QALY gained, GBP")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["gain", "price"]
    assert "4: dominant" in words(figure)
    assert len(figure.axes[0].patches) == 3
    assert "Words: no ratio at that end." in " ".join(figure.get_supxlabel().split())


def test_values_of_both_ends_on_one_side_of_the_base_case_stand_apart():
    frame = pl.DataFrame(
        {
            "parameter": ["a.price", "a.noise"], "low_value": [1.0, 8.0], "high_value": [5.0, 9.0],
            "outcome_low": [6560.0, 6000.0], "outcome_high": [7034.0, 6500.0], "base": [7123.0, 7123.0],
            "low_reach": [18.0, 9e4], "high_reach": [18.0, 9e4], "told": [True, False],
        }
    )  # fmt: skip
    axis = figures.tornado(frame, "Cost per QALY gained, GBP").axes[0]
    place = {text.get_text(): text.xy[0] for text in axis.texts}
    assert (place["1"], place["5"]) == pytest.approx((6560 - 18, 7123))
    assert place["8"] < place["9"]
    low, high = axis.get_xlim()
    assert 5800 < low < 6000 and 7123 < high < 7300, "the noise of an unknown swing does not set the scale"
