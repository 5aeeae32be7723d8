"""The README's Python is run as printed, one block after the other, from the project's folder."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.filterwarnings("ignore")
def test_python_runs_as_printed(monkeypatch, capsys):
    monkeypatch.chdir(FOLDER)
    names: dict[str, object] = {}
    assert len(blocks("python")) >= 4
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert "discharged alive from the index admission" in capsys.readouterr().out


def test_the_strategy_is_a_strategy():
    from tomllib import loads  # noqa: PLC0415

    from popsim.definitions.base import validate  # noqa: PLC0415
    from popsim.definitions.strategy import Strategy  # noqa: PLC0415

    (table,) = (loads(block) for block in blocks("toml"))
    assert validate(table["strategies"][0], Strategy, "README.md").capacity == {"heart_failure_clinic": 160}
