"""Arguments and options that several commands take."""

from __future__ import annotations

import inspect
import io
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from popsim.errors import InputError, did_you_mean
from popsim.numbers import read_whole

if TYPE_CHECKING:
    from popsim.runs.engine import Engine
    from popsim.runs.run import StoredRun
    from popsim.runs.runner import RunResult
    from popsim.runs.work import Simulate
    from popsim.studies.design import Change, Study

MAX_PROCESSES = 1024
ENGINES = ("local", "dask")
MAX_DEADLINE = 30 * 86_400.0  # seconds
PANEL = "The study and how it is run"
ARGUMENTS = "popsim.arguments"  # where the parser keeps what was typed
STANDARD_OUTPUT = "-"  # the same as in reporting.table_files, which is slow to import
FLAGS = {"follow_up_days": "--days"}  # where the flag differs from the key

File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]
FinishedRun = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="results/<experiment>/<run id>; or results/<experiment> or an experiment file, for its newest run.",
    ),
]
FILES = {  # options of a command that prints tables, with the suffix of their file
    "csv": "Also write the table to this CSV file; further tables beside it, as FILE_<title>.csv.",
    "json": "Also write the tables to this JSON file, with command, seed and content hash; - prints JSON alone.",
    "xlsx": "Also write the tables to this Excel workbook, one sheet each.",
}
FILES_PANEL = "Tables as files"


def _whole_number(text: str | int) -> int:
    """A whole number as people write it; bounds are checked where its meaning is known."""
    try:
        return text if isinstance(text, int) else read_whole(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def whole(help_text: str, *names: str, panel: str | None = None) -> Any:
    """An option that takes a whole number."""
    return typer.Option(*names, parser=_whole_number, metavar="NUMBER", help=help_text, rich_help_panel=panel)


def once(flag: str, names: Sequence[str]) -> None:
    """Refuse a name that is given twice to one option."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"command line: {flag} {name}: named twice")


def each_once(command: Any) -> Any:
    """Make a command, and all below it, refuse an option that is given twice: the parser would take the last."""
    for inner in getattr(command, "commands", {}).values():
        each_once(inner)
    parse = command.parse_args

    def checked(context: Any, arguments: list[str]) -> list[str]:
        context.meta[ARGUMENTS] = list(arguments)
        rest: list[str] = parse(context, list(arguments))
        _, _, given = command.make_parser(context).parse_args(args=list(arguments))
        for place, option in enumerate(given):
            single = option.param_type_name == "option" and not (option.multiple or option.is_flag)
            if single and option in given[:place]:
                raise InputError(f"command line: {option.opts[0]}: named twice")
        return rest

    command.parse_args = checked
    return command


@dataclass(frozen=True)
class StudyOptions:
    """Options of a study and of how it is run: the same flags for every command."""

    population: Annotated[int | None, whole("Twins in each replication.", panel=PANEL)] = None
    replications: Annotated[int | None, whole("Independent replications.", panel=PANEL)] = None
    draws: Annotated[int | None, whole("Parameter draws; 0: base-case values.", panel=PANEL)] = None
    regions: Annotated[int | None, whole("Independent catchments; otherwise of 50,000 people.", panel=PANEL)] = None
    seed: Annotated[int | None, whole("First word of the random key.", panel=PANEL)] = None
    days: Annotated[int | None, whole("Days of follow-up of each twin.", panel=PANEL)] = None
    enrolment_days: Annotated[int | None, whole("Days over which entries are spread.", panel=PANEL)] = None
    workers: Annotated[int | None, whole("Processes; by default as cores and memory allow.", panel=PANEL)] = None
    threads: Annotated[int | None, whole("Threads of each process.", panel=PANEL)] = None
    out: Annotated[Path, typer.Option(help="Folder for results.", rich_help_panel=PANEL)] = Path("results")
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.", rich_help_panel=PANEL)] = False

    def __post_init__(self) -> None:
        """Refuse impossible numbers of processes; tell numba, which is not imported yet, its number of threads."""
        for flag, number in (("--workers", self.workers), ("--threads", self.threads)):
            if number is not None and not 1 <= number <= MAX_PROCESSES:
                raise InputError(f"command line: {flag} = {number}: must be between 1 and {MAX_PROCESSES}")
        if self.threads is not None:
            os.environ["NUMBA_NUM_THREADS"] = str(max(self.threads, os.cpu_count() or 1))

    def changes(self) -> dict[str, Change]:
        """Values that override the experiment's file, by key."""
        return changes(
            population=self.population,
            replications=self.replications,
            draws=self.draws,
            regions=self.regions,
            seed=self.seed,
            follow_up_days=self.days,
            enrolment_days=self.enrolment_days,
        )

    def study(self, file: Path, scenario: str | None = None) -> Study:
        """The study of an experiment file, with these options."""
        from popsim.definitions.experiment import ExperimentDefinition

        experiment = ExperimentDefinition.read(file)  # a file that is refused is refused before the engine is loaded
        from popsim.studies.design import study_of

        study = study_of(experiment, file.parent, file=file, changes=self.changes(), scenario=scenario)
        from popsim.studies.warnings import scenario_warnings

        warn(scenario_warnings(experiment, scenario, self.changes()))
        from popsim.reporting.table_files import tables_are_of

        tables_are_of(study.experiment, study.network)
        return study

    def show(self, text: str) -> None:
        """Print a command's tables, unless they are not wanted on the screen."""
        if not self.quiet:
            print(text)

    def engine(self, study: Study, units: int | None = None) -> Engine:
        """Processes and threads that fit a study, or some units of its size."""
        from popsim.runs.engine import Engine

        return Engine.of_study(study, self.workers, self.threads, units)

    def use_threads(self, twins: int) -> None:
        """Give the kernels of this process, which simulates one unit of so many twins, the threads asked or fitting."""
        from popsim.kernels.numerics.threads import use_threads
        from popsim.runs.engine import Engine

        use_threads(Engine.fitting(1, self.threads, 1, twins).threads)

    def run(
        self,
        study: Study,
        results: Path | None = None,
        title: str | None = None,
        engine: Engine | None = None,
        simulate: Simulate | None = None,
    ) -> RunResult:
        """Run a study with a progress bar; by default in `out`, on the fitting engine and from the first day."""
        from popsim.reporting.table_files import tables_are_of
        from popsim.reporting.text.progress import progress_bar
        from popsim.runs.runner import run_study
        from popsim.studies.unit import simulate as simulate_unit

        with progress_bar(title or study.experiment.name, quiet=self.quiet) as on_progress:
            where = (results or self.out, engine or self.engine(study), on_progress)
            result = run_study(study, *where, simulate or simulate_unit)
        tables_are_of(study.experiment, study.network, study.run_id, result.content_hash)
        return result


def prints_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of FILES: what it hands to `tabled` while it makes its text is also written there."""
    own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters_of(command)]

    @wraps(command)
    def with_files(context: typer.Context, **given: Any) -> None:
        paths = {name: given.pop(name) for name in FILES}
        for name, path in paths.items():
            _check_file(name, path)
        if not any(paths.values()):
            command(**given)
            return
        from popsim.reporting.table_files import collects, write_tables

        typed = shlex.join(["popsim", *_path(context), *context.meta[ARGUMENTS]])
        alone = redirect_stdout(io.StringIO()) if str(paths["json"]) == STANDARD_OUTPUT else nullcontext()
        ended = None
        with collects(typed) as collection:
            try:
                collection.seed = given.get("seed")
                with alone:
                    command(**given)
            except typer.Exit as error:  # a verdict of the command, which has printed its tables
                ended = error
        for path in write_tables(collection, paths["csv"], paths["json"], paths["xlsx"]):
            print(f"popsim: {path} written", file=sys.stderr)
        if ended is not None:
            raise ended

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    give_signature(with_files, [context, *own, *file_parameters(*FILES)])
    with_files.prints_tables = True  # type: ignore[attr-defined]
    return with_files


def file_parameters(*names: str) -> list[inspect.Parameter]:
    """Options of FILES, as parameters of a command."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Path | None, typer.Option(metavar="FILE", help=FILES[name], rich_help_panel=FILES_PANEL)
            ],
        )
        for name in names
    ]


def _path(context: Any) -> list[str]:
    """The name of a command below popsim, such as sensitivity one-way."""
    return [] if context.parent is None else [*_path(context.parent), context.info_name]


def _check_file(name: str, path: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is simulated."""
    if path is None or (name == "json" and str(path) == STANDARD_OUTPUT):
        return
    if path.suffix != f".{name}" or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"command line: --{name} {path}: must be the path of a .{name} file in a folder that exists")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"command line: --{name} {path}: cannot be written")


def parameters_of(command: Callable[..., None]) -> list[inspect.Parameter]:
    """What a command takes."""
    return list(inspect.signature(command, eval_str=True).parameters.values())


def give_signature(command: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Let the parser see these parameters instead of those that the function declares."""
    command.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}


ALL = tuple(field.name for field in fields(StudyOptions))
SIZES = ALL[:7]
ENGINE = ("workers", "threads")


def one_unit(reason: str, *names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command whose simulation is one unit, for this reason, `--threads` and these: see `study_options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        with_options = study_options("threads", *names)(command)
        with_options.one_unit = reason  # type: ignore[attr-defined]
        return with_options

    return decorate


def study_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command whose last parameter is `options: StudyOptions` these flags, or all of them.

    A command that simulates takes `ENGINE`, so that its units are spread over processes and each unit over threads;
    where there is only one unit, processes have nothing to share, and it takes `one_unit` instead.
    """
    hints = get_type_hints(StudyOptions, include_extras=True)
    chosen = [field for field in fields(StudyOptions) if field.name in (names or ALL)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [one for one in parameters_of(command) if one.name != "options"]

        @wraps(command)
        def with_options(**given: Any) -> None:
            from popsim.runs.executors.local import processes_kept

            options = StudyOptions(**{field.name: given.pop(field.name) for field in chosen})
            with processes_kept():
                command(**given, options=options)

        keyword = inspect.Parameter.KEYWORD_ONLY
        more = [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in chosen]
        give_signature(with_options, [*(one.replace(kind=keyword) for one in own), *more])
        return with_options

    return decorate


def changes(**values: int | None) -> dict[str, Change]:
    """Values that flags override, by key of the experiment's file; None overrides nothing."""
    from popsim.studies.design import Change

    flags = {key: FLAGS.get(key, f"--{key.replace('_', '-')}") for key in values}
    return {key: Change(flags[key], value) for key, value in values.items() if value is not None}


def warn(doubts: Iterable[str]) -> None:
    """Print warnings to standard error, a line each."""
    for doubt in doubts:
        print(f"popsim: warning: {doubt}", file=sys.stderr)


def check_engine(engine: str, address: str, deadline: float | None) -> None:
    """Refuse an unknown engine, and options that exclude each other."""
    if engine not in ENGINES:
        raise InputError(f"command line: --engine = '{engine}': {did_you_mean(engine, ENGINES)}")
    if address and engine != "dask":
        raise InputError(f"command line: --address = '{address}': only goes with --engine dask")
    if deadline is not None and not 0 < deadline <= MAX_DEADLINE:
        raise InputError(f"command line: --deadline = {deadline:g}: must be above 0 and at most {MAX_DEADLINE:g} s")


def opened(path: Path, results: Path = Path("results")) -> StoredRun:
    """A finished run; standard error names it where the command line leaves it open."""
    from popsim.reporting.table_files import tables_are_of
    from popsim.runs.run import StoredRun

    run = StoredRun.open(path, results)
    tables_are_of(run.experiment, run.network, run.manifest["run_id"], run.manifest.get("content_hash", ""))
    if run.folder != path:
        print(f"popsim: {run.described}", file=sys.stderr)
    return run
