"""The checks, by subject; importing this package registers them all."""

from __future__ import annotations

from popsim.verification.checks import (
    costs,
    decision,
    discounting,
    flow,
    health,
    inputs,
    results,
    strategies,
    survival,
    time,
    uncertainty,
)

__all__ = [
    "costs",
    "decision",
    "discounting",
    "flow",
    "health",
    "inputs",
    "results",
    "strategies",
    "survival",
    "time",
    "uncertainty",
]
