"""Cases of a test that take long run with the slow tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def with_slow(cases: Iterable[Any], is_slow: Callable[[Any], bool]) -> list[Any]:
    """Values for `parametrize`, each a parameter of its own: those that are slow are slow tests."""
    return [pytest.param(case, marks=pytest.mark.slow) if is_slow(case) else case for case in cases]
