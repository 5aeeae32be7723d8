"""A run that is not finished shows the comparisons that are whole; a finished one what popsim run has combined."""

import re
import shutil

import polars as pl
import pytest

from popsim.care.network import CareNetwork
from popsim.cli import main
from popsim.dashboard.charts import Line, lines_chart
from popsim.dashboard.daily_flows import DailyFlows, last_day, network_day, places_of, slots_of
from popsim.dashboard.live import LiveRun, is_news
from popsim.dashboard.network_picture import NetworkPicture, network_rows
from popsim.dashboard.revaluing import Revaluation, Stored, basis
from popsim.dashboard.tables import outcome_tables
from popsim.dashboard.words import region_rows, told
from popsim.errors import InputError
from popsim.reporting.text.tables import outcome_lines
from popsim.runs.run import StoredRun
from popsim.studies.design import read_study


@pytest.fixture
def finished(folder):
    return StoredRun.open(folder / "results" / "small")


@pytest.fixture
def live(folder, tmp_path):
    """The same run in another folder, with no unit there; `arrive` copies some."""
    run = LiveRun.of_study(read_study(folder / "small.toml"), tmp_path)
    run.store.folder.mkdir(parents=True)

    def arrive(*numbers):
        for number in numbers:
            key = run.units[number].key
            shutil.copy(folder / "results" / "small" / "units" / f"{key}.zip", run.store.path(key))
        return run.refresh()

    run.__dict__["arrive"] = arrive
    return run


def test_comparisons_count_once_they_are_whole(live, finished):
    assert live.refresh() == 0 and live.whole == [] and not live.is_finished
    with pytest.raises(InputError, match="no comparison is finished"):
        live.measures()
    assert live.__dict__["arrive"](0) == 1 and live.whole == []
    assert live.first_measures()["strategy"].unique().to_list() == ["usual"]
    assert live.__dict__["arrive"](1, 2) == 3 and live.whole == [(0, 0)]
    assert live.so_far.replications == 1
    assert live.__dict__["arrive"](3, 4, 5) == 6 and len(live.whole) == live.comparisons == 3
    combined = live.tables(live.measures())
    for name, table in combined._asdict().items():
        stored = finished.frame(name)
        assert table.with_columns(pl.col("strategy").cast(pl.String)).equals(stored), name
    mine, theirs = (
        frame.with_columns(pl.col("strategy").cast(pl.String)).sort("strategy", "replication", "measure")
        for frame in (live.measures(), finished.frame("measures"))
    )
    assert mine.equals(theirs.select(mine.columns))


@pytest.fixture(scope="module")
def long_run(tmp_path_factory, folder):
    """Days enough to find the warm-up of the care network: 120, of few people."""
    place = tmp_path_factory.mktemp("long")
    text = (folder / "small.toml").read_text().replace("follow_up_days = 40", "follow_up_days = 120")
    (place / "long.toml").write_text(text.replace("replications = 3", "replications = 2"))
    assert main(["run", str(place / "long.toml"), "--quiet", "--workers", "1", "--out", str(place / "results")]) == 0
    return place


def test_a_run_under_way_leaves_out_the_warm_up_as_a_finished_one_does(long_run, tmp_path):
    study, finished = read_study(long_run / "long.toml"), StoredRun.open(long_run / "results" / "small")
    live, there = LiveRun.of_study(study, tmp_path), LiveRun.of_finished(finished)
    shutil.copytree(finished.folder.parent / "units", live.store.folder)
    assert live.refresh() == len(live.units) and not live.is_finished
    assert live.warm_up == there.warm_up and 0 < live.warm_up.days <= 60
    name = "occupancy_mean.general_ward"
    days = finished.table("daily").filter(pl.col("day") >= live.warm_up.days, pl.col("strategy") == "usual")
    by_hand = days.select(pl.col("census_general_ward").mean()).collect().item()  # two replications, one region
    for run in (live, there):
        mine = run.tables(run.measures()).summary.with_columns(pl.col("strategy").cast(pl.String))
        row = mine.row(by_predicate=(pl.col("strategy") == "usual") & (pl.col("measure") == name), named=True)
        assert row["mean"] == pytest.approx(by_hand, rel=1e-12)


def test_intervals_narrow_as_comparisons_come_in(folder, finished):
    run = LiveRun.of_finished(finished)
    history = run.history("cost_total")
    assert history["comparisons"].to_list() == [1, 2, 3]
    assert history["low"].null_count() == 1  # of one comparison
    last = finished.frame("comparisons").filter(pl.col("measure") == "cost_total").row(0, named=True)
    assert history.row(-1, named=True)["mean"] == pytest.approx(last["mean"], rel=1e-12)
    assert history.row(-1, named=True)["low"] == pytest.approx(last["low"], rel=1e-12)


def test_a_damaged_unit_is_not_there(live):
    key = live.units[0].key
    live.store.path(key).write_bytes(b"not a unit")
    assert live.refresh() == 0


def test_numbers_are_those_of_popsim_run(finished):
    run = LiveRun.of_finished(finished)
    labels = {setting.name: setting.title for setting in run.network.settings}
    html = outcome_tables(run.tables(run.measures()), run.experiment, labels)
    _, lines = outcome_lines(finished.frame("summary"), finished.experiment, labels)
    cells = [cell for line in lines for cell in line[1:] if cell not in ("", "n/a")]
    assert len(cells) > 20
    for cell in cells:
        assert f"<td>{cell}</td>" in html or f'<th scope="col">{cell}</th>' in html


def test_the_network_of_a_day_counts_what_the_run_counted(finished):
    run = LiveRun.of_finished(finished)
    network, daily = run.scaled_network, run.daily("usual")
    flows = DailyFlows.of(run.events("usual"))
    starts = sum(
        frame.filter(pl.col("event").cast(pl.String).is_in(["start", "visit"])).height for frame in run.events("usual")
    )
    assert flows.arrivals["people"].sum() == starts
    day = last_day(daily)
    places = places_of(run.measures(), "usual")
    today = network_day(network, flows, daily, places, slots_of(network, run.experiment, "usual"), day)
    week = daily.filter(pl.col("day") > day - 7)
    ward = today.settings["general_ward"]
    assert ward.there == pytest.approx(week["census_general_ward"].mean())
    assert ward.places == places["general_ward"]
    full = ward._replace(there=ward.places, waiting=2.0)
    assert full.state == "full" and ward._replace(there=0.0).state == "free"
    picture = NetworkPicture(network)
    svg = picture.svg(today._replace(settings={**today.settings, "general_ward": full}), "a drawing")
    assert svg.count("<svg") == svg.count("</svg>") == 1 and "#a03000" in svg  # the bottleneck's edge
    rows = {row[0]: row for row in network_rows(network, today._replace(settings={"general_ward": full}))}
    assert rows["General ward"][-1] == "bottleneck"


def test_slots_are_in_proportion_to_the_people(finished):
    run = LiveRun.of_finished(finished)
    network = finished.network
    found = slots_of(CareNetwork(network), run.experiment, "usual")["heart_failure_clinic"]
    assert found == pytest.approx(80 * 60 / network.reference_population)


def test_the_page_is_drawn_again_when_much_has_arrived():
    assert is_news((), (0,)) and is_news((0, 0), (1, 0)) and is_news((9, 0), (10, 0)) and not is_news((9, 2), (9, 2))
    assert not is_news((1000, 9), (1019, 9)) and is_news((1000, 9), (1020, 9))


def test_the_cost_of_a_region_has_the_interval_of_the_run(finished):
    run = LiveRun.of_finished(finished)
    tables, found = (
        run.tables(run.measures()),
        basis(
            Stored.of(run.measures(), run.so_far),
            Revaluation(20_000.0, run.experiment.perspective, "qalys", "whole", {}),
        ),
    )
    rows = region_rows(tables.summary, tables.comparisons, found, run.strategies, 1000, "GBP")
    stored = finished.frame("summary").row(
        by_predicate=(pl.col("strategy") == "usual") & (pl.col("measure") == "cost_total"), named=True
    )
    assert rows[-1][:2] == ["Cost, GBP", told(*(1000 * stored[end] for end in ("mean", "low", "high")))]
    assert " to " in rows[-1][1]


def test_there_are_no_parts_of_days_and_the_warm_up_is_shaded():
    chart = lines_chart([Line("one", [2, 3], [1.0, 2.0], 0)], "Comparisons", "Cost", "words", shaded_to=2.5)
    ticks = re.findall(r'middle"[^>]*>([^<]+)<', chart)
    assert ticks[:2] == ["2", "3"] and not [tick for tick in ticks if "." in tick]
    assert "#eeeeee" in chart
