"""`python -m popsim.cli` is the command `popsim`."""

import sys

from popsim.cli import main

sys.exit(main())
