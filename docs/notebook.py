"""Run a shipped notebook and keep it with what it shows: python docs/notebook.py heart_failure_discharge OUT.ipynb

It runs in the folder experiments/notebooks of the current folder.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path("experiments/notebooks")
LONGEST_S = 1800


def executed(name: str) -> nbformat.NotebookNode:
    """The notebook with outputs, without progress bars and what differs from one time to the next."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=LONGEST_S, kernel_name="python3", resources=resources).execute()
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_smaller(output) for output in cell.outputs if output.output_type != "stream"]
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def _smaller(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output whose picture has 64 colours, so that a notebook of many pictures stays small."""
    picture = output.get("data", {}).get("image/png")
    if picture:
        packed = io.BytesIO()
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            image.convert("RGB").quantize(64).save(packed, "PNG", optimize=True)
        output.data["image/png"] = base64.b64encode(packed.getvalue()).decode()
    return output


if __name__ == "__main__":
    nbformat.write(executed(sys.argv[1]), sys.argv[2])
    print(sys.argv[2])
