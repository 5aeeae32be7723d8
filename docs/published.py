"""Print figures of organ systems beside published ones: python docs/published.py kidney_disease, or organ_systems.

People, formulas and sources are those of tests/physiology, which hold the model to the same figures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "physiology")]

type Row = tuple[str, str, str]


def kidney_disease() -> list[Row]:
    """Filtration in the trials of SGLT2 inhibitors."""
    from kidney_trials import DAPA_CKD, EMPA_KIDNEY, EMPEROR_PRESERVED, EMPEROR_REDUCED, both_arms  # noqa: PLC0415

    placebo, drug = both_arms(EMPA_KIDNEY)
    dapa, preserved, reduced = (both_arms(trial) for trial in (DAPA_CKD, EMPEROR_PRESERVED, EMPEROR_REDUCED))
    return [
        ("EMPA-KIDNEY, chronic slope, placebo", f"{placebo.chronic:+.2f}", "-2.75"),
        ("             chronic slope, empagliflozin", f"{drug.chronic:+.2f}", "-1.37"),
        ("             dip at two months", f"{drug.dip - placebo.dip:+.2f}", "-2.12 (-2.41 to -1.83)"),
        ("DAPA-CKD, total slope, difference", f"{dapa[1].total - dapa[0].total:+.2f}", "+0.95 (0.63 to 1.27)"),
        ("EMPEROR-Preserved, slope off treatment", _off(preserved), "+0.94 (0.60 to 1.27)"),
        ("EMPEROR-Reduced, slope off treatment", _off(reduced), "+1.77 (0.80 to 2.74)"),
    ]


def organ_systems() -> list[Row]:
    """Lungs, falls, delirium, haemoglobin and iron."""
    import test_ageing  # noqa: PLC0415
    import test_blood  # noqa: PLC0415
    import test_lungs  # noqa: PLC0415
    from organ_people import alike  # noqa: PLC0415

    from popsim.kernels.codes import LEVEL_WARD  # noqa: PLC0415

    untreated, treated = (
        test_lungs.counts(alike(6000, baseline_fev1_percent=44.0), inhaled=inhaled).mean() for inhaled in (0.0, 1.0)
    )
    old, all_old = (
        365.25 * np.mean([test_ageing.fall_hazard(age=age) for age in range(first, 85)]) for first in (75, 65)
    )
    ward = test_ageing.organ(alike(4000, care_level=LEVEL_WARD), delirium_clears_per_day=0.0).live(7)
    kidneys = alike(2, baseline_gfr_ml_min=60.0, gfr_ml_min=np.array([30.0, 15.0]), baseline_haemoglobin_g_dl=14.9)
    haemoglobin = test_blood.organ(kidneys, haemoglobin_per_iron_g_dl=0.0).live(1000)["haemoglobin_g_dl"]
    iron = test_blood.organ(alike(1, iron_deficiency=1))
    test_blood.give(iron, 1000.0)
    gained = float(iron.live(180)["haemoglobin_g_dl"][0]) - 12.0
    return [
        ("exacerbations of COPD a year, FEV1 44%, untreated", f"{untreated:.2f}", "1.13 (TORCH), fit"),
        ("... on inhaled treatment", f"{treated:.2f}", "0.85 (TORCH), fit"),
        ("falls that present a year, at 75 to 84", f"{old:.3f}", "0.082 (United States, 2010), fit"),
        ("... at 65 to 84", f"{all_old:.3f}", "0.069 (0.058 to 0.080) from 65"),
        ("new delirium in a week on a ward, at 77", f"{ward['delirium'].mean():.0%}", "3 to 29% (Siddiqi 2006), fit"),
        ("haemoglobin of men at a filtration of 30, g/dL", f"{haemoglobin[0]:.1f}", "13.8 (Astor 2002), fit"),
        ("... of 15", f"{haemoglobin[1]:.1f}", "12.0 (Astor 2002), fit"),
        ("haemoglobin gained by 1 g of iron in deficiency, g/dL", f"{gained:.2f}", "0.5 to 1.0 (recalled)"),
    ]


def _off(arms: Sequence[object]) -> str:
    placebo, drug = arms
    return f"{drug.untreated - placebo.untreated:+.2f}"  # type: ignore[attr-defined]


TABLES: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "kidney_disease": ("mL/min/1.73 m2", kidney_disease),
    "organ_systems": ("", organ_systems),
}


def main() -> None:
    """Print one table."""
    [name] = sys.argv[1:] if sys.argv[1:] and sys.argv[1] in TABLES else sys.exit(f"name one of: {', '.join(TABLES)}")
    unit, table = TABLES[name]
    rows = [(unit, "popsim", "published"), *table()]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    print("\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows))


if __name__ == "__main__":
    main()
