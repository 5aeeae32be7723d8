"""A risk model that keeps learning while care acts on it.

Care does not act on a random share of people (`withheld`), so that the model still observes outcomes without its own
actions: rows of flagged people count only if withheld, with the inverse of that share as weight. Rows outside training
are judged by the risks predicted at the time (prospective performance), with non-overlapping windows per person so that
the balances of periods are independent. docs/explanation/learning.md gives the reasons and the price.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.learning.drift import CumulativeSums, Reference, balance, described
from popsim.learning.features import KEYS, predictors
from popsim.learning.performance import JudgedRisks, fairness, performance, subgroups, together, watched_from
from popsim.learning.risk_model import WEIGHT, RiskModel

type Floats = NDArray[np.float64]

WITHHELD_WORD = 0x77697468  # index of the random number that says who is withheld
FORESEEN = {"person_id": pl.Int64, "day": pl.Int32, "risk": pl.Float64}
FLAGS = {"person_id": pl.Int64, "flag_day": pl.Float64}


class LearningLoop:
    """A model, its training table, and its prospective performance.

    Args:
        outcome: one of `popsim.learning.features.OUTCOMES`, or a column of the user's frames.
        horizon_days: within which the outcome counts.
        model: to start with; the loop trains it if it is not fitted. A fitted model serves until retraining is due,
            counted from the first day of learning.
        hold_out_share: probability of being withheld; that of the parameters when None. 0: act on everybody, and
            observe no outcomes without action.
        key: of the random numbers that decide who is withheld.
        parameters: the set learning; as shipped when None.
    """

    def __init__(
        self,
        outcome: str = "admission",
        horizon_days: int = 30,
        *,
        model: RiskModel | None = None,
        hold_out_share: float | None = None,
        key: RandomKey = RandomKey(),
        parameters: ParameterSet | None = None,
    ) -> None:
        parameters = parameters or SHIPPED["learning"]
        self.outcome, self.horizon_days = outcome, horizon_days
        self.model = model or RiskModel(parameters=parameters)
        self.hold_out_share = parameters["hold_out_share"] if hold_out_share is None else float(hold_out_share)
        if not 0.0 <= self.hold_out_share <= 1.0:
            raise InputError(f"hold_out_share = {hold_out_share}: must be between 0 and 1")
        self._parameters, self._key = parameters, key
        self._foreseen = pl.DataFrame(schema=FORESEEN)
        self._flags = pl.DataFrame(schema=FLAGS)
        self._rows: list[pl.DataFrame] = []  # complete landmarks that have not been forgotten
        self._judged: list[tuple[int, JudgedRisks, pl.DataFrame]] = []
        self._reference: Reference | None = None
        self._sums = CumulativeSums(parameters["cusum_slack"], parameters["cusum_limit"])
        self._trained_day, self._mapped_day = -np.inf, -np.inf
        self._days_learned, self._is_own = 0, False  # is_own: the model was fitted to the loop's table
        self._trained_through = self._level_after = -1  # calibrated to landmarks after this day
        self._waiting: list[pl.DataFrame] = []  # rows to be judged
        self._since_judged: list[pl.DataFrame] = []  # all rows since the last period, tested for shifts
        self._last_judged = pl.DataFrame(schema={"person_id": pl.Int64, "judged_day": pl.Int32})
        self._history: list[dict[str, Any]] = []
        self._actions: list[tuple[int, str]] = []

    # Predictions for care.

    def risk(self, frame: pl.DataFrame) -> Floats:
        """Risk of every row of a frame of landmarks, NaN until there is a model. The loop stores the predictions."""
        if not self.model.is_fitted:
            return np.full(len(frame), np.nan)
        risk = self.model.predict(frame)
        said = frame.select(pl.col("person_id").cast(pl.Int64), pl.col("day").cast(pl.Int32), risk=pl.Series(risk))
        self._foreseen = pl.concat([self._foreseen, said])
        return risk

    def withheld(self, person_id: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Persons on whom nobody acts, always the same ones."""
        u = keyed(self._key, np.ascontiguousarray(person_id, np.int64), STREAM_INTERVENTION, WITHHELD_WORD)
        return np.asarray(u < self.hold_out_share)

    def flag(self, day: int, person_id: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Record whom the model flags for action today, withheld or not; return on whom care may act."""
        flags = {"person_id": np.asarray(person_id, np.int64), "flag_day": np.full(len(person_id), float(day))}
        self._flags = pl.concat([self._flags, pl.DataFrame(flags, schema=FLAGS)])
        return ~self.withheld(person_id)

    # Outcomes.

    def learn(self, day: int, frame: pl.DataFrame | None) -> tuple[str, ...]:
        """Take in landmarks whose horizon has passed, and train or recalibrate when it is due.

        Args:
            day: today.
            frame: `Landmarks.complete(...)`: person_id, day, features, the outcome and `<outcome>_day`; each row only
                once. None: there are none.

        Returns:
            The actions taken: "trained", "recalibrated", "alarm".
        """
        if frame is not None and len(frame):
            if int(frame["day"].max()) + self.horizon_days > day:  # type: ignore[arg-type]
                raise InputError(f"learning: day {day} comes before the end of a landmark's {self.horizon_days} days")
            weighted = frame.with_columns(pl.Series(WEIGHT, self._weights(frame)))
            self._rows.append(weighted)
            self._since_judged.append(frame)
            self._collect(weighted)
            self._forget(day)
        if not self._days_learned and self.model.is_fitted:
            self._trained_day = float(day)
        self._days_learned += 1
        done: list[str] = []
        if self._watch(day):
            done.append("alarm")
            newest = max(int(frame["day"].max()) for frame in self._rows)  # type: ignore[arg-type]
            self._level_after = newest - int(self._parameters["recalibrate_every_days"])
        if day - self._trained_day >= self._parameters["retrain_every_days"] and self._train(day):
            done.append("trained")
        elif self._is_time_to_recalibrate(day, "alarm" in done) and self._recalibrate(day):
            done.append("recalibrated")
        self._actions += [(day, action) for action in done]
        return tuple(done)

    # Prospective performance.

    def history(self) -> pl.DataFrame:
        """One row per judged period.

        Returns:
            day, rows, events, observed, predicted, balance (in standard deviations), alarm, c_statistic with its 95%
            interval (_low, _high), slope, shifted (names of features that have shifted).
        """
        return pl.DataFrame(self._history, infer_schema_length=None)

    def actions(self) -> pl.DataFrame:
        """day and action ("alarm", "trained", "recalibrated") of every action."""
        return pl.DataFrame(self._actions, schema={"day": pl.Int64, "action": pl.String}, orient="row")

    def judged(self) -> tuple[JudgedRisks, pl.DataFrame]:
        """Predicted risks and outcomes over all periods, with their rows.

        Raises:
            InputError: no period has been judged yet.
        """
        if not self._judged:
            raise InputError("learning: no predicted risk has reached its horizon yet")
        return together(part for _, part, _ in self._judged), pl.concat([rows for *_, rows in self._judged])

    def fairness(self) -> pl.DataFrame:
        """Prospective performance by subgroup; see `popsim.learning.performance.fairness`."""
        found, rows = self.judged()
        return fairness(found, subgroups(rows), self._watched_from(found))

    @property
    def table(self) -> pl.DataFrame:
        """Complete landmarks that the next training uses, with their weights."""
        return pl.concat(self._rows) if self._rows else pl.DataFrame()

    # Implementation.

    def _weights(self, frame: pl.DataFrame) -> Floats:
        """Weight of each row: 1, the inverse of the share withheld, or 0."""
        if not len(self._flags):
            return np.ones(len(frame))
        ends = pl.coalesce(f"{self.outcome}_day", pl.col("day") + float(self.horizon_days))
        rows = frame.select("person_id", since=pl.col("day").cast(pl.Float64), until=ends.cast(pl.Float64))
        first = rows.with_row_index("place").sort("since").join_asof(
            self._flags.sort("flag_day"),
            left_on="since", right_on="flag_day", by="person_id", strategy="forward", check_sortedness=False,
            coalesce=False,
        )  # fmt: skip
        flagged = first.sort("place").select((pl.col("flag_day") < pl.col("until")).fill_null(False)).to_series()
        withheld = self.withheld(frame["person_id"].to_numpy())
        inverse = 1.0 / self.hold_out_share if self.hold_out_share else 0.0
        return np.where(flagged.to_numpy(), np.where(withheld, inverse, 0.0), 1.0)

    def _forget(self, day: int) -> None:
        """Drop rows, flags and predictions that will not be used again."""
        oldest = day - self._parameters["memory_days"] - self.horizon_days
        self._rows = [frame for frame in self._rows if int(frame["day"].min()) >= oldest]  # type: ignore[arg-type]
        recent = oldest - self.horizon_days
        self._flags = self._flags.filter(pl.col("flag_day") >= recent)
        self._foreseen = self._foreseen.filter(pl.col("day") >= recent)

    def _watch(self, day: int) -> bool:
        """Judge a period when one is complete; return whether the calibration raised an alarm."""
        period = self._next_period()
        if period is None:
            return False
        rows, judged = period
        found = performance(judged, self._watched_from(judged))
        z = balance(judged, self.model.map.information)
        alarm = self._sums.add(z)
        shifts = self._reference.shifts(pl.concat(self._since_judged)) if self._reference else None
        self._since_judged = []
        self._judged.append((day, judged, rows))
        self._history.append(
            {
                "day": day,
                "rows": found.rows,
                "events": found.events,
                "observed": found.observed,
                "predicted": found.predicted,
                "balance": z,
                "alarm": alarm,
                "c_statistic": found.c_statistic.value,
                "c_statistic_low": max(found.c_statistic.low, 0.0),
                "c_statistic_high": min(found.c_statistic.high, 1.0),
                "slope": found.slope.value,
                "shifted": ", ".join(described(shifts)) if shifts is not None else "",
            }
        )
        return alarm

    def _collect(self, frame: pl.DataFrame) -> None:
        """Keep rows with a predicted risk for judging; windows of the same person must not overlap."""
        typed = frame.filter(pl.col(WEIGHT) > 0.0).with_columns(pl.col(name).cast(FORESEEN[name]) for name in KEYS)
        said = (
            typed.join(self._foreseen.unique(KEYS, keep="last"), on=KEYS, maintain_order="left")
            .join(self._last_judged, on="person_id", how="left", maintain_order="left")
            .filter(pl.col("judged_day").is_null() | (pl.col("day") >= pl.col("judged_day") + self.horizon_days))
            .drop("judged_day")
            .sort("day", "person_id")
            .unique("person_id", keep="first", maintain_order=True)
        )
        if len(said):
            self._waiting.append(said)
            newest = said.select("person_id", judged_day="day")
            self._last_judged = pl.concat([self._last_judged, newest]).unique("person_id", keep="last")

    def _next_period(self) -> tuple[pl.DataFrame, JudgedRisks] | None:
        """The rows kept for judging, if there are enough events."""
        if not self._waiting:
            return None
        rows = pl.concat(self._waiting)
        happened = rows[self.outcome].to_numpy().astype(np.float64)
        judged = JudgedRisks(rows["risk"].to_numpy(), happened, rows[WEIGHT].to_numpy(), rows["person_id"].to_numpy())
        if (judged.weight * judged.risk * (1.0 - judged.risk)).sum() < self._parameters["fewest_events_to_judge"]:
            return None
        self._waiting = []
        return rows.drop("risk"), judged

    def _train(self, day: int) -> bool:
        """Fit to the training table, if it holds enough events."""
        table = self.table
        if not len(table) or not self._is_enough(table, "fewest_events"):
            return False
        bare = table.drop(WEIGHT, f"{self.outcome}_day", strict=False)
        features = self.model.features or tuple(name for name in predictors(bare) if name != self.outcome)
        weight = table[WEIGHT].to_numpy()
        self.model.fit(table, self.outcome, features=features, weight=weight, level_after_day=self._level_after)
        self._reference = Reference(table, self.model.features, self._parameters)
        self._trained_day = self._mapped_day = float(day)
        self._is_own = True
        self._trained_through = int(table["day"].max())  # type: ignore[arg-type]
        return True

    def _is_time_to_recalibrate(self, day: int, alarm: bool) -> bool:
        due = day - max(self._mapped_day, self._trained_day) >= self._parameters["recalibrate_every_days"]
        return self.model.is_fitted and (due or alarm)

    def _recalibrate(self, day: int) -> bool:
        """Recalibrate to rows from after the training, and to training rows since the last alarm."""
        after = max(self._trained_through, self._level_after)
        fresh = self.table.filter((pl.col("day") > after) & (pl.col(WEIGHT) > 0.0)) if self._rows else self.table
        if not len(fresh) or not self._is_enough(fresh, "fewest_events_to_recalibrate"):
            return False
        weight, earlier = fresh[WEIGHT].to_numpy(), self._level_after if self._is_own else None
        self.model.recalibrate(fresh, weight=weight, with_training_after_day=earlier)
        self._mapped_day = float(day)
        return True

    def _is_enough(self, table: pl.DataFrame, name: str) -> bool:
        counted = table.filter(pl.col(WEIGHT) > 0.0)[self.outcome]
        events = int(counted.sum())
        return min(events, len(counted) - events) >= self._parameters[name]

    def _watched_from(self, judged: JudgedRisks) -> float:
        return watched_from(judged.risk, self._parameters["watched_share"], judged.weight)
