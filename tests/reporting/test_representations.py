"""What notebooks show of studies, parameters, networks and cohorts: tables with everything escaped."""

from popsim.care.network import CareNetwork
from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.population.cohort import CohortSource
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import read_study


def test_a_study_shows_its_strategies(request):
    text = read_study(request.config.rootpath / "experiments/heart_failure_discharge.toml")._repr_html_()
    assert "2,000 people, 2 replications" in text and "Early follow-up" in text


def test_a_parameter_set_shows_values_and_sources_escaped():
    prices = load_parameters("nhs_prices")
    record = prices.of("inpatient_day").model_copy(update={"source": "<script>", "value": 123.5})
    text = ParameterSet("prices", {"inpatient_day": record})._repr_html_()
    assert "123.5" in text and "&lt;script&gt;" in text and "<script>" not in text


def test_a_network_shows_its_settings(request):
    file = request.config.rootpath / "experiments/networks/heart_failure_catchment.toml"
    network = CareNetwork.read(file, SCHEMA.columns)
    text = network._repr_html_()
    assert text.count("<tr>") == len(network) + 1 and "80 a day" in text


def test_a_cohort_shows_its_columns(request):
    cohort = CohortSource.read(request.config.rootpath / "cohorts/heart_failure_discharge.toml")
    assert cohort._repr_html_().count("<tr>") == len(cohort.definition.columns) + 1
