"""A finished run is opened again: by its folder, its experiment's folder or its file; what is not one is refused."""

import json
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from slow_cases import with_slow

from popsim.cli.options import changes
from popsim.errors import InputError, RunError
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.runner import run_study
from popsim.runs.status import status_of_newest
from popsim.runs.store import RunStore
from popsim.studies.design import read_study
from popsim.studies.unit import simulate

ROOT = Path(__file__).parents[2]
SMALL = """
name = "small"
title = "A <small> study"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 60
replications = 2
follow_up_days = 30
seed = 3
[[strategies]]
name = "usual"
[[strategies]]
name = "other"
label = "The other"
cost_per_person = 10.0
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, request):
    """An experiment file beside the results of its run."""
    folder = tmp_path_factory.mktemp("project")
    file = folder / "small.toml"
    file.write_text(SMALL.format(root=request.config.rootpath))
    run_study(read_study(file), folder / "results", Engine(1, 1))
    return folder


def test_the_same_run_by_folder_by_experiment_and_by_file(made):
    by_experiment = StoredRun.open(made / "results/small")
    by_folder = StoredRun.open(by_experiment.folder)
    by_file = StoredRun.open(made / "small.toml", made / "results")
    assert by_experiment.folder == by_folder.folder == by_file.folder
    assert by_file.experiment == read_study(made / "small.toml").experiment
    assert by_file.strategies == {"usual": "Usual", "other": "The other"}
    assert by_file.comparator == "usual"


def test_of_several_runs_the_newest_is_opened(made, tmp_path):
    shutil.copytree(made / "results/small", tmp_path / "small", symlinks=True)
    first = StoredRun.open(tmp_path / "small/latest").folder
    shutil.copytree(first, tmp_path / "small/aaaa")
    os.utime(first / "manifest.json", (1, 1))
    assert StoredRun.open(tmp_path / "small").folder.name == "aaaa"


@pytest.mark.slow
def test_the_newest_run_of_a_file_is_opened_whatever_flags_it_was_given(made, tmp_path):
    shutil.copytree(made / "results/small", tmp_path / "small")
    assert StoredRun.open(made / "small.toml", tmp_path).described == str(StoredRun.open(tmp_path / "small").folder)
    flagged = read_study(made / "small.toml", changes(population=30, follow_up_days=10))
    folder = run_study(flagged, tmp_path, Engine(1, 1)).folder
    assert StoredRun.open(made / "small.toml", tmp_path).described == f"{folder} (--population 30 --days 10)"


@pytest.mark.slow
def test_latest_leads_to_the_newest_run(made, tmp_path):
    first, second = (
        run_study(read_study(made / "small.toml", changes(population=30, follow_up_days=days)), tmp_path, Engine(1, 1))
        for days in (10, 12)
    )
    latest = tmp_path / "small/latest"
    assert latest.is_symlink() and latest.resolve() == second.folder.resolve()
    assert StoredRun.open(latest).folder == second.folder
    RunStore(first.folder).make_latest()
    assert StoredRun.open(latest).folder == first.folder
    assert sorted(path.name for path in latest.parent.iterdir()) == sorted(
        [first.folder.name, second.folder.name, "latest", "units"]
    )


def test_where_there_are_no_links_latest_is_a_file_with_the_run(made, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(1, "not permitted")

    shutil.copytree(made / "results/small", tmp_path / "small", symlinks=True)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = StoredRun.open(tmp_path / "small").folder
    RunStore(folder).make_latest()
    assert (tmp_path / "small/latest").read_text() == f"{folder.name}\n"
    assert StoredRun.open(tmp_path / "small/latest").folder == folder


def test_a_copy_of_results_in_which_the_link_became_a_folder_gets_its_link_back(made, tmp_path):
    shutil.copytree(made / "results/small", tmp_path / "small")
    folder = StoredRun.open(tmp_path / "small").folder
    assert folder.name != "latest" and not (tmp_path / "small/latest").is_symlink()
    RunStore(folder).make_latest()
    assert (tmp_path / "small/latest").is_symlink()


def test_a_folder_of_ones_own_named_latest_is_left_alone(made, tmp_path):
    shutil.copytree(made / "results/small", tmp_path / "small", symlinks=True)
    folder = StoredRun.open(tmp_path / "small").folder
    (tmp_path / "small/latest").unlink()
    (tmp_path / "small/latest").mkdir()
    with pytest.raises(RunError, match="latest: cannot be replaced"):
        RunStore(folder).make_latest()


@pytest.mark.slow
def test_status_finds_the_newest_run_finished_or_not(made, tmp_path):
    study = read_study(made / "small.toml", changes(population=30, follow_up_days=10))
    result = run_study(study, tmp_path, Engine(1, 1))
    folder, flags, status = status_of_newest(tmp_path / "small")
    assert (folder, flags, status.done, status.missing) == (result.folder, {"--population": 30, "--days": 10}, 4, 0)
    begun = RunStore(tmp_path / "small/interrupted")
    begun.write_begun({"--population": 40}, {study.units[0].key: "first", "0" * 64: "second"})
    folder, flags, status = status_of_newest(tmp_path / "small")
    assert (folder, flags, status.done, status.missing) == (begun.folder, {"--population": 40}, 1, 1)
    assert status_of_newest(result.folder)[0] == result.folder
    (begun.folder / "begun.json").write_text("[]")
    with pytest.raises(InputError, match=r"begun.json: is damaged; the same 'popsim run' writes it again"):
        status_of_newest(tmp_path / "small")
    assert status_of_newest(tmp_path / "nothing") is None


@pytest.mark.parametrize("table", ["persons", "measures", "summary", "comparisons", "daily", "admissions"])
def test_a_run_with_a_damaged_table_is_not_opened_and_the_same_command_mends_it(made, tmp_path, table):
    shutil.copytree(made / "results/small", tmp_path / "small")
    path = StoredRun.open(tmp_path / "small").folder / f"{table}.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-60] + bytes([whole[-60] ^ 1]) + whole[-59:])
    with pytest.raises(InputError, match=rf"{table}\.parquet: is damaged or was altered; the same"):
        StoredRun.open(tmp_path / "small")
    again = run_study(read_study(made / "small.toml"), tmp_path, Engine(1, 1))
    assert (again.computed, again.content_hash) == (0, StoredRun.open(tmp_path / "small").manifest["content_hash"])
    assert path.read_bytes() == whole


def test_damaged_events_are_not_read(made, tmp_path):
    shutil.copytree(made / "results/small", tmp_path / "small")
    run = StoredRun.open(tmp_path / "small")
    for unit in (run.folder.parent / "units").iterdir():
        content = bytearray(unit.read_bytes())
        content[200] ^= 1
        unit.write_bytes(content)
    with pytest.raises(RunError, match=r"\.zip: damaged or missing; 'popsim run' makes it again"):
        run.events("usual")


def test_tables_are_read_with_plain_strategy_names(made):
    run = StoredRun.open(made / "results/small")
    assert {"measures", "persons", "summary", "comparisons", "cost_effectiveness"} <= set(run.tables)
    persons = run.frame("persons")
    assert persons.schema["strategy"] == pl.String
    assert persons.group_by("strategy").len().sort("strategy").rows() == [("other", 120), ("usual", 120)]
    with pytest.raises(InputError, match="no table 'person', did you mean 'persons'"):
        run.table("person")


@pytest.mark.slow
def test_a_piece_of_work_is_lived_through_again_bit_by_bit(made):
    run = StoredRun.open(made / "results/small")
    stored = run.events("other", replication=1).collect()
    again = simulate(run.unit("other", replication=1))["events"].lazy().collect()
    assert len(stored) > 60
    assert stored.equals(again)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"strategy": "usul"}, "no strategy 'usul', did you mean 'usual'"),
        ({"strategy": "usual", "replication": 2}, "replication = 2: the run has 0 to 1"),
        ({"strategy": "usual", "draw": 1}, "draw = 1: the run has 0 to 0"),
    ],
)
def test_a_piece_of_work_that_the_run_does_not_have_is_refused(made, place, message):
    with pytest.raises(InputError, match=message):
        StoredRun.open(made / "results/small").events(**place)


def test_a_run_of_other_code_is_read_but_not_repeated(made, tmp_path):
    shutil.copytree(StoredRun.open(made / "results/small").folder, tmp_path / "run")
    run = StoredRun.open(tmp_path / "run")
    run = StoredRun(run.folder, run.manifest | {"run_id": "0" * 16})
    assert len(run.frame("persons")) == 240
    with pytest.raises(InputError, match="have changed since this run"):
        run.unit("usual")


@pytest.mark.parametrize(
    "name",
    with_slow(
        [path.stem for path in sorted((ROOT / "experiments").glob("*.toml"))],
        lambda name: name != "heart_failure_discharge",
    ),
)
def test_the_manifest_of_every_shipped_experiment_is_read_as_it_was_meant(name, tmp_path):
    """Among them a cohort from a table, whose columns have the key `from`."""
    study = read_study(ROOT / "experiments" / f"{name}.toml")
    manifest = json.loads(json.dumps(study.describe() | {"run_id": study.run_id}))
    again = StoredRun(tmp_path, manifest)
    assert again.experiment == study.experiment
    assert again.cohort.definition == study.cohort.definition
    assert again.network == study.network
    assert again.study.run_id == study.run_id


def test_what_is_not_a_finished_run_is_refused_in_one_line(made, tmp_path):
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "none", "no such folder"), (tmp_path / "empty", "no finished run in it")):
        with pytest.raises(InputError, match=message):
            StoredRun.open(path)
    with pytest.raises(InputError, match=r"small\.toml: no finished run in .*; 'popsim run' makes one") as refused:
        StoredRun.open(made / "small.toml", tmp_path)
    assert "\n" not in str(refused.value)
    for text in ("", "[]", "{}", '{"units": 1}'):
        (tmp_path / "empty/manifest.json").write_text(text)
        with pytest.raises(InputError, match="is not the manifest of a finished run"):
            StoredRun.open(tmp_path / "empty")


def test_a_notebook_shows_the_main_results_escaped(made):
    text = StoredRun.open(made / "results/small")._repr_html_()
    parser = HTMLParser()
    parser.feed(text)
    assert "A &lt;small&gt; study" in text
    assert "The other" in text and "QALYs per person" in text
