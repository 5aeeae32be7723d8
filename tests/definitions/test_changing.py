"""A definition changed in Python is checked as if it had been read with the change."""

from __future__ import annotations

import numpy as np
import pytest

from popsim.definitions.durations import Exponential
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import SettingDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError

STRATEGIES = (Strategy(name="usual_care"), Strategy(name="early", inherits="usual_care"))
EXPERIMENT = ExperimentDefinition(
    name="small", cohort="cohort.toml", network="network.toml", strategies=STRATEGIES, population=100, seed=1
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"populaton": 5}, "ExperimentDefinition: populaton: unknown key, did you mean 'population'?"),
        ({"population": 0}, "population = 0: must be between 1 and"),
        ({"population": "many"}, "population = 'many': must be a whole number"),
        ({"population": 5.0}, "population = 5.0: must be a whole number"),
        ({"population": True}, "population = True: must be a whole number"),
        ({"willingness_to_pay": float("nan")}, "willingness_to_pay = nan: must be between"),
        ({"comparator": "usual"}, "comparator = 'usual': did you mean 'usual_care'?"),
        ({"strategies": STRATEGIES[1:]}, "strategies.early.inherits = 'usual_care'"),
        ({"strategies": "usual_care"}, "strategies = 'usual_care': must be a list"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_in_one_line(change, message):
    with pytest.raises(DefinitionError) as error:
        EXPERIMENT.model_copy(update=change)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_not_changed_stays():
    changed = EXPERIMENT.model_copy(update={"replications": 7})
    assert changed == EXPERIMENT.model_copy(update={"replications": 7, "name": "small"})
    assert (changed.replications, EXPERIMENT.replications) == (7, 10)
    assert changed.model_dump() == EXPERIMENT.model_dump() | {"replications": 7}
    assert EXPERIMENT.model_copy() == EXPERIMENT
    assert changed.strategies[1].model_fields_set == {"name", "inherits"}  # all else is still inherited


def test_numbers_of_numpy_are_numbers():
    changed = EXPERIMENT.model_copy(
        update={"population": np.int64(50), "seed": np.uint32(3), "willingness_to_pay": np.float32(2.5)}
    )
    assert changed == EXPERIMENT.model_copy(update={"population": 50, "seed": 3, "willingness_to_pay": 2.5})
    assert type(changed.population) is int
    assert type(changed.willingness_to_pay) is float
    with pytest.raises(DefinitionError, match="must be a whole number"):
        EXPERIMENT.model_copy(update={"population": np.array(50)})


def test_fields_that_a_file_calls_otherwise_keep_their_values():
    ward = SettingDefinition(
        name="ward", setting_class="inpatient", stay=Exponential(distribution="exponential", mean=2)
    )
    larger = ward.model_copy(update={"capacity": np.int64(5)})
    assert (larger.setting_class, larger.capacity) == ("inpatient", 5)
    assert ward.model_copy(update={"setting_class": "critical"}).setting_class == "critical"
