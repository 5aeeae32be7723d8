"""popsim score: forecasts from beliefs, judged by what then happened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, StudyOptions, study_options, whole
from popsim.errors import InputError


@study_options("population", "seed", "enrolment_days", "threads")
def score(
    file: File,
    options: StudyOptions,
    days: Annotated[int, whole("Events within so many days are forecast.")] = 30,
    weeks: Annotated[int, whole("Weeks from the end of enrolment to the forecast.")] = 4,
    members: Annotated[int, whole("Possible selves of a person in a belief.")] = 128,
    strategy: Annotated[str, typer.Option(help="How the people are cared for; the comparator otherwise.")] = "",
    plot: Annotated[Path | None, typer.Option(help="PNG to write: calibration and discrimination.")] = None,
) -> None:
    """Judge forecasts on simulated people: twins against clinical scores. For research, not for care.

    Beliefs about people who enter in the last four weeks are kept up to date from daily home signals, and forecast;
    then what happens to the people is compared with the forecasts, with LACE, HOSPITAL, MAGGIC and GWTG-HF of the same
    people, and with what the true state would have told.
    """
    if plot is not None and (plot.suffix != ".png" or plot.is_dir() or not plot.parent.is_dir()):
        raise InputError(f"--plot {plot}: must be the path of a .png file in a folder that exists")
    from popsim.analyses.forecasting import judge
    from popsim.reporting.figures.forecasts import calibration_figure
    from popsim.reporting.figures.style import save
    from popsim.reporting.text.forecasts import forecasts_text

    judged = judge(options.study(file), strategy, weeks=weeks, days=days, members=members)
    print(forecasts_text(judged))
    if plot is not None:
        print(save(calibration_figure(judged), plot))
