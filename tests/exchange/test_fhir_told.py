"""What a twin is told, as FHIR and as a CDS Hooks card: valid, marked, no date or identity, readable by its owner."""

import datetime
import json
import stat

import fhirkit
import orjson
import pytest

from popsim.errors import InputError
from popsim.exchange.fhir.writing.told import card_response, forecast_bundle, write_card, write_forecast
from popsim.registry.summary import OptionSummary, RiskSummary, TwinSummary

RISKS = (
    RiskSummary("readmission", "Readmission", 30, 0.123, 0.08, 0.17),
    RiskSummary("readmission", "Readmission", 90, 0.25, 0.2, 0.31),
    RiskSummary("death", "Death", 30, 0.02, 0.0, 0.05),
)
OPTIONS = (
    OptionSummary("Furosemide 80 mg a day", 210.0, 150.0, 270.0, 0.8, chosen=True),
    OptionSummary("Nothing changes", 0.0, 0.0, 0.0, 0.2),
    OptionSummary("Spironolactone 25 mg a day", -5.0, -20.0, 10.0, 0.0, refused="potassium 5.6 is not below 5.5"),
)


def summary(**changes):
    told = {
        "twin": "gsxhvc25", "day": 40, "members": 60, "known": {}, "signals": (), "risks": RISKS, "forecast_day": 40,
        "options": OPTIONS, "options_day": 40, "benefit_unit": "GBP within 90 days", "sure": False,
        "reasons": ("Weight rose by 2.1 kg (95% interval 1.5 to 2.7).",),
    }  # fmt: skip
    return TwinSummary(**(told | changes))


def test_a_forecast_is_valid_fhir_in_per_cent_with_its_maker():
    bundle = forecast_bundle(summary(), datetime.date(2026, 1, 5))
    assert fhirkit.validate(orjson.dumps(bundle)) == []
    parts = [one["resource"] for one in bundle["entry"]]
    assert [one["resourceType"] for one in parts] == ["RiskAssessment", "RiskAssessment", "Device", "Provenance"]
    for one in parts:
        assert {label["code"] for label in one["meta"]["security"]} == {"HTEST", "AIAST"}
    readmission = parts[0]["prediction"]
    assert [one["probabilityDecimal"] for one in readmission] == [12.3, 25.0]
    assert [one["whenRange"]["high"]["value"] for one in readmission] == [30, 90]
    assert "8.0 to 17.0" in readmission[0]["rationale"]
    assert parts[0]["occurrenceDateTime"] == "2026-02-14"  # 40 days after day 0
    addresses = {one["fullUrl"] for one in bundle["entry"]}
    assert {one["reference"] for one in parts[3]["target"]} <= addresses
    assert parts[0]["performer"]["reference"] in addresses


def test_without_the_date_of_day_zero_no_date_is_written():
    text = json.dumps(forecast_bundle(summary()))
    assert "occurrenceDateTime" not in text and '"recorded"' not in text and "masked" in text


def test_a_card_names_the_option_and_its_uncertainty():
    [card] = card_response(summary())["cards"]
    assert len(card["summary"]) < 140 and "Furosemide 80 mg a day" in card["summary"]
    assert "within noise" in card["summary"] and card["indicator"] == "info"
    assert [one["isRecommended"] for one in card["suggestions"]] == [True, False]  # a refused option is none
    assert "150 to 270" in card["detail"] and "not allowed, potassium 5.6" in card["detail"]
    assert "For research, not for care." in card["detail"]
    long = OptionSummary("x" * 200, 1.0, 0.0, 2.0, 0.5, chosen=True)
    assert len(card_response(summary(options=(long,)))["cards"][0]["summary"]) < 140


def test_nothing_to_tell_is_an_error():
    with pytest.raises(InputError, match="has no forecast; 'popsim twin forecast' makes one"):
        forecast_bundle(summary(forecast_day=None, risks=()))
    with pytest.raises(InputError, match="has no recommendation; 'popsim twin compare' makes one"):
        card_response(summary(options_day=None, options=()))


def test_files_are_their_owners_alone(tmp_path):
    for path in (write_forecast(summary(), tmp_path / "f.json"), write_card(summary(), tmp_path / "c.json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "gsxhvc25" not in path.name
