"""What a spreadsheet would compute is made harmless in every CSV file; numbers stay numbers."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl
import pytest

import popsim
from popsim.errors import InputError
from popsim.exchange.tables.csv_file import write_csv


def test_formulas_are_defused(tmp_path):
    evil = ["=1+1", "+1", "-cmd", "@sum", "\tx", "\rx", "plain", "a=b", "", None]
    table = pl.DataFrame({"=head": evil, "kind": pl.Series(evil, dtype=pl.Categorical), "number": [-1.5] * len(evil)})
    found = pl.read_csv(write_csv(table, tmp_path / "table.csv"))
    assert found.columns == ["'=head", "kind", "number"]
    for column in ("'=head", "kind"):
        assert found[column].to_list()[:8] == ["'=1+1", "'+1", "'-cmd", "'@sum", "'\tx", "'\rx", "plain", "a=b"]
    assert found["number"].to_list() == [-1.5] * len(evil)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"--csv .*none/table.csv: cannot be written"):
        write_csv(pl.DataFrame({"a": [1]}), tmp_path / "none" / "table.csv")


def test_there_is_one_writer():
    """No other module calls a method `write_csv` of a table, but for that of a draft's people, which is all numbers."""
    root = Path(popsim.__file__).parent
    calls = [
        path.name
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("write_csv", "to_csv")
    ]
    assert sorted(calls) == ["csv_file.py", "writing.py"]
