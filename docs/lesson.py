"""Run the blocks of a lesson of the course as printed, answers too: python docs/lesson.py what-a-twin-is

It prints what each block prints under its number, so that the lesson can show it beside the block. It runs in the
folder of the project.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from pathlib import Path

import matplotlib

BLOCK = re.compile(r"^```python\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
COURSE = Path("docs/course")


def outputs(page: Path) -> list[str]:
    """What each block of Python prints."""
    names: dict[str, object] = {}
    found = []
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block["text"], str(page), "exec"), names)
        found.append(printed.getvalue().strip("\n"))
    return found


if __name__ == "__main__":
    matplotlib.use("Agg")
    warnings.simplefilter("ignore")
    for number, text in enumerate(outputs(COURSE / f"{sys.argv[1]}.md"), 1):
        print(f"# block {number}\n{text}\n")
    print("# end")
