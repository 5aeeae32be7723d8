"""The suite as a whole, and the command."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from popsim.cli import main
from popsim.errors import InputError
from popsim.reporting.text.verification import findings_frame
from popsim.studies.design import read_study
from popsim.verification.checking import CHECKS, Check, CheckResult, close, never, same
from popsim.verification.suite import verify
from popsim.verification.test_bench import ModelBench

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "experiments/heart_failure_discharge.toml"


def test_there_are_enough_and_each_says_what_it_does():
    assert len(CHECKS) >= 50
    assert len({check.title for check in CHECKS}) == len(CHECKS)
    assert all(len(check.did) > 15 for check in CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["heart_failure_discharge", "heart_failure_uncertainty", "whas500_discharge",
                                  "heart_failure_interventions"])  # fmt: skip
def test_every_check_holds_on_the_experiments(name):
    findings = verify(read_study(ROOT / f"experiments/{name}.toml"))
    assert [f"{f.title}: {f.saw}" for f in findings if f.holds is False] == []
    assert sum(finding.holds is True for finding in findings) >= 50


@pytest.mark.slow
def test_nobody_dies_of_a_complication_where_nobody_is_to_die():
    study = read_study(MAIN)
    fatal = [one.model_copy(update={"fatality": 1.0}) for one in study.network.complications]
    network = study.network.model_copy(update={"complications": tuple(fatal)})
    bench = ModelBench(replace(study, network=network), 80)
    assert bench.run().persons["died"].sum() > bench.immortal().persons["died"].sum() == 0


def test_the_command(capsys, tmp_path):
    table = tmp_path / "findings.csv"
    assert main(["verify", str(MAIN), "--only", "discounting", "--people", "40", "--csv", str(table)]) == 0
    printed = capsys.readouterr().out
    assert "holds      A constant stream has the closed form of its discounted sum" in printed
    assert printed.splitlines()[-1].endswith("0 fail, 0 do not apply")
    assert pl.read_csv(table)["result"].unique().to_list() == ["holds"]


def test_a_failure_is_shown_and_the_exit_code_says_so(capsys, monkeypatch):
    def wrong(bench):
        """Look at nothing."""
        return CheckResult(False, "seen")

    monkeypatch.setattr("popsim.verification.suite.CHECKS", [Check("Area", "A thing", wrong)])
    assert main(["verify", str(MAIN), "--quiet"]) == 1
    printed = capsys.readouterr().out
    assert "FAILS      A thing" in printed
    assert "did: Look at nothing." in printed
    assert "1 check: 0 hold, 1 fail" in printed


@pytest.mark.parametrize(("flags", "message"), [(["--only", "no such"], "no check's area or title contains it"),
                                                (["--people", "3"], "must be a whole number between")])  # fmt: skip
def test_wrong_flags(flags, message, capsys):
    assert main(["verify", str(MAIN), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_error_of_the_model_is_a_finding():
    def refuses(bench):
        """Ask for something impossible."""
        raise InputError("no")

    (finding,) = [Check("Area", "A thing", refuses).run_on(None)]
    assert (finding.holds, finding.saw) == (False, "refused: no")
    assert findings_frame([finding])["result"].to_list() == ["FAILS"]


def test_comparisons_cannot_pass_on_nothing():
    assert close([], [], "x").holds is False
    assert never([], "x").holds is False
    assert same([1.0, float("nan")], [1.0, float("nan")], "x").holds
    assert not same([1.0], [2.0], "x").holds
    assert not same([1.0], [1.0, 1.0], "x").holds
    assert not close([1.0], [1.0 + 1e-6], "x").holds
