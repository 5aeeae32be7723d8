"""The change log of a run: what differs from its file, from earlier runs of the experiment, and in popsim."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from popsim.reporting.bundle.environment import ROOT
from popsim.runs.run import StoredRun
from popsim.runs.store import MANIFEST, records

MAX_KEYS = 12  # that differ, named
MAX_RUNS = 10


def change_log(run: StoredRun) -> str:
    """Markdown: flags, earlier finished runs in the same folder of results, and popsim's own change log."""
    parts = ["# Changes", "## Against the experiment's file", *_flags(run), "## Against earlier runs", *_earlier(run)]
    log = ROOT.parent / "CHANGELOG.md"
    parts.append("## Of popsim")
    if log.is_file():
        parts.append("source/CHANGELOG.md is the change log of popsim.")
    else:
        parts.append(f"popsim {run.manifest['versions']['popsim']}; its change log is not installed with it.")
    return "\n\n".join(parts) + "\n"


def _flags(run: StoredRun) -> Iterator[str]:
    flags = run.manifest["flags"]
    yield (
        "\n".join(f"- {flag} {value} replaced the file's value." for flag, value in flags.items())
        or "Nothing: the run is what the file says."
    )


def _earlier(run: StoredRun) -> Iterator[str]:
    """Runs that were finished before this one, newest first, with the keys that differ."""
    own = run.manifest
    said = []
    for path in records(run.folder.parent, MANIFEST):
        manifest = _read(path)
        if manifest.get("run_id") != own["run_id"] and manifest.get("started_at", "") < own["started_at"]:
            said.append(manifest)
    if not said:
        yield "There are none."
    for manifest in sorted(said, key=lambda one: str(one["started_at"]), reverse=True)[:MAX_RUNS]:
        keys = [*_differing("", manifest.get("experiment"), own["experiment"])]
        keys += [f"parameter {key}" for key in _differing("", manifest.get("parameters"), own["parameters"])]
        keys += [key for key in ("cohort", "network", "data") if manifest.get(key) != own.get(key)]
        if manifest.get("code") != own["code"]:
            keys.append("code or evidence of popsim")
        more = f" and {len(keys) - MAX_KEYS} more" if len(keys) > MAX_KEYS else ""
        yield (
            f"- {manifest['run_id']}, {manifest['started_at']}, content hash {str(manifest.get('content_hash'))[:16]}: "
            f"this run differs in {', '.join(keys[:MAX_KEYS]) or 'nothing'}{more}."
        )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _differing(name: str, one: Any, other: Any) -> Iterator[str]:
    """Keys whose values differ; a list counts as one."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**other, **one}:
            yield from _differing(f"{name}.{key}" if name else str(key), one.get(key), other.get(key))
    elif one != other:
        yield name
