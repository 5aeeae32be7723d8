"""A first look is the same experiment with few people; it is shown until the run itself tells more."""

from dataclasses import replace

import pytest

from popsim.cli import INTERRUPTED, standby
from popsim.dashboard.first_look import first_look, is_worth_a_look
from popsim.dashboard.live import LiveRun
from popsim.definitions.experiment import ExperimentDefinition
from popsim.studies.design import read_study
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
def test_stop_ends_both_and_a_failed_first_look_does_not_keep_the_run(monkeypatch, codes, ran):
    asked = []
    monkeypatch.setattr(standby, "run_command", lambda command: asked.append(command) or codes[len(asked) - 1])
    assert standby.run_all([["look"], ["run"]]) == codes[ran - 1]
    assert len(asked) == ran
