"""Run popsim on the inputs of this bundle and compare the hash of the results with the one they must have.

    python reproduce.py            the whole run
    python reproduce.py reduced    the reduced run

Needs the packages of environment/requirements.txt; popsim itself is in source/. Exit code 0: the same results, bit by
bit; 1: other results; 2: it could not be run. Results go to reproduced/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE, OUT = HERE / "source", HERE / "reproduced"


def main(arguments: list[str]) -> int:
    """Run and compare; returns the exit code."""
    expected = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
    what = arguments[0] if arguments else "full"
    if what not in expected or len(arguments) > 1:
        print(f"reproduce: '{' '.join(arguments)}': must be {' or '.join(expected)}", file=sys.stderr)
        return 2
    wanted = expected[what]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "popsim.cli", "run", str(HERE / wanted["experiment"])]
    began = time.monotonic()
    ended = subprocess.run([*command, "--out", str(OUT / what)], cwd=HERE, env=environment, check=False)
    if ended.returncode:
        print(
            "reproduce: popsim could not run; are the packages of environment/requirements.txt there?", file=sys.stderr
        )
        return 2
    manifests = sorted((OUT / what).glob("*/*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    found = json.loads(manifests[-1].read_text(encoding="utf-8"))
    print(f"wanted {wanted['content_hash']}")
    print(f"found  {found['content_hash']}")
    same = found["content_hash"] == wanted["content_hash"]
    print(f"{'THE SAME RESULTS' if same else 'OTHER RESULTS'}, after {time.monotonic() - began:,.0f} s")
    if not same:
        _explain(wanted, found)
    return 0 if same else 1


def _explain(wanted: dict, found: dict) -> None:  # type: ignore[type-arg]
    """What differs: versions, and the first units that have other contents."""
    for name, version in wanted["versions"].items():
        if found["versions"].get(name) != version:
            print(f"version of {name}: wanted {version}, here {found['versions'].get(name)}")
    units = {_name(unit): unit["contents"] for unit in found["units"]}
    other = [name for name, contents in wanted["units"].items() if units.get(name) != contents]
    print(f"{len(other)} of {len(wanted['units'])} units differ, first: {', '.join(other[:3])}")


def _name(unit: dict) -> str:  # type: ignore[type-arg]
    return f"{unit['strategy']}/{unit['draw']}/{unit['replication']}/{unit['region']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
