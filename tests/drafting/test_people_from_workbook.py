"""A workbook is read like the table that its sheet would be as CSV."""

from __future__ import annotations

from datetime import date, datetime

import openpyxl
import polars as pl
import pytest

from popsim.cli import main
from popsim.drafting.reading import read_any_table
from popsim.errors import DefinitionError

HEAD = ["Patient", "DOB", "Discharge date", "Sex", "LVEF", "SBP", "K", "Weight (kg)"]
ROWS = [
    ["Müller, A", date(1940, 4, 3), datetime(2020, 1, 12, 9, 30), "m", 0.35, 130, "4,5", 80.0],
    ["Jones", date(1950, 4, 13), datetime(2020, 1, 14), "f", 0.45, 140, 4.9, 70.5],
    ["Smith", date(1945, 11, 23), datetime(2020, 1, 18), "f", "#N/A", 128, None, 61],
    [None, date(1938, 4, 1), datetime(2020, 2, 12), "m", 0.25, 118, 5.1, 90],
]  # fmt: skip


@pytest.fixture
def workbook(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["made up"])
    sheet = book.create_sheet("Patients")
    sheet.append(["A register of the clinic"])
    sheet.append([])
    for row in [HEAD, *ROWS]:
        sheet.append(row)
    book.create_sheet("Codes").append(["a", "b"])
    book["Codes"].append([1, 2])
    book.save(tmp_path / "register.xlsx")
    return tmp_path / "register.xlsx"


def test_values_are_those_of_the_sheet(workbook):
    table, notes = read_any_table(workbook)
    assert notes[0] == "workbook, sheet 'Patients'; not read: Codes"
    assert "errors of formulas, taken as missing: 1" in notes
    assert table.frame.columns == HEAD
    assert table.frame["DOB"].to_list() == [row[1].isoformat() for row in ROWS]
    assert table.frame["Discharge date"][0] == "2020-01-12 09:30:00"
    assert table.frame["SBP"].to_list() == ["130", "140", "128", "118"]
    assert table.frame["K"].to_list() == ["4,5", "4.9", "", "5.1"]
    assert read_any_table(workbook, "Codes")[0].frame.rows() == [("1", "2")]


def test_a_workbook_becomes_a_cohort(workbook, capsys):
    assert main(["cohort", "from-table", str(workbook), "--csv", str(workbook.with_name("columns.csv"))]) == 0
    out = capsys.readouterr().out
    assert "4 people" in out and "missing values are imputed once" in out
    columns = pl.read_csv(workbook.with_name("columns.csv"))
    missing = dict(columns.select("column", "missing").rows())
    assert missing["baseline_ejection_fraction_percent"] == missing["baseline_potassium_mmol_l"] == 1
    people = pl.read_csv(workbook.with_name("register_people.csv"))
    assert people["baseline_systolic_mmhg"].to_list() == [130, 140, 128, 118]
    assert people["age_years"].to_list() == pytest.approx([79.8, 69.8, 74.2, 81.9], abs=0.05)  # by hand, to one decimal
    assert people["baseline_potassium_mmol_l"][0] == 4.5


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"PK\x03\x04 damaged", "cannot be read as a workbook"),
        (b"\xd0\xcf\x11\xe0 old", "is a workbook of before 2007"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path, content, say):
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match=say):
        read_any_table(path)


def test_sheets_are_named(workbook, tmp_path):
    with pytest.raises(DefinitionError, match="did you mean 'Patients'"):
        read_any_table(workbook, "Patient")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DefinitionError, match="no workbook"):
        read_any_table(tmp_path / "a.csv", "Patients")
