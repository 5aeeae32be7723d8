"""A driver process for the kill tests: runs an experiment of made-up units and prints the content hash.

python run_made_up.py EXPERIMENT RESULTS WORKERS
"""

import sys
from pathlib import Path

import made_up_work

from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.studies.design import read_study


def no_warm_up(units):
    """Made-up work compiles nothing."""


def run(file, results, workers):
    study = read_study(file)
    return run_study(
        study, Path(results), Engine(int(workers), 1), simulate=made_up_work.tables, warm_up=no_warm_up
    )  # fmt: skip


if __name__ == "__main__":
    print(run(*sys.argv[1:]).content_hash)
