"""Guidance: how alerts to the telemonitoring centre are raised instead of by fixed limits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import real, whole

Kind = Literal["risk_model", "twin", "oracle"]
MAX_RISK = 2.0  # above 1 is a threshold that nobody reaches: guidance that does nothing


class Guidance(Definition):
    """Alerts by the risk of an acute presentation with heart failure, instead of by limits on single signals.

    The strategy's telemonitoring keeps its devices, uptake, duration, desk and interval between alerts; its limits
    apply to people for whom guidance is not used.

    Attributes:
        kind: source of the risk. `risk_model`: a statistical model of the observations, trained and retrained on
            what happens in the run; limits raise alerts until there is one. `twin`: an ensemble for each person that
            assimilates home readings, laboratory results, the record and presentations. `oracle`: the true state
            simulated forward with the future random numbers, an upper bound that nobody can attain.
        horizon_days: days within which the presentation is forecast.
        every_days: days between assessments of a person, on days that differ from person to person.
        alert_from_risk: lowest risk within the horizon that raises an alert; above 1: none does.
        alerts_per_day: maximum number of alerts a day, highest risks first, for the network's reference population
            (scaled like its slots). None: unlimited.
        adoption: share of people whose clinicians use the guidance, the same in every strategy.
        members: members of a person's ensemble (twin).
        genome_known: whether the ensemble knows the genes, or has to sample them (twin).
    """

    kind: Kind
    horizon_days: Annotated[int, whole(1, 90)] = 14
    every_days: Annotated[int, whole(1, 90)] = 7
    alert_from_risk: Annotated[float, real(0.0, MAX_RISK)]
    alerts_per_day: Annotated[int, whole(0, 1_000_000)] | None = None
    adoption: Annotated[float, real(0.0, 1.0)] = 1.0
    members: Annotated[int, whole(2, 1024)] = Field(default=32)
    genome_known: bool = True

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        for key in ("members", "genome_known"):
            # A finished run stores its experiment with every key written out: a key with its default is no mistake.
            changed = getattr(self, key) != type(self).model_fields[key].default
            if changed and self.kind != "twin":
                raise ValueError(f"{key}: only for guidance of kind = 'twin'")
        return self
