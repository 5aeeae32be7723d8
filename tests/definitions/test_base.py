"""Files that are small and keep a reader busy, or that other programs write: refused at once, or read."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from popsim.cli import main
from popsim.definitions.base import read_toml
from popsim.definitions.cohort import CohortDefinition
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.errors import DefinitionError, InputError, shorten

ROOT = Path(__file__).parents[2]
BOMBS = {
    "a dotted key": "a." * 40_000 + "a = 1\n",
    "a header": "[" + "a." * 40_000 + "a]\nx = 1\n",
    "a quoted key": '"=".' * 40_000 + "a = 1\n",
    "a key in a table in a line": "x = {" + "a." * 40_000 + "a = 1}\n",
    "many keys of many parts": "".join(f"a{i}." + "a." * 60 + "b = 1\n" for i in range(5000)),
    "an array": "zz = [" + "1," * 1_000_000 + "]\n",
    "lines": "\n" * 5_000_000,
    "escapes": 'a = "' + "\\n" * 2_000_000 + '"\n',
    "nested arrays": "x = " + "[" * 100_000 + "]" * 100_000,
    "nested tables": "x = " + "{a=" * 20_000 + "1" + "}" * 20_000,
    "a number of 400 digits": "size = 1" + "0" * 400,
    "a number of 5000 digits": "size = 1" + "0" * 5000,
    "zeros": "\0" * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_cannot_exhaust_the_machine(tmp_path, name, capsys):
    path = tmp_path / "bomb.toml"
    path.write_text(BOMBS[name])
    begun = time.process_time()
    with pytest.raises(DefinitionError) as refused:
        read_toml(path)
    assert time.process_time() - begun < 1.0
    assert len(str(refused.value)) < 600
    assert main(["check", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("text", ["\ufeffa = 1\nb = 2\n", "a = 1\rb = 2\r", "a = 1\r\nb = 2\r\n"])
def test_marks_and_line_ends_of_other_systems(tmp_path, text):
    path = tmp_path / "file.toml"
    path.write_bytes(text.encode())
    assert read_toml(path) == {"a": 1, "b": 2}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_named(tmp_path, encoding):
    path = tmp_path / "file.toml"
    path.write_bytes("\ufeffa = 1\n".encode(encoding))
    with pytest.raises(DefinitionError, match="UTF-16: save it as UTF-8"):
        read_toml(path)


def test_long_values_and_keys_are_cut(tmp_path):
    assert len(shorten("x" * 10_000_000)) < 80
    assert shorten(10**6000) == "a number of thousands of digits"
    assert len(str(DefinitionError("file", "k" * 100_000, None, "is refused"))) < 300
    path = tmp_path / "file.toml"
    path.write_text("k" * 100_000 + ' = 1\nname = "x"\n')
    with pytest.raises(DefinitionError) as refused:
        ExperimentDefinition.read(path)
    assert len(str(refused.value)) < 1500


def test_a_file_of_another_kind_is_named():
    cohort = ROOT / "cohorts/heart_failure_discharge.toml"
    network = ROOT / "experiments/networks/heart_failure_catchment.toml"
    with pytest.raises(DefinitionError, match="is a cohort, must be an experiment"):
        ExperimentDefinition.read(cohort)
    with pytest.raises(DefinitionError, match="is a care network, must be a cohort"):
        CohortDefinition.read(network)
    with pytest.raises(DefinitionError, match="is a cohort, must be a care network"):
        NetworkDefinition.read(cohort)


ABSURD = (
    "nan", "-inf", "1e308", "-1", "0", '""', '"x"', "[]", "{}", "true", "1979-05-27", "1" + "0" * 400, "[[1]]",
    '"\\u0000"',
    '"' + "a" * 5000 + '"', "[" + "0," * 300 + "]",
)  # fmt: skip


def spoilt(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            return text[: dice.randrange(len(text))]
        case 1:
            lines.insert(dice.randrange(len(lines)), lines[place])
        case 2:
            del lines[place]
        case 3:
            start = dice.randrange(len(text))
            return text[:start] + dice.choice(('"', "[", "]", "=", "\n", ".", "#", "\0", "é")) + text[start + 1 :]
        case _:
            keys = [i for i, line in enumerate(lines) if " = " in line]
            place = dice.choice(keys)
            lines[place] = lines[place].partition(" = ")[0] + f" = {dice.choice(ABSURD)}\n"
    return "".join(lines)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("cohorts/whas500_heart_failure.toml", CohortDefinition),
        ("experiments/networks/heart_failure_catchment.toml", NetworkDefinition),
        ("experiments/heart_failure_uncertainty.toml", ExperimentDefinition),
    ],
)
def test_spoilt_definitions_are_read_or_refused_in_one_line(tmp_path, name, model):
    dice = random.Random(9)
    text = (ROOT / name).read_text()
    path = tmp_path / "spoilt.toml"
    refused = 0
    for _ in range(120):
        path.write_text(spoilt(text, dice))
        begun = time.process_time()
        try:
            model.read(path)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
            assert len(str(error)) < 2500
        assert time.process_time() - begun < 1.0
    assert refused > 40
