"""The workbook's formulas give popsim's numbers, also at another threshold, whoever evaluates them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from formulas import Sheets
from made_up_decision import made_up_run

from popsim.cli import main
from popsim.economics.decision import acceptability
from popsim.economics.information import perfect_information
from popsim.exchange.tables.decision_tables import DecisionTables
from popsim.exchange.tables.workbook import write_workbook

SOFFICE = shutil.which("soffice")
TOLERANCE = 1e-9
OTHER_PRICE = 31_000.0
FIRST = 7  # row of the first strategy on the sheet Decision, as people count


@pytest.fixture(scope="module")
def workbook(tables, tmp_path_factory) -> Path:
    return write_workbook(tables, tmp_path_factory.mktemp("workbook") / "made_up.xlsx")


def decided(tables: DecisionTables, price: float) -> dict[str, object]:
    """What popsim finds at a price, by cell of the sheet Decision."""
    sure = acceptability(tables.simulated, price)
    count = len(tables.strategies)
    found: dict[str, object] = {}
    for place, (row, share) in enumerate(
        zip(tables.frontier().iter_rows(named=True), sure.iter_rows(named=True), strict=True), FIRST
    ):
        found |= {f"B{place}": row["cost"], f"C{place}": row["effect"], f"G{place}": row["icer"]}
        found |= {f"H{place}": share["net_monetary_benefit"], f"J{place}": share["probability"]}
        found |= {f"K{place}": share["expected_loss"], f"L{place}": "yes" if share["optimal"] else None}
    (evpi,) = perfect_information(tables.simulated, [price])["value"]
    return found | {f"B{FIRST + count + 1}": evpi}


def check(cells: dict[str, object], wanted: dict[str, object]) -> None:
    for where, value in wanted.items():
        found = cells[where] if cells[where] != "" else None
        if isinstance(value, float):
            assert found == pytest.approx(value, rel=TOLERANCE, abs=1e-7), where
        else:
            assert found == value, where


def of_decision(path: Path, data_only: bool = True) -> dict[str, object]:
    sheet = openpyxl.load_workbook(path, data_only=data_only)["Decision"]
    return {cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row}


def test_every_formula_carries_the_number_that_popsim_computed(tables, workbook):
    check(of_decision(workbook), decided(tables, tables.price))
    states = [of_decision(workbook)[f"D{FIRST + place}"] for place in range(6)]
    assert states == [
        "on the frontier", "on the frontier", "dominated", "extendedly dominated", "on the frontier",
        "same as Strategy B",
    ]  # fmt: skip


@pytest.mark.parametrize("price", [20_000.0, OTHER_PRICE, 0.0])
def test_the_formulas_give_popsims_numbers_at_any_threshold(tables, workbook, price):
    sheets = Sheets(workbook, {("Decision", "B3"): price})
    wanted = decided(tables, price)
    check({where: sheets.value("Decision", where) for where in wanted}, wanted)
    checks = [sheets.value("Check", f"E{row}") for row in range(4, 41)]
    assert set(checks) == ({"agrees"} if price == tables.price else {"threshold changed"})
    if price == tables.price:
        curve = acceptability(tables.simulated, [4000.0 * step for step in range(21)])
        shares = [sheets.value("Acceptability", f"{'BCDEFG'[s]}{6 + step}") for step in range(21) for s in range(6)]
        assert shares == pytest.approx(curve["probability"].to_list(), abs=TOLERANCE)


@pytest.mark.slow
@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("price", [20_000.0, OTHER_PRICE])
def test_libreoffice_recalculates_to_the_same_numbers(tables, workbook, tmp_path, price):
    book = openpyxl.load_workbook(workbook)  # keeps formulas, forgets their values
    book["Decision"]["B3"] = price
    book.save(tmp_path / "changed.xlsx")
    profile, target = f"-env:UserInstallation=file://{tmp_path}/profile", tmp_path / "out"
    command = [str(SOFFICE), "--headless", profile, "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    command += ["--outdir", str(target)]
    subprocess.run([*command, str(tmp_path / "changed.xlsx")], check=True, capture_output=True, timeout=300)
    check(of_decision(target / "changed.xlsx"), decided(tables, price))


def test_written_twice_it_has_the_same_bytes(tables, workbook, tmp_path):
    again = write_workbook(tables, tmp_path / "made_up.xlsx")
    assert again.read_bytes() == workbook.read_bytes()


def test_inputs_have_unit_bounds_and_source(workbook):
    rows = list(openpyxl.load_workbook(workbook, read_only=True)["Inputs"].iter_rows(values_only=True))
    head, found = rows[0], {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert head[:5] == ("Id", "Value", "Text", "Unit", "Distribution")
    price = found["nhs_prices.clinic_visit"] if "nhs_prices.clinic_visit" in found else found[min(found)]
    assert price["Source"] and price["Unit"]
    assert found["experiment.population"]["Value"] == 50.0
    assert any(name.startswith("cohort.columns.") and one["Source"] for name, one in found.items())
    assert any(name.startswith("network.settings.") for name in found)
    uncertain = [one for one in found.values() if one["95% from"] is not None]
    assert len(uncertain) > 50 and all(one["95% from"] <= one["95% to"] for one in uncertain)


def test_a_title_that_looks_like_a_formula_stays_text(workbook):
    assert of_decision(workbook, data_only=False)["A1"] == "Made up: what <is> =1+1 worth?"


def test_the_command_writes_it(tables, tmp_path, capsys):
    out = tmp_path / "run.xlsx"
    assert main(["export", "excel", str(tables.run.folder), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert main(["export", "excel", str(tables.run.folder), "--out", str(tmp_path / "run.csv")]) == 2
    assert "must be the path of a .xlsx file" in capsys.readouterr().err


@pytest.fixture(scope="module")
def one_draw(tmp_path_factory) -> DecisionTables:
    """The base case alone: the second strategy gives nothing more, the third costs nothing more."""
    cost, effect = np.array([[[1000.0, 1200.0, 1000.0]]]), np.array([[[0.5, 0.5, 0.6]]])
    return DecisionTables.of(made_up_run(tmp_path_factory.mktemp("one"), cost, effect, parameter_draws=False))


def test_one_draw_has_an_icer_and_says_what_is_missing(one_draw, tmp_path):
    path = write_workbook(one_draw, tmp_path / "one.xlsx")
    cells = of_decision(path)
    assert [cells[f"D{FIRST + place}"] for place in range(3)] == ["dominated", "dominated", "on the frontier"]
    assert cells["J7"] == "needs at least 2 parameter draws"
    assert "no parameter draws" in str(cells["B11"])
    assert [cells[f"D{place}"] for place in (16, 17)] == ["dominated", "dominant"]
    sheets = Sheets(path)
    assert [sheets.value("Decision", f"D{FIRST + place}") for place in range(3)] == [
        "dominated", "dominated", "on the frontier",
    ]  # fmt: skip


def test_the_command_says_that_there_are_no_draws(one_draw, tmp_path, capsys):
    assert main(["export", "excel", str(one_draw.run.folder), "--out", str(tmp_path / "one.xlsx")]) == 0
    assert "The run has no parameter draws" in capsys.readouterr().out
