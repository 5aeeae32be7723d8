"""Made-up results of a validation, of forecasts and of a learned model, as popsim's commands leave them behind."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl

from popsim.analyses.forecast_figures import forecast_figures
from popsim.analyses.forecasting import BASE_RATE, TWIN, EvaluatedForecasts
from popsim.assimilation.forecast import DEATH, READMISSION
from popsim.learning.card import finite
from popsim.studies.content import code_hash, file_hash

COLUMNS = ("source", "study", "stratum", "drug_class", "target", "unit", "use", "distance", "inside", "log_ratio")


def validation(folder: Path) -> Path:
    """Four held-out figures, of which one is missed, and one that was fitted."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "targets.toml"
    file.write_text("# made up\n")
    rows = [
        ("A", "a", "reduced severe", "mra", "hazard_ratio", "ratio", "validate", 0.5, True, 0.05),
        ("A", "a", "reduced severe", None, "death", "proportion", "validate", 1.0, True, 0.10),
        ("B", "b", "preserved mild", None, "death_b", "proportion", "validate", -1.9, True, -0.2),
        ("B", "b", "preserved mild", None, "admission_b", "proportion", "validate", 4.0, False, 0.7),
        ("B", "b", "preserved mild", None, "fitted_b", "proportion", "calibrate", 0.1, True, 0.0),
    ]
    table = pl.DataFrame(rows, COLUMNS, orient="row").with_columns(
        log_ratio_error=pl.lit(0.1),
        **{name: pl.lit(value) for name, value in zip(
            ("published", "published_low", "published_high", "simulated", "simulated_low", "simulated_high"),
            (0.2, 0.15, 0.25, 0.4, 0.35, 0.45), strict=True,
        )},
    )  # fmt: skip
    table.write_csv(folder / "validation.csv")
    said = {"code": code_hash(), "made": "2026-11-28", "files": {str(file): file_hash(file)}, "seed": 1, "people": 900}
    (folder / "validation.json").write_text(json.dumps(said))
    return folder


def forecasts(path: Path, people: int = 400, too_high: float = 1.0) -> Path:
    """Calibrated risks of admission and death; `too_high` multiplies what is foreseen."""
    random = np.random.default_rng(5)
    frames = []
    for event, mean in ((READMISSION, 0.3), (DEATH, 0.1)):
        risk = random.beta(2, 2 / mean - 2, people)
        happened = random.uniform(size=people) < risk
        for who, values in ((TWIN, np.clip(risk * too_high, 0, 1)), (BASE_RATE, np.full(people, happened.mean()))):
            frames.append(
                pl.DataFrame({"person_id": np.arange(people), "value": values, "happened": happened}).with_columns(
                    event=pl.lit(event), forecaster=pl.lit(who), is_risk=pl.lit(True)
                )
            )
    signals = pl.DataFrame(
        {
            "person_id": np.arange(people), "observed": random.normal(80, 10, people),
            "crps": random.gamma(2, 0.3, people), "covered": np.arange(people) % 2 == 0,
        }
    ).with_columns(column=pl.lit("weight_kg"), day=pl.lit(7), forecaster=pl.lit(TWIN))  # fmt: skip
    described = pl.DataFrame(
        {
            "person_id": np.arange(people), "female": random.integers(0, 2, people),
            "age_years": random.uniform(50, 95, people), "deprivation_quintile": random.integers(1, 6, people),
            "ethnicity": random.integers(1, 6, people),
        }
    )  # fmt: skip
    judged = EvaluatedForecasts(30, 30, pl.concat(frames), signals, described)
    experiment = SimpleNamespace(name="made_up", reference="usual_care", population=4000, seed=1)
    said = forecast_figures(judged, SimpleNamespace(experiment=experiment), "", 128)  # type: ignore[arg-type]
    path.write_text(json.dumps(finite(said)))
    return path


def table_of_patients(path: Path, rows: int = 1500) -> Path:
    """A register in which age and a reading tell the risk."""
    random = np.random.default_rng(3)
    age, reading = random.uniform(50, 95, rows), random.normal(size=rows)
    risk = 1 / (1 + np.exp(-(-1.5 + 0.04 * (age - 72) + reading)))
    pl.DataFrame(
        {
            "patient": np.arange(rows), "day": np.arange(rows) // 2, "age": age, "reading": reading,
            "sex": np.where(random.integers(0, 2, rows) == 1, "f", "m"),
            "readmitted": (random.uniform(size=rows) < risk).astype(int),
        }
    ).write_csv(path)  # fmt: skip
    return path
