"""What validation counts: errors of both figures and tau, strata, drug classes, severity; and what it refuses."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from popsim.calibration import validation
from popsim.calibration.sources import figure_hash, read_source
from popsim.calibration.validation import (
    by_drug_class,
    by_stratum,
    coverage,
    refuse_fitted,
    severity_of,
    validated,
)
from popsim.cli import main
from popsim.definitions.base import validate
from popsim.definitions.calibration import Calibrated, FittedFigure, Heterogeneity
from popsim.definitions.strategy import Strategy
from popsim.definitions.target import Target
from popsim.errors import DefinitionError
from popsim.reporting.figures.validation import validation_figure
from popsim.reporting.table_files import as_json, collects
from popsim.reporting.text.validation import validation_text
from popsim.statistics import Estimate

RALES = Path(__file__).parents[2] / "experiments" / "trials" / "rales.toml"
READ = {"source": "a paper that was read", "provenance": "seen", "use": "validate"}


def target(name, **said):
    return validate({"name": name} | READ | said, Target, "t.toml")


RATE = target("rate", quantity="rate", endpoint="death", value=10.0, events=400, unit="per 100 person-years")
RATIO = target(
    "ratio",
    quantity="hazard_ratio",
    endpoint="death",
    value=0.7,
    low=0.6,
    high=0.8167,
    unit="ratio",
    arm="spironolactone",
)
CLASS_4 = {"quantity": "baseline_share", "group": [{"column": "nyha_class", "at_least": 4}], "unit": "proportion"}
TABLE = target("class_4", value=0.28, size=1600, **CLASS_4 | {"use": "baseline"})


def source(*targets, tau=None, **said):
    calibrated = Calibrated(name="toy", parameters={}, tau=tau, discrepancy=0.0, severity=4.0)
    return replace(read_source(RALES), targets=targets, calibrated=calibrated, **said)


@pytest.fixture
def simulated(monkeypatch):
    """Figures by the name of the target, instead of a simulation."""
    values = {"rate": Estimate(13.0, 0.65), "ratio": Estimate(0.77, 0.05)}

    def figures(source, run, names=(), rows=None):
        severities = [0.0] if rows is None else rows[:, 0].tolist()
        shares = [Estimate(1 / (1 + math.exp(1.5 - 0.2 * s)), 0.001) for s in severities]
        return [[values.get(one.name, share) for one in source.targets] for share in shares]

    monkeypatch.setattr(validation, "figures", figures)
    return values


def test_both_errors_and_tau_count(simulated):
    """By hand: log 1.3 = 0.262 against the root of 0.05^2 + 0.05^2 (+ 0.15^2)."""
    for tau, inside in ((None, False), (Heterogeneity(admission=0.0, death=0.15, ratio=0.05), True)):
        table = validated([source(RATE, RATIO, tau=tau)], None)
        error = math.sqrt(2 * 0.05**2 + (0.15**2 if tau else 0.0))
        assert table["distance"][0] == pytest.approx(math.log(1.3) / error)
        assert table["inside"].to_list() == [inside, True]
        assert table["tau"].to_list() == ([0.15, 0.05] if tau else [0.0, 0.0])


def test_strata_count_untouched_figures_and_the_size_of_misses(simulated):
    simulated["low"] = Estimate(5.0, 0.1)
    low = RATE.model_copy(update={"name": "low", "stratum": ("preserved", "mild")})
    fitted = RATE.model_copy(update={"name": "fitted", "use": "calibrate"})
    table = validated([source(RATE, RATIO, low, fitted, stratum=("reduced",))], None)
    rows = {row["stratum"]: row for row in by_stratum(table).to_dicts()}
    assert [*rows] == ["mild", "preserved", "reduced", "all"]
    assert (rows["reduced"]["targets"], rows["reduced"]["inside"], rows["reduced"]["levels"]) == (2, 1, 1)
    assert rows["all"]["largest_factor"] == pytest.approx(2.0)
    assert rows["all"]["median_log_ratio"] == pytest.approx((math.log(1.3) + math.log(2.0)) / 2)
    assert dict(coverage(table).select("use", "targets").iter_rows()) == {"validate": 3, "calibrate": 1}


def test_hazard_ratios_are_pooled_by_drug_class_with_fixed_effects(simulated):
    """By hand: weights are inverse variances of the differences."""
    simulated["other"] = Estimate(0.63, 0.0)
    other = RATIO.model_copy(update={"name": "other"})
    (row,) = by_drug_class(validated([source(RATIO, other)], None)).to_dicts()
    errors = np.array([math.hypot(0.05 / 0.77, RATIO.error_on_scale), RATIO.error_on_scale])
    expected = np.average(np.log([0.77 / 0.7, 0.63 / 0.7]), weights=1.0 / errors**2)
    assert (row["drug_class"], row["targets"]) == ("mra", 2)
    assert row["difference"] == pytest.approx(expected)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.959964 / np.sqrt((1.0 / errors**2).sum()))


@pytest.mark.parametrize(
    ("intervention", "drug_class"),
    [
        ({"kind": "drug", "column": "sglt2_inhibitor_fraction", "dose": 1.0}, "sglt2_inhibitor"),
        ({"kind": "drug", "drug": "dapagliflozin", "dose": 1.0}, "sglt2_inhibitor"),
        ({"kind": "drug", "drug": "sacubitril_valsartan", "dose": 1.0}, "neprilysin_inhibitor"),
        ({"kind": "hazard_ratio", "outcome": "death", "value": 0.9}, "tablet"),
    ],
)
def test_a_ratio_is_about_the_class_of_the_drug_however_it_is_named(simulated, intervention, drug_class):
    """A column of doses, a drug, one of two in a tablet; what is no drug has its own name."""
    rales = read_source(RALES)
    arm = validate({"name": RATIO.arm, "interventions": [{"name": "tablet"} | intervention]}, Strategy, "test")
    placebo = rales.study.experiment.strategy("placebo")
    experiment = rales.study.experiment.model_copy(update={"strategies": (placebo, arm)})
    changed = source(RATIO, RATE, study=replace(rales.study, experiment=experiment))
    assert validated([changed], None)["drug_class"].to_list() == [drug_class, None]


@pytest.mark.slow
def test_the_severity_meets_the_baseline_table(simulated):
    """The share's log odds are -1.5 + 0.2 severity; 1,600 people leave hardly any weight to the prior."""
    expected = (math.log(0.28 / 0.72) + 1.5) / 0.2
    assert severity_of(source(RATE, TABLE), None) == pytest.approx(expected, abs=0.02)
    assert severity_of(source(RATE), None) is None
    other = RATE.model_copy(update={"value": 40.0})
    assert severity_of(source(other, TABLE), None) == severity_of(source(RATE, TABLE), None)
    table = validated([source(RATE, TABLE)], None)
    assert table["simulated"][1] == pytest.approx(0.28, abs=0.001)
    assert table["inside"][1] is None


@pytest.mark.slow
def test_a_fitted_figure_is_never_validation():
    same = FittedFigure(name="rate", study="x", source="elsewhere", figure="0")
    as_stored = figure_hash(RATE.model_copy(update={"name": "old_name", "use": "calibrate"}))
    renamed = FittedFigure(name="old_name", study="x", source=RATE.source, figure=as_stored)
    for fitted, words in ((same, "('rate')"), (renamed, "('old_name')")):
        with pytest.raises(DefinitionError) as refused:
            refuse_fitted([source(RATE)], [fitted])
        assert "rales.toml: targets.rate.use = 'validate': parameters were fitted to this figure" in str(refused.value)
        assert words in str(refused.value)
        refuse_fitted([source(RATE.model_copy(update={"use": "calibrate"}))], [fitted])
    refuse_fitted(
        [source(RATE.model_copy(update={"name": "new", "days": 90}))], [renamed]
    )  # another figure of the paper


def test_the_command_refuses_a_fitted_figure_before_anything_is_simulated(tmp_path, capsys):
    """The whole way: a trial that uses a calibration file which lists one of its figures."""
    root = RALES.parents[2]
    text = (
        RALES.read_text()
        .replace("../../cohorts", str(root / "cohorts"))
        .replace("../networks", str(RALES.parents[1] / "networks"))
    )
    text = text.replace("../calibrated/heart_failure.toml", "found.toml").replace('"calibrate"', '"validate"')
    (tmp_path / "rales.toml").write_text(text, encoding="utf-8")
    fitted = 'name = "rales_death_hazard_ratio"\nstudy = "rales"\nsource = "Pitt"\nfigure = "0"'
    (tmp_path / "found.toml").write_text(f'name = "toy"\n[[fitted]]\n{fitted}\n[parameters]\n', encoding="utf-8")
    assert main(["validate", str(tmp_path / "rales.toml"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "targets.rales_death_hazard_ratio.use = 'validate': parameters were fitted to this figure" in error
    assert not (tmp_path / "out" / "rales").exists()


def test_only_the_baseline_table_is_for_severity():
    with pytest.raises(DefinitionError, match="only a figure of the baseline table goes with use = 'baseline'"):
        target("t", quantity="mortality", days=30, value=0.1, size=100, unit="proportion", use="baseline")


def in_json(table):
    """The rows of every table by its title, as the command writes them."""
    with collects("popsim validate") as collection:
        validation_text(table)
    tables = json.loads(as_json(collection), parse_constant=pytest.fail)["tables"]
    return {one["title"]: one["records"] for one in tables}


def test_text_json_and_figure_show_every_table(simulated):
    tau = Heterogeneity(admission=0.1, death=0.15, ratio=0.05)
    table = validated([source(RATE, RATIO, TABLE, tau=tau, stratum=("reduced", "severe"))], None)
    text = validation_text(table)
    for words in (
        "severity +2.8 mmHg",
        "Not fitted, by stratum",
        "severe",
        "levels 0.150 to 0.150; ratios 0.050",
        "mra",
    ):
        assert words in text
    found = in_json(table)
    assert [*found] == ["Targets", "Coverage", "Strata", "Drug classes"]
    assert [row["target"] for row in found["Targets"]] == ["rate", "ratio", "class_4"]
    assert len(validation_figure(table).axes[0].get_yticklabels()) == 3


UNMEASURED = {  # nobody to count, too few for an error, a figure without a logarithm, one without an end
    "share": Estimate(),
    "no_error": Estimate(12.0, math.nan),
    "zero": Estimate(0.0, 1.0),
    "infinite": Estimate(math.inf, 1.0),
}


def test_what_too_few_people_cannot_measure_is_said_and_not_counted(simulated):
    simulated |= UNMEASURED
    rates = [RATE.model_copy(update={"name": name}) for name in UNMEASURED]
    table = validated([source(RATE, *rates, stratum=("reduced",))], None)
    assert table["inside"].to_list() == [False, None, None, None, None]
    assert table["not_measured"].is_null().to_list() == [True, False, False, False, False]
    assert table.select(*validation.MEASURED)[1:].null_count().sum_horizontal().item() == 6 * len(UNMEASURED)
    assert coverage(table).row(0, named=True) == {
        "use": "validate", "targets": 1, "inside": 0, "share": 0.0, "not_measured": 4,
    }  # fmt: skip
    assert [row["targets"] for row in by_stratum(table).to_dicts()] == [1, 1]
    found = in_json(table)
    assert [row["distance"] is None for row in found["Targets"]] == [False, True, True, True, True]
    text = validation_text(table)
    assert "not fitted: 0 of 1 targets inside (0%), 4 not measured" in text
    assert "not measured: no error (too few people for its standard error)" in text
    assert "nan" not in text
    validation_figure(table)


def test_a_validation_that_measures_nothing_has_tables_all_the_same(simulated):
    simulated["rate"] = Estimate()
    table = validated([source(RATE)], None)
    assert "not fitted: 0 of 0 targets inside, 1 not measured" in validation_text(table)
    in_json(table)


@pytest.mark.slow
def test_figures_that_are_not_measured_have_no_part_in_the_severity(simulated):
    none = TABLE.model_copy(update={"name": "share"})
    expected = severity_of(source(RATE, TABLE), None)
    for estimate in UNMEASURED.values():
        simulated["share"] = estimate
        assert severity_of(source(RATE, TABLE, none), None) == expected
        assert severity_of(source(RATE, none), None) is None


@pytest.mark.slow
def test_people_too_few_for_a_class_do_not_stop_the_command(tmp_path, capsys):
    """CHARM-Preserved: of 20 people nobody is in class IV, which its baseline table has."""
    command = ["validate", str(RALES.with_name("charm_preserved.toml")), "--population", "20", "--replications", "1"]
    assert main([*command, "--json", "-", "--out", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["tables"][0]["records"]
    missing = [row["target"] for row in rows if row["not_measured"]]
    assert "charm_preserved_nyha_iv" in missing
    assert all(row["inside"] is None for row in rows if row["target"] in missing)
    assert math.isfinite(rows[0]["severity"])
