"""For all tests."""

import signal

# A shell that runs the tests in the background has Ctrl-C ignored, and so would every process they start; the tests of
# Ctrl-C need it as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
