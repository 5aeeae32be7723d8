"""A first look is the same experiment with few people; it is shown until the run itself tells more."""

import json
from dataclasses import asdict, replace

import polars as pl
import pytest

from popsim.cli import INTERRUPTED, standby
from popsim.dashboard import first_days
from popsim.dashboard.daily_flows import DailyFlows, NetworkDay, network_day, places_of
from popsim.dashboard.first_days import DaysSoFar, Watched, days_so_far, days_view
from popsim.dashboard.first_look import first_look, is_worth_a_look
from popsim.dashboard.jobs import STANDING_BY, Jobs
from popsim.dashboard.live import LiveRun
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.studies.design import read_study
from popsim.studies.unit import begun, simulate
from popsim.surface.examples import example


@pytest.fixture(scope="module")
def file():
    return example("heart_failure_discharge")


@pytest.fixture(scope="module")
def experiment(file):
    return ExperimentDefinition.read(file)


def test_it_is_the_same_experiment_with_other_sizes_and_apart_from_results(file, experiment, tmp_path):
    look = first_look(file, experiment, tmp_path)
    own = look.experiment
    assert (own.population, own.replications, own.draws) == (200, 3, 0)
    assert (own.name, own.seed, own.follow_up_days) == (experiment.name, experiment.seed, experiment.follow_up_days)
    assert list(look.strategies) == [one.name for one in experiment.strategies]
    assert len(look.units) == 3 * len(experiment.strategies)
    assert look.folder.is_relative_to(tmp_path / ".dashboard") and not look.there


def test_a_small_experiment_has_none(file, experiment, tmp_path):
    small = experiment.model_copy(update={"population": 399})
    assert not is_worth_a_look(small) and first_look(file, small, tmp_path) is None


def test_the_run_replaces_it_once_it_has_an_interval(file, experiment, tmp_path):
    run, look = LiveRun.of_study(read_study(file), tmp_path), first_look(file, experiment, tmp_path)
    assert not replace(run, look=look).shows_look  # nothing is there
    count = len(experiment.strategies)
    run = replace(run, look=look)

    def arrive(of, number):
        of._tables.update((unit.key, {}) for unit in of.units[:number])

    arrive(look, 1)
    assert run.shows_look
    arrive(run, count)  # one comparison of the run, none of the first look
    assert not run.shows_look
    arrive(look, 2 * count)
    assert run.shows_look  # two have an interval, one has none
    arrive(run, 2 * count)
    assert not run.shows_look


@pytest.mark.parametrize(("codes", "ran"), [([0, 0], 2), ([1, 0], 2), ([INTERRUPTED, 0], 1)])
def test_stop_ends_the_commands_that_follow(monkeypatch, codes, ran):
    asked = []
    monkeypatch.setattr(standby, "run_command", lambda command: asked.append(command) or codes[len(asked) - 1])
    assert standby.run_all([["one"], ["two"]]) == codes[ran - 1]
    assert len(asked) == ran


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(None, 0, ""), (InputError("no room"), 1, "first look: no room"), (KeyboardInterrupt(), INTERRUPTED, "")],
)
def test_stop_ends_a_first_look_and_a_failed_one_is_told(monkeypatch, capsys, error, code, said):
    def fails(*_):
        if error:
            raise error

    monkeypatch.setattr("popsim.dashboard.first_look.run_look", fails)
    assert standby.look("a.toml", "results", 1) == code
    assert capsys.readouterr().err.strip() == said


def test_what_is_watched_is_simulated_as_if_nobody_did(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(first_days, "EVERY_S", 0.0)
    unit = read_study(folder / "small.toml").units[0]
    seen = []
    note = Watched._note
    monkeypatch.setattr(Watched, "_note", lambda *given: (note(*given), seen.extend(tmp_path.glob("*.json"))))
    tables = Watched(tmp_path)(unit)
    assert len(seen) == len(range(10, 40, 10)) and not list(tmp_path.iterdir())
    alone = simulate(unit)
    assert all(table.equals(alone[name]) for name, table in tables.items() if name != "events")


def test_the_days_so_far_are_those_of_the_finished_unit(folder, tmp_path):
    look = LiveRun.of_study(read_study(folder / "small.toml"), tmp_path)
    unit = read_study(folder / "small.toml").units[0]
    simulation = begun(unit)
    simulation.run_until(30)
    place = look.folder.parent / first_days.FOLDER
    place.mkdir(parents=True)
    (place / f"{unit.key}.json").write_text(json.dumps(asdict(DaysSoFar.of(unit, simulation))))
    (one,) = days_so_far(look)
    assert (one.strategy, one.day, one.days, one.people) == ("usual", 30, 40, 60)
    tables = simulate(unit)
    daily, admissions = tables["daily"].head(30), tables["admissions"]
    begun_by = [admissions.filter(pl.col("admit_time_days") < day + 1).height for day in range(30)]
    assert one.admissions == begun_by and one.admissions[-1] > 0
    assert one.alive == daily["alive"][-1] and one.entered == daily["entered"][-1]
    drawn, whole = NetworkDay.of_plain(one.network), LiveRun.of_study(unit.study, tmp_path).scaled_network
    days = daily.with_columns(draw=pl.lit(0), replication=pl.lit(0))
    flows = DailyFlows.of([tables["events"].lazy().filter(pl.col("time_days") < 30).collect()])
    finished = network_day(whole, flows, days, places_of(tables["measures"], "usual"), {}, 29)
    assert drawn.day == 29 and drawn.arrows == finished.arrows and drawn.presenting == finished.presenting
    assert sum(drawn.arrows.values()) > 0
    for name, setting in finished.settings.items():
        assert drawn.settings[name]._replace(slots=None, places=None) == setting._replace(places=None)
    html = days_view([one], look.strategies, {"usual": 0, "early": 1}, "GBP")
    assert "30 of 40" in html and "Not yet a result" in html and html.count("<svg") >= 2
    assert days_view([], {}, {}, "GBP") == ""


def test_processes_that_wait_have_the_experiment_that_is_open(tmp_path, monkeypatch):
    begun_for = []

    class Waiting:
        stdin = None

        def __init__(self, file):
            begun_for.append(file)

        def poll(self):
            return None

        def wait(self):
            return 0

    jobs = Jobs(tmp_path)
    monkeypatch.setattr(jobs, "_process", Waiting)
    for file in ("a.toml", "a.toml", "b.toml"):
        jobs.stand_by(file)
    assert begun_for == ["a.toml"] * STANDING_BY + ["b.toml"] * STANDING_BY
