"""Every measure is declared: what runs of the shipped experiments hold, and nothing that no run holds."""

from pathlib import Path

import polars as pl
import pytest

from popsim.economics.cost_effectiveness import EFFECTS
from popsim.errors import InputError
from popsim.outcomes.equity import with_gaps
from popsim.outcomes.measure import DIGITS
from popsim.outcomes.regions import merge
from popsim.reporting.labels import measure_label
from popsim.reporting.text import outcomes, tables
from popsim.studies.design import Change, read_study
from popsim.studies.measures import MEASURES, STORED, measure_of, measures_of
from popsim.studies.unit import simulate

FOLDER = Path(__file__).parents[2] / "experiments"
SIZE = {
    "population": Change("--population", 60),
    "draws": Change("--draws", 0),
    "replications": Change("--replications", 1),
}
SHORT = {
    "follow_up_days": Change("--days", 20),
    "enrolment_days": Change("--enrolment-days", 5),
    "observed_days": Change("observed_days", 10),
}
FILES = {path.stem: path for path in sorted([*FOLDER.glob("*.toml"), *FOLDER.glob("trials/*.toml")])}


@pytest.fixture(scope="module")
def held() -> dict[str, tuple[set[str], set[str]]]:
    """What one unit of each shipped experiment measures, and what its study says that it may."""
    found = {}
    for name, path in FILES.items():
        study = read_study(path, SIZE if path.parent.name == "trials" else SIZE | SHORT)
        table = simulate(study.units[-1])["measures"].lazy().collect()
        found[name] = (set(with_gaps(merge(table))["measure"]), set(measures_of(study)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_what_a_run_measures_is_declared(held, name):
    measured, known = held[name]
    assert len(measured) > 100
    assert measured - known == set()


@pytest.mark.slow
def test_what_is_declared_is_measured_by_some_run(held):
    measured = {measure_of(name).name for names, _ in held.values() for name in names}
    assert {measure.name for measure in STORED} - measured == set()


def test_a_declaration_is_whole():
    assert len({measure.name for measure in STORED}) == len(STORED) > 100
    for measure in MEASURES.values():
        assert measure.label and measure.meaning and measure.unit in DIGITS, measure.name
        assert ("*" in measure.name) == bool(measure.each), measure.name
    titles = [measure.title() for measure in MEASURES.values()]
    assert sorted({title for title in titles if titles.count(title) > 1}) == []


def test_tables_list_measures_by_name_only():
    """Whose name is misspelt in a section would be left out of the table without a word."""
    for section in (*tables.SECTIONS, *outcomes.SECTIONS):
        assert [name for name in section.names if name not in MEASURES] == []


def test_a_family_has_a_measure_for_each_member():
    assert measure_of("spending_year_3.drugs").name == "spending_year_*.drugs"
    assert measure_of("by_deprivation.qalys.5").name == "by_deprivation.qalys.*"
    assert measure_label("wait_p95_hours.icu", "GBP", {"icu": "Intensive care"}) == (
        "Wait for a bed, hours, 95th centile: Intensive care"
    )
    assert (
        measure_label("spending_year_2.drugs", "EUR") == "Spending per person in a year since entry, drugs, EUR: year 2"
    )
    assert (
        measure_label("by_deprivation.mortality.1", "GBP")
        == "Died during follow-up, by fifth of deprivation, %: fifth 1"
    )
    with pytest.raises(InputError, match="did you mean 'wait_mean_hours"):
        measure_of("wait_men_hours.ward")


def test_more_of_what_money_buys_is_better():
    """Deaths, DALYs, admissions and bed-days are averted; QALYs, life years and days at home are gained."""
    signs = {effect.measure: effect.sign for effect in EFFECTS}
    gained = {effect.measure for effect in EFFECTS if effect.unit.endswith("gained")}
    assert {name for name, sign in signs.items() if sign > 0} == gained
    assert [effect.measure for effect in EFFECTS if effect.horizon == "lifetime"] == ["dalys"]


def test_a_small_study_has_only_what_it_can_have():
    study = read_study(FOLDER / "heart_failure_discharge.toml", SIZE | SHORT)
    known = measures_of(study)
    assert "alerts_per_person_year" not in known
    assert "spending_year_1.drugs" in known and "spending_year_2.drugs" not in known
    assert "wait_mean_hours.general_ward" in known and "wait_mean_hours.emergency_department" not in known
    guided = measures_of(read_study(FOLDER / "twin_guided.toml", SIZE | SHORT))
    assert {"alerts_per_person_year", "presentations_stroke_per_person_year"} <= set(guided)
    assert pl.Series(known).is_unique().all()
