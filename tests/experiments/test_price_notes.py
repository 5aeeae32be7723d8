"""What `popsim check` says about prices that are not of the experiment's year or currency."""

from __future__ import annotations

from pathlib import Path

from popsim.experiments.checking import check_file, price_notes
from popsim.experiments.design import Change, read_study

MAIN = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"


def test_prices_of_other_years_are_named():
    said = check_file(MAIN)
    assert "prices of other years than 2012" in said
    assert "nhs_prices.telemonitoring_day (2011)" in said
    assert "nhs_prices.specialist_visit" not in said  # its year is not known
    assert "do not say of which year" in said
    assert "discount_rate" not in said


def test_a_price_of_the_experiments_own_or_of_its_year_is_not_named():
    own = {"parameters": Change("--parameters", {"nhs_prices.telemonitoring_day": 6.0})}
    assert "telemonitoring_day" not in "".join(price_notes(read_study(MAIN, own)))
    year = {"price_year": Change("--price-year", 2011)}
    assert "telemonitoring_day" not in "".join(price_notes(read_study(MAIN, year)))


def test_another_currency_is_named():
    euros = read_study(MAIN, {"currency": Change("--currency", "EUR")})
    assert "prices in another currency than EUR: nhs_prices.inpatient_day" in "".join(price_notes(euros))
    assert not any("another currency" in note for note in price_notes(read_study(MAIN)))
