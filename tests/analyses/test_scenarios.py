"""Structural scenarios, and experiments made in Python."""

import polars as pl
import pytest

from popsim.analyses.scenarios import scenario_table
from popsim.cli import main
from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, InputError
from popsim.reporting.text.scenarios import render_scenarios
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.runner import run_study
from popsim.studies.design import Change, read_study, study_of
from popsim.studies.scenarios import studies

SCENARIOS = """
[[scenarios]]
name = "short"
label = "A month"
follow_up_days = 30
without = ["third"]
[[scenarios]]
name = "dear"
discount_rate_costs = 0.0
willingness_to_pay = 1.0
[scenarios.parameters]
nhs_prices.inpatient_day = 900.0
[[scenarios]]
name = "small"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
[scenarios.capacity]
general_ward = 7
[[scenarios]]
name = "same"
"""
THIRD = """
[[strategies]]
name = "third"
inherits = "other"
[[strategies.interventions]]
name = "sglt2"
kind = "drug"
column = "sglt2_inhibitor_fraction"
dose = 1.0
"""


@pytest.fixture
def file(experiment_file, request):
    text = experiment_file.read_text().replace("population = 50", "population = 50\nfollow_up_days = 60")
    experiment_file.write_text(text + THIRD + SCENARIOS.format(root=request.config.rootpath))
    return experiment_file


def keys(study):
    return {(unit.strategy.name, unit.replication): unit.key for unit in study.units}


def test_a_scenario_replaces_what_it_sets_and_keeps_the_rest(file):
    base = ExperimentDefinition.read(file)
    short, dear, small = (base.in_scenario(name) for name in ("short", "dear", "small"))
    assert (short.follow_up_days, short.title) == (30, "made_up: A month")
    assert [strategy.name for strategy in short.strategies] == ["usual", "other"]
    assert (dear.discount_rate_costs, dear.willingness_to_pay, dear.follow_up_days) == (0.0, 1.0, 60)
    assert dear.parameters["nhs_prices.inpatient_day"] == 900.0
    assert small.capacity == {"general_ward": 7}
    assert all(found.scenarios == () and found.name == "made_up" for found in (short, dear, small))
    assert read_study(file, scenario="dear").parameters["nhs_prices"]["inpatient_day"] == 900.0
    places = {setting.name: setting.places for setting in read_study(file, scenario="small").network.settings}
    assert places["general_ward"] == 7


def test_units_are_shared_where_the_scenario_changes_nothing_they_depend_on(file):
    found = studies(file)
    assert list(found) == ["base_case", "short", "dear", "small", "same"]
    assert keys(found["same"]) == keys(found["base_case"])
    assert len({study.run_id for study in found.values()}) == 5
    for name in ("short", "dear", "small"):
        assert not {*keys(found[name]).values()} & {*keys(found["base_case"]).values()}


def test_flags_count_in_every_scenario(file):
    found = studies(file, changes={"follow_up_days": Change("--days", 20)})
    assert {study.experiment.follow_up_days for study in found.values()} == {20}
    assert found["short"].flags == {"--days": 20, "--scenario": "short"}


@pytest.mark.slow
def test_a_flag_that_replaces_what_a_scenario_sets_is_told(file, capsys, tmp_path):
    told = "popsim: warning: scenario 'short': --days 20 replaces its own follow_up_days = 30\n"
    sizes = [
        "--population",
        "30",
        "--replications",
        "1",
        "--days",
        "20",
        "--workers",
        "1",
        "--quiet",
        "--out",
        str(tmp_path),
    ]
    assert main(["scenarios", str(file), *sizes]) == 0
    assert capsys.readouterr().err.count(told) == 1
    assert main(["run", str(file), "--scenario", "short", *sizes]) == 0
    assert told in capsys.readouterr().err
    assert main(["run", str(file), "--scenario", "dear", *sizes]) == 0
    assert "replaces" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('without = ["third"]', 'without = ["thirt"]', "scenarios.short.without = 'thirt': did you mean 'third'?"),
        ('without = ["third"]', 'without = ["usual"]', "scenarios.short.without = 'usual': must not be the comparator"),
        ('name = "same"', 'name = "dear"', "scenarios.dear: the name is taken"),
        ('name = "same"', 'name = "base_case"', "scenarios.base_case: the name is taken"),
        ("follow_up_days = 30", "follow_up_dais = 30", "unknown key, did you mean 'follow_up_days'?"),
        ("follow_up_days = 30", "follow_up_days = 0", "scenarios.0.follow_up_days = 0: must be between 1 and 32872"),
    ],
)
def test_what_a_scenario_may_not_say(file, old, new, message):
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DefinitionError) as caught:
        read_study(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_only_the_network_knows_is_refused_too(file, capsys):
    file.write_text(file.read_text().replace("general_ward = 7", "generel_ward = 7"))
    with pytest.raises(
        DefinitionError, match=r"capacity\.generel_ward = 7: unknown setting, did you mean 'general_ward'"
    ):
        studies(file)
    with pytest.raises(InputError, match="scenario 'shrt': did you mean 'short'"):
        read_study(file, scenario="shrt")
    assert main(["run", str(file), "--scenario", "shrt"]) == 2
    assert capsys.readouterr().err.startswith("popsim: scenario 'shrt': did you mean 'short'?")


def test_an_experiment_made_in_python_has_the_units_of_the_file_that_says_the_same(file):
    table = ExperimentDefinition.read(file).model_dump(mode="json")
    made = ExperimentDefinition.model_validate(table)
    assert keys(study_of(made, file.parent)) == keys(read_study(file))
    assert made.strategy("third") == ExperimentDefinition.read(file).strategy("third")


@pytest.mark.slow
def test_a_run_of_an_experiment_made_in_python_is_opened_like_any_other(file, tmp_path):
    experiment = ExperimentDefinition.read(file).model_copy(
        update={"replications": 1, "follow_up_days": 3, "population": 20}
    )
    result = run_study(study_of(experiment, file.parent), tmp_path, Engine(1, 1))
    opened = StoredRun.open(result.folder)
    assert opened.study.run_id == result.study.run_id
    assert opened.manifest["files"][f"{file.parent}/made_up (made in Python)"] == "made in Python"


def test_scenarios_are_run_side_by_side(file, tmp_path, capsys):
    arguments = ["scenarios", str(file), "--population", "60", "--replications", "2", "--workers", "1"]
    assert main([*arguments, "--out", str(tmp_path / "results")]) == 0
    shown = capsys.readouterr().out
    assert [line.split(":")[0] for line in shown.splitlines()[:5]] == ["base_case", "short", "dear", "small", "same"]
    blocks = shown.split("\n\n", 1)[1].splitlines()
    assert [line for line in blocks if not line.startswith(" ")] == [
        f"{name}, {days} days of follow-up"
        for name, days in (("made_up (base_case)", 60), ("made_up: A month (short)", 30), ("made_up: Dear (dear)", 60),
                           ("made_up: Small (small)", 60), ("made_up: Same (same)", 60))
    ]  # fmt: skip
    by_name = {name: block.splitlines() for name, block in zip("abcde", shown.split("made_up")[-5:], strict=True)}
    assert by_name["a"][1:] == by_name["e"][1:]  # the same units
    assert len(by_name["b"]) == 3


def test_scenario_table():
    summary = pl.DataFrame(
        {
            "strategy": ["a", "a", "b", "b"], "measure": ["cost_total", "qalys"] * 2, "mean": [10.0, 1.0, 20.0, 1.5],
            "low": [9.0, 0.9, 19.0, 1.4], "high": [11.0, 1.1, 21.0, 1.6],
        }
    )  # fmt: skip
    value = pl.DataFrame(
        {
            "strategy": ["b"], "cost_difference": [10.0], "qaly_difference": [0.5],
            "verdict": ["gains health at a cost"],
            "icer_per_qaly": [20.0], "icer_low": [15.0], "icer_high": [25.0], "icer_interval": ["bounded"],
            "net_monetary_benefit": [5.0], "net_monetary_benefit_low": [4.0],
            "net_monetary_benefit_high": [6.0],
        }
    )  # fmt: skip
    found = scenario_table({"base_case": {"summary": summary, "cost_effectiveness": value}})
    assert found.select("scenario", "strategy", "cost_total", "qalys", "icer_per_qaly").rows() == [
        ("base_case", "a", 10.0, 1.0, None),
        ("base_case", "b", 20.0, 1.5, 20.0),
    ]
    ends = ["cost_total_low", "cost_total_high", "qalys_low", "qalys_high", "icer_low", "icer_high"]
    assert found.select(ends).rows() == [(9.0, 11.0, 0.9, 1.1, None, None), (19.0, 21.0, 1.4, 1.6, 15.0, 25.0)]
    strategies = tuple(validate({"name": name, "label": name}, Strategy, "test") for name in "ab")
    experiment = ExperimentDefinition(name="made_up", cohort="c.toml", network="n.toml", strategies=strategies)
    made_up = experiment.model_copy(update={"replications": 5})
    lines = render_scenarios(found, {"base_case": made_up}).splitlines()
    cells = [cell.strip() for cell in lines[-1].strip().split("  ") if cell]
    assert cells == ["b", "20.00 (19.00 to 21.00)", "1.50 (1.40 to 1.60)", "20 (15 to 25)", "5.0 (4.0 to 6.0)"]
    assert "in brackets 95% Monte Carlo intervals" in lines[0]
    few = render_scenarios(found, {"base_case": made_up.model_copy(update={"replications": 2})})
    assert few.count("No Monte Carlo intervals: 2 replications are too few") == 1
    assert " to 21" not in few
