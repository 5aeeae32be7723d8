"""The inputs of a run as files that need no others: TOML with every value resolved, data beside them, one sheet."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.writing import to_toml
from popsim.errors import InputError
from popsim.exchange.privacy.gate import allow_export
from popsim.exchange.tables.csv_file import write_csv
from popsim.exchange.tables.decision_tables import created_at
from popsim.exchange.tables.inputs import input_table
from popsim.exchange.tables.workbook import write_inputs_workbook
from popsim.physiology.own import own_parameter_files
from popsim.population.life_table import life_table_path
from popsim.population.table_import import table_path
from popsim.runs.run import StoredRun
from popsim.studies.design import Study

EXPERIMENT, REDUCED, COHORT, NETWORK = "experiment.toml", "reduced.toml", "cohort.toml", "network.toml"


def refuse_what_cannot_be_handed_on(run: StoredRun, *, with_table: bool) -> None:
    """Refuse a run whose bundle would hold rows of people, or could not be run by anybody else.

    Raises:
        InputError: it is such a run, its people would give real ones away, or popsim or its inputs have changed since.
    """
    table = run.cohort.definition.table
    if table is not None and table.package is None and not with_table:
        raise InputError(
            f"{run.folder}: its cohort is a table of people ({Path(table.path).name}); --with-table puts it into the "
            "bundle: only if you may hand it on"
        )
    if made := run.manifest.get("own_organ_systems"):
        raise InputError(f"{run.folder}: has organ systems made in Python ({', '.join(made)}); put them into a file")
    if table is None:
        allow_export(run)  # a bundle holds all that its synthetic people are made with
    _ = run.study  # refused where results could not be the same


def write_inputs(run: StoredRun, folder: Path, reduced: ExperimentDefinition) -> None:
    """Write experiment.toml, reduced.toml, cohort.toml, network.toml, data files, inputs.csv and inputs.xlsx."""
    folder.mkdir()
    study, origin = run.study, run.experiment_file.parent
    cohort = run.cohort.definition
    changes: dict[str, object] = {}
    if (name := cohort.life_table) is not None and name.endswith(".csv"):
        changes["life_table"] = _copied(life_table_path(name, run.cohort.path.parent), folder)
    if cohort.table is not None and cohort.table.package is None:
        name = _copied(table_path(cohort.table, run.cohort.path), folder)
        changes["table"] = cohort.table.model_copy(update={"path": name})
    (folder / COHORT).write_text(to_toml(cohort.model_copy(update=changes)), encoding="utf-8")
    (folder / NETWORK).write_text(to_toml(run.network), encoding="utf-8")
    _copy_organ_systems(study, folder)
    for file, experiment in ((EXPERIMENT, run.experiment), (REDUCED, reduced)):
        named: dict[str, object] = {
            "cohort": COHORT,
            "network": NETWORK,
            "calibration": None,
        }  # it is in the parameters
        for key in ("environment", "price_indices", "utility_norms"):
            said = getattr(experiment, key)
            if said is not None and said.endswith(".csv"):
                named[key] = _copied(origin / said, folder)
        (folder / file).write_text(to_toml(experiment.model_copy(update=named)), encoding="utf-8")
    table = input_table(run)
    write_csv(table, folder / "inputs.csv", "--out")
    write_inputs_workbook(table, folder / "inputs.xlsx", created_at(run))


def _copied(path: Path, folder: Path) -> str:
    """Copy a data file; returns its name there."""
    shutil.copyfile(path, folder / path.name)
    return path.name


def _copy_organ_systems(study: Study, folder: Path) -> None:
    paths: Sequence[Path] = [
        *(one.path for one in study.own_organ_systems if hasattr(one, "path")),
        *own_parameter_files(study.own_organ_systems).values(),
    ]
    for path in dict.fromkeys(paths):
        target = folder / path.resolve().relative_to(study.file.parent.resolve())
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
