"""popsim scenarios."""

from __future__ import annotations

from popsim.cli.options import File, StudyOptions, prints_tables, study_options, warn


@prints_tables
@study_options()
def scenarios(file: File, options: StudyOptions) -> None:
    """Run an experiment and all its scenarios, each in its own run folder, and print them side by side."""
    from popsim.analyses.scenarios import scenario_table
    from popsim.definitions.experiment import BASE_CASE
    from popsim.reporting.text.scenarios import render_scenarios
    from popsim.studies.scenarios import studies
    from popsim.studies.warnings import scenario_warnings

    tables = {}
    found = studies(file, changes=options.changes())
    for name in found:
        warn(scenario_warnings(found[BASE_CASE].experiment, name, options.changes()))
    for name, study in found.items():
        result = options.run(study, title=f"{study.experiment.name}, {name}")
        tables[name] = result.tables
        print(f"{name}: {result.folder}  content hash {result.content_hash[:16]}")
    options.show(render_scenarios(scenario_table(tables), {name: study.experiment for name, study in found.items()}))
