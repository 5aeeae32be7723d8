"""A run that is not finished shows the comparisons that are whole; a finished one what popsim run has combined."""

import shutil

import polars as pl
import pytest

from popsim.care.network import CareNetwork
from popsim.dashboard.daily_flows import DailyFlows, last_day, network_day, places_of, slots_of
from popsim.dashboard.live import LiveRun, summaries
from popsim.dashboard.network_picture import NetworkPicture, network_rows
from popsim.dashboard.tables import outcome_tables
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
    mine, theirs = (
        frame.with_columns(pl.col("strategy").cast(pl.String)).sort("strategy", "replication", "measure")
        for frame in (live.measures(), finished.frame("measures"))
    )
    assert mine.equals(theirs.select(mine.columns))


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
    means, _ = summaries(run.measures(), "usual")
    labels = {setting.name: setting.title for setting in run.network.settings}
    html = outcome_tables(run.measures(), means, run.experiment, labels)
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
