"""Files of parameter sets: uncertainty and groups are read with the values, and refused in one line."""

import pytest

from popsim.definitions.distributions import Beta
from popsim.errors import DefinitionError
from popsim.evidence.parameters import load_parameters
from popsim.verification.definition_check import check_file

GOOD = """
[share]
value = 0.3
unit = "1"
source = "made up for a test"
high = 1.0
uncertainty = { distribution = "beta", standard_error = 0.1, source = "assumption: wide" }

[other]
value = 3
unit = "kg"
source = "made up for a test"
uncertainty = { distribution = "normal", low = 2.0, high = 4.0 }

[[parameter_groups]]
distribution = "correlated"
parameters = ["share", "other"]
correlation = [[1.0, 0.3], [0.3, 1.0]]
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made_up.toml"


def test_uncertainty_and_groups_are_read(path):
    path.write_text(GOOD)
    found = load_parameters("made_up", path.parent)
    assert found.of("share").uncertainty == Beta(distribution="beta", standard_error=0.1, source="assumption: wide")
    assert dict(found) == {"share": 0.3, "other": 3.0}
    assert found.dotted_groups[0].parameters == ("made_up.share", "made_up.other")
    assert check_file(path) == "parameter set 'made_up' is sound: 2 parameters, 2 of them uncertain"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("standard_error", "standard_eror", "share.uncertainty.standard_eror: unknown key, did you mean 'standard_err"),
        ('"beta"', '"beeta"', "share.uncertainty.distribution = 'beeta': did you mean 'beta'?"),
        (
            "high = 1.0",
            "high = 0.5",
            "made_up.share.uncertainty: this beta lies outside [-1e+12, 0.5] with probability",
        ),
        ("high = 4.0", "high = 2.5", "made_up.other.uncertainty: the mean 3 must lie between low = 2 and high = 2.5"),
        ("correlation =", "corelation =", "parameter_groups.0.corelation: unknown key, did you mean 'correlation'?"),
        ('"other"]', '"others"]', "made_up.others': no such parameter, did you mean 'other'?"),
    ],
)
def test_what_is_refused(path, old, new, refusal):
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(DefinitionError) as caught:
        check_file(path)
    assert str(path) in str(caught.value)
    assert refusal in str(caught.value)
    assert "\n" not in str(caught.value)
