"""Figures of the value of information, of a made-up run whose net benefit is normal: closed forms."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from finished_run import with_changes, write_run
from scipy.stats import norm

from popsim.cli import main
from popsim.economics.cost_effectiveness import net_benefit
from popsim.economics.decision import Decision
from popsim.economics.information import ProposedStudy, information, sample_information
from popsim.errors import InputError
from popsim.reporting import figures
from popsim.reporting.text.formatting import rounded, span
from popsim.runs.run import StoredRun

DRAWS, PRICE = 400, 20_000.0
COST, GAIN, SD = 500.0, 0.03, 0.02  # of early follow-up; telemonitoring costs 5,000 and gains nothing


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> StoredRun:
    """Early follow-up gains QALYs that are normal over draws; two replications are alike, so that there is no noise."""
    folder = write_run(tmp_path_factory.mktemp("normal"), draws=DRAWS, replications=2)
    old = pl.read_parquet(folder / "measures.parquet")
    gain = np.random.default_rng(8).normal(GAIN, SD, DRAWS)
    strategy, measure = pl.col("strategy").cast(pl.String), pl.col("measure")
    early, cost = strategy == "early_follow_up", measure == "cost_total"
    money = pl.when(early).then(COST).when(strategy == "telemonitoring").then(5000.0).otherwise(0.0)
    health = pl.when(early).then(pl.Series(gain).gather(old["draw"] - 1)).otherwise(0.0)
    names = {
        "griffiths_2014.utility_nyha_2": gain,
        "societal_prices.earnings_day": gain,
        "heart_failure.nothing": -gain[::-1],
    }
    draws = pl.DataFrame({"draw": np.arange(1, DRAWS + 1)} | names)
    measures = old.with_columns(value=pl.when(cost).then(1000.0 + money).otherwise(0.5 + health))
    return StoredRun.open(with_changes(folder, folder, {"measures": measures, "draws": draws}))


def loss(price: float) -> float:
    """E[max(0, x)] - max(0, E[x]) of the normal net benefit."""
    mean, sd = price * GAIN - COST, price * SD
    return float(sd * norm.pdf(mean / sd) - abs(mean) * norm.cdf(-abs(mean) / sd))


def said(figure) -> str:
    return " ".join(" ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))).split())


def test_the_curve_of_evpi_is_the_closed_form(run):
    figure = figures.evpi(run, highest=40_000.0)
    axis = figure.axes[0]
    x, y = axis.lines[0].get_data()
    band = axis.collections[0].get_paths()[0].vertices
    for price in (8_000.0, 16_000.0, PRICE, 40_000.0):
        place = int(np.argmin(abs(x - price)))
        ends = band[np.isclose(band[:, 0], x[place])][:, 1]
        assert ends.min() - 2 <= loss(x[place]) <= ends.max() + 2, price
        assert ends.min() <= y[place] <= ends.max()
    assert "EVPI, GBP per person" in said(figure)
    gain = run.frame("draws")["griffiths_2014.utility_nyha_2"].mean()
    first = x[np.flatnonzero(x * gain > COST)[0]]
    assert f"usual care, early follow-up from {first:,.0f}." in said(figure), "near 500 / 0.03 = 16,667"


@pytest.mark.slow
def test_bars_of_evppi_are_the_table_without_what_cannot_matter(run):
    figure = figures.evppi(run)
    alone = figure.axes[0]
    decision = Decision.of(run.frame("measures"), "usual_care")
    draws = run.frame("draws").drop("societal_prices.earnings_day")
    expected = information(decision, draws, PRICE)["value"][1:]
    assert [bar.get_width() for bar in alone.patches] == pytest.approx(expected.to_list())
    assert [label.get_text() for label in alone.get_yticklabels()] == ["utility nyha 2", "nothing"]
    assert "1 is left out: they change neither the costs that the health system perspective counts nor qalys" in said(
        figure
    )


@pytest.mark.slow
def test_evsi_rises_with_the_study_to_the_value_of_the_parameter(run):
    study = ProposedStudy("griffiths_2014.utility_nyha_2", 0.1, [1000, 10, 100])
    figure = figures.evsi(run, study)
    x, y = figure.axes[0].lines[0].get_data()
    draws = run.frame("draws").drop("societal_prices.earnings_day")
    decision = Decision.of(run.frame("measures"), "usual_care")
    found = {
        r["known"]: r
        for r in sample_information(decision, draws, PRICE, study, run.experiment.seed).iter_rows(named=True)
    }
    assert list(x) == [10, 100, 1000]
    assert list(y) == pytest.approx([found[f"study of {n}"]["value"] for n in ("10", "100", "1,000")])
    for n, name in ((100, "study of 100"), (1000, "study of 1,000")):
        sd = PRICE * SD * np.sqrt(SD**2 / (SD**2 + 0.1**2 / n))  # of the posterior mean's net benefit
        mean = PRICE * GAIN - COST
        true = sd * norm.pdf(mean / sd) - mean * norm.cdf(-mean / sd)
        assert abs(found[name]["value"] - true) < 3.5 * found[name]["standard_error"] + 1.0, n
    with pytest.raises(InputError, match=r"societal_prices\.earnings_day.*they change neither"):
        figures.evsi(run, ProposedStudy("societal_prices.earnings_day", 1.0, [10]))
    with pytest.raises(InputError, match="name a study with --study"):
        figures.evsi(run)


def test_the_density_of_net_benefit_is_normal(run):
    figure = figures.net_benefit_density(run)
    curves = {line.get_label().partition(":")[0]: line for line in figure.axes[0].lines}
    x, y = curves["Early follow-up"].get_data()
    mean, sd = PRICE * GAIN - COST, PRICE * SD
    wider = sd * np.sqrt(1 + DRAWS ** (-2 / 5))  # Scott's kernel widens the curve
    expected = norm.pdf(x, mean, wider) / norm.pdf(mean, mean, wider)
    assert np.abs(y - expected).max() < 0.2
    assert curves["Telemonitoring"].get_xdata() == pytest.approx([-5000.0, -5000.0])
    words = said(figure)
    share = int(words.split("above 0 in ")[1].split("%")[0]) / 100
    assert share == pytest.approx(norm.cdf(mean / sd), abs=3.5 * np.sqrt(0.25 / DRAWS))
    assert "Telemonitoring: -5,000 in every draw" in words


@pytest.mark.slow
def test_the_spread_of_net_benefit_is_the_one_that_decide_prints(tmp_path, capsys):
    """With noise between replications: once the figure took it from costs and QALYs of all strategies together."""
    folder = write_run(tmp_path, draws=60, replications=2)
    old = pl.read_parquet(folder / "measures.parquet")
    health = (pl.col("strategy").cast(pl.String) == "telemonitoring") & (pl.col("measure") == "qalys")
    apart = pl.col("value") + 0.01 * (-1.0) ** pl.col("replication") + 1e-3 * pl.col("draw").sin()
    measures = old.with_columns(value=pl.when(health).then(apart).otherwise("value"))
    run = StoredRun.open(with_changes(folder, folder, {"measures": measures}))
    words = said(figures.net_benefit_density(run))
    assert main(["decide", str(run.folder)]) == 0
    printed = capsys.readouterr().out
    first, second = net_benefit(run.frame("measures"), "usual_care", PRICE).iter_rows(named=True)
    ends = span(first["parameter_low"], first["parameter_high"])
    assert ends and f" {ends} " in printed
    assert f"Early follow-up: mean {rounded(first['mean'])} (95% of parameters {ends})" in words
    assert second["parameter_sd"] is None and "n/a" in printed, "draws differ by no more than noise"
    assert f"Telemonitoring: mean {rounded(second['mean'])}, draws differ by no more than noise" in words


@pytest.mark.slow
def test_plot_draws_them_and_says_what_is_missing(run, tmp_path, capsys):
    only = [flag for name in ("net_benefit", "evpi", "evppi", "evsi") for flag in ("--only", name)]
    study = ["--study", "griffiths_2014.utility_nyha_2=0.1:10/100"]
    assert main(["plot", str(run.folder), *only, *study, "--out", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {"net_benefit", "evpi", "evppi", "evsi"}
    few = write_run(tmp_path / "few", draws=10, replications=2)
    capsys.readouterr()
    assert main(["plot", str(few), *only, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.count("10 parameter draws: needs at least 20") == 3
    assert "evsi: not drawn: name a study with --study" in out
    assert main(["plot", str(few), "--study", "x"]) == 2
    assert "--study x: must be like" in capsys.readouterr().err
