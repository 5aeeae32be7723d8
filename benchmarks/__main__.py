"""Everything, side by side: `python -m benchmarks`; `--quick` for smaller sizes, `--only a b f` for some parts."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable

import numba
from rich.console import Console

from benchmarks import (
    care,
    clinical,
    hesim_models,
    information,
    microsimulation,
    physiology,
    registry,
    runner,
    vectors,
    warm_start,
    whole_run,
)
from benchmarks.measuring import Section, show

PARTS = "abcdefghijk"


def main() -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out a million twins and take fewer turns")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts to measure")
    parser.add_argument("--turns", type=int, help="how often each candidate has its turn (7, quick 3)")
    arguments = parser.parse_args()
    turns = arguments.turns or (3 if arguments.quick else 7)
    console = Console(width=None if os.isatty(1) else 110)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, {numba.config.NUMBA_NUM_THREADS} threads, load "
        f"{os.getloadavg()[0]:.1f} at the start (above 0: others work here too). Ratio: first row's median over each.",
        highlight=False,
    )
    for part in arguments.only:
        for section in measured(part, arguments.quick, turns):
            show(section, console)


def measured(part: str, quick: bool, turns: int) -> list[Section]:
    """The sections of one part."""
    sizes = [10_000, 100_000] if quick else [10_000, 100_000, 1_000_000]
    sections: dict[str, Callable[[], list[Section]]] = {
        "a": lambda: [physiology.side_by_side(size, 20_000_000 // size // 5, 2_000, turns) for size in sizes[1:]],
        "b": lambda: [care.closed(100_000, 365, 10, turns), care.opened(20_000, 500, turns)],
        "c": lambda: whole_run.sections(sizes, max(1, turns // 3)),
        "d": lambda: [warm_start.section(turns)],
        "e": lambda: [vectors.section()],
        "f": lambda: [
            *(microsimulation.side_by_side(size, turns) for size in sizes[1:]),
            microsimulation.psa(500, 1000, turns),
            microsimulation.time_in_state(100_000, turns),
        ],
        "g": lambda: runner.sections(quick, turns),
        "h": lambda: [
            section
            for twins, days in ((8_192, 400), (100_000, 40))
            for section in clinical.side_by_side(twins, days, turns)
        ],
        "i": lambda: registry.sections(quick, turns),
        "k": lambda: [
            hesim_models.semi_markov(turns),
            *hesim_models.markov(turns),
            hesim_models.events(200_000, turns),
        ],
        "j": lambda: [information.section(parameters, turns) for parameters in (5, 10, 14)],
    }
    return sections[part]()


if __name__ == "__main__":
    main()
