"""Several processes at once on one registry, one killed with SIGKILL: each twin is as its days alone leave it."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_registry import registry_of, state, stream

from popsim.registry import encryption
from popsim.registry.copies import backup
from popsim.registry.service import TwinRegistry

DAYS = [f"{day}.3,29463-7,{81.0 + 0.05 * day:.2f},kg" for day in range(1, 11)]
HEADER = "time,code,value,unit"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "encrypted"])
def test_processes_at_once_harm_no_twin(tmp_path, monkeypatch, kind):
    folders = [tmp_path / "alone", tmp_path / "together"]
    for folder in folders:
        folder.mkdir()
    alone, ids = registry_of(folders[0], twins=2)
    expected = []
    for twin in ids:
        for day in DAYS:
            alone.update(stream(day, header=HEADER), "day.csv", twin=twin)
        expected.append(state(alone, twin))
    if kind == "encrypted":
        monkeypatch.setenv(encryption.KEY, encryption.new_key())
    registry, _ = registry_of(folders[1], twins=2)
    path = registry.database.path

    moments = random.Random(20261129)
    script = Path(__file__).with_name("update_at_once.py")
    workers = [
        subprocess.Popen([sys.executable, script, path, twin, ";".join(DAYS)], stdin=-1, stdout=-1, text=True)
        for twin in ids
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    while workers[0].stdout.readline() != "3\n":
        pass
    time.sleep(moments.uniform(0.0, 0.2))
    workers[0].kill()  # SIGKILL, in the middle of its days
    copied = backup(path, folders[1] / "copy.db")  # while the other goes on
    assert [worker.communicate() for worker in workers] and workers[1].returncode == 0
    assert {line.action for line in copied} == {"new", "update", "backup"}

    after = TwinRegistry(path)
    after.database.check()
    assert state(after, ids[1]) == expected[1]
    report = after.update(stream(*DAYS, header=HEADER), "days.csv", twin=ids[0])
    assert report.known >= 3 and report.taken + report.known == len(DAYS) and report.unused == 0
    assert state(after, ids[0]) == expected[0]
