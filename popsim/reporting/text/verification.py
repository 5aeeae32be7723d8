"""What `popsim verify` prints."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.plurals import counted
from popsim.reporting.table_files import tabled
from popsim.verification.checking import Finding

WORDS = {True: "holds", False: "FAILS", None: "not applicable"}


def findings_frame(findings: Sequence[Finding]) -> pl.DataFrame:
    """area, check, did, result, saw: one row a check."""
    return pl.DataFrame(
        [(f.area, f.title, f.did, WORDS[f.holds], f.saw) for f in findings],
        ["area", "check", "did", "result", "saw"],
        orient="row",
    )


def findings_text(findings: Sequence[Finding], *, failures_only: bool = False) -> str:
    """Each check with its procedure and result, by area, and how many hold."""
    tabled("Checks", findings_frame(findings))
    lines: list[str] = []
    area = ""
    for finding in findings:
        if failures_only and finding.holds is not False:
            continue
        if finding.area != area:
            area = finding.area
            lines += ["", area] if lines else [area]
        lines.append(f"  {WORDS[finding.holds]:<9}  {finding.title}")
        lines.append(f"             did: {finding.did}")
        lines.append(f"             saw: {finding.saw}")
    counts = {word: sum(WORDS[f.holds] == word for f in findings) for word in WORDS.values()}
    lines += ["", f"{counted(len(findings), "check")}: {counts['holds']} hold, {counts['FAILS']} fail, "
                  f"{counts['not applicable']} do not apply"]  # fmt: skip
    return "\n".join(lines).lstrip("\n")
