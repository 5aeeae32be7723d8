"""Base R reads the files and finds popsim's ICER, net benefit and EVPI; BCEA and others have their forms."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_up_decision import made_up_run

from popsim.cli import main
from popsim.economics.information import perfect_information
from popsim.exchange.tables.r_files import write_r_files

RSCRIPT = shutil.which("Rscript")
NAMES = (
    "about",
    "costs",
    "effects",
    "parameters",
    "hesim",
    "savi_costs",
    "savi_effects",
    "savi_parameters",
    "strategies",
)


@pytest.fixture(scope="module")
def folder(tables, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("r")
    write_r_files(tables, folder)
    return folder


def in_r(folder: Path, code: str) -> str:
    loader = f'source("{folder}/load.R", chdir = TRUE); '
    command = [str(RSCRIPT), "--vanilla", "-e", loader + code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def test_files_have_the_forms_of_their_readers(tables, folder):
    found = {name: pl.read_csv(folder / f"{name}.csv") for name in NAMES}
    assert found["costs"].columns == ["draw", *tables.strategies] == found["effects"].columns
    assert found["savi_costs"].shape == found["savi_effects"].shape == (30, 6)
    assert found["savi_parameters"].height == 30 and "draw" not in found["savi_parameters"].columns
    assert found["hesim"].columns == ["sample", "strategy_id", "grp_id", "effect", "cost"]
    assert found["hesim"].height == 30 * 6
    one = found["hesim"].filter((pl.col("sample") == 4) & (pl.col("strategy_id") == 2))
    assert one["cost"].item() == found["costs"]["s1"][3]
    assert pl.read_parquet(folder / "psa.parquet").equals(found["hesim"], null_equal=True)
    assert found["strategies"]["title"][0] == "Strategy A"


def test_without_noise_means_stay_and_the_noisy_draws_are_there(tables, folder):
    used, simulated = (pl.read_csv(folder / f"{name}.csv").drop("draw") for name in ("costs", "costs_simulated"))
    assert used.mean().row(0) == pytest.approx(simulated.mean().row(0), rel=1e-12)
    assert not used.equals(simulated)


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_base_r_finds_popsims_figures(tables, folder):
    assert "All figures are popsim's" in in_r(folder, "check_popsim(psa, 1e-9)")
    said = in_r(folder, 'cat(sprintf("%.17g", evpi(psa, 31000)), sprintf("%.17g", icer_table(psa)$icer[2]))').split()
    (evpi,) = perfect_information(tables.simulated, [31_000.0])["value"]
    assert float(said[0]) == pytest.approx(evpi, rel=1e-9)
    assert float(said[1]) == pytest.approx(tables.frontier()["icer"][1], rel=1e-9)


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_a_wrong_figure_is_found(tables, tmp_path):
    write_r_files(tables, tmp_path)
    path = tmp_path / "popsim_results.csv"
    table = pl.read_csv(path)
    wrong = pl.when(pl.col("figure") == "evpi").then(pl.col("value") * 1.001).otherwise("value").alias("value")
    table.with_columns(wrong).write_csv(path)
    with pytest.raises(AssertionError, match="evpi"):
        in_r(tmp_path, "check_popsim(psa)")


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_arguments_for_the_packages(folder):
    code = (
        "b <- for_bcea(psa); d <- for_dampack(psa); h <- for_hesim(psa); "
        'cat(is.matrix(b$eff), is.matrix(b$cost), b$ref, dim(b$eff), names(d), class(d$cost), names(h), sep = "\\n")'
    )
    assert in_r(folder, code).split("\n")[:-1] == [
        "TRUE", "TRUE", "1", "30", "6", "cost", "effectiveness", "parameters", "strategies", "currency", "data.frame",
        "sample", "strategy_id", "grp_id", "effect", "cost",
    ]  # fmt: skip


def test_one_draw_says_what_is_missing(tmp_path, capsys):
    run = made_up_run(tmp_path, np.array([[[1000.0, 1200.0]]]), np.array([[[0.5, 0.5]]]), parameter_draws=False)
    assert main(["export", "r", str(run.folder), "--out", str(tmp_path / "r")]) == 0
    assert "The run has no parameter draws" in capsys.readouterr().out
    assert not (tmp_path / "r" / "parameters.csv").exists()
    if RSCRIPT is not None:
        assert "All figures" in in_r(tmp_path / "r", "check_popsim(psa)")


def test_a_single_strategy_and_a_wrong_effect_are_refused(tables, tmp_path, capsys):
    run = made_up_run(tmp_path, np.full((1, 2, 1), 1000.0), np.full((1, 2, 1), 0.5), parameter_draws=False)
    assert main(["export", "r", str(run.folder), "--out", str(tmp_path / "r")]) == 2
    assert "nothing to compare" in capsys.readouterr().err
    assert main(["export", "r", str(tables.run.folder), "--effect", "qaly", "--out", str(tmp_path / "r")]) == 2
    assert "did you mean 'qalys'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    assert json.loads((tables.run.folder / "manifest.json").read_text())["run_id"]
