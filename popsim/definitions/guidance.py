"""Guidance: what decides, in the place of fixed limits, for whom the telemonitoring desk is alerted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import real, whole

Kind = Literal["risk_model", "twin", "oracle"]
MAX_RISK = 2.0  # above 1 is a limit that nobody reaches: guidance that does nothing


class Guidance(Definition):
    """Alerts by the risk of presenting with heart failure, in the place of limits on single signals.

    The strategy's telemonitoring keeps its devices, uptake, duration, desk and distance between alerts; its limits
    count for those for whom guidance is not used.

    Attributes:
        kind: where the risk comes from. `risk_model`: a statistical model of what is seen, trained and retrained on
            what happens in the run; thresholds alert until there is one. `twin`: a belief about each person, kept up to
            date from home readings, laboratory results, the record and presentations. `oracle`: the true state lived
            forward, with the luck to come: the ceiling, which nobody can have.
        horizon_days: within which the presentation is foreseen.
        every_days: each person is assessed once in so many days, on days that differ from person to person.
        alert_from_risk: lowest risk within the horizon that raises an alert; above 1: none does.
        alerts_per_day: most alerts a day, the highest risks first, for the network's reference population (scaled like
            its slots). None: as many as there are.
        adoption: share of people whose clinicians use the guidance, the same in every strategy.
        members: possible selves of a person in the belief (twin).
        genome_known: whether the belief knows the genes of clinical twins, or has to imagine them (twin).
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
            # A finished run keeps its experiment with every key written out: what is as it was is no slip.
            changed = getattr(self, key) != type(self).model_fields[key].default
            if changed and self.kind != "twin":
                raise ValueError(f"{key}: only for guidance of kind = 'twin'")
        return self
