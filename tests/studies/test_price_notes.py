"""The money of an experiment: as printed, or all prices in one currency and of one year."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from popsim.analyses.run_comparison import check_comparable
from popsim.definitions.distributions import Beta, Empirical, Gamma, Lognormal
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.price_indices import SHIPPED_INDICES, Money, PriceIndices
from popsim.errors import DefinitionError, InputError
from popsim.evidence.money import converted, scaled
from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import VALUATION_SETS, Parameters
from popsim.population.cohort import CohortSource
from popsim.studies.design import Change, Study, read_study
from popsim.studies.parameters import unconverted_parameters
from popsim.studies.prices import in_money_of, prices, prices_in_words
from popsim.verification.definition_check import country_notes, price_notes

MAIN = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"


def study(**changes: Any) -> Study:
    given = {"price_year": "as_printed"} | changes
    return read_study(MAIN, {key: Change(f"--{key}", value) for key, value in given.items()})


def test_prices_of_other_years_are_named():
    said = "".join(price_notes(study()))
    assert "prices of other years than 2023, used as printed" in said
    assert "nhs_prices.telemonitoring_day (2011)" in said
    assert "nhs_prices.inpatient_day" not in said
    assert "discount_rate" not in said


def test_a_price_of_the_experiments_own_is_named_as_such():
    own = "".join(price_notes(study(parameters={"nhs_prices.telemonitoring_day": 6.0})))
    assert "nhs_prices.telemonitoring_day (of the experiment)" in own


def test_in_a_price_year_no_price_is_of_another():
    assert price_notes(study(price_year=2023)) == ["  costs are in GBP of 2023"]


def test_a_currency_that_the_prices_do_not_have_is_refused_as_printed():
    """Nothing is converted: dollars would be printed over pounds."""
    wanted = r"currency = 'USD': prices are in GBP \(nhs_prices\.\w+, \.\.\.\), and as printed nothing is converted"
    with pytest.raises(DefinitionError, match=wanted):
        study(currency="USD")


def test_the_mix_of_years_in_words():
    """Counted by hand in the files.

    Of nhs_prices 1 is of 2011, 5 of 2012, 1 of 2013, 2 of 2022, 1 of 2024, 2 of 2025, the other 8 of 2023; of
    societal_prices 9 of 2023 and 1 of 2024; of clinical_prices 1 of 2012, 2 of 2019, 1 of 2022 and 11 of 2025.
    """
    experiment = study().experiment
    assert prices_in_words(experiment) == (
        "GBP at prices as printed, not inflated (1 of 2011, 6 of 2012, 1 of 2013, 2 of 2019, 3 of 2022, 17 of 2023, "
        "2 of 2024, 13 of 2025)"
    )
    own = experiment.model_copy(update={"parameters": {"nhs_prices.telemonitoring_day": 6.0}})
    assert prices_in_words(own).startswith("GBP at prices as printed, not inflated (6 of 2012, ")
    assert prices_in_words(own).endswith(", 1 set by the experiment)")


def test_pounds_are_inflated_by_the_health_service_index():
    """Changes of the NHS Cost Inflation Index from 2014/15 to 2023/24, in %, as Unit Costs 2025 prints them."""
    changes = (0.4, 2.09, 1.24, 1.6, 2.14, 2.49, 2.58, 7.32, 2.47)
    factor = 1.0
    for change in changes:
        factor *= 1.0 + change / 100.0
    table = PriceIndices.read()
    assert table.factor("health", Money("GBP", 2014), Money("GBP", 2023)) == pytest.approx(factor, rel=1e-5)
    nurse = study(price_year=2023).parameters.care_prices.of("nurse_visit")  # 30 GBP of 2013/14
    before = 1.04062 / 1.031389  # factors of the older index to 2016/17, from 2013/14 and 2014/15
    assert nurse.value == pytest.approx(30.0 * before * factor, rel=1e-5)
    assert (nurse.unit, nurse.price_year) == ("GBP", 2023)
    assert nurse.uncertainty is not None and nurse.uncertainty.standard_error == pytest.approx(0.15 * nurse.value)
    assert nurse.source.endswith(f"; GBP of 2013 x {nurse.value / 30.0:.4g}")


@pytest.mark.parametrize(
    ("key", "printed"), [("inpatient_day", 691.012), ("critical_day", 2926.071), ("specialist_visit", 128.76)]
)
def test_dutch_reference_prices_are_inflated_as_their_manual_does(key, printed):
    """What the R package tatooheene prints for 2024 from the prices of 2022."""
    found = study(prices="netherlands", currency="EUR", price_year=2024).parameters.care_prices
    assert found[key] == pytest.approx(printed, rel=1e-5)


def test_another_currency_by_the_index_of_its_own_then_by_the_parities_of_the_year():
    """2328 USD of 2018: Personal Health Care index 101.5 and 112.6, parity of the pound 0.6607 in 2023."""
    found = study(prices="united_states", price_year=2023).parameters.care_prices.of("inpatient_day")
    assert found.value == pytest.approx(2328.0 * 112.6 / 101.5 * 0.6607, rel=1e-5)
    assert found.unit == "GBP/day"


def test_every_price_is_in_the_experiments_money():
    for country in VALUATION_SETS:
        for currency in ("GBP", "USD", "EUR"):
            found = prices(study(prices=country, currency=currency, price_year=2023).parameters.counted)
            assert {(one.currency, one.price_year) for one in found.values()} == {(currency, 2023)}
            assert len(found) == 45


def test_an_experiments_own_price_is_in_its_money_already():
    found = study(price_year=2023, currency="USD", parameters={"nhs_prices.nurse_visit": 45.0}).parameters
    assert found.care_prices["nurse_visit"] == 45.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"price_year": 2008}, r"price_year = 2008: nhs_prices\.\w+ cannot be in GBP of it: price_indices\.csv has no "
                               r"health price index of GBP of 2008: it has 2010 to 2025"),
        ({"price_year": 2023, "currency": "JPY"}, "no purchasing power parity of JPY of 2023: it has none of that"),
        ({"price_year": 2024, "currency": "USD", "prices": "netherlands"}, "no purchasing power parity of EUR of 2024"),
        ({"price_year": 1800}, r'price_year = 1800: must be a year between 1950 and 2100, or "as_printed"'),
        ({"utility_norms": "contry"}, r'utility_norms = .contry.: must be "country", or the path of a \.csv file'),
        ({"prices": "france"}, "'england', 'united_states' or 'netherlands'"),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_converted_is_refused_in_one_line(changes, said):
    with pytest.raises(DefinitionError, match=said) as caught:
        study(**changes)
    assert "\n" not in str(caught.value)


def test_a_users_own_table_replaces_the_currencies_that_it_names(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("# mine\ncurrency,year,health,consumer,parity\nGBP,2022,50,,\nGBP,2023,75,,\n", encoding="utf-8")
    table = PriceIndices.read(own)
    assert table.factor("health", Money("GBP", 2022), Money("GBP", 2023)) == 1.5
    assert table.factor("consumer", Money("USD", 2007), Money("USD", 2008)) == pytest.approx(1.0384)
    with pytest.raises(ValueError, match=r"own\.csv has no consumer price index of GBP of 2023: it has none"):
        table.factor("consumer", Money("GBP", 2022), Money("GBP", 2023))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("currency,year,health\nGBP,2023,1\n", "must be currency, year, health, consumer, parity"),
        ("currency,year,health,consumer,parity\npounds,2023,1,1,1\n", "row 1, currency = 'pounds'"),
        ("currency,year,health,consumer,parity\nGBP,2023/24,1,1,1\n", "row 1, year = '2023/24'"),
        ("currency,year,health,consumer,parity\nGBP,2023,-1,1,1\n", "row 1, health = '-1': must be a number above 0"),
        ("currency,year,health,consumer,parity\nGBP,2023,1,1,1\nGBP,2023,2,1,1\n", "row 2 = 'GBP 2023'"),
    ],
)
def test_a_bad_table_of_indices_is_refused(tmp_path, text, said):
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        PriceIndices.read(tmp_path / "own.csv")


def test_an_experiment_reads_its_own_table(tmp_path):
    with SHIPPED_INDICES.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    pounds = [f"GBP,{row['year']},100,100,{row['parity']}" for row in rows if row["currency"] == "GBP"]
    table = "\n".join(["currency,year,health,consumer,parity", *pounds]) + "\n"
    (tmp_path / "flat.csv").write_text(table, encoding="utf-8")
    found = study(price_year=2023, price_indices=str(tmp_path / "flat.csv")).parameters.care_prices
    assert found["telemonitoring_day"] == pytest.approx(5.755)


def test_a_price_without_a_year_is_refused(tmp_path):
    text = '[visit]\nvalue = 5.0\nunit = "GBP"\nsource = "assumption: a price without a year"\n'
    (tmp_path / "thyroid.toml").write_text(text, encoding="utf-8")
    own = load_parameters("thyroid", tmp_path)
    experiment = ExperimentDefinition.read(MAIN).model_copy(update={"price_year": 2023})
    with pytest.raises(DefinitionError, match=r"thyroid\.visit cannot be in GBP of it: it has no price_year"):
        in_money_of(experiment, Parameters(None, {"thyroid": own}), None, MAIN)


def test_the_year_and_the_index_of_a_file_are_those_of_its_prices(tmp_path):
    price = 'value = 5.0\nunit = "GBP/day"\nsource = "assumption: a price"\n'
    rate = '[rate]\nvalue = 0.1\nunit = "1/d"\nsource = "assumption: a rate"\n'
    head = 'price_year = 2020\nprice_index = "consumer"\n'
    text = f'{head}[a]\n{price}[b]\nprice_year = 2021\nprice_index = "health"\n{price}{rate}'
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    found = load_parameters("own", tmp_path)
    said = {key: (found.of(key).price_year, found.of(key).price_index) for key in found}
    assert said == {"a": (2020, "consumer"), "b": (2021, "health"), "rate": (None, None)}


def test_uncertainty_is_scaled_with_the_price():
    assert scaled(Gamma(distribution="gamma", low=1.0, high=3.0), 2.0).low == 2.0
    assert scaled(Gamma(distribution="gamma", shape=4.0, scale=0.5), 2.0) == Gamma(
        distribution="gamma", shape=4.0, scale=1.0
    )
    assert scaled(Lognormal(distribution="lognormal", meanlog=0.0, sdlog=0.3), 2.0).meanlog == pytest.approx(0.693147)
    assert scaled(Empirical(distribution="empirical", values=(1.0, 3.0)), 2.0).values == (2.0, 6.0)
    with pytest.raises(ValueError, match="beta"):
        scaled(Beta(distribution="beta", alpha=2.0, beta=3.0), 2.0)


def test_jointly_normal_prices_keep_their_correlation(tmp_path):
    price = 'value = 5.0\nunit = "GBP"\nprice_year = 2020\nsource = "assumption: a price"\n'
    group = '[[parameter_groups]]\ndistribution = "multivariate_normal"\nparameters = ["a", "b"]\n'
    text = f"[a]\n{price}[b]\n{price}{group}covariance = [[1.0, 0.5], [0.5, 1.0]]\n"
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    found = converted(load_parameters("own", tmp_path), "GBP", 2021, lambda key, record: {"a": 2.0, "b": 3.0}[key])
    assert found.groups[0].covariance == ((4.0, 3.0), (3.0, 9.0))


@pytest.mark.parametrize("country", VALUATION_SETS)
def test_every_country_has_all_prices_and_utilities(country):
    england, here = VALUATION_SETS["england"], VALUATION_SETS[country]
    for name, own in zip(england, here, strict=True):
        expected, found = load_parameters(name), load_parameters(own)
        assert {*found} == {*expected}
        for key in found:
            units = [values.of(key).unit.replace(str(values.of(key).currency), "money") for values in (expected, found)]
            assert units[0] == units[1]


def test_a_country_values_a_simulation_with_its_own_sets():
    found = study(prices="united_states", currency="USD", price_year=2023).parameters
    assert found.utilities["utility_nyha_3"] == 0.70
    assert "us_prices" in found.counted
    assert "nhs_prices" not in found.counted
    assert (
        found.given({"us_prices": found.care_prices.with_values({"nurse_visit": 1.0})}).care_prices["nurse_visit"] == 1
    )


def test_utility_norms_are_those_of_the_country_of_the_prices():
    found = study(prices="united_states", currency="USD", price_year=2023, utility_norms="country")
    assert found.utility_norms is not None
    assert "Fryback" in found.utility_norms.source
    assert "utility_norms_united_states.csv" in found.shared_content()["data"]


def test_runs_in_money_of_different_years_are_not_compared(tmp_path):
    def run(year: Any) -> Any:
        experiment = ExperimentDefinition.read(MAIN).model_copy(update={"price_year": year})
        return SimpleNamespace(folder=tmp_path / str(year), experiment=experiment)

    with pytest.raises(InputError, match=r"its costs are in GBP of 2023, must be in GBP at prices as printed as those"):
        check_comparable(run("as_printed"), run(2023))
    check_comparable(run(2022), SimpleNamespace(folder=tmp_path / "other", experiment=run(2022).experiment))


def test_a_stored_run_needs_no_table_of_indices_again():
    """What its reports read of the sets does not depend on their money."""
    changes = {"price_year": 2023, "currency": "JPY", "price_indices": "far_away.csv"}
    experiment = ExperimentDefinition.read(MAIN).model_copy(update=changes)
    assert unconverted_parameters(experiment, MAIN).care_prices["inpatient_day"] == 292.0


@pytest.mark.parametrize(
    ("country", "currency", "table"),
    [("england", "GBP", "uk"), ("united_states", "USD", "us_2019"), ("netherlands", "EUR", "netherlands")],
)
def test_one_key_chooses_prices_utilities_norms_and_life_table(country, currency, table):
    by_country = "../cohorts/heart_failure_discharge_by_country.toml"
    found = study(prices=country, currency=currency, price_year=2023, utility_norms="country", cohort=by_country)
    assert found.parameters.valuation == VALUATION_SETS[country]
    assert found.cohort.life_table.name == table
    assert {f"life_table_{table}.csv", f"utility_norms_{country}.csv"} <= {*found.shared_content()["data"]}
    (said,) = country_notes(found)
    assert said.endswith(f"; utility norms: {country}; life table: {table}")


def test_a_cohorts_own_life_table_stays():
    (said,) = country_notes(study(prices="netherlands", currency="EUR", price_year=2023))
    assert "netherlands (nl_prices, nl_societal_prices, nl_clinical_prices, nl_utilities)" in said
    assert said.endswith("; utility norms: none; life table: us_2019")


def test_a_cohort_alone_has_the_life_table_of_the_usual_country():
    cohort = CohortSource.read(MAIN.parent / "../cohorts/heart_failure_discharge_by_country.toml")
    assert cohort.life_table is not None
    assert cohort.life_table.name == "uk"
    assert cohort.input_files()[1].name == "life_table_uk.csv"


def test_the_experiment_at_prices_of_the_netherlands():
    found = read_study(MAIN.parent / "countries" / "heart_failure_netherlands.toml")
    assert prices_in_words(found.experiment) == "EUR of 2023"
    assert found.parameters.care_prices["discount_rate_qalys"] == 0.015
    assert found.parameters.clinical_prices["dialysis_day"] == pytest.approx(196.0 * 131.365 / 103.509, rel=1e-5)


def test_the_experiment_at_prices_of_the_united_states():
    found = read_study(MAIN.parent / "countries" / "heart_failure_united_states.toml")
    assert prices_in_words(found.experiment) == "USD of 2023"
    assert found.parameters.care_prices["discount_rate_qalys"] == 0.03
    assert found.utility_norms is not None
