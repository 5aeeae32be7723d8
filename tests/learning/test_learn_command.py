"""`popsim learn`: from a table, from an experiment; the card; what is refused."""

import json

import numpy as np
import polars as pl
import pytest
from flagship import AS_DESCRIBED as EXPERIMENT
from planted import FEATURES, closed_form_c_statistic, people
from scipy.special import expit, logit

from popsim.cli import main
from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED
from popsim.learning.card import card, markdown
from popsim.learning.evaluation import evaluate
from popsim.learning.table import read_table

LEARNING = SHIPPED["learning"]


def rows(number: int, seed: int = 21) -> pl.DataFrame:
    """A table as a user has it: two rows a person, words, a date, a name for everybody, women whose risk is higher."""
    draw = np.random.default_rng(seed)
    table = people(number, seed)
    female = draw.integers(0, 2, number)
    words = draw.choice(["clinic", "ward", "hospice"], number, p=[0.5, 0.499, 0.001]).tolist()
    happened = draw.random(number) < expit(logit(table["true_risk"].to_numpy()) + 0.9 * female)
    return table.select(FEATURES).with_columns(
        patient=pl.Series([f"p{i // 2}" for i in range(number)]),
        day=pl.Series(draw.integers(0, 300, number), dtype=pl.Int64),
        female=pl.Series(female),
        referred_from=pl.Series(words),
        surname=pl.Series([f"Canary{i}" for i in range(number)]),
        seen_on=pl.Series(["2024-03-01"] * number),
        died=pl.Series(happened.astype(int)),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("table") / "register.csv"
    rows(6000).write_csv(file)
    return file


@pytest.mark.slow
def test_a_table_is_learned_from(path, tmp_path, capsys):
    asked = ["--outcome", "died", "--person", "patient", "--day", "day", "--by", "referred_from"]
    assert main(["learn", "--table", str(path), *asked, "--out", str(tmp_path), "--model", str(tmp_path / "kept")]) == 0
    out = capsys.readouterr().out
    assert "column 'surname' is left out" in out and "column 'seen_on' is left out" in out
    assert out.count("For research, not for care.") == 1
    folder = tmp_path / "learn" / "register_died"
    said = json.loads((folder / "model_card.json").read_text())
    found = said["performance"]["c-statistic"]
    assert abs(found["value"] - closed_form_c_statistic()) < 0.06  # women and men differ: not quite the plain case
    assert (
        said["performance"]["observed to predicted"]["low"] < 1.0 < said["performance"]["observed to predicted"]["high"]
    )
    assert said["training"]["last_day"] + 30 <= said["test"]["first_day"]
    assert {row["characteristic"] for row in said["subgroups"]} == {"sex", "referred_from"}
    assert {row["feature"] for row in said["features"]} == {
        *FEATURES, "female", "referred_from=clinic", "referred_from=ward", "referred_from=other",
    }  # fmt: skip
    text = (folder / "model_card.md").read_text()
    assert text.startswith("# Risk of 'died'") and text.count("For research, not for care.") == 2
    everything = [*folder.iterdir(), *(tmp_path / "kept").iterdir()]
    assert len(everything) == 4
    for file in everything:
        assert b"Canary" not in file.read_bytes() and b"p17" not in file.read_bytes(), file.name


@pytest.mark.slow
def test_nobody_is_on_both_sides(path):
    read = read_table(path, "died", person="patient", day="day")
    found = evaluate(read.frame, "died", read.groups, horizon_days=30, features=read.features, parameters=LEARNING)
    assert set(found.train["person_id"]).isdisjoint(set(found.test["person_id"]))
    assert found.train["day"].max() + 30 <= found.test["day"].min()
    assert found.weights["feature"][0] == "x0"
    assert (
        abs(found.weights.row(by_predicate=pl.col("feature") == "x2", named=True)["drop"]) < 0.02
    )  # a c-statistic's error
    only_people = evaluate(read.frame.drop("day"), "died", {}, features=read.features, parameters=LEARNING)
    assert len(only_people.train) + len(only_people.test) == len(read.frame)
    assert "hold no subgroups" in markdown(card(only_people, "A title", {}))


def test_a_gain_over_a_score_is_of_pairs(path):
    read = read_table(path, "died", person="patient", day="day")
    scores = {"x0": "x0", "noise": "x2"}
    found = evaluate(
        read.frame, "died", {}, horizon_days=30, features=read.features, scores=scores, parameters=LEARNING
    )
    one, noise = found.against
    assert one.gain.value == pytest.approx(found.performance.c_statistic.value - one.c_statistic.value)
    assert one.gain.value > 2.0 * one.gain.standard_error
    unpaired = np.hypot(found.performance.c_statistic.standard_error, one.c_statistic.standard_error)
    assert one.gain.standard_error < 0.8 * unpaired
    assert abs(noise.c_statistic.value - 0.5) < 4.0 * noise.c_statistic.standard_error


def test_a_column_that_tells_everything_is_doubted(tmp_path):
    table = rows(600).with_columns(ward_of_death=pl.col("died") * 3.0)
    table.write_parquet(tmp_path / "t.parquet")
    assert any("'ward_of_death' alone predicts" in note for note in read_table(tmp_path / "t.parquet", "died").notes)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name an experiment, or --table"),
        (["--table", "T", "--outcome", "dyed"], "did you mean 'died'"),
        (["--table", "T", "--outcome", "x0"], "must hold 0 and 1"),
        (["--table", "T", "--outcome", "died", "--day", "surname"], "must hold a whole number"),
        (["--table", "T", "--outcome", "died", "--by", "surname"], "has more than 12 values"),
        (["--table", "none.csv", "--outcome", "died"], "no such file"),
        (["--table", "T.xlsx", "--outcome", "died"], "must be a .csv or .parquet file"),
        (["E", "--strategy", "usual_car"], "did you mean 'usual_care'"),
        (["E", "--outcome", "admision"], "did you mean 'admission'"),
        (["E", "--horizon", "0"], "--horizon = 0: must be between 1 and 365"),
        (["E", "--horizon", "200", "--days", "90"], "--days must be 353 or more, or --horizon 101 or less"),
        (["E", "--horizon", "90", "--days", "90", "--every", "300"], "no landmark to learn from in 272 simulated days"),
        (["E", "--every", "0"], "--every = 0: must be 1 or more"),
    ],
)
def test_what_is_refused(path, tmp_path, capsys, arguments, complaint):
    given = {"T": str(path), "E": str(EXPERIMENT)}
    assert main(["learn", *(given.get(word, word) for word in arguments), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_is_learned_from(tmp_path, capsys):
    few = ["--population", "500", "--days", "90", "--every", "10", "--horizon", "20", "--strategy", "telemonitoring"]
    assert main(["learn", str(EXPERIMENT), *few, "--outcome", "hf_presentation", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "c-statistic of LACE" in out and "Brier score" in out and "sex female" in out
    folder = tmp_path / "learn" / "heart_failure_discharge_telemonitoring_hf_presentation"
    said = json.loads((folder / "model_card.json").read_text())
    names = {row["feature"] for row in said["features"]}
    assert {"weight_gain_kg", "alerts_1_month"} <= names
    assert {"deprivation_quintile", "ethnicity", "score_lace"}.isdisjoint(names)
    assert {row["characteristic"] for row in said["subgroups"]} == {"sex", "age", "deprivation", "ethnicity"}


def test_too_few_people_are_refused(capsys, tmp_path):
    few = rows(60)
    few.write_csv(tmp_path / "few.csv")
    assert main(["learn", "--table", str(tmp_path / "few.csv"), "--outcome", "died", "--out", str(tmp_path)]) == 2
    assert "40 or more must" in capsys.readouterr().err
    with pytest.raises(InputError, match="test rows have 'died'"):
        evaluate(
            few.with_columns(died=pl.lit(0), person_id=pl.int_range(60)),
            "died",
            {},
            features=FEATURES,
            parameters=LEARNING,
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age,age,ill\n1,2,0\n", "used twice: 'age'"),
        ("age,,ill\n1,2,0\n", "has no name"),
        ("age,ill\n1,0\n2\n", "row 2 has 1 values for 2 columns"),
    ],
)
def test_a_table_that_would_be_guessed_at_is_refused(tmp_path, text, says):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DefinitionError, match=says):
        read_table(path, "ill")


def test_a_table_with_semicolons_and_decimal_commas_is_the_same_table(tmp_path):
    rows = [(60 + i / 4, i % 2) for i in range(40)]
    plain, european = tmp_path / "plain.csv", tmp_path / "european.csv"
    plain.write_text("age,ill\n" + "".join(f"{age},{ill}\n" for age, ill in rows))
    european.write_text("age;ill\n" + "".join(f"{age};{ill}\n".replace(".", ",") for age, ill in rows))
    assert read_table(plain, "ill").frame.equals(read_table(european, "ill").frame)
