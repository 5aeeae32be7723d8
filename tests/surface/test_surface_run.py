"""A finished run in Python: its tables, decision, figures, report; several runs side by side."""

import sys
from datetime import date
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.axes import Axes
from slow_cases import with_slow

import popsim as ps
from popsim.economics.budget import budget_impact
from popsim.economics.cost_effectiveness import cost_effectiveness
from popsim.surface.frames import as_requested

ROOT = Path(__file__).parents[2]
PANELS = {"outcomes": 6, "readmission": 2, "survival": 2, "plane": 1, "costs": 1, "subgroups": 2, "occupancy": 16,
          "network": 1, "twin": 6, "cohort": 6}  # fmt: skip


@pytest.fixture(autouse=True)
def no_figures_stay():
    yield
    plt.close("all")


def test_a_run_is_opened_again(run):
    assert ps.Run.open(run.folder).manifest["content_hash"] == run.manifest["content_hash"]
    assert isinstance(ps.Run.open(run.folder.parent), ps.Run)


def test_tables(run):
    assert run.summary("qalys")["strategy"].to_list() == list(run.strategies)
    assert run.differences(["qalys", "cost_total"])["measure"].to_list() == ["qalys"] * 2 + ["cost_total"] * 2
    assert len(run.frame("persons")) == 80 * 3 * 3
    assert len(run.summary()) > 100


def test_a_decision_agrees_with_the_run_s_own_cost_effectiveness(run):
    price = 30_000
    expected = cost_effectiveness(run.frame("measures"), run.comparator, price)
    found = run.decide(willingness_to_pay=price).filter(pl.col("strategy") != run.comparator)
    for row in expected.iter_rows(named=True):
        mine = found.row(by_predicate=pl.col("strategy") == row["strategy"], named=True)
        assert mine["net_monetary_benefit"] == pytest.approx(row["net_monetary_benefit"])


@pytest.mark.slow
def test_with_draws_a_decision_says_how_sure_it_is(results):
    experiment = ps.Experiment.read(ROOT / "experiments/heart_failure_uncertainty.toml")
    run = experiment.with_(population=20, draws=3, replications=1, follow_up_days=15, enrolment_days=0).run(
        results, workers=1
    )
    assert run.decide()["probability"].sum() == pytest.approx(1.0)
    assert isinstance(run.plot.acceptability(), Axes)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda run: run.summary("qaly"), "did you mean 'qalys'"),
        (lambda run: run.differences(["cost_totl"]), "did you mean 'cost_total'"),
        (lambda run: run.frame("person"), "did you mean 'persons'"),
        (lambda run: run.decide(effect="qaly"), "did you mean 'qalys'"),
        (lambda run: run.decide(float("nan")), "must be a finite number"),
        (lambda run: run.subgroups("femal"), "did you mean 'female'"),
        (lambda run: run.report("report.pdf"), "must be the path of a .html file"),
        (lambda run: run.plot.plane(ax=3), "must be matplotlib axes"),
        (lambda run: run.explain(strategy="usual_cre"), "did you mean 'usual_care'"),
        (lambda run: run.budget(100, [1.5]), "uptake: must be shares, 0 to 1"),
        (lambda run: run.budget(100, [0.5], perspective="payr"), "did you mean 'payer'"),
        (lambda run: ps.compare(run, measures="qaly"), "did you mean 'qalys'"),
        (lambda run: ps.compare(run, labels=["a", "b"]), "2 for 1 runs"),
        (lambda run: ps.compare(), "at least one run"),
    ],
)
def test_slips_are_refused_in_one_line(run, ask, words):
    with pytest.raises(ps.InputError) as refused:
        ask(run)
    assert words in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 1500


def test_misspelt_members_and_figures(run):
    with pytest.raises(AttributeError, match="did you mean 'decide'"):
        run.decid()
    with pytest.raises(AttributeError, match="did you mean 'acceptability'"):
        run.plot.acceptabilty()


def test_subgroups_may_be_cut(run):
    levels = run.subgroups({"age_years": [75], "female": []})
    assert levels.filter(pl.col("subgroup") == "age_years")["level"].n_unique() == 2


@pytest.mark.parametrize("name", with_slow(PANELS, lambda name: name not in ("network", "plane")))
def test_a_figure_makes_its_own_axes_or_takes_some(run, name):
    panels = PANELS[name]
    draw = getattr(run.plot, name)
    own = draw()
    assert np.size(own) == panels and len(plt.get_fignums()) == 1
    _, given = plt.subplots(1, panels, squeeze=False)
    back = draw(ax=given[0, 0] if panels == 1 else given)
    assert back is given[0, 0] if panels == 1 else list(back) == list(given.ravel())
    assert all(axis.has_data() or not axis.axison for axis in given.ravel())
    if panels > 1:
        with pytest.raises(ps.InputError, match=f"this figure has {panels} panels"):
            draw(ax=given[0, 0])


def test_a_panel_bears_the_title(run):
    _, axis = plt.subplots()
    run.plot.costs(ax=axis)
    assert axis.get_title(loc="left").startswith("Cost per person by component")


def test_a_report_and_texts(run, tmp_path):
    assert run.report(tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    text = run.outcomes()
    assert repr(text) == text and "80 people" in text
    assert "Admitted most often" in run.explain()
    assert run.explain(0, strategy="telemonitoring")


@pytest.mark.slow
def test_texts_and_messages_name_arguments_and_no_flags(run, tmp_path):
    for text in (run.explain(), run.explain(strategy="telemonitoring", against="usual_care")):
        assert "(name one with person=)" in text and "--" not in text
    with pytest.raises(ps.InputError, match=r"^path=.*report.html: cannot be written"):
        run.report(Path("/proc/report.html"))
    with pytest.raises(ps.InputError, match=r"^out=/proc/out.*: cannot be written"):
        ps.Experiment.read(ROOT / "experiments/heart_failure_discharge.toml").run("/proc/out", workers=1)


def test_with_pandas_every_table_has_the_same_rows_and_columns(run, monkeypatch):
    """Without pyarrow, which polars' own way to pandas needs."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name in run.tables:
        table, same = run.frame(name, pandas=True), run.frame(name)
        assert isinstance(table, pd.DataFrame) and list(table.columns) == same.columns
        for column in same.iter_columns():
            if column.dtype.is_nested():  # the settings of a stay: an array in each cell
                values = [None if value is None else list(value) for value in table[column.name]]
            else:
                values = [None if pd.isna(value) else value for value in table[column.name]]
            assert values == column.fill_nan(None).to_list() if column.dtype.is_float() else values == column.to_list()


def test_with_pandas_columns_have_the_types_of_pandas():
    frame = pl.DataFrame(
        {"number": [1, 2], "missing": [1, None], "word": ["a", None], "truth": [True, False], "list": [[1], [2, 3]],
         "kind": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])), "day": [date(2026, 3, 1), None]}
    )  # fmt: skip
    table = as_requested(frame, pandas=True)
    assert [table[name].dtype.kind for name in frame.columns] == ["i", "f", "O", "b", "O", "O", "M"]
    assert table["missing"].isna().tolist() == [False, True] and table["list"].tolist() == [[1], [2, 3]]
    assert table.groupby("kind")["number"].sum().to_dict() == {"x": 1, "y": 2}


def test_all_that_gives_a_table_gives_a_pandas_one(run):
    for table in (run.summary(pandas=True), run.differences(pandas=True), run.decide(pandas=True),
                  run.subgroups("female", pandas=True), ps.compare(run, pandas=True)):  # fmt: skip
        assert isinstance(table, pd.DataFrame) and len(table)


def test_a_budget_is_that_of_the_command_line(run):
    """Two years of 100 people: the same impact as `budget_impact`, year by year, for both strategies."""
    table = run.budget(100, [0.1, 0.5])
    assert set(table["strategy"]) == {"early_follow_up", "telemonitoring"} and set(table["year"]) == {1, 2}
    expected = budget_impact(run.frame("measures"), "usual_care", "telemonitoring", [100, 100], [0.1, 0.5])
    assert table.filter(strategy="telemonitoring")["net"].to_list() == expected["net"].to_list()
    assert run.budget([100, 100], [0.1, 0.5]).equals(table)


@pytest.mark.slow
def test_one_way_is_as_wide_as_the_price_times_what_was_bought(experiment, results):
    """Cost is a straight line in a price: its swing over 20 to 60 is twice that over 30 to 50."""
    few = experiment.with_(replications=2, follow_up_days=20)
    wide, narrow = (
        few.one_way(f"nhs_prices.inpatient_day={ends}", outcome="cost_total", out=results, workers=1)
        for ends in ("200:600", "300:500")
    )
    assert set(wide["strategy"]) == {"early_follow_up", "telemonitoring"}
    assert wide.sort("strategy")["swing"].to_list() == pytest.approx([2 * x for x in narrow.sort("strategy")["swing"]])


@pytest.mark.slow
def test_runs_side_by_side(run, experiment, results):
    other = experiment.with_(name="other", title="Other", strategies=[{"name": "usual_care"}], comparator="").run(
        results, workers=1
    )
    table = ps.compare(run, other, run, measures=["qalys", "cost_total"])
    assert table.columns == ["run", "strategy", "qalys", "qalys_low", "qalys_high", "cost_total", "cost_total_low",
                             "cost_total_high"]  # fmt: skip
    assert len(table) == 3 + 1 + 3 and table["run"].n_unique() == 2
    expected = run.summary("qalys")["mean"].to_list()
    assert table["qalys"].head(3).to_list() == expected


@pytest.mark.slow
def test_a_sweep_shares_the_random_streams(experiment, results):
    """A price moves costs in proportion to what was bought, person by person, and no QALY at all."""
    few = experiment.with_(replications=1, follow_up_days=20)
    table = ps.sweep(few, {"nhs_prices.inpatient_day": [200, 300, 400]}, measures=["cost_total", "qalys"], out=results,
                     workers=1)  # fmt: skip
    assert table.columns == ["nhs_prices.inpatient_day", "strategy", "measure", "mean", "low", "high"]
    wide = table.pivot("nhs_prices.inpatient_day", index=["strategy", "measure"], values="mean")
    costs, qalys = (wide.filter(pl.col("measure") == name) for name in ("cost_total", "qalys"))
    assert qalys["200"].to_list() == qalys["400"].to_list()
    assert (costs["400"] - costs["300"]).to_list() == pytest.approx((costs["300"] - costs["200"]).to_list())
    assert (costs["400"] > costs["200"]).all()


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("cst_total", "did you mean 'cost_total'"),
        ("wait_mean_hours.general_wrd", "did you mean 'wait_mean_hours.general_ward'"),
        ("spending_year_2.drugs", "did you mean 'spending_year_1.drugs'"),  # twenty days are within the first year
    ],
)
def test_a_measure_that_no_run_has_is_refused_before_anything_is_simulated(experiment, tmp_path, measure, words):
    with pytest.raises(ps.InputError, match=words):
        ps.sweep(experiment.with_(follow_up_days=20), {"population": [50]}, measures=measure, out=tmp_path)
    with pytest.raises(ps.InputError, match=words):
        experiment.with_(follow_up_days=20).plan({measure: 1.0}, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nhs_prices.inpatient_dy": [200]}, "did you mean 'inpatient_day'"),
        ({"populatn": [200]}, "did you mean 'population'"),
        ({"nhs_prices.inpatient_day": [200, -3]}, "-3"),
        ({"nhs_prices.inpatient_day": []}, "at least one value"),
        ({}, "at least one parameter"),
    ],
)
def test_a_sweep_is_refused_before_anything_is_simulated(experiment, tmp_path, values, words):
    with pytest.raises(ps.InputError, match=words):
        ps.sweep(experiment, values, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
