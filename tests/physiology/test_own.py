"""A user's own organ systems in a Python file that an experiment names."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

import popsim as ps
from popsim.cli import main
from popsim.errors import DefinitionError, InputError
from popsim.physiology.own import own_columns
from popsim.runs.run import StoredRun
from popsim.studies.design import read_study
from popsim.studies.scenarios import studies
from popsim.verification.definition_check import check_file

ROOT = Path(__file__).parents[2]

CODE = """
import numpy as np
import popsim as ps

class Idle:
    def initialise(self, population, influences): ...
    def advance(self, population, clock, influences): ...

class Thyroid:
    '''Thyrotropin drifts; each unit that it lacks of 4 raises the pulse.'''
    columns = (ps.Column("thyrotropin", "real", "1", 0.01, 100.0, "Thyrotropin.", "physiology"),)
    parameter_set = "thyroid"
    needs = ("diabetes",)

    def __init__(self, parameters, *, key):
        self.values = parameters["thyroid"]

    def initialise(self, population, influences):
        population["thyrotropin"] = self.values["at_entry"]

    def advance(self, population, clock, influences):
        population["thyrotropin"] += np.float32(0.001) * population["alive"]
        influences["heart_rate_shift_bpm"] += self.values["beats"] * (4.0 - population["thyrotropin"])

idle = Idle()
number = 3
"""
SET = """
[at_entry]
value = 2.0
unit = "1"
source = "assumption: made up for a test"
low = 0.1
high = 50.0
uncertainty = { distribution = "gamma", standard_error = 0.5 }

[beats]
value = 5.0
unit = "1/min"
source = "assumption: made up for a test"
low = 0.0
high = 50.0
uncertainty = { distribution = "gamma", standard_error = 2.0 }
"""
SCENARIO = '[[scenarios]]\nname = "without"\norgan_systems = ["diabetes"]\n'


def written(folder: Path, systems: str = '"diabetes", "organs.py:Thyroid"', code: str = CODE, more: str = "") -> Path:
    """A small experiment with organ systems in a file of its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "organs.py").write_text(code)
    (folder / "thyroid.toml").write_text(SET)
    file = folder / "small.toml"
    file.write_text(
        f'name = "small"\ncohort = "{ROOT}/cohorts/heart_failure_discharge.toml"\n'
        f'network = "{ROOT}/experiments/networks/heart_failure_catchment.toml"\norgan_systems = [{systems}]\n'
        f"population = 40\nreplications = 2\nfollow_up_days = 20\n"
        f'[[strategies]]\nname = "usual_care"\n[[strategies]]\nname = "more"\ncost_per_person = 3.0\n{more}'
    )
    return file


@pytest.mark.slow
def test_it_runs_in_every_process_and_is_resumed(tmp_path, capsys):
    file = written(tmp_path, more=SCENARIO)
    assert main(["run", str(file), "--workers", "1", "--quiet", "--out", str(tmp_path / "one")]) == 0
    one = capsys.readouterr().out
    assert main(["run", str(file), "--workers", "2", "--threads", "1", "--quiet", "--out", str(tmp_path / "two")]) == 0
    two = capsys.readouterr().out
    assert one.split("content hash")[1] == two.split("content hash")[1]
    run = StoredRun.open(tmp_path / "one/small")
    files = {Path(path).name for path in run.manifest["files"]}
    assert {"organs.py", "thyroid.toml"} <= files
    removed = next((tmp_path / "one/small/units").glob("*.zip"))
    removed.unlink()
    again = ps.Experiment.read(file).run(tmp_path / "one", workers=1, progress=False)
    assert again.manifest["content_hash"] == run.manifest["content_hash"]
    assert run.study.run_id == again.study.run_id
    assert again.report(tmp_path / "report.html").is_file()
    assert str(again.explain())


def test_its_influence_reaches_the_core(tmp_path):
    """The pulse relaxes towards its target within days: after weeks it is higher by nearly 5 x (4 - 2.01) beats."""
    experiment = ps.Experiment.read(written(tmp_path))
    pulse = []
    for one in (experiment, experiment.with_(organ_systems=["diabetes"])):
        people = one.cohort.sample(200, seed=3, columns=own_columns(one._study.own_organ_systems))
        model = ps.PopulationModel(
            people, one.network, one.strategies["usual_care"], seed=3, organ_systems=one._study.organ_systems
        )
        model.run_for(14)
        pulse.append(model.population["heart_rate_bpm"].mean())
    assert 8.0 < pulse[0] - pulse[1] < 12.0


def test_its_code_is_part_of_the_key_wherever_the_file_lies(tmp_path):
    keys = [
        read_study(written(tmp_path / name, code=code)).units[0].key
        for name, code in (("a", CODE), ("b", CODE), ("c", CODE.replace("0.001", "0.002")))
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.slow
def test_its_parameters_are_those_of_the_study(tmp_path, capsys):
    file = written(tmp_path, more='[parameters]\n"thyroid.beats" = 0.0\n')
    idle = written(tmp_path / "idle", '"diabetes", "organs.py:Idle"')
    runs = [ps.Experiment.read(one).run(tmp_path / "out", workers=1, progress=False) for one in (file, idle)]
    assert runs[0].frame("measures").equals(runs[1].frame("measures"))  # no beats, no influence
    assert "nothing reads" not in str(ps.Experiment.read(file).check())
    study = read_study(written(tmp_path))
    assert {"thyroid.at_entry", "thyroid.beats"} <= {*study.uncertain.names}
    drawn = (
        ps.Experiment.read(study.file).with_(draws=3, replications=1).run(tmp_path / "out", workers=1, progress=False)
    )
    assert drawn.frame("draws")["thyroid.beats"].n_unique() == 3
    swings = ps.Experiment.read(study.file).one_way("thyroid.beats", out=tmp_path, workers=1, progress=False)
    assert swings["parameter"].unique().to_list() == ["thyroid.beats"]


def test_scenarios_and_check_have_it(tmp_path):
    file = written(tmp_path, more=SCENARIO)
    assert "heart_failure (core), diabetes, organs.py:Thyroid" in check_file(file)
    with_it, without = studies(file).values()
    assert "thyrotropin" in with_it.schema and "thyrotropin" not in without.schema
    assert "thyroid.beats" in with_it.uncertain.names


def test_a_refused_scenario_is_named(tmp_path):
    series = 'environment = "environment.csv"\n'
    file = written(tmp_path, more=f'[[scenarios]]\nname = "hot"\n{series}')
    says = r"scenarios\.hot: environment = .* needs the organ system 'environment', .* add it to the list"
    with pytest.raises(DefinitionError, match=says):
        studies(file)


@pytest.mark.slow
def test_it_is_verified_from_python_as_from_the_command_line(tmp_path, capsys):
    file = written(tmp_path)
    assert main(["verify", str(file), "--people", "20", "--only", "bounds"]) == 0
    table = ps.Experiment.read(file).verify("bounds", people=20, progress=False)
    assert table["result"].unique().to_list() == ["holds"]
    assert all(title in capsys.readouterr().out for title in table["check"].to_list()[:1])
    with pytest.raises(InputError, match="people=3: must be a whole number between 20 and"):
        ps.Experiment.read(file).verify(people=3)


def test_a_process_without_the_file_has_its_source(tmp_path):
    study = read_study(written(tmp_path))
    sent = pickle.dumps(study)
    (tmp_path / "organs.py").unlink()
    received = pickle.loads(sent)
    assert received.units[0].key == study.units[0].key
    assert "thyrotropin" in received.schema


@pytest.mark.parametrize(
    ("entry", "code", "says"),
    [
        ("organs.py:Thyriod", CODE, "the file has no 'Thyriod', did you mean 'Thyroid'"),
        ("organs.py:number", CODE, r"int: must have initialise\(population, influences\)"),
        ("none.py:Thyroid", CODE, "cannot be read: No such file"),
        ("organs.py:Thyroid", "1 / 0", r"the file fails: ZeroDivisionError: division by zero \(organs.py:1\)"),
        ("organs.py:Thyroid", "x = = 1", r"the file fails: SyntaxError: invalid syntax \(organs.py, line 1\)$"),
        ("organs.py:Thyroid", "import organs_2", "the file fails: ModuleNotFoundError: No module named 'organs_2'"),
        ("organs.py:Thyroid", "raise SystemExit(3)", "the file fails: SystemExit: 3"),
        ("organs.py:Thyroid", CODE.replace("key)", "more)"), r"made as Thyroid\(\) or Thyroid\(parameters, key=key\)"),
        ("organs.py:Thyroid", CODE.replace('"thyrotropin", "real"', '"weight_kg", "real"'), "declared twice"),
        ("organs.py:Thyroid", CODE.replace('"thyroid"\n', '"nowhere"\n'), "parameter_set = 'nowhere': no file"),
        ("organs.py:Thyroid", CODE.replace('["beats"]', '["beat"]'), "unknown parameter, did you mean 'beats'"),
        ("organs.py:Thyroid", CODE.replace('("diabetes",)', '("vessels",)'), "needs 'vessels', which the list"),
        ("organs.py:Thyroid", CODE.replace('("diabetes",)', '("livr",)'), "needs = 'livr', allowed: ageing"),
        ("organs.py:Thyroid", CODE.replace('rate_shift_bpm"', 'rate"'), "day 0: no influence 'heart_rate': did"),
        ("organs.py:Thyroid", CODE.replace('["alive"]', '["alife"]'), "no column 'alife': did you mean 'alive'"),
        ("organs.py:Thyroid", CODE.replace('self.values["at_entry"]', "0.0"), "thyrotropin = 0 in 8 of 8 rows"),
        ("../organs.py:Thyroid", CODE, "of a file in the experiment's folder"),
        ("/tmp/organs.py:Thyroid", CODE, "of a file in the experiment's folder"),
        ("organs.py", CODE, "of a file in the experiment's folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_one_line_before_anything_is_simulated(entry, code, says, tmp_path, capsys):
    file = written(tmp_path, f'"diabetes", "{entry}"', code)
    with pytest.raises(DefinitionError, match=says) as refused:
        read_study(file)
    assert str(refused.value).startswith(f"{file}: organ_systems") and "\n" not in str(refused.value)
    assert main(["check", str(file)]) == 2


def test_a_link_to_another_folder_is_refused_and_not_run(tmp_path):
    file = written(tmp_path / "own", '"diabetes", "link.py:Thyroid"')
    (tmp_path / "elsewhere.py").write_text(f"raise SystemExit\n{CODE}")
    (tmp_path / "own" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(DefinitionError, match="must be a file of the experiment's own folder, because its code is run"):
        read_study(file)


@pytest.mark.slow
def test_a_file_changed_since_the_run_is_told(tmp_path):
    experiment = ps.Experiment.read(written(tmp_path))
    run = experiment.with_(replications=1).run(tmp_path, workers=1, progress=False)
    written(tmp_path, code=CODE.replace("0.001", "0.002"))
    with pytest.raises(InputError, match="popsim or its inputs have changed since this run"):
        _ = StoredRun.open(run.folder).study
    (tmp_path / "organs.py").unlink()
    with pytest.raises(InputError, match=r"organs\.py: cannot be read"):
        _ = StoredRun.open(run.folder).study


def test_the_modules_of_files_do_not_meet(tmp_path):
    """Two files of one name are two modules, and neither can be imported by its name."""
    first, second = (read_study(written(tmp_path / name, code=f"{CODE}\n# {name}")) for name in ("a", "b"))
    assert first.own_organ_systems[0].module is not second.own_organ_systems[0].module
    assert "organs" not in sys.modules
