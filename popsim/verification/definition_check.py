"""Checks definition files of any kind, and cohorts and networks against the columns of the model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Never

from popsim.care.network import CareNetwork
from popsim.definitions.calibration import Calibrated, Calibration
from popsim.definitions.inheritance import lineage
from popsim.definitions.money import AS_PRINTED, OF_COUNTRY
from popsim.definitions.parameter import ParameterFile
from popsim.definitions.score import Score
from popsim.definitions.signal import SignalFile
from popsim.errors import DefinitionError
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.drugs import read_drug
from popsim.evidence.parameters import load_parameters
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.own import title
from popsim.physiology.pharmacology.drugs import check_columns
from popsim.plurals import counted
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.genome import GENES
from popsim.population.population import Population
from popsim.population.sampling import plan, sample, stated
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import Study
from popsim.studies.organ_systems import organ_systems_of
from popsim.studies.prices import price_years, prices_in_words
from popsim.studies.scenarios import studies
from popsim.studies.warnings import design_warnings


def check_file(path: Path) -> str:
    """Check a file and everything it refers to; returns a description of it.

    Raises:
        DefinitionError: it is refused, or it is not a definition of any kind.
    """
    table = {key: value for one in lineage(path) for key, value in one.table.items()}  # an heir is of its base's kind
    if "axes" in table:
        from popsim.analyses.data_value import read_question

        asked = read_question(path)
        size = f"{counted(len(asked.points), 'point')} of {counted(len(table['axes']), 'axis', 'axes')}"
        return f"data value '{asked.definition.name}' is sound: {size}"
    if "strategies" in table:
        study, *scenarios = studies(path).values()
        names = ", ".join(strategy.name for strategy in study.experiment.strategies)
        more = f"; {counted(len(scenarios), 'scenario')}" if scenarios else ""
        warnings = [f"  warning: {one}" for one in design_warnings(study.experiment, study.sampling)]
        notes = [*organ_system_notes(study), *warnings, *cohort_notes(study.cohort, study.schema)]
        notes += [*price_notes(study), *country_notes(study)]
        return "\n".join([f"experiment '{study.experiment.name}' is sound: {names}{more}", *notes])
    if any(key in table for key in ("settings", "drug_class", "columns", "table", "signals", "items")):
        return _check_model(path, table)
    if "choices" in table:
        from popsim.analyses.policy_problem import read_problem

        search = read_problem(path).search
        return f"search '{search.name}' is sound: {len(search.choices)} choices for '{search.strategy}'"
    if "name" in table and ("parameters" in table or "targets" in table):
        return _check_fit(path, table)
    if table and all(isinstance(value, dict) for key, value in table.items() if key not in ParameterFile.model_fields):
        parameters = load_parameters(path.stem, path.parent)
        uncertain = len(uncertain_parameters({path.stem: parameters}, (), path).names)
        return f"parameter set '{path.stem}' is sound: {len(parameters)} parameters, {uncertain} of them uncertain"
    kinds = "an experiment (strategies), care network (settings), cohort (columns), calibration (parameters)"
    others = "search (choices), data value (axes), risk score (items), drug (drug_class) or parameter set (tables)"
    raise DefinitionError(path, "file", None, f"must be {kinds}, {others}")


def _check_fit(path: Path, table: dict[str, Any]) -> str:
    """Check a calibration, its result, or published figures."""
    if isinstance(table.get("parameters"), list):
        return _check_calibration(Calibration.read(path), path)
    if "parameters" in table:
        found = Calibrated.read(path)
        uncertain_parameters(SHIPPED.with_values(found.parameters, path), found.parameter_groups, path)
        return f"calibrated parameters '{found.name}' are sound: {len(found.parameters)} parameters"
    from popsim.calibration.sources import read_source

    source = read_source(path)
    return f"target file '{source.name}' is sound: {len(source.targets)} published figures"


def _check_calibration(calibration: Calibration, path: Path) -> str:
    """Check a calibration with the target and trial files that it names."""
    said = f"calibration '{calibration.name}' is sound: {len(calibration.parameters)} parameters to be fitted"
    if not calibration.targets:
        return said
    from popsim.calibration.problem import problem_of

    def simulated_by_nobody(study: Study) -> Never:
        raise AssertionError(study)

    figures = problem_of(calibration, path, (), simulated_by_nobody).objectives
    return f"{said} to {counted(len(figures.names), 'figure')} of {counted(len(figures.studies), 'study', 'studies')}"


def _check_model(path: Path, table: dict[str, Any]) -> str:
    """Check a care network, a drug, signals or a cohort against the columns of the model, or a risk score."""
    if "items" in table:
        score = Score.read(path)
        return f"risk score '{score.label}' is sound: {counted(len(score.items), 'item')}"
    if "signals" in table:
        return f"signals are sound: {len(SignalFile.read(path).signals)} of them"
    if "settings" in table:
        network = read_network(path)
        return f"care network '{network.definition.name}' is sound: {counted(len(network), 'setting')}"
    if "drug_class" in table:
        drug = read_drug(path)
        check_columns(drug, SCHEMA, path)
        return f"drug '{drug.name}' is sound: {len(drug.effects)} effects, {len(drug.conditions)} rules for prescribing"
    cohort = CohortSource.read(path)
    notes = cohort_notes(cohort, SCHEMA)
    sampled = f"{len(cohort.definition.columns)} sampled columns"
    return "\n".join([f"cohort '{cohort.name}' is sound: {sampled}", *notes])


def cohort_notes(cohort: CohortSource, schema: Schema) -> list[str]:
    """Notes on values that a cohort's table lacks: those that are sampled, and those with a stated constant.

    Raises:
        DefinitionError: the cohort is refused.
    """
    notes, people = [], plan(cohort, schema).people
    lacking = people.lacking if people is not None else {}
    if people is not None and lacking:
        counts = ", ".join(f"{name} {count}" for name, count in lacking.items())
        notes.append(f"  missing in the table and sampled, of {len(people)} people: {counts}")
    if values := {name: value for name, value in stated(cohort, schema).items() if name not in GENES}:
        notes.append(f"  not given, at their stated constants: {', '.join(f'{n} = {v:g}' for n, v in values.items())}")
    return notes


def organ_system_notes(study: Study) -> list[str]:
    """The organ systems of the twins."""
    names = ("heart_failure (core)", *organ_systems_of(study.experiment), *map(title, study.own_organ_systems))
    return [f"  organ systems: {', '.join(names)}"]


def price_notes(study: Study) -> list[str]:
    """The money of an experiment, and where nothing is converted, the prices of other years than most."""
    experiment = study.experiment
    notes = [f"  costs are in {prices_in_words(experiment)}"]
    if experiment.price_year == AS_PRINTED:
        years = price_years(experiment)
        usual = max(counts := Counter(years.values()), key=lambda year: counts[year])
        others = [f"{name} ({year or 'of the experiment'})" for name, year in years.items() if year != usual]
        if others:
            notes.append(f"  prices of other years than {usual}, used as printed: {', '.join(others)}")
    return notes


def country_notes(study: Study) -> list[str]:
    """Whose prices, utilities, utility norms and deaths an experiment has."""
    country, norms, table = study.experiment.prices, study.experiment.utility_norms, study.cohort.life_table
    others = [
        f"utility norms: {country if norms == OF_COUNTRY else norms or 'none'}",
        f"life table: {table.name if table else 'none'}",
    ]
    return [f"  prices and utilities: {country} ({', '.join(study.parameters.valuation)}); {'; '.join(others)}"]


def read_network(path: Path) -> CareNetwork:
    """Read a care network.

    Raises:
        DefinitionError: the file or the network as a whole is refused.
    """
    return CareNetwork.read(path, SCHEMA.columns)


def sample_cohort(path: Path, size: int | None, seed: int) -> tuple[CohortSource, Population]:
    """Read a cohort and sample it, all people entering on day 0.

    Raises:
        DefinitionError: the file is refused.
        InputError: the size is out of bounds.
    """
    cohort = CohortSource.read(path)
    return cohort, sample(cohort, SCHEMA, cohort.definition.size if size is None else size, RandomKey.of(seed))
