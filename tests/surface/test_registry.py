"""Twins of persons in Python: made from a record, kept up to date, forecast, compared and forgotten."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest

import popsim as ps

COHORT = Path(__file__).parents[2] / "cohorts/heart_failure_discharge.toml"
RECORD = {
    "age_years": 74,
    "sex": "female",
    "diagnoses": {"diabetes": True},
    "measurements": [{"code": "29463-7", "value": 81.5, "unit": "kg"}],
    "medications": {"furosemide": {"dose": 40, "unit": "mg/d"}},
}
WEIGHT = {"code": "29463-7", "unit": "kg", "kind": "observation"}


@pytest.fixture
def registry(tmp_path) -> ps.Registry:
    return ps.Registry.open(tmp_path / "twins.sqlite", create=True, cohort=COHORT, members=20)


def test_a_twin_from_the_first_record_to_a_recommendation(registry, tmp_path):
    twin = registry.new(RECORD)
    assert twin.update([WEIGHT | {"time": 1.3, "value": 81.9}]).taken == 1
    assert twin.update(pl.DataFrame([WEIGHT | {"time": 2.3, "value": 82.0}])).taken == 1
    file = tmp_path / "readings.csv"
    file.write_text("time,code,value,unit\n2.3,29463-7,82.0,kg\n3.3,29463-7,82.4,kg\n", encoding="utf-8")
    report = twin.update(file)
    assert (report.taken, report.known, twin.day) == (1, 1, 3)
    risks = twin.forecast(days=30)
    assert set(risks["within_days"]) == {7, 30} and risks["probability"].is_between(0, 1).all()
    options = twin.compare(days=30)
    assert options["chosen"].sum() == 1 and "Recommended" in twin.reasons
    assert np.size(twin.plot.signals()) == 9
    for draw in (twin.plot.risks, twin.plot.options):
        _, axis = plt.subplots()
        assert draw(ax=axis) is axis
    plt.close("all")
    assert twin.show(tmp_path / "page.html").is_file() and "74 years" in twin.show()
    assert "74 years" in twin._repr_html_() and "For research, not for care" in repr(twin)
    assert len(registry) == 1 and [one.id for one in registry] == [twin.id] == [registry.twin(twin.id).id]
    twin.forget()
    assert len(registry) == 0


@pytest.mark.slow
def test_a_made_up_person_has_the_same_twin_each_time(registry, tmp_path):
    """Random numbers hang on the id, so figures that are made again are the same only where the id is."""
    again = ps.Registry.open(tmp_path / "again.sqlite", create=True, cohort=COHORT, members=20)
    risks = [one.new(RECORD, id="7h3k9q2m").forecast(days=30) for one in (registry, again)]
    assert risks[0].equals(risks[1]) and not risks[0].equals(registry.new(RECORD).forecast(days=30))
    assert registry.twin("7h3k9q2m").day == 0


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda registry: registry.new(RECORD, id="John"), "8 letters and digits"),
        (lambda registry: [registry.new(RECORD, id="7h3k9q2m") for _ in range(2)], "has one of this id already"),
        (lambda registry: registry.new(RECORD | {"sx": 1}), "did you mean 'sex'"),
        (lambda registry: registry.new({"age_years": 74}), "sex: missing"),
        (
            lambda registry: registry.new(RECORD).update([WEIGHT | {"time": 1, "code": "29463-8", "value": 3}]),
            "29463-7",
        ),
        (lambda registry: registry.new(RECORD).update([3]), "a list of rows"),
        (lambda registry: registry.twin("00000000"), "none of this id"),
        (lambda registry: registry.new(RECORD).forecast(days=0), "days = 0"),
    ],
)
def test_slips_are_refused_in_one_line(registry, ask, words):
    with pytest.raises(ps.InputError) as refused:
        ask(registry)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_without_a_cohort_no_twin_is_made(registry, tmp_path):
    with pytest.raises(ps.InputError, match=r"Registry.open\(..., cohort=...\)"):
        ps.Registry.open(tmp_path / "twins.sqlite").new(RECORD)


def test_a_registry_that_is_not_there(tmp_path):
    with pytest.raises(ps.InputError, match="No such file"):
        ps.Registry.open(tmp_path / "none.sqlite")


def test_a_misspelt_member_is_answered_with_the_right_one(registry):
    with pytest.raises(AttributeError, match="did you mean 'forecast'"):
        registry.new(RECORD).forcast()
