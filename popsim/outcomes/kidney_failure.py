"""Risk of kidney failure by the four-variable equation of Tangri et al. (KFRE), as a clinic would compute it.

For comparison, not part of the model: who begins dialysis in a run against the predicted risk at entry.
Valid for adults with a filtration below 60 mL/min/1.73 m2; death before kidney failure is not a competing risk in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import SHIPPED

Region = Literal["north_america", "elsewhere"]
YEARS = (2, 5)


def kidney_failure_risk(
    people: Mapping[str, ArrayLike], years: int, region: Region = "elsewhere", *, parameters: ParameterSet | None = None
) -> NDArray[np.float64]:
    """Probability of dialysis or transplantation within 2 or 5 years, for each person.

        1 - S ** exp(b_age (age / 10 - m) + b_male (male - m) + b_gfr (GFR / 5 - m) + b_acr (ln UACR - m))

    Args:
        people: age_years (a), female (0 or 1), gfr_ml_min (mL/min/1.73 m2) and albuminuria_mg_g (mg/g), of one shape.
        years: 2 or 5.
        region: whose baseline survival S.
        parameters: the set tangri_2016; as shipped when None.

    Raises:
        InputError: another horizon or region.
    """
    if years not in YEARS:
        raise InputError(f"years: {years}: the equation is for 2 or 5 years")
    if region not in ("north_america", "elsewhere"):
        raise InputError(f"region: '{region}': must be north_america or elsewhere")
    age, female, gfr, albuminuria = (
        np.asarray(people[name], np.float64) for name in ("age_years", "female", "gfr_ml_min", "albuminuria_mg_g")
    )
    parameters = parameters or SHIPPED["tangri_2016"]
    log_ratio = (
        parameters["log_per_decade"] * (age / 10.0 - parameters["mean_decades"])
        + parameters["log_male"] * (1.0 - female - parameters["mean_male"])
        + parameters["log_per_5_ml_min"] * (gfr / 5.0 - parameters["mean_5_ml_min"])
        + parameters["log_per_log_albuminuria"] * (np.log(albuminuria) - parameters["mean_log_albuminuria"])
    )
    return np.asarray(1.0 - parameters[f"survival_{years}_years_{region}"] ** np.exp(log_ratio))
