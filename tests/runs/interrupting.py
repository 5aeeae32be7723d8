"""What an interrupt does to work that is spread over processes."""

import os
import signal
import threading
import time

import pytest


def interrupted(begin, folder, within):
    """An interrupt once "a" has begun ends some work on pieces that `sleep`, and its workers, within some seconds."""
    began = time.monotonic()

    def interrupt():
        while not list(folder.glob("a-*")):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        begin()
    assert time.monotonic() - began < within  # each piece alone would take 60 s
    for mark in folder.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.name.split("-")[1]), 0)
