"""popsim calibrate: parameters fitted to published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import processes, whole


def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES",
            help="A calibration file; target files and trials beside it replace those that it names.",
        ),
    ],
    points: Annotated[int | None, whole("Design points of the first wave.")] = None,
    people: Annotated[int | None, whole("Twins in each simulation, or in each arm of a trial.")] = None,
    seed: Annotated[int | None, whole("First word of the random key, of designs and of chains.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    posterior: Annotated[
        Path | None, typer.Option(help="File to write the parameters that were found to, too.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Fit parameters to published figures. The same command finishes a calibration that was cut short.

    Only targets that are there to be calibrated to are fitted. An experiment uses what was found by naming the file:
    calibration = "...".
    """
    processes("--workers", workers)
    from popsim.calibration.fit import calibrate as fit_parameters
    from popsim.calibration.keeping import folder_of, keep
    from popsim.calibration.problem import problem_of, read_files
    from popsim.experiments.design import Study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import RunResult, run_study
    from popsim.reporting.calibration import calibration_text, draw_calibration
    from popsim.reporting.progress import progress_bar

    calibration, file, targets = read_files(files, {"points": points, "people": people, "seed": seed})
    place = out / "calibration" / calibration.name

    def run(study: Study) -> RunResult:
        engine = Engine.fitting(workers, None, len(study.units), study.region_size(0))
        with progress_bar(study.experiment.name, quiet=quiet) as on_progress:
            return run_study(study, place / "runs", engine, on_progress)

    problem = problem_of(calibration, file, targets, run)
    folder = folder_of(problem, place)
    fit = fit_parameters(problem, folder, lambda text: None if quiet else print(text))
    content = keep(fit, folder, file, posterior)
    draw_calibration(fit, folder)
    if not quiet:
        print(calibration_text(fit))
    print(f"{folder}  content hash {content[:16]}")
