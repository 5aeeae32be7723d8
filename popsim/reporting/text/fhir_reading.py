"""What was read from FHIR, and what was passed over and why, for the terminal: numbers only, nothing of a person."""

from __future__ import annotations

from collections import Counter

from popsim.exchange.fhir.facts import ReadTally


def tally_text(tally: ReadTally) -> str:
    """Two lists: what was used, and what was passed over with the reason."""
    lines = [f"{tally.resources:,} resources of FHIR R4 read"] if tally.resources else []
    lines += _listed("used", tally.taken) + _listed("passed over", tally.passed)
    return "\n".join(lines)


def tally_dict(tally: ReadTally) -> dict[str, object]:
    """The same for JSON."""
    lists = {"used": tally.taken, "passed_over": tally.passed}
    return {"resources": tally.resources} | {
        name: [{"type": kind, "what": what, "count": n} for (kind, what), n in sorted(counts.items()) if n]
        for name, counts in lists.items()
    }


def _listed(title: str, counts: Counter[tuple[str, str]]) -> list[str]:
    rows = [(kind, what, count) for (kind, what), count in sorted(counts.items()) if count]
    if not rows:
        return [f"  {title}: nothing"]
    widest = max(len(kind) for kind, _, _ in rows)
    return [f"  {title}:"] + [f"    {kind:<{widest}}  {count:>6,}  {what}" for kind, what, count in rows]
