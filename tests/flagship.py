"""The flagship experiment with its people as the cohort describes them.

They live through no run-in: for tests of commands and reports, which need a run and no past.
"""

import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "experiments" / "heart_failure_discharge.toml"
NO_PAST = {"entry": "as_described", "run_in_days": 0}
_FOLDER = tempfile.TemporaryDirectory(prefix="popsim-flagship-")


def elsewhere(text: str) -> str:
    """An experiment with its files at their absolute paths, to lie in another folder."""
    for folder in ("networks", "calibrated", "environments"):
        text = text.replace(f'"{folder}/', f'"{ROOT}/experiments/{folder}/')
    return text.replace('"../', f'"{ROOT}/')


def _as_described() -> Path:
    path = Path(_FOLDER.name) / SHIPPED.name
    text = SHIPPED.read_text(encoding="utf-8")
    assert 'entry = "discharge"' in text
    path.write_text(elsewhere(text.replace('entry = "discharge"', 'entry = "as_described"')), encoding="utf-8")
    return path


AS_DESCRIBED = _as_described()
