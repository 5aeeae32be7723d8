"""Fitted survival models, handed in with their covariance, as survival distributions with parameter draws.

Coefficients are kept on the scale on which R's package flexsurv estimates them: logarithms of what must be positive.
Covariates are added to the coefficient of the location ("age"), or to another one ("shape(age)").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from popsim.arguments import real_number
from popsim.definitions.base import validate
from popsim.definitions.parameter import Parameter
from popsim.definitions.uncertainty import MultivariateNormal
from popsim.errors import InputError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.microsimulation.survival import Survival


class Form(NamedTuple):
    """Parameters of a distribution: which of them takes the covariates, and which are estimated as logarithms."""

    make: Callable[..., Survival]
    names: Sequence[str]
    location: str
    logs: Sequence[str]


FORMS = {
    "exp": Form(Survival.exponential, ["rate"], "rate", ["rate"]),
    "weibull": Form(Survival.weibull, ["shape", "scale"], "scale", ["shape", "scale"]),
    "weibullPH": Form(Survival.weibull_ph, ["shape", "scale"], "scale", ["shape", "scale"]),
    "gompertz": Form(Survival.gompertz, ["shape", "rate"], "rate", ["rate"]),
    "llogis": Form(Survival.log_logistic, ["shape", "scale"], "scale", ["shape", "scale"]),
    "lnorm": Form(Survival.log_normal, ["meanlog", "sdlog"], "meanlog", ["sdlog"]),
    "gamma": Form(Survival.gamma, ["shape", "rate"], "rate", ["shape", "rate"]),
    "gengamma": Form(Survival.generalised_gamma, ["mu", "sigma", "Q"], "mu", ["sigma"]),
}
SPLINES = {f"survspline_{scale}": scale for scale in ("hazard", "odds", "normal")}
PIECES, COX = "piecewise", "cox"
LOG_HAZARD = "log_hazard"  # of a Cox model: what is added to every logarithm of the baseline's hazard
TOLERANCE = 1e-8  # of a covariance, as a share of its largest entry


class Renamed(NamedTuple):
    """A coefficient of lifelines in flexsurv's names: sign, and whether lifelines estimates the logarithm itself."""

    name: str
    sign: float = 1.0
    is_log: bool = False


LIFELINES: dict[str, tuple[str, dict[str, Renamed]]] = {
    "Exponential": ("exp", {"lambda_": Renamed("rate", -1.0)}),
    "Weibull": ("weibull", {"lambda_": Renamed("scale"), "rho_": Renamed("shape")}),
    "LogLogistic": ("llogis", {"alpha_": Renamed("scale"), "beta_": Renamed("shape")}),
    "LogNormal": ("lnorm", {"mu_": Renamed("meanlog"), "sigma_": Renamed("sdlog")}),
    "GeneralizedGamma": (
        "gengamma", {"mu_": Renamed("mu"), "ln_sigma_": Renamed("sigma", is_log=True), "lambda_": Renamed("Q")}
    ),
}  # fmt: skip


@dataclass(frozen=True)
class FittedSurvival:
    """A fitted survival model.

    Attributes:
        name: begins the names of its parameters: "os" gives "os_shape", "os_age".
        distribution: flexsurv's name, such as "weibull" or "gengamma"; "survspline_hazard", "survspline_odds",
            "survspline_normal"; "piecewise", whose coefficients are log hazards; or "cox".
        coefficients: names, as flexsurv has them.
        estimates: of the coefficients.
        covariance: their covariance matrix.
        knots: of a spline, in log time with the boundaries; of pieces, their starts; of a Cox model, times of events.
        years_per_unit: the unit of time of the fit in years, such as 1 / 12.
        baseline: of a Cox model, the baseline's cumulative hazard at its knots, taken as certain.
    """

    name: str
    distribution: str
    coefficients: Sequence[str]
    estimates: NDArray[np.float64]
    covariance: NDArray[np.float64]
    knots: Sequence[float] = ()
    years_per_unit: float = 1.0
    baseline: Sequence[float] = ()

    def __post_init__(self) -> None:
        known = [*FORMS, *SPLINES, PIECES, COX]
        if self.distribution not in known:
            raise InputError(f"{self.name}: distribution: {did_you_mean(str(self.distribution), known)}")
        size = len(self.coefficients)
        if np.shape(self.estimates) != (size,) or np.shape(self.covariance) != (size, size):
            raise InputError(
                f"{self.name}: needs an estimate and a row and column of the covariance for each coefficient"
            )
        covariance = np.asarray(self.covariance, np.float64)
        if not np.isfinite(covariance).all() or not np.allclose(covariance, covariance.T):
            raise InputError(f"{self.name}: the covariance must be finite and symmetric")
        if np.linalg.eigvalsh(covariance).min() < -TOLERANCE * np.abs(covariance).max():
            raise InputError(f"{self.name}: no coefficients have this covariance: one of its eigenvalues is negative")
        missing = [name for name in self._form.names if name not in self.coefficients]
        if missing:
            raise InputError(
                f"{self.name}: no coefficient '{missing[0]}', {did_you_mean(missing[0], self.coefficients)}"
            )
        for coefficient in self.coefficients:
            if self._split(coefficient)[0] not in self._form.names:
                raise InputError(f"{self.name}: {coefficient}: {self.distribution} has {', '.join(self._form.names)}")
        if self.distribution == COX and not 0 < len(self.knots) == len(self.baseline):
            raise InputError(f"{self.name}: needs the baseline's cumulative hazard at each knot, one at least")
        real_number(f"{self.name}: years_per_unit", self.years_per_unit, 1e-9)

    @classmethod
    def from_flexsurv(
        cls, name: str, distribution: str, table: pl.DataFrame, knots: Sequence[float] = (), years_per_unit: float = 1.0
    ) -> Self:
        """From R: `data.frame(name = names(coef(fit)), estimate = coef(fit), vcov(fit))`, written as CSV.

        Args:
            name: begins the names of the parameters.
            distribution: as `FittedSurvival.distribution`.
            table: a column of names, one of estimates, then the covariance matrix, all on the scale of `coef(fit)`.
            knots: of a spline, `fit$knots`.
            years_per_unit: unit of time of the fit, in years.
        """
        if not isinstance(table, pl.DataFrame):
            raise InputError(f"{name}: the table must be a polars DataFrame, as pl.read_csv gives it")
        if table.width != table.height + 2 or not all(dtype.is_numeric() for dtype in table.dtypes[1:]):
            raise InputError(f"{name}: the table must have names, estimates and a column of covariances for each row")
        numbers = table[:, 1:].to_numpy().astype(np.float64)
        return cls(name, distribution, table[:, 0].to_list(), numbers[:, 0], numbers[:, 1:], knots, years_per_unit)

    @classmethod
    def from_lifelines(cls, name: str, fitter: Any, years_per_unit: float = 1.0) -> Self:
        """From a fitter of lifelines that has been fitted: exponential to generalised gamma, AFT, splines, pieces.

        Positive parameters that lifelines estimates as they are become logarithms by the delta method.
        """
        kind = type(fitter).__name__.removesuffix("Fitter")
        if not hasattr(fitter, "variance_matrix_"):
            raise InputError(f"{name}: {kind}Fitter is not fitted, or has no covariance of its parameters")
        estimates, covariance = np.asarray(fitter.params_, float), np.asarray(fitter.variance_matrix_, float)
        knots: Sequence[float] = ()
        if kind == "Spline":
            family, knots = "survspline_hazard", np.log(fitter.knot_locations).tolist()
            renamed = {f"phi_{i}_": Renamed(f"gamma{i}") for i in range(len(knots))}
        elif kind == "PiecewiseExponential":
            family, knots = PIECES, [0.0, *(float(end) for end in fitter.breakpoints if np.isfinite(end))]
            renamed = {f"lambda_{i}_": Renamed(f"rate{i}", -1.0) for i in range(len(knots))}
        elif kind.removesuffix("AFT") in LIFELINES:
            family, renamed = LIFELINES[kind.removesuffix("AFT")]
        else:
            raise InputError(f"{name}: {kind}: {did_you_mean(kind, [*LIFELINES, 'Spline', 'PiecewiseExponential'])}")
        pairs = [label if isinstance(label, tuple) else (label, "") for label in fitter.params_.index]
        form = _form(family, len(knots))
        slopes, names = np.ones(len(pairs)), []
        for i, (parameter, covariate) in enumerate(pairs):
            new = renamed[parameter]
            plain = covariate in ("", "Intercept")
            names.append(new.name if plain else f"{new.name}({covariate})")
            slopes[i] = new.sign
            if covariate == "" and new.name in form.logs and not new.is_log:
                slopes[i], estimates[i] = new.sign / estimates[i], np.log(estimates[i])
            estimates[i] *= new.sign
        return cls(name, family, names, estimates, covariance * np.outer(slopes, slopes), knots, years_per_unit)

    @classmethod
    def from_scikit_survival(
        cls,
        name: str,
        fitter: Any,
        *,
        alpha: float | None = None,
        covariance: ArrayLike | None = None,
        covariates: Sequence[str] = (),
        years_per_unit: float = 1.0,
    ) -> Self:
        """From a Cox model of scikit-survival after `fit`: CoxPHSurvivalAnalysis or CoxnetSurvivalAnalysis.

        The baseline's hazard is constant between events. After the last, it is the mean since the middle one
        (assumption: of one event alone it would be noise).

        Args:
            name: begins the names of the parameters.
            fitter: Coxnet with fit_baseline_model=True.
            alpha: of Coxnet, one of its alphas_; the last when None.
            covariance: of the coefficients, such as that of bootstrap fits, since scikit-survival gives none; the
                coefficients are certain without it.
            covariates: names of the columns, where it was fitted without names.
            years_per_unit: unit of time of the fit, in years.

        Raises:
            InputError: it is no such model, it is not fitted, or the names or the covariance do not fit.
        """
        try:
            coefficients, offset, step = _cox(fitter, alpha)
            times, hazard = np.asarray(step.x, float), np.asarray(step.y, float)
        except (AttributeError, TypeError, ValueError, IndexError):
            kind = type(fitter).__name__
            raise InputError(
                f"{name}: {kind} is no fitted Cox model with a baseline (of Coxnet: fit_baseline_model=True, and alpha "
                "one of alphas_)"
            ) from None
        names = list(covariates) or [str(one) for one in getattr(fitter, "feature_names_in_", ())]
        if len(names) != len(coefficients):
            raise InputError(f"{name}: covariates: {len(names)} names for {len(coefficients)} coefficients")
        rises = (np.diff(hazard, prepend=0.0) > 0.0) & (times > 0.0)
        size = len(coefficients)
        given = np.zeros((size, size)) if covariance is None else np.asarray(covariance, float)
        if given.shape != (size, size):
            raise InputError(f"{name}: covariance: {given.shape}: must be {size} x {size}, as the coefficients")
        return cls(
            name, COX, [LOG_HAZARD, *names], np.array([-offset, *coefficients]), np.pad(given, ((1, 0), (1, 0))),
            times[rises].tolist(), years_per_unit, hazard[rises].tolist(),
        )  # fmt: skip

    def __call__(self, p: Any, **traits: Any) -> Survival:
        """The distribution with a model's parameters `p`, for people with these traits."""
        values: dict[str, Any] = dict.fromkeys(self._form.names, 0.0)
        wanted = set()
        for coefficient in self.coefficients:
            parameter, covariate = self._split(coefficient)
            wanted.add(covariate)
            if covariate and covariate not in traits:
                raise InputError(f"{self.name}: needs the trait '{covariate}', {did_you_mean(covariate, traits)}")
            values[parameter] = values[parameter] + getattr(p, self._label(coefficient)) * (
                np.asarray(traits[covariate]) if covariate else 1.0
            )
        unused = sorted(set(traits) - wanted)
        if unused:
            raise InputError(f"{self.name}: unknown trait '{unused[0]}', {did_you_mean(unused[0], wanted - {''})}")
        numbers = [np.exp(values[name]) if name in self._form.logs else values[name] for name in self._form.names]
        if self.distribution == COX:
            scaled: Survival = np.exp(numbers[0]) * _baseline(self.knots, self.baseline)
            return scaled.in_years(self.years_per_unit)
        if self.distribution in SPLINES or self.distribution == PIECES:
            return self._form.make(numbers, self.knots).in_years(self.years_per_unit)
        return self._form.make(*numbers).in_years(self.years_per_unit)

    def added_to(self, parameters: Mapping[str, float]) -> ParameterSet:
        """These parameters with the coefficients of the fit, which are jointly normal in parameter draws."""
        if not isinstance(parameters, ParameterSet):
            known = {key: _record(value, "assumption: the model's", key) for key, value in parameters.items()}
            return self.added_to(ParameterSet("model", known))
        source = f"computed: fitted {self.distribution} model '{self.name}'"
        labels = tuple(map(self._label, self.coefficients))
        twice = sorted(parameters.keys() & set(labels))
        if twice:
            raise InputError(f"{self.name}: there is a parameter '{twice[0]}' already: give the fit another name")
        uncertainty, groups = None, parameters.groups
        drawn = np.flatnonzero(np.diag(self.covariance)) if self.distribution == COX else np.arange(len(labels))
        if len(drawn) == 1:
            variance = float(self.covariance[drawn[0], drawn[0]])
            error = variance**0.5 if variance >= 0.0 else variance
            uncertainty = {"distribution": "normal", "standard_error": error}
        elif len(drawn):
            covariance = (0.5 * (self.covariance + self.covariance.T))[np.ix_(drawn, drawn)].tolist()
            joint = tuple(labels[i] for i in drawn)
            jointly = {"distribution": "multivariate_normal", "parameters": joint, "covariance": covariance}
            groups = (*groups, validate(jointly | {"source": source}, MultivariateNormal, self.name))
        fitted = {
            label: _record(value, source, label, uncertainty if i in drawn else None)
            for i, (label, value) in enumerate(zip(labels, self.estimates.tolist(), strict=True))
        }
        own = {key: parameters.of(key) for key in parameters}
        return ParameterSet(parameters.name, own | fitted, groups)

    @property
    def _form(self) -> Form:
        return _form(self.distribution, len(self.knots))

    def _split(self, coefficient: str) -> tuple[str, str]:
        """The parameter that a coefficient is added to, and its covariate, as a Python name ("" for none)."""
        if coefficient in self._form.names:
            return coefficient, ""
        parameter, _, covariate = coefficient.removesuffix(")").partition("(")
        if coefficient.endswith(")") and parameter in self._form.names:
            return parameter, _identifier(covariate)
        return self._form.location, _identifier(coefficient)

    def _label(self, coefficient: str) -> str:
        return f"{self.name}_{_identifier(coefficient)}"


def _record(value: float, source: str, where: str, uncertainty: dict[str, Any] | None = None) -> Parameter:
    return validate({"value": value, "unit": "1", "source": source, "uncertainty": uncertainty}, Parameter, where)


def _form(distribution: str, knots: int) -> Form:
    if distribution in SPLINES:
        scale = SPLINES[distribution]
        return Form(
            lambda gamma, at: Survival.royston_parmar(gamma, at, scale),  # type: ignore[arg-type]
            [f"gamma{i}" for i in range(knots)],
            "gamma0",
            [],
        )
    if distribution == COX:
        return Form(Survival.piecewise_exponential, [LOG_HAZARD], LOG_HAZARD, [])
    if distribution == PIECES:
        rates = [f"rate{i}" for i in range(knots)]
        return Form(lambda rate, at: Survival.piecewise_exponential(at, rate), rates, "", rates)
    return FORMS[distribution]


def _cox(fitter: Any, alpha: float | None) -> tuple[NDArray[np.float64], float, Any]:
    """Coefficients, what is subtracted from the linear predictor, and the baseline's cumulative hazard."""
    coefficients = np.asarray(fitter.coef_, float)
    if coefficients.ndim == 1:
        return coefficients, 0.0, fitter.cum_baseline_hazard_
    place = -1 if alpha is None else int(np.flatnonzero(np.isclose(fitter.alphas_, alpha))[0])
    baseline = fitter._get_baseline_model(fitter.alphas_[place]).cum_baseline_hazard_
    return coefficients[:, place], float(fitter.offset_[place]), baseline


def _baseline(times: Sequence[float], hazard: Sequence[float]) -> Survival:
    """Constant hazards between times of events, and after the last the mean since the middle one."""
    ends, total = np.array([0.0, *times]), np.array([0.0, *hazard])
    middle = (len(ends) - 1) // 2
    later = (total[-1] - total[middle]) / (ends[-1] - ends[middle])
    return Survival.piecewise_exponential(ends.tolist(), [*(np.diff(total) / np.diff(ends)), later])


def _identifier(coefficient: str) -> str:
    return re.sub(r"\W+", "_", coefficient).strip("_")
