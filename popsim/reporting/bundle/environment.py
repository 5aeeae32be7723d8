"""What a run was computed with: the installed packages as plain `name==version` lines, Python, platform, machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import tomli_w

from popsim.runs.run import StoredRun

ROOT = Path(__file__).parents[2]  # of the package
SOURCES = (".py", ".toml", ".csv", ".R", ".typed")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
BESIDE = ("LICENSE", "CHANGELOG.md", "pyproject.toml")  # of the project, where it is not installed alone


def requirements() -> list[str]:
    """Every package that popsim needs and has here, with those that they need: `name==version`, in order of names."""
    found: dict[str, str] = {}
    waiting = ["popsim"]
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform or version of Python
            continue
        found[key] = package.version
        for line in package.requires or ():
            needed = NAME.match(line)
            if needed and "extra ==" not in line:
                waiting.append(needed[0])
    return sorted(f"{name}=={version}" for name, version in found.items() if name != "popsim")


def write_environment(run: StoredRun, folder: Path) -> None:
    """Write requirements.txt and environment.toml."""
    folder.mkdir()
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    manifest = run.manifest
    machine: dict[str, Any] = dict(manifest.get("machine", {}))
    said = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 1,
        "run": {
            "popsim": manifest["versions"].get("popsim", ""),
            "code_hash": manifest["code"],
            "versions": dict(manifest["versions"]),
            "machine": machine,
            "engine": {key: one for key, one in manifest.get("engine", {}).items() if one is not None},
            "seconds": manifest.get("seconds", 0.0),
            "processor_seconds_of_units": round(unit_seconds(run), 1),
        },
    }
    (folder / "environment.toml").write_text(tomli_w.dumps(said), encoding="utf-8")


def unit_seconds(run: StoredRun) -> float:
    """Seconds of all units of a run together."""
    return float(sum(unit.get("seconds", 0.0) for unit in run.manifest["units"]))


def write_source(folder: Path) -> None:
    """Copy popsim itself, so that the bundle needs none from elsewhere."""
    for path in sorted(ROOT.rglob("*")):
        if path.suffix in SOURCES and path.is_file():
            target = folder / "popsim" / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for name in BESIDE:
        if (ROOT.parent / name).is_file():
            shutil.copyfile(ROOT.parent / name, folder / name)
