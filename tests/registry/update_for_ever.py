"""Run by test_killed_updates.py, and killed at a random moment: takes in the days of a stream one by one."""

import sys

from popsim.registry.service import TwinRegistry

path, twin, days = sys.argv[1:]
registry = TwinRegistry(path)
registry.belief(twin)
print("ready", flush=True)
for number, line in enumerate(days.split(";")):
    registry.update(f"time,code,value,unit\n{line}\n".encode(), f"day{number}.csv", twin=twin)
print("done", flush=True)
