"""What `popsim check` says about prices that are not of the experiment's year or currency."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import DefinitionError
from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.studies.design import Change, read_study
from popsim.studies.prices import check_currency, prices_in_words
from popsim.verification.definition_check import check_file, price_notes

MAIN = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"


def test_prices_of_other_years_are_named():
    said = check_file(MAIN)
    assert "prices of other years than 2012" in said
    assert "nhs_prices.telemonitoring_day (2011)" in said
    assert "nhs_prices.specialist_visit" not in said  # its year is not known
    assert "without a stated year" in said
    assert "discount_rate" not in said


def test_a_price_of_the_experiments_own_or_of_its_year_is_not_named():
    own = {"parameters": Change("--parameters", {"nhs_prices.telemonitoring_day": 6.0})}
    assert "telemonitoring_day" not in "".join(price_notes(read_study(MAIN, own)))
    year = {"price_year": Change("--price-year", 2011)}
    assert "telemonitoring_day" not in "".join(price_notes(read_study(MAIN, year)))


def test_a_currency_that_the_prices_do_not_have_is_refused():
    """Nothing is converted: dollars would be printed over pounds."""
    wanted = r"command line|currency = 'USD': prices are in GBP \(nhs_prices\.\w+, \.\.\.\), and nothing is converted"
    with pytest.raises(DefinitionError, match=wanted):
        read_study(MAIN, {"currency": Change("--currency", "USD")})


def test_prices_of_several_currencies_together_are_refused():
    experiment = ExperimentDefinition.read(MAIN)
    sets = {name: load_parameters(name) for name in ("nhs_prices", "societal_prices")}
    check_currency(experiment, sets, MAIN)
    records = {key: sets["societal_prices"].of(key) for key in sets["societal_prices"]}
    euros = {key: one.model_copy(update={"unit": one.unit.replace("GBP", "EUR")}) for key, one in records.items()}
    with pytest.raises(DefinitionError, match=r"currency = 'GBP': prices are in GBP and EUR \(societal_prices\.\w+"):
        check_currency(experiment, sets | {"societal_prices": ParameterSet("societal_prices", euros)}, MAIN)


def test_the_mix_of_years_in_words():
    """Counted by hand in the files.

    Of nhs_prices 1 is of 2011, 2 of 2022, 3 of 2023; of societal_prices 1 of 2023, 1 of 2024; clinical_prices 2012.
    """
    experiment = ExperimentDefinition.read(MAIN)
    words = prices_in_words(experiment)
    assert words.startswith(
        "GBP at prices as printed, not inflated (1 of 2011, 1 of 2012, 2 of 2022, 4 of 2023, 1 of 2024, "
    )
    assert words.endswith(" of a year not stated)")
    own = experiment.model_copy(update={"parameters": {"nhs_prices.telemonitoring_day": 6.0}})
    assert "(2 of 2012, 2 of 2022" in prices_in_words(own)
    assert "; 1 set by the experiment, assumed to be of 2012)" in prices_in_words(own)
