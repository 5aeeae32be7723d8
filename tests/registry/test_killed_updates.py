"""A process that is killed in the middle of an update leaves all of it or nothing, and the same command goes on."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_registry import registry_of, state, stream

from popsim.registry.service import TwinRegistry

DAYS = 30
LINES = [f"{day}.3,29463-7,{81.0 + 0.05 * day:.2f},kg" for day in range(1, DAYS + 1)]
HEADER = "time,code,value,unit"
WRITTEN_S = 0.4  # about as long as the days take, so that kills fall among them


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_an_update_is_all_or_nothing(tmp_path, kills):
    registry, [twin] = registry_of(tmp_path)
    registry.database.engine.dispose()
    before = registry.database.path.read_bytes()
    expected = {0: state(registry, twin)}
    for day, line in enumerate(LINES, start=1):
        registry.update(stream(line, header=HEADER), "day.csv", twin=twin)
        expected[day] = state(registry, twin)
    registry.database.engine.dispose()

    moments = random.Random(20261122)
    path, day, stopped = tmp_path / "killed.db", DAYS, []
    for _ in range(kills):
        if day == DAYS:  # all days are done: from the start again
            path.write_bytes(before)
            path.chmod(0o600)
            day = 0
        worker = [sys.executable, Path(__file__).with_name("update_for_ever.py"), path, twin, ";".join(LINES[day:])]
        with subprocess.Popen(worker, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.0, WRITTEN_S))
            process.kill()
        killed = TwinRegistry(path)
        lines = len(killed.database.check())  # the file is sound, and the twin is as the last line of the log says
        day, _ = found = state(killed, twin)
        assert found == expected[day]
        assert lines == day + 1  # one line of the log for each day, and the one that made the twin
        stopped.append(day)
        killed.database.engine.dispose()
    assert kills < 10 or len(set(stopped) - {0, DAYS}) > kills / 4  # the kills fell among the updates

    again = TwinRegistry(path)
    report = again.update(stream(*LINES, header=HEADER), "days.csv", twin=twin)
    assert report.known == day
    assert state(again, twin) == expected[DAYS]
