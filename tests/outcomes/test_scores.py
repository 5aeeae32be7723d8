"""Clinical risk scores against sums worked out by hand from the printed tables."""

import numpy as np
import pytest
from histories import CLASSES, History

from popsim.definitions.score import Score
from popsim.errors import DefinitionError, InputError
from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import SHIPPED
from popsim.outcomes.scores import (
    FOLDER,
    SCORES,
    creatinine_umol_l,
    history,
    points,
    printed_risk,
    quantities,
    score_of,
)
from popsim.population.formulas import FORMULAS
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA


def of(name, **known):
    return int(points(name, {key: np.array([float(value)]) for key, value in known.items()})[0])


MAGGIC = {
    "ejection_fraction_percent": 22, "age_years": 68, "systolic_mmhg": 115, "bmi_kg_m2": 27.0, "creatinine_umol_l": 120,
    "nyha_class": 3, "female": 0, "smokes": 1, "diabetes": 1, "copd": 0, "months_since_diagnosis": 20,
    "on_beta_blocker": 1, "on_ras_inhibitor": 0,
}  # fmt: skip


def test_maggic():
    # EF 20-24: 6; age 65-69 at EF < 30: 4; SBP 110-119: 4; BMI 25-29: 2; creatinine 110-129: 2; NYHA III: 6; male 1;
    # smoker 1; diabetes 3; 18 months: 2; no ACE inhibitor: 1.
    assert of("maggic", **MAGGIC) == 6 + 4 + 4 + 2 + 2 + 6 + 1 + 1 + 3 + 2 + 1
    # EF >= 40: 0; age 80 and more: 15; SBP < 110: 2; NYHA IV: 8; the rest as before.
    older = {"ejection_fraction_percent": 40, "age_years": 80, "systolic_mmhg": 109.9, "nyha_class": 4}
    assert of("maggic", **(MAGGIC | older)) == 0 + 15 + 2 + 2 + 2 + 8 + 1 + 1 + 3 + 2 + 1
    # EF 30-34: 3; age 55-59: 2; SBP 140-149: 0; woman with COPD, without beta-blocker: -1 + 2 + 3.
    other = {"ejection_fraction_percent": 30, "age_years": 59.9, "systolic_mmhg": 149}
    other |= {"female": 1, "copd": 1, "on_beta_blocker": 0}
    assert of("maggic", **(MAGGIC | other)) == 3 + 2 + 0 + 2 + 2 + 6 + 0 + 1 + 3 + 2 + 2 + 3 + 1


def test_printed_risks_of_maggic():
    # Printed: 20 points 10.2% in a year and 24.7% in three; 32 points 29.2% and 59.0%; beyond 50 as 50.
    total = np.array([20, 32, 57])
    assert printed_risk("maggic", total, 365).tolist() == [0.102, 0.292, 0.842]
    assert printed_risk("maggic", total, 1096).tolist() == [0.247, 0.590, 0.985]
    with pytest.raises(InputError, match="LACE: no risks were published for 30 days"):
        printed_risk("lace", total, 30)


def test_gwtg_hf():
    known = {"systolic_mmhg": 105, "urea_nitrogen_mg_dl": 44, "sodium_mmol_l": 133, "age_years": 81}
    known |= {"heart_rate_bpm": 97, "copd": 1, "black": 0}
    # 100-109: 19; 40-49: 8; 131-133: 3; 80-89: 19; 95-99: 5; COPD 2; not black 3.
    assert of("gwtg_hf", **known) == 19 + 8 + 3 + 19 + 5 + 2 + 3
    best = {"systolic_mmhg": 200, "urea_nitrogen_mg_dl": 9, "sodium_mmol_l": 139, "age_years": 19}
    assert of("gwtg_hf", **best, heart_rate_bpm=79, copd=0, black=1) == 0


def test_lace_and_hospital():
    # Nine days 5, acute 3, Charlson 4 or more 5, two visits 2; the most is 7 + 3 + 5 + 4 = 19.
    assert of("lace", last_stay_days=9, last_stay_acute=1, charlson=6, emergency_visits_6_months=2) == 15
    assert of("lace", last_stay_days=14, last_stay_acute=1, charlson=4, emergency_visits_6_months=7) == 19
    least = {"haemoglobin_g_dl": 12, "oncology": 0, "sodium_mmol_l": 135, "procedure": 0, "last_stay_acute": 0}
    assert of("hospital", **least, admissions_12_months=1, last_stay_days=4) == 0
    most = {"haemoglobin_g_dl": 11.9, "oncology": 1, "sodium_mmol_l": 134, "procedure": 1, "last_stay_acute": 1}
    assert of("hospital", **most, admissions_12_months=6, last_stay_days=5) == 13


def test_all_scores_have_a_source_and_misuse_is_refused(tmp_path):
    assert [score_of(name).name for name in SCORES] == list(SCORES)
    with pytest.raises(InputError, match="no risk score 'lacy': did you mean 'lace'"):
        score_of("lacy")
    with pytest.raises(InputError, match="LACE: needs 'charlson'"):
        points("lace", {"last_stay_days": np.ones(2)})
    wrong = (FOLDER / "lace.toml").read_text().replace("points = [0, 3]", "points = [0, 3, 4]")
    (tmp_path / "lace.toml").write_text(wrong)
    with pytest.raises(DefinitionError, match="points of last_stay_acute must be one more than its bounds"):
        Score.read(tmp_path / "lace.toml")


def test_creatinine_is_that_of_the_filtration():
    people = {"age_years": np.array([50.0, 80.0, 65.0]), "female": np.array([1.0, 0.0, 1.0])}
    gfr = np.array([110.0, 35.0, 88.0])
    found = creatinine_umol_l(gfr, people["age_years"], people["female"], SHIPPED["inker_2021"])
    assert FORMULAS["ckd_epi_2021"](found / 88.4, people, SHIPPED) == pytest.approx(gfr, rel=1e-4)


@pytest.fixture
def people():
    twins = Population(SCHEMA, np.array([7, 3, 5]))
    twins["female"] = [0, 1, 0]
    for name, value in {
        "age_years": 70,
        "gfr_ml_min": 45,
        "weight_kg": 80,
        "heart_failure": 1,
        "copd": 1,
        "ckd": 1,
        "nyha_class": 2,
        "height_cm": 170,
        "haemoglobin_g_dl": 11,
    }.items():
        twins[name] = value
    return twins


def test_history_is_that_of_the_last_stay(people):
    record = History()
    for person in (3, 5, 7):
        record.enter(person)
    record.stay(7, 10.0, 10.2, "emergency").stay(7, 10.2, 14.0).stay(7, 30.0, 30.3, "emergency")
    record.stay(7, 60.0, 60.3, "emergency", to="ward").stay(7, 60.3, 68.5).stay(7, 80.0, 80.5, "emergency")
    record.stay(3, 50.0, None).stay(5, 90.0, 95.0, cause="planned")
    found = history(record.events(), CLASSES, people, 85, SHIPPED["risk_scores"])
    # 7: eight nights; the visits of days 10 and 30, not the one that led into the stay; the admission of day 10 and
    # that before entry. 3 is still in hospital, and what befalls 5 on day 90 is not known: theirs is the stay at entry.
    assert found.rows() == [(7, 8.0, 1.0, 2.0, 2.0), (3, 5.0, 1.0, 0.0, 0.0), (5, 5.0, 1.0, 0.0, 0.0)]
    later = history(record.events(), CLASSES, people, 100, SHIPPED["risk_scores"])
    assert later.row(2) == (5, 5.0, 0.0, 0.0, 1.0)


def test_quantities_of_twins(people):
    past = history(History().enter(3).enter(5).enter(7).events(), CLASSES, people, 0, SHIPPED["risk_scores"])
    found = quantities(people, 73, past, SHIPPED)
    assert found["charlson"].tolist() == [6.0, 6.0, 6.0]  # heart failure 2, COPD 2, kidneys 2
    assert found["urea_nitrogen_mg_dl"].tolist() == [30.0] * 3
    assert found["age_years"] == pytest.approx(70 + 73 / 365.25)
    assert found["bmi_kg_m2"] == pytest.approx(80 / 1.7**2)
    assert found["haemoglobin_g_dl"].tolist() == [11.0] * 3
    assert found["sodium_mmol_l"][0] == load_parameters("risk_scores")["sodium_mmol_l"]
    for name in SCORES:
        assert points(name, found).shape == (3,)


def test_habits_origin_and_strokes_are_those_of_the_twins():
    twins = Population(SCHEMA, np.arange(2))
    for name, value in {"gfr_ml_min": 60, "weight_kg": 81, "height_cm": 180}.items():
        twins[name] = value
    twins["smoking"], twins["prior_stroke"], twins["ethnicity"] = [2, 1], [1, 0], [2, 4]
    twins["heart_failure"] = [1, 0]
    past = history(History().enter(0).enter(1).events(), CLASSES, twins, 0, SHIPPED["risk_scores"])
    found = quantities(twins, 0, past, SHIPPED)
    assert (found["smokes"].tolist(), found["charlson"].tolist(), found["black"].tolist()) == ([1, 0], [3, 0], [1, 0])
