"""The command line. Nothing heavy is imported before a command needs it, so that `popsim --help` is instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from popsim.errors import InputError, PopsimError, one_line

INTERRUPTED = 130  # 128 + SIGINT, as shells expect
BROKEN_PIPE = 141  # 128 + SIGPIPE, likewise
MOST_PROCESSES = 1024

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


def _whole_number(text: str | int) -> int:
    """A whole number as people write it; its bounds are checked where its meaning is known."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def _whole(help_text: str) -> Any:
    """An option that takes a whole number."""
    return typer.Option(parser=_whole_number, metavar="NUMBER", help=help_text)


def _processes(flag: str, number: int | None) -> int | None:
    """A number of workers or threads, or None."""
    if number is not None and not 1 <= number <= MOST_PROCESSES:
        raise InputError(f"command line: {flag} = {number}: must be between 1 and {MOST_PROCESSES}")
    return number


File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(version("popsim"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Options of popsim itself."""


@app.command()
def run(
    file: File,
    population: Annotated[int | None, _whole("Twins in each replication.")] = None,
    replications: Annotated[int | None, _whole("Independent repetitions.")] = None,
    seed: Annotated[int | None, _whole("First word of the random key.")] = None,
    days: Annotated[int | None, _whole("Follow-up of each twin.")] = None,
    enrolment_days: Annotated[int | None, _whole("Entries are spread over so many days.")] = None,
    workers: Annotated[int | None, _whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, _whole("Threads of each process.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Run an experiment, print its results and keep them. The same command finishes a run that was cut short."""
    _processes("--workers", workers)
    if _processes("--threads", threads) is not None:
        os.environ["NUMBA_NUM_THREADS"] = str(max(threads or 1, os.cpu_count() or 1))
    from popsim.experiments.design import Change, read_study
    from popsim.experiments.runner import Engine, run_study
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.tables import print_run

    flags = {
        "population": Change("--population", population),
        "replications": Change("--replications", replications),
        "seed": Change("--seed", seed),
        "follow_up_days": Change("--days", days),
        "enrolment_days": Change("--enrolment-days", enrolment_days),
    }
    study = read_study(file, {key: change for key, change in flags.items() if change.value is not None})
    experiment = study.experiment
    units = experiment.replications * len(experiment.strategies)
    engine = Engine.fitting(workers, threads, units, experiment.population)
    with progress_bar(experiment.name, quiet=quiet) as on_progress:
        result = run_study(study, out, engine, on_progress)
    if not quiet:
        print_run(result)
    print(f"{result.folder}  content hash {result.content_hash[:16]}")


@app.command()
def check(file: File) -> None:
    """Check a file of any kind (experiment, cohort, care network, parameters) and all it refers to."""
    from popsim.experiments.checking import check_file

    print(f"{file}: {check_file(file)}")


@pathway_app.command("show")
def pathway_show(
    file: File, out: Annotated[Path | None, typer.Option(help="PNG to write; the file's name otherwise.")] = None
) -> None:
    """Draw a care network as a PNG."""
    from popsim.experiments.checking import read_network
    from popsim.reporting.pathway import draw

    network = read_network(file)
    path = out or Path(f"{file.stem}.png")
    if path.suffix != ".png" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be the path of a .png file in a folder that exists")
    draw(network, path)
    print(path)


@cohort_app.command("summary")
def cohort_summary(
    file: File,
    size: Annotated[int | None, _whole("People to sample; the file's size otherwise.")] = None,
    seed: Annotated[int, _whole("First word of the random key.")] = 1,
) -> None:
    """Print the baseline table of a cohort."""
    from popsim.experiments.checking import sample_cohort
    from popsim.reporting.cohort_table import render_cohort_summary

    print(render_cohort_summary(*sample_cohort(file, size, seed)))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 1 the work failed, 2 bad input, 130 interrupted, 141 whoever read the output left early.
    """
    try:
        code = typer.main.get_command(app)(arguments, standalone_mode=False)
        sys.stdout.flush()
    except PopsimError as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the parser turns the first into the second
        # Without this Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        return _complain(_explained(error), _exit_code(error))
    if code == INTERRUPTED:  # some versions of the parser return this code, others let the interrupt through
        return _complain("interrupted; the same command goes on from here", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _exit_code(error: Any) -> int:
    """Errors of the argument parser carry their own code (2)."""
    return int(getattr(error, "exit_code", 1))


def _explained(error: Any) -> str:
    """The parser's errors in its own words; anything else is a fault of popsim, with the place where it happened."""
    if hasattr(error, "format_message"):
        return str(error.format_message())
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"internal error: {type(error).__name__}: {error} ({place})"


def _complain(message: str, code: int) -> int:
    """One line on standard error; none where the parser has shown its help instead."""
    if message:
        print(f"popsim: {one_line(message)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
