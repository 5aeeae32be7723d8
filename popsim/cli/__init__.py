"""The command line. Heavy imports wait until a command needs them, so that `popsim --help` is instant.

Commands are plain functions in the modules of this folder; this module registers them.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated, Any, TextIO

import typer

from popsim.cli.budget import budget, capacity
from popsim.cli.bundle import bundle
from popsim.cli.calibrate import calibrate
from popsim.cli.card import card
from popsim.cli.compare import compare
from popsim.cli.dashboard import dashboard
from popsim.cli.data_value import data_value
from popsim.cli.decide import decide, equity, subgroups
from popsim.cli.deidentify import deidentify
from popsim.cli.describing import parameters, schema
from popsim.cli.disclosure import cohort_disclosure, cohort_synthesise
from popsim.cli.examples import examples, new
from popsim.cli.explain import explain
from popsim.cli.export import export_app
from popsim.cli.export_fhir import export_fhir, export_twin
from popsim.cli.export_omop import omop
from popsim.cli.forecasts import score
from popsim.cli.from_fhir import cohort_from_fhir
from popsim.cli.from_omop import cohort_from_omop
from popsim.cli.from_table import cohort_from_table
from popsim.cli.inputs import cohort_summary, pathway_show
from popsim.cli.learn import learn
from popsim.cli.model import model_app
from popsim.cli.options import each_once
from popsim.cli.outcomes import outcomes
from popsim.cli.private_commands import PrivateCommand
from popsim.cli.reporting import plot, report
from popsim.cli.run import check, run, status
from popsim.cli.scenarios import scenarios
from popsim.cli.search import search
from popsim.cli.sensitivity import plan, sensitivity_app
from popsim.cli.twin_files import twin_app
from popsim.cli.validate import validate
from popsim.cli.verify import verify
from popsim.errors import PopsimError, one_line, place_of
from popsim.kernels.numerics import compiling
from popsim.reporting.text.compiling import CompilingNotice
from popsim.runs.interrupts import Interruption, signals_as_interrupts
from popsim.runs.memory import check_limits

INTERRUPTED = 130  # 128 + SIGINT, as shells expect
BROKEN_PIPE = 141  # 128 + SIGPIPE, likewise

app = typer.Typer(
    help="Simulate populations of patient digital twins in a health system with limited beds, slots and staff.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
pathway_app = typer.Typer(help="Care networks.", no_args_is_help=True)
cohort_app = typer.Typer(help="Cohorts.", no_args_is_help=True)
app.add_typer(pathway_app, name="pathway")
app.add_typer(cohort_app, name="cohort")
app.command()(new)
app.command()(examples)
app.command()(run)
app.command()(status)
app.command()(check)
app.command()(decide)
app.command()(outcomes)
app.command()(compare)
app.command()(scenarios)
app.command()(budget)
app.command()(capacity)
app.command()(parameters)
app.command()(schema)
app.command()(subgroups)
app.command()(equity)
app.command()(explain)
app.command()(score)
app.command()(plan)
app.command()(validate)
app.command()(calibrate)
app.command()(learn)
app.command()(deidentify)
app.command()(search)
app.command()(data_value)
app.command()(verify)
app.command()(plot)
app.command()(report)
app.command()(bundle)
app.command()(card)
app.command()(dashboard)
app.add_typer(sensitivity_app, name="sensitivity")
app.add_typer(model_app, name="model")
app.add_typer(twin_app, name="twin")
app.add_typer(export_app, name="export")
export_app.command("fhir")(export_fhir)
export_app.command("twin", cls=PrivateCommand)(export_twin)
pathway_app.command("show")(pathway_show)
cohort_app.command("summary")(cohort_summary)
cohort_app.command("from-table")(cohort_from_table)
cohort_app.command("from-fhir")(cohort_from_fhir)
cohort_app.command("from-omop")(cohort_from_omop)
export_app.command("omop")(omop)
cohort_app.command("disclosure")(cohort_disclosure)
cohort_app.command("synthesise")(cohort_synthesise)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(version("popsim"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of popsim itself."""
    check_limits()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 1 the work failed, 2 bad input, 129 the terminal was closed, 130 interrupted, 141 the reader of the output
    left early, 143 terminated.
    """
    _prepare_streams()
    atexit.register(gc.freeze)  # Python's last search for garbage would take a second on what a command leaves behind
    compiling.WATCHERS[:] = [CompilingNotice()]
    with signals_as_interrupts() as ending:
        code, message = _outcome(arguments, ending)
    if code == INTERRUPTED:
        code, message = 128 + ending.number, f"{ending.word}; the same command goes on from here"
    try:
        sys.stdout.flush()
    except OSError as error:
        left = isinstance(error, BrokenPipeError)
        code, message = (BROKEN_PIPE, "") if left else (code or 1, message or f"standard output: {error.strerror}")
        _to_nobody(sys.stdout)
    try:
        sys.stderr.write(f"popsim: {one_line(message)}\n" if message else "")
        sys.stderr.flush()
    except OSError:
        _to_nobody(sys.stderr)
    return code


def _to_nobody(stream: TextIO) -> None:
    """What a stream still holds goes nowhere: Python would complain of it once more, and end with 120, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _prepare_streams() -> None:
    """Write what a terminal cannot show as an escape, and make a closed stream fail only when it is written to.

    A closed stream is reopened so that no results file gets its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            handle = os.open(os.devnull, os.O_RDONLY if name != "stderr" else os.O_WRONLY)
            setattr(sys, name, os.fdopen(handle, mode))
        elif hasattr(stream, "reconfigure") and mode == "w":
            stream.reconfigure(errors="backslashreplace")


def _outcome(arguments: list[str] | None, ending: Interruption) -> tuple[int, str]:
    """Exit code of a command, and its error message."""
    try:
        code = each_once(typer.main.get_command(app))(arguments, standalone_mode=False)
    except PopsimError as error:
        return error.exit_code, str(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED, ""
    except (BrokenPipeError, SystemExit):  # the parser turns the first into the second
        return BROKEN_PIPE, ""
    except BaseException as error:
        if ending.lost:  # the code that dropped the interrupt failed because of it
            return INTERRUPTED, ""
        return _exit_code(error), _explained(error)
    # Some versions of the parser return 130, others raise the interrupt.
    return (code if isinstance(code, int) else 0), ""


def _exit_code(error: Any) -> int:
    """Errors of the argument parser carry their own code (2)."""
    return int(getattr(error, "exit_code", 1))


def _explained(error: Any) -> str:
    """Errors of the parser and of the system in their own words; anything else is a fault of popsim, with its line."""
    if hasattr(error, "format_message"):
        return str(error.format_message())
    if isinstance(error, MemoryError):
        return f"no memory left ({error})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'output'}: {error.strerror}"
    tables = type(error).__module__.startswith(("polars", "pyo3"))  # polars is slow to import
    what = "a table could not be read or written" if tables else "internal error"
    return f"{what}: {type(error).__name__}: {error} ({place_of(error)})"
