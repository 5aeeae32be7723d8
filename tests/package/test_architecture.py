"""The layout that the design promises: imports go downwards, and each outside library has one door."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_MODULE_LINES = 400  # lines; a module that needs more tells more than one story


def test_import_contracts_hold():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_modules_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "popsim").rglob("*.py")}
    assert len(lengths) > 20
    assert {path.name: n for path, n in lengths.items() if n >= MAX_MODULE_LINES} == {}


def test_classes_have_names_of_their_own():
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "popsim").rglob("*.py"))
    names = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, times in names.items() if times > 1] == []


def test_no_escape_hatches():
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "popsim").rglob("*.py")}
    for forbidden in ("pickle", "eval(", "exec(", "import yaml", "import *", "fastmath=True", "np.random."):
        assert [path.name for path, text in sources.items() if forbidden in text] == [], forbidden
