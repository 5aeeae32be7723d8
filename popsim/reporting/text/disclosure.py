"""What `popsim cohort disclosure` prints."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.exchange.privacy.disclosure import Disclosure
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned


def disclosure_text(found: Disclosure) -> str:
    """Each attack with its success on people in the data and on people held out, the excess and its interval."""
    frame = tabled("Disclosure", found.frame())
    first = frame.row(0, named=True)
    lines: list[Sequence[str]] = [["Attack", "In the data, %", "Held out, %", "Excess (95% interval)", "p", "Verdict"]]
    for row, one in zip(frame.iter_rows(named=True), found.attacks, strict=True):
        excess = f"{100 * row['excess']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        verdict = "passed" if row["passed"] else "FOUND" if one.found else "not excluded"
        shares = [f"{100 * row[name]:.1f}" for name in ("train", "control")]
        lines.append(
            [f"  {row['attack']}", *shares, excess, f"{row['p']:.3f}" if row["p"] >= 0.001 else "<0.001", verdict]
        )
    people = f"{found.synthetic:,} synthetic people, {first['people']:,} in the data, {first['held_out']:,} held out"
    end = f"REFUSED: {found.why}" if found.refused else "PASSED: no attack succeeds beyond chance"
    return f"{people}\n\n{aligned(lines)}\n\n{end}"
