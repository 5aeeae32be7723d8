"""Run by test_processes_at_once.py, several at a time, and some killed: takes in the days of a stream one by one."""

import sys

from popsim.registry.service import TwinRegistry

path, twin, days = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for number, day in enumerate(days.split(";"), start=1):
    TwinRegistry(path).update(f"time,code,value,unit\n{day}\n".encode(), "day.csv", twin=twin)
    print(number, flush=True)
