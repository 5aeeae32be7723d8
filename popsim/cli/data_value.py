"""popsim data-value: the value of better data about people."""

from __future__ import annotations

from popsim.cli.options import File, StudyOptions, prints_tables, study_options


@prints_tables
@study_options()
def data_value(file: File, options: StudyOptions) -> None:
    """Print and plot net benefit against data quality. The same command resumes an interrupted run.

    FILE names an experiment, its strategies and the qualities of their data to vary: accuracy, interval, delay,
    missingness, genome, adoption, alert fatigue, or any other value of a strategy.
    """
    from popsim.analyses.data_value import data_value as ask
    from popsim.analyses.data_value import read_question
    from popsim.reporting.text.data_value import data_value_text, draw_data_value
    from popsim.runs.runner import RunResult
    from popsim.studies.design import Study

    question = read_question(file, options.changes())
    results = options.out / "data_value" / question.definition.name
    folders = []

    def run(study: Study) -> RunResult:
        result = options.run(study, results, question.definition.name)
        folders.append(result.folder)
        return result

    worth = ask(question, run)
    (folder,) = folders
    worth.curve.write_parquet(folder / "data_value.parquet")
    worth.bounds.write_parquet(folder / "data_value_bounds.parquet")
    draw_data_value(worth, question, folder)
    options.show(data_value_text(worth, question))
    print(folder)
