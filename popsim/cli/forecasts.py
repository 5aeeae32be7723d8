"""popsim score: forecasts evaluated against simulated outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import ENGINE, File, StudyOptions, prints_tables, study_options, whole
from popsim.errors import InputError


@prints_tables
@study_options("population", "replications", "seed", "enrolment_days", *ENGINE)
def score(
    file: File,
    options: StudyOptions,
    days: Annotated[int, whole("Forecast events within this many days.")] = 30,
    weeks: Annotated[int, whole("Weeks from the end of enrolment to the forecast.")] = 4,
    members: Annotated[int, whole("Members of each person's ensemble.")] = 128,
    strategy: Annotated[
        str, typer.Option(help="Strategy under which people are cared for; by default the comparator.")
    ] = "",
    plot: Annotated[Path | None, typer.Option(help="PNG to write: calibration and discrimination.")] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON to write: what 'popsim card forecast' takes.")
    ] = None,
) -> None:
    """Evaluate forecasts on simulated people: twins against clinical scores. For research, not for care.

    Twins of people who enter in the last four weeks assimilate daily home readings and forecast. Their forecasts are
    compared with the simulated outcomes, with LACE, HOSPITAL, MAGGIC and GWTG-HF of the same people, and with forecasts
    from the true state.
    """
    if plot is not None and (plot.suffix != ".png" or plot.is_dir() or not plot.parent.is_dir()):
        raise InputError(f"--plot {plot}: must be the path of a .png file in a folder that exists")
    if figures is not None and (figures.suffix != ".json" or figures.is_dir() or not figures.parent.is_dir()):
        raise InputError(f"--figures {figures}: must be the path of a .json file in a folder that exists")
    from popsim.analyses.forecast_figures import forecast_figures
    from popsim.analyses.forecasting import evaluate_forecasts
    from popsim.learning.card import finite
    from popsim.reporting.figures.forecasts import calibration_figure
    from popsim.reporting.figures.style import save
    from popsim.reporting.text.forecasts import forecasts_text

    replications = 1 if options.replications is None else options.replications
    study = replace(options, replications=replications, draws=0).study(file)
    engine = options.engine(study, units=replications * study.experiment.regions)
    judged = evaluate_forecasts(
        study, strategy, weeks=weeks, days=days, members=members, replications=replications, engine=engine
    )
    print(forecasts_text(judged))
    if plot is not None:
        print(save(calibration_figure(judged), plot))
    if figures is not None:
        said = finite(forecast_figures(judged, study, strategy, members))
        figures.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        print(figures)
