"""popsim calibrate: fit parameters to published figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import StudyOptions, prints_tables, study_options, whole


@prints_tables
@study_options("seed", "workers", "threads", "out", "quiet")
def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES",
            help="A calibration file; target files and trials after it replace those that it names.",
        ),
    ],
    options: StudyOptions,
    points: Annotated[int | None, whole("Design points of the first wave.")] = None,
    points_later: Annotated[int | None, whole("Design points of every later wave.")] = None,
    waves: Annotated[int | None, whole("Waves of simulation.")] = None,
    people: Annotated[
        int | None, whole("Twins in each simulation, or in each arm of a trial.", "--people", "--population")
    ] = None,
    posterior: Annotated[Path | None, typer.Option(help="Also write the fitted parameters to this file.")] = None,
) -> None:
    """Fit parameters to published figures. The same command resumes an interrupted calibration.

    Only targets with use = "calibrate" are fitted. An experiment uses the result by naming its file:
    calibration = "...".
    """
    from popsim.calibration.fit import calibrate as fit_parameters
    from popsim.calibration.problem import problem_of, read_files
    from popsim.calibration.storage import folder_of, write_result
    from popsim.reporting.text.calibration import calibration_text, draw_calibration

    said = {"points": points, "points_later": points_later, "waves": waves, "people": people, "seed": options.seed}
    calibration, file, targets = read_files(files, said)
    results = options.out / "calibration" / calibration.name
    problem = problem_of(calibration, file, targets, partial(options.run, results=results / "runs"))
    folder = folder_of(problem, results)
    fit = fit_parameters(problem, folder, lambda text: None if options.quiet else print(text, flush=True))
    content = write_result(fit, folder, file, posterior)
    draw_calibration(fit, folder)
    options.show(calibration_text(fit))
    print(f"{folder}  content hash {content[:16]}")
