"""The columns that the people of a unit have: those that nothing in the unit can read or change are left out.

What is drawn for a person does not depend on which they are (`Schema.number`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from popsim.care.columns import TREATMENT_COLUMNS
from popsim.care.policy import telemonitoring_by_day
from popsim.definitions.interventions import Device, GeneticTest, HazardRatio, Programme
from popsim.definitions.strategy import Strategy
from popsim.population.columns import Schema
from popsim.population.sampling import given

if TYPE_CHECKING:
    from popsim.studies.design import Study

RATIOS = frozenset(column.name for column in TREATMENT_COLUMNS)
# Columns that only these interventions write.
WRITTEN_BY: Mapping[type, frozenset[str]] = {
    HazardRatio: RATIOS | {"cost_devices", "cost_programme"},
    Device: frozenset({"cost_devices"}),
    Programme: frozenset({"cost_programme"}),
    GeneticTest: frozenset({"cost_programme", "genotype_known", "beta_blocker_limit_percent"}),
}
# Columns that only telemonitoring writes, and those of them that only an implanted sensor does.
HOME = frozenset({
    "measured_weight_kg", "measured_systolic_mmhg", "measured_heart_rate_bpm", "reference_weight_kg", "last_alert_day",
})  # fmt: skip
SENSED = frozenset({"measured_filling_pressure_mmhg"})
# Columns of the cohort that are read only when people are initialised, which people with a past have been.
READ_AT_FIRST = frozenset({"baseline_albuminuria_mg_g", "baseline_hba1c_percent", "infarction_days_before_entry"})


def needed_schema(study: Study, strategy: Strategy) -> Schema:
    """The columns of a twin under one strategy of a study.

    A column that the cohort, the experiment or the network names is kept; so are all but the log ratios where guidance
    or a user's own organ system may read any.
    """
    programmes = [one for one in telemonitoring_by_day(strategy).values() if one is not None]
    sensed = any(one.filling_pressure_high_mmhg is not None for one in programmes)
    written = {name for one in strategy.composed for name in WRITTEN_BY.get(type(one), ())}
    lost = HOME.union(SENSED, *WRITTEN_BY.values()) - written - given(study.cohort)
    lost -= (HOME if programmes else frozenset()) | (SENSED if sensed else frozenset())
    lost |= READ_AT_FIRST if study.experiment.entry != "as_described" else frozenset()
    lost &= RATIOS if strategy.guidance is not None or study.own_organ_systems else lost
    lost -= {*_texts(study.experiment.model_dump(mode="json")), *_texts(study.network.model_dump(mode="json"))}
    return study.schema.without(lost)


def _texts(value: object) -> Iterator[str]:
    """Every text within a definition."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(value.keys())
        yield from _texts(value.values())
    elif isinstance(value, Iterable):
        for part in value:
            yield from _texts(part)
