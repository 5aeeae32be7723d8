"""Risk-standardised readmission, in the manner of the US Hospital Readmissions Reduction Program (HRRP).

A logistic model of readmission is fitted to the comparator's spaced index discharges with a whole window of follow-up,
over all replications. Covariates are baseline characteristics, never results of care; as in the HRRP, deprivation and
ethnicity are left out, so that adjustment does not hide inequity. The standardised ratio of a strategy is observed /
expected readmissions; the risk-standardised rate is that ratio times the comparator's overall rate. Intervals are over
replications and exclude the error of the coefficients, which is common to all strategies.

Regions are the hospitals, with predicted / expected of a hierarchical model (as documented by the R package readmit,
centralstatz.github.io/readmit, hsr_readmission_risks), approximated in two stages: each region's effect on the log odds
by maximum likelihood with the patients' risks fixed, then empirical Bayes shrinkage with DerSimonian and Laird's moment
estimate of the variance between regions (assumption: recalled from Control Clin Trials 1986, to be checked).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.outcomes.discharges import WINDOWS_DAYS
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.risk_adjustment import LogisticFit, c_statistic, calibration, fit_logistic

UNIT = ("strategy", "draw", "replication", "region")
# Maximum number of persons in the fit (the first replications); coefficients are then known to three digits.
MAX_FITTED = 500_000
EFFECT_STEPS = 4  # Newton steps towards a region's effect, each at most 1 on the log odds

# Worked out from the persons of a finished run, so that no run stores them.
STANDARDISED = tuple(
    measure
    for days in WINDOWS_DAYS
    for measure in (
        OutcomeMeasure(
            f"risk_standardised_readmission_{days}d", f"{days}-day readmission, risk-standardised", "%",
            "Ratio of observed to expected readmissions times the comparator's rate", "lower",
            f"Within {days} days, risk-standardised, %",
        ),
        OutcomeMeasure(
            f"readmission_ratio_{days}d", f"{days}-day readmission, observed / expected", "ratio",
            "Expected: as people like these would be readmitted under the comparator", "lower",
            f"Within {days} days, observed / expected",
        ),
    )
)  # fmt: skip


def _real(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64)


# Covariates by name, from the persons table, at entry.
COVARIATES: dict[str, pl.Expr] = {
    **{
        name: _real(name)
        for name in (
            "age_years", "female", "baseline_ejection_fraction_percent", "baseline_systolic_mmhg",
            "baseline_heart_rate_bpm", "baseline_gfr_ml_min", "baseline_potassium_mmol_l", "frailty", "diabetes", "ckd",
            "atrial_fibrillation", "copd",
        )
    },
    **{f"nyha_class_{nyha}": (pl.col("nyha_class") == nyha).cast(pl.Float64) for nyha in (2, 3, 4)},
    "log_nt_probnp_pg_ml": _real("nt_probnp_pg_ml").log(),
}  # fmt: skip


class StandardisationModel(NamedTuple):
    """A risk model and its performance on the discharges of the fit.

    Attributes:
        days: the window.
        fit: coefficients in the order of COVARIATES.
        discharges: number of discharges in the fit.
        rate: of readmission among them.
        c_statistic: discrimination; 0.5 is none.
        calibration: observed and predicted by tenth of risk (see `calibration`).
    """

    days: int
    fit: LogisticFit
    discharges: int
    rate: float
    c_statistic: float
    calibration: pl.DataFrame

    @property
    def log_odds(self) -> pl.Expr:
        """Linear predictor of a row of the persons table."""
        terms = zip(COVARIATES.values(), self.fit.coefficients.tolist(), strict=True)
        return pl.lit(self.fit.intercept) + pl.sum_horizontal(term * coefficient for term, coefficient in terms)


def risk_model(persons: pl.LazyFrame, comparator: str, days: int = WINDOWS_DAYS[0]) -> StandardisationModel:
    """Fit the model to the comparator's index discharges.

    Args:
        persons: the persons table of a run: `strategy`, the baseline columns and INDEX_COUNTS.
        comparator: name of the strategy.
        days: 30 or 90.

    Raises:
        InputError: nobody or everybody was readmitted.
    """
    table = (
        persons.filter((pl.col("strategy") == comparator) & (pl.col(f"index_discharges_{days}d") > 0))
        .select(**COVARIATES, trials=_real(f"index_discharges_{days}d"), successes=_real(f"index_readmitted_{days}d"))
        .head(MAX_FITTED)
        .collect()
    )
    covariates = table.select(*COVARIATES).to_numpy()
    trials, successes = table["trials"].to_numpy(), table["successes"].to_numpy()
    fit = fit_logistic(covariates, trials, successes)
    risk = fit.probability(covariates)
    return StandardisationModel(
        days,
        fit,
        int(trials.sum()),
        float(successes.sum() / trials.sum()),
        c_statistic(risk, trials, successes),
        calibration(risk, trials, successes),
    )


def observed_and_expected(
    persons: pl.LazyFrame, model: StandardisationModel, effects: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Observed and expected readmissions of every unit.

    Args:
        persons: strategy, draw, replication, region, the baseline columns and INDEX_COUNTS.
        model: `risk_model(...)`.
        effects: strategy, draw, replication, region, effect (on the log odds of the unit's discharges); None: 0.

    Returns:
        strategy, draw, replication, region, discharges, observed, expected, information (expected variance), in the
        order of these keys.
    """
    trials, successes = _real(f"index_discharges_{model.days}d"), _real(f"index_readmitted_{model.days}d")
    rows = persons.filter(trials > 0)
    log_odds = model.log_odds
    if effects is not None:
        rows = rows.join(effects.lazy(), on=UNIT, how="left")
        log_odds += pl.col("effect")
    risk = pl.col("risk")
    return (
        rows.with_columns(risk=1.0 / (1.0 + (-log_odds).exp()))
        .group_by(UNIT)
        .agg(
            discharges=trials.sum(),
            observed=successes.sum(),
            expected=(trials * risk).sum(),
            information=(trials * risk * (1.0 - risk)).sum(),
        )
        .sort(UNIT)
        .collect(engine="streaming")  # a run may have more persons than fit into memory
    )


def standardised(units: pl.DataFrame, model: StandardisationModel) -> pl.DataFrame:
    """Standardised ratio and risk-standardised rate of every strategy, draw and replication, over all regions.

    Args:
        units: `observed_and_expected(...)`.
        model: the model used there.

    Returns:
        strategy, draw, replication, measure, value: readmission_ratio_<days>d (observed / expected) and
        risk_standardised_readmission_<days>d (that times the comparator's overall rate).
    """
    key = ["strategy", "draw", "replication"]
    ratio = f"readmission_ratio_{model.days}d"
    return (
        units.group_by(key, maintain_order=True)
        .agg((pl.col("observed").sum() / pl.col("expected").sum()).alias(ratio))
        .with_columns((pl.col(ratio) * model.rate).alias(f"risk_standardised_readmission_{model.days}d"))
        .unpivot(index=key, variable_name="measure", value_name="value")
    )


def hospital_ratios(persons: pl.LazyFrame, model: StandardisationModel) -> pl.DataFrame:
    """Predicted / expected of every region as a hospital, against the average region of the same replication.

    Args:
        persons: as for `observed_and_expected`, of at least two regions.
        model: `risk_model(...)`.

    Returns:
        strategy, draw, replication, region, discharges, observed, effect (on the log odds), shrunken_effect,
        mean_effect, predicted, expected, excess_ratio (predicted / expected).
    """
    units = observed_and_expected(persons, model)
    effect = np.zeros(len(units))
    information = units["information"].to_numpy()
    for _ in range(EFFECT_STEPS):
        now = observed_and_expected(persons, model, units.select(*UNIT, effect=pl.Series(effect)))
        information = now["information"].to_numpy()
        effect = effect + np.clip((now["observed"] - now["expected"]).to_numpy() / information, -1.0, 1.0)
    shrunken, mean = np.empty(len(units)), np.empty(len(units))
    place = units.select(pl.struct("strategy", "draw", "replication").rle_id())[:, 0].to_numpy()
    for group in range(int(place.max()) + 1):
        those = place == group
        shrunken[those], mean[those] = shrink(effect[those], 1.0 / information[those])
    found = units.with_columns(
        effect=pl.Series(effect), shrunken_effect=pl.Series(shrunken), mean_effect=pl.Series(mean)
    )
    predicted, expected = (
        observed_and_expected(persons, model, found.select(*UNIT, effect=name))["expected"]
        for name in ("shrunken_effect", "mean_effect")
    )
    return found.drop("information").with_columns(
        predicted=predicted, expected=expected, excess_ratio=predicted / expected
    )


def shrink(effects: NDArray[np.float64], variances: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Empirical Bayes: shrink each effect towards the weighted mean.

    Args:
        effects: (regions,) estimates.
        variances: (regions,) of their errors.

    Returns:
        The shrunken effects and the mean.
    """
    weights = 1.0 / variances
    fixed = float(weights @ effects / weights.sum())
    heterogeneity = float(weights @ (effects - fixed) ** 2) - (len(effects) - 1)
    between = (
        max(0.0, heterogeneity / float(weights.sum() - (weights**2).sum() / weights.sum())) if len(effects) > 1 else 0.0
    )
    weights = 1.0 / (variances + between)
    mean = float(weights @ effects / weights.sum())
    return mean + between / (between + variances) * (effects - mean), mean
