import os
import signal
import time

import pytest

from popsim.runs.interrupts import interrupts_checked, signals_as_interrupts


class Drops:
    """Python drops what is raised in a destructor."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # the handler runs between two of these
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_in_a_destructor_is_not_lost():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_checked() as check:
        check()
        thing = Drops()
        del thing
        reached = True
        check()
    assert reached  # the interrupt itself had been dropped
    assert signal.getsignal(signal.SIGINT) is before


def test_without_an_interrupt_nothing_happens():
    with interrupts_checked() as check:
        check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_is_dropped_is_raised_again():
    before = signal.getsignal(signal.SIGTERM)

    class Falls:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):
                pass

    with signals_as_interrupts() as ending:
        with pytest.raises(KeyboardInterrupt):
            thing = Falls()
            del thing
            time.sleep(10)
        os.kill(os.getpid(), signal.SIGTERM)  # what is being put away is not disturbed
        time.sleep(0.01)
    assert (ending.number, ending.word) == (signal.SIGTERM, "terminated")
    assert signal.getsignal(signal.SIGTERM) is before
