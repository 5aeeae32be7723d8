"""The README's Python is run as printed, one block after the other, from the project's folder."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from popsim.cli import app

FOLDER = Path(__file__).parents[2]
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.filterwarnings("ignore")
def test_python_runs_as_printed(monkeypatch, capsys):
    monkeypatch.chdir(FOLDER)
    names: dict[str, object] = {}
    assert len(blocks("python")) >= 4
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert "discharged alive from the index admission" in capsys.readouterr().out


def test_the_commands_have_the_flags_that_are_shown():
    lines = re.findall(r"^    (?:\$ )?popsim ((?:.*\\\n)*.*)", README, re.MULTILINE)
    shown = lines + re.findall(r"`popsim ([^`]+)`", README)
    assert len(shown) > 60
    for line in shown:
        words = shlex.split(line.replace("\\\n", " "), comments=True)
        command = typer.main.get_command(app)
        while hasattr(command, "commands") and words and re.fullmatch("[a-z-]+", words[0]):
            assert words[0] in command.commands, line
            command, words = command.commands[words[0]], words[1:]
        flags = {flag for one in command.params for flag in one.opts} | {"--help"}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= flags, line


def test_what_is_shown_of_files_is_sound():
    """A strategy, a composed one that inherits from it, and a scenario, put together as an experiment's file."""
    from tomllib import loads  # noqa: PLC0415

    from popsim.care.network import CareNetwork  # noqa: PLC0415
    from popsim.care.strategy_checks import check_strategy  # noqa: PLC0415
    from popsim.definitions.base import validate  # noqa: PLC0415
    from popsim.definitions.experiment import ExperimentDefinition  # noqa: PLC0415
    from popsim.simulation.schema import SCHEMA  # noqa: PLC0415

    tables = [loads(block) for block in blocks("toml")]
    strategies = [strategy for table in tables for strategy in table.get("strategies", ())]
    scenarios = [scenario for table in tables for scenario in table.get("scenarios", ())]
    whole = {"name": "readme", "cohort": "c.toml", "network": "n.toml", "scenarios": scenarios}
    whole |= {"strategies": [{"name": "usual_care"}, *strategies]}
    experiment = validate(whole, ExperimentDefinition, "README.md")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns).definition
    for strategy in experiment.strategies:
        check_strategy(experiment.strategy(strategy.name), network, SCHEMA, "README.md")
    assert experiment.strategy("bigger_clinic").capacity == {"heart_failure_clinic": 160}
    assert len(experiment.strategy("drug_and_beds").composed) == 4
    assert experiment.in_scenario("fewer_beds").capacity == {"general_ward": 432}
