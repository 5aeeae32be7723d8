"""The public names: few, all there, all documented, and quick to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import popsim


@pytest.mark.parametrize("name", popsim.__all__)
def test_every_exported_name_exists_and_is_documented(name):
    member = getattr(popsim, name)
    assert inspect.isclass(member) and inspect.getdoc(member)
    assert member.__name__ == name


def test_exported_names_are_sorted_and_listed():
    assert popsim.__all__ == sorted(popsim.__all__) == dir(popsim)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'Patient'"):
        _ = popsim.Patient


def test_importing_popsim_loads_nothing_heavy():
    code = (
        "import popsim, sys; print([m for m in ('mesa', 'numba', 'numpy', 'polars', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
