import os
import signal

import pytest

from popsim.experiments.interrupts import interrupts_remembered


class Drops:
    """Python drops what is raised in a destructor."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # the handler runs between two of these
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_in_a_destructor_is_not_lost():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_remembered() as check:
        check()
        thing = Drops()
        del thing
        reached = True
        check()
    assert reached  # the interrupt itself had been dropped
    assert signal.getsignal(signal.SIGINT) is before


def test_without_an_interrupt_nothing_happens():
    with interrupts_remembered() as check:
        check()
