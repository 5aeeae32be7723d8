"""Open roles of clinicians: whose rules they prescribe by, and what a contact costs."""

from __future__ import annotations

import pytest
from small_care import HOME, clinic, network

from popsim.care.compiled import clinician_code
from popsim.economics.prices import priced, setting_prices
from popsim.errors import DefinitionError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.care import records

PHARMACIST = {
    "name": "pharmacist", "prescribes_as": "specialist", "visit_price": 37.5, "source": "assumption: of this test",
}  # fmt: skip


def test_a_role_prescribes_by_the_rules_that_it_names_and_has_its_price():
    care = network(HOME, clinic(clinician="pharmacist"), clinicians=[PHARMACIST])
    assert clinician_code(care, "pharmacist") == records.SPECIALIST
    assert clinician_code(care, "nurse") == records.NURSE
    advice = network(HOME, clinic(clinician="pharmacist"), clinicians=[PHARMACIST | {"prescribes_as": "nothing"}])
    assert clinician_code(advice, "pharmacist") == records.NO_CLINICIAN
    sets = SHIPPED["nhs_prices"], SHIPPED["societal_prices"]
    assert setting_prices(*sets, priced(care.definition)).visit_price.tolist() == [0.0, 37.5]
    assert setting_prices(*sets, priced(care.definition, {"clinic": "nurse"})).visit_price[1] == sets[0]["nurse_visit"]


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ([], "settings.clinic.clinician = 'pharmacist': unknown clinician"),
        ([PHARMACIST, PHARMACIST], "this name is used more than once"),
        ([PHARMACIST | {"name": "nurse"}], "this name is used more than once"),
        ([PHARMACIST | {"prescribes_as": "everything"}], "prescribes_as = 'everything'"),
    ],
)
def test_roles_that_cannot_be_are_refused(roles, words):
    with pytest.raises(DefinitionError) as caught:
        network(HOME, clinic(clinician="pharmacist"), clinicians=roles)
    assert words in str(caught.value)
