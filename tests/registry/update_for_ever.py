"""Run by test_killed_updates.py, and killed at a random moment: takes in the days of a stream one by one."""

import shutil
import sys

from popsim.registry.service import TwinRegistry

path, twin, days = sys.argv[1:]


def update(registry, line):
    registry.update(f"time,code,value,unit\n{line}\n".encode(), "day.csv", twin=twin)


# What is compiled and loaded for the first update is so beforehand, on a copy: the kill is to fall into an update.
shutil.copy2(path, f"{path}.copy")
update(TwinRegistry(f"{path}.copy"), days.split(";")[0])
print("ready", flush=True)
for day in days.split(";"):
    update(TwinRegistry(path), day)
