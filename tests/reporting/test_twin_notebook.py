"""The notebook on twins runs from top to bottom in a kernel of its own: a patient, then a population."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from popsim.registry.summary import NOTICE

ROOT = Path(__file__).parent.parent.parent
NOTEBOOK = ROOT / "experiments/notebooks/digital_twin.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    """A recommendation with its reasons, six pictures, and the desk's alerts under each strategy."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(ROOT / "experiments/notebooks")}}
    NotebookClient(notebook, timeout=540, kernel_name="python3", resources=resources).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 6
    told = " ".join(output.get("data", {}).get("text/html", "") for output in shown)
    for words in ("Recommended: ", NOTICE, "Is admitted to hospital", "alerts_false_share", "twin_guided", "oracle"):
        assert words in told, words


def test_the_committed_notebook_has_no_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
