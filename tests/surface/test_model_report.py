"""A model of one's own on the command line and as a page: the figures of its analysis, refusals in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import popsim as ps
from popsim.cli import main
from popsim.errors import InputError
from popsim.surface.model_file import load_analysis

MODEL = """
import numpy as np
import polars as pl
import popsim as ps

draws = pl.DataFrame({"q": np.linspace(0.05, 0.3, 60), "effect": np.linspace(0.9, 0.3, 60)})
model = ps.StateTransitionModel(
    states=["healthy", "dead"], dead=["dead"], timing=ps.Timing(10), discounting=ps.Discounting(0.0, 0.0),
    parameters={"q": 0.1, "c": 100.0, "price": 50.0, "effect": 0.5, "treat": 0},
    strategies={"usual": {}, "treated": {"treat": 1}},
    transitions=lambda p: {"healthy": {"dead": p.q * (p.effect if p.treat else 1.0)}},
    costs=lambda p: {"healthy": p.c + p.price * p.treat},
    utilities=lambda p: {"healthy": 0.8},
)
study = ps.ModelAnalysis(
    model=model, comparator="usual", willingness_to_pay=1000, seed=1, individuals=1, exact=True, draws=draws,
    currency="EUR", title="Early <treatment>", titles={"usual": "Usual care", "treated": "Early treatment"},
    information_groups={"disease": ["q"], "drug": ["effect"]}, cheers={"question": "Is it worth its cost?"},
)
print("not on the standard output")
if __name__ == "__main__":
    raise SystemExit("popsim does not run this")
"""


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_the_commands_print_the_figures_of_the_analysis(file, tmp_path, capsys):
    study, out = load_analysis(file), tmp_path / "t.json"
    capsys.readouterr()
    assert main(["model", "decide", str(file), "--json", str(out)]) == 0
    said = capsys.readouterr()
    assert "Early treatment *" in said.out and "not on the standard output" not in said.out
    tables = {table["title"]: table["records"] for table in json.loads(out.read_text())["tables"]}
    chosen = study.decide().sort("strategy", descending=True)
    costs = {row["strategy"]: row["cost"] for row in tables["Incremental analysis"]}
    assert [costs["Usual care"], costs["Early treatment"]] == pytest.approx(chosen["cost"].to_list())
    by_group = {row["known"]: row["value"] for row in tables["Value of information about groups of parameters"]}
    assert by_group["disease"] == pytest.approx(study.evppi({"disease": ["q"]})["value"][1])
    assert "upper bound" not in said.out  # expected values have no noise

    assert main(["model", "one-way", str(file), "--parameter", "c=80:120", "--json", str(out)]) == 0
    (swing,) = json.loads(out.read_text())["tables"][0]["records"]
    assert swing["swing"] == pytest.approx(study.one_way(["c=80:120"])["swing"].item())

    budget = ["--eligible", "100", "--uptake", "0.5,1", "--csv", str(tmp_path / "b.csv")]
    assert main(["model", "budget", str(file), *budget]) == 0
    net = pl.read_csv(tmp_path / "b.csv").filter(component="Total")["net, EUR"].to_list()
    assert net == pytest.approx(study.budget(100, [0.5, 1.0])["net"].to_list())

    mix = ["--current", "usual=1,1", "--new", "usual=0.5,0", "--new", "treated=0.5,1"]
    assert main(["model", "budget", str(file), *budget[:2], *mix, *budget[4:]]) == 0
    net = pl.read_csv(tmp_path / "b.csv").filter(component="Total")["net, EUR"].to_list()
    assert net == pytest.approx(study.budget(100, [0.5, 1.0])["net"].to_list())
    assert main(["model", "budget", str(file), *budget[:2], *mix[:2]]) == 2
    assert "--eligible, --current and --new go together" in capsys.readouterr().err
    assert main(["model", "budget", str(file), *budget[:2], *mix[:4], "--new", "usual=0.5,1"]) == 2
    assert "named twice" in capsys.readouterr().err

    assert main(["model", "verify", str(file)]) == 0
    assert "5 checks: 5 hold, 0 fail" in capsys.readouterr().out


@pytest.mark.slow
def test_parameter_uncertainty_of_expected_values_is_that_of_the_draws(file):
    """Central 95% of 60 draws of the net benefit, by numpy."""
    study = load_analysis(file)
    benefit = study.decision.net_monetary_benefit(1000.0)
    gains = benefit[:, 1] - benefit[:, 0]
    page = study.report(file.with_suffix(".html")).read_text()
    low, high = np.quantile(gains, (0.025, 0.975), method="weibull")
    assert f"[{low:+,.1f} to {high:+,.1f}]" in page


@pytest.mark.slow
def test_the_page_opens_with_the_answer_and_has_every_part(file, tmp_path):
    path = tmp_path / "page.html"
    assert main(["model", "report", str(file), "--out", str(path), "--eligible", "10", "--uptake", "1"]) == 0
    page = path.read_text()
    assert "Early &lt;treatment&gt;" in page and "<treatment>" not in page
    assert page.index("early treatment is the best buy") < page.index("figure-answer") < page.index("<nav")
    drawn = re.findall(r'<figure id="figure-(\w+)"', page)
    assert drawn == ["answer", "plane", "acceptability", "net_benefit", "evpi", "evppi"]
    assert "Is it worth its cost?" in page and "no parameter is uncertain, name some" in page
    for part in ("Main results", "Value of information", "Budget impact", "Methods", "Checks", "Parameters"):
        assert f">{part}</h2>" in page
    assert page.count("<caption>") >= 8 and "<script" not in page and 'src="http' not in page


def test_batches_of_people_give_a_simulated_model_its_intervals(file):
    """One run of 2,000 people: 100 batches, whose interval has the width of the standard error of the people."""
    study = load_analysis(file)
    simulated = ps.ModelAnalysis(
        model=study.model, comparator="usual", willingness_to_pay=1000, seed=1, individuals=2000
    )
    row = simulated.decide().filter(strategy="treated").row(0, named=True)
    totals = simulated.result.totals[:, 0]
    gains = (1000 * totals[1, 1] - totals[1, 0]) - (1000 * totals[0, 1] - totals[0, 0])
    half = (row["net_monetary_benefit_high"] - row["net_monetary_benefit_low"]) / 2
    assert half == pytest.approx(1.98 * gains.std(ddof=1) / 2000**0.5, rel=0.25)  # t of 99; SE of an SD of 100: 7%
    assert simulated.view.replications == 100 and simulated.view.batches


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("x = 1", "makes no ModelAnalysis"),
        ("x = 1\ny = x / 0", "line 2: ZeroDivisionError: division by zero"),
        ("def f(:", "line 1: SyntaxError"),
        (f"{MODEL}\nstudy = 1 and __import__('dataclasses').replace(study)\nother = __import__('dataclasses')"
         ".replace(study)", "makes several analyses, choose one with --study: study, other"),
        (f"{MODEL}\nps.ModelAnalysis(model=model, comparator='usul', willingness_to_pay=1, seed=1)",
         "did you mean 'usual'"),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_analysis_is_refused_in_one_line(tmp_path, capsys, text, say):
    path = tmp_path / "bad.py"
    path.write_text(text)
    assert main(["model", "decide", str(path)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"popsim: {path}") and say in said


def test_names_of_arguments_are_checked(file):
    study = load_analysis(file)
    with pytest.raises(InputError, match="titles: did you mean 'treated'"):
        ps.ModelAnalysis(
            model=study.model, comparator="usual", willingness_to_pay=1, seed=1, titles={"treatd": "Treated"}
        )
    with pytest.raises(InputError, match="cheers"):
        ps.ModelAnalysis(model=study.model, comparator="usual", willingness_to_pay=1, seed=1, cheers={"quesion": "?"})
    assert main(["model", "report", str(file), "--out", str(file)]) == 2
