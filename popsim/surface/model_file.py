"""An analysis of a model of one's own, from the Python file that makes it."""

from __future__ import annotations

import runpy
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path

from popsim.errors import InputError, PopsimError, did_you_mean, one_line
from popsim.surface.model_analysis import ModelAnalysis

RUN_NAME = "popsim_model"  # __name__ while the file runs: what stands under `if __name__ == "__main__":` is left out


def load_analysis(path: Path | str, name: str = "") -> ModelAnalysis:
    """Run a Python file and take the ModelAnalysis that it makes; what it prints goes to standard error.

    Args:
        path: of the file.
        name: of the variable, where the file makes several.

    Raises:
        InputError: there is no such file, it fails, or it makes no such analysis.
    """
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"{path}: must be a Python file that makes a ModelAnalysis")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with redirect_stdout(sys.stderr):
            made = runpy.run_path(str(path), run_name=RUN_NAME)
    except Exception as error:
        raise InputError(f"{path}{_line_of(error, path)}: {_said(error)}") from None
    finally:
        sys.path.pop(0)
    found = {key: value for key, value in made.items() if isinstance(value, ModelAnalysis)}
    if not found:
        raise InputError(f"{path}: makes no ModelAnalysis: it needs a line like study = ps.ModelAnalysis(model=...)")
    if name and name not in found:
        raise InputError(f"{path}: no analysis '{name}', {did_you_mean(name, found)}")
    if not name and len({id(value) for value in found.values()}) > 1:
        raise InputError(f"{path}: makes several analyses, choose one with --study: {', '.join(found)}")
    return found[name] if name else next(iter(found.values()))


def _said(error: Exception) -> str:
    """The error in one line."""
    return one_line(str(error) if isinstance(error, PopsimError) else f"{type(error).__name__}: {error}")


def _line_of(error: Exception, path: Path) -> str:
    """The last line of the file that led to an error."""
    if isinstance(error, SyntaxError) and error.lineno and str(error.filename) == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
