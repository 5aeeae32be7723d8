"""What data are worth: closed forms through the same door as simulations, and what a file may not say."""

from types import SimpleNamespace

import polars as pl
import pytest
from scipy.stats import t

from popsim.analyses.data_value import data_value, read_question
from popsim.cli.options import changes
from popsim.definitions.writing import to_toml
from popsim.errors import DefinitionError
from popsim.reporting.text.data_value import data_value_text, draw_data_value
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study

EXPERIMENT = """
name = "small"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 40
replications = 4
seed = 7
follow_up_days = 30
willingness_to_pay = 1000.0
[[strategies]]
name = "usual"
label = "Usual care"
[[strategies]]
name = "watched"
label = "Watched"
[strategies.telemonitoring]
desk = "telemonitoring_desk"
uptake = 1.0
duration_days = 30
weight_gain_kg = 2.0
systolic_low_mmhg = 90.0
systolic_high_mmhg = 180.0
heart_rate_low_bpm = 45.0
heart_rate_high_bpm = 120.0
days_between_alerts = 3
[[strategies]]
name = "all_knowing"
label = "All-knowing"
"""
QUESTION = """
name = "worth"
experiment = "small.toml"
comparator = "usual"
strategies = ["watched"]
ceiling = "all_knowing"
individualise_by = ["female"]
[[axes]]
path = "telemonitoring.signal_error_factor"
label = "Error"
values = [0.5, 1.0, 4.0]
[[axes]]
path = "telemonitoring.delay_days"
values = [0, 7]
"""
LUCK = (-3.0, 1.0, 0.0, 2.0)  # of four replications, the same under every strategy
OWN = (0.5, -0.5, 1.0, -1.0)  # of watched people


@pytest.fixture
def file(tmp_path, request):
    (tmp_path / "small.toml").write_text(EXPERIMENT.format(root=request.config.rootpath))
    path = tmp_path / "worth.toml"
    path.write_text(QUESTION)
    return path


def made_up(folder):
    """A run in which watching is worth 100 - 10 x error - 2 x delay, and the truth 150 over usual care."""

    def run(study):
        rows, persons = [], []
        for strategy in study.experiment.strategies:
            gain = 150.0 if strategy.name == "all_knowing" else 0.0
            if (watch := strategy.telemonitoring) is not None:
                gain = 100.0 - 10.0 * watch.signal_error_factor - 2.0 * watch.delay_days
            for r in range(4):
                benefit = gain + LUCK[r] + (OWN[r] if watch else 0.0)
                rows += [(strategy.name, 0, r, "cost_total", -benefit), (strategy.name, 0, r, "qalys", 0.0)]
                # Women gain twice the mean gain of watching, men nothing.
                for person in range(10):
                    cost = -LUCK[r] - (2.0 * gain if person % 2 else 0.0)
                    persons.append((strategy.name, 0, r, 0, person, person % 2, cost, 0.0))
        columns = ["strategy", "draw", "replication", "measure", "value"]
        pl.DataFrame(rows, columns, orient="row").write_parquet(folder / "measures.parquet")
        columns = ["strategy", "draw", "replication", "region", "person_id", "female", "cost_total", "qaly"]
        pl.DataFrame(persons, columns, orient="row").write_parquet(folder / "persons.parquet")
        return SimpleNamespace(folder=folder)

    return run


def test_curves_are_the_planted_ones(file, tmp_path):
    """Net benefit 95, 90, 60 (error 0.5, 1, 4; delay 0) and 90, 76 (delay 0, 7); changes against the strategy as it
    stands are free of all luck; the interval of net benefit is Student's over the luck of watching alone (scipy)."""
    question = read_question(file)
    worth = data_value(question, made_up(tmp_path))
    assert worth.curve["net_benefit"].to_list() == pytest.approx([95.0, 90.0, 60.0, 90.0, 76.0])
    assert worth.curve["change"].to_list() == pytest.approx([5.0, 0.0, -30.0, 0.0, -14.0])
    assert worth.curve["change_low"].to_list() == pytest.approx([5.0, 0.0, -30.0, 0.0, -14.0])
    assert worth.curve["own"].to_list() == [False, True, False, True, False]
    error = pl.Series(OWN).std() / 2.0
    assert worth.curve["high"][0] - 95.0 == pytest.approx(t.ppf(0.975, 3) * error)
    # All strategies share one run: a variant for each value that is not the strategy's own.
    assert len(question.study.experiment.strategies) == 3 + 3


def test_bounds_are_the_planted_ones(file, tmp_path):
    """The truth is worth 150 - 90 more than watching. Watching women alone is worth as much as watching all (men gain
    nothing and lose nothing), so that individualised care adds nothing, and neither does foresight."""
    worth = data_value(read_question(file), made_up(tmp_path))
    values = dict(zip(worth.bounds["known"], worth.bounds["value"], strict=True))
    assert values["the truth about each person"] == pytest.approx(60.0)
    assert values["best strategy by female"] == pytest.approx(0.0, abs=1e-9)
    assert values["perfect foresight of each person's fate"] == pytest.approx(0.0, abs=1e-9)


def test_words_and_picture(file, tmp_path):
    question = read_question(file)
    worth = data_value(question, made_up(tmp_path))
    text = data_value_text(worth, question)
    assert "current" in text
    assert "For research, not for care." in text
    assert draw_data_value(worth, question, tmp_path).read_bytes().startswith(b"\x89PNG")


def test_a_question_has_a_number_of_draws_of_its_own(file):
    """Instead of the experiment's, as of its other sizes; a flag is heard before both."""
    file.write_text(f"draws = 3\n{file.read_text()}")
    assert read_question(file).study.experiment.draws == 3
    assert read_question(file, changes(draws=0)).study.experiment.draws == 0


@pytest.mark.slow
def test_simulated_variants_share_people_and_luck(file, tmp_path):
    """Readings that are never made raise no alert: watched people then live as under usual care, to the last bit.

    What is left of net benefit is the price of the devices: 40 people less than 30 days at the set's daily price.
    """
    question = read_question(file)
    axis = question.definition.axes[0].model_copy(
        update={"path": "telemonitoring.missed_share", "values": (0.0, 1.0), "label": "Missed"}
    )
    definition = question.definition.model_copy(update={"axes": (axis,), "ceiling": None, "replications": 2})
    path = tmp_path / "missed.toml"
    path.write_text(to_toml(definition))
    question = read_question(path)
    worth = data_value(question, lambda study: run_study(study, tmp_path / "runs", Engine(1, 1)))
    blind = worth.curve.filter(pl.col("value") == "1.0").row(0, named=True)
    assert -30 * 5.755 <= blind["net_benefit"] < 0.0
    assert worth.curve["replications"].to_list() == [2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("signal_error_factor", "signal_eror_factor"), "unknown key"),
        (("0.5, 1.0, 4.0", "0.5, 1.0, 400.0"), "must be between 0.1 and 20"),
        (('["watched"]', '["watchd"]'), "did you mean 'watched'"),
        (('"all_knowing"', '"watched"'), "'watched' is named twice"),
        (("telemonitoring.delay_days", "guidance.adoption"), "nothing at 'guidance'"),
        (("[0, 7]", "[7, 7]"), "must differ"),
        (("[0, 7]", '[0, 7]\nstrategies = ["usual"]'), "'usual' is not among strategies"),
    ],
)
def test_wrong_files_are_refused_in_one_line(file, change, message):
    file.write_text(QUESTION.replace(*change))
    with pytest.raises(DefinitionError) as caught:
        read_question(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sizes_of_the_command_line_are_checked(file):
    said = changes(population=50, follow_up_days=12, seed=9)
    experiment = read_question(file, said).study.experiment
    assert (experiment.population, experiment.follow_up_days, experiment.seed) == (50, 12, 9)
    with pytest.raises(DefinitionError, match=r"command line: --population = 0: must be between"):
        read_question(file, changes(population=0))
