"""Work whose results are not stored, spread over the processes of an engine."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from popsim.runs.engine import Engine
from popsim.runs.interrupts import interrupts_checked
from popsim.runs.work import TRIES


class _Part[T](NamedTuple):
    """An item as a task."""

    key: str
    name: str
    item: T

    @property
    def shares(self) -> Hashable:
        """Nothing: any process may do it."""
        return self.key


@dataclass(frozen=True, slots=True)
class _OnItem[T, R]:
    """Does the work on the item of a task."""

    work: Callable[[T], R]

    def __call__(self, part: _Part[T]) -> R:
        return self.work(part.item)


def spread[T, R](
    engine: Engine,
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    on_result: Callable[[R], None] = lambda result: None,
    warm_up: Callable[[], object] = lambda: None,
) -> list[R]:
    """The results of some work on each item, in the order of the items.

    An item whose process dies is tried again; an error of the work ends it all.

    Args:
        engine: processes of this machine, and their threads.
        work: a module-level function, or a picklable callable that each process keeps between its items.
        items: independent of each other.
        on_result: called with each result as it comes.
        warm_up: called once in this process before others start, so that they find compiled kernels in the cache.

    Raises:
        InputError: the work refuses its input.
        RunError: the work fails.
    """
    parts = [_Part(str(number), f"part {number + 1} of {len(items)}", item) for number, item in enumerate(items)]
    waiting, tries, results = deque(parts), Counter[str](), dict[str, R]()
    if not engine.in_this_process:
        warm_up()
    with engine.processes(_OnItem(work), len(parts)) as executor, interrupts_checked() as check_interrupts:
        while waiting or executor.busy:
            check_interrupts()
            while waiting and executor.room:
                executor.submit(waiting.popleft())
            for outcome in executor.outcomes():
                part, problem = outcome.task, outcome.problem
                if problem is None:
                    results[part.key] = outcome.result
                    on_result(outcome.result)
                    continue
                tries[part.key] += 1
                if problem.trace or tries[part.key] == TRIES:
                    raise problem.error(part.name)
                waiting.append(part)  # type: ignore[arg-type]
    return [results[part.key] for part in parts]
