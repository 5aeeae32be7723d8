"""Definitions as files: what is written reads the same; schemas accept what popsim accepts and refuse misspelt keys."""

import tomllib
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from slow_cases import with_slow

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.definitions.writing import KINDS, json_schema, to_toml
from popsim.errors import DefinitionError, InputError

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "experiment": "experiments",
    "cohort": "cohorts",
    "network": "experiments/networks",
    "parameters": "popsim/evidence",
    "calibration": "experiments/calibration",
    "calibrated": "experiments/calibrated",
    "targets": "experiments/targets",
    "signals": "popsim/evidence/devices",
    "score": "popsim/evidence/scores",
    "search": "experiments/searches",
    "data_value": "experiments/data_value",
    "market": "experiments/markets",
}
FILES = [(kind, path) for kind, folder in FOLDERS.items() for path in sorted((ROOT / folder).glob("*.toml"))]
FILES += [("experiment", path) for path in sorted((ROOT / "experiments" / "trials").glob("*.toml"))]
FILES += [("options", ROOT / "popsim" / "evidence" / "practice" / "options.toml")]
VALIDATORS = {kind: Draft202012Validator(json_schema(kind)) for kind in KINDS}


def is_long(file):
    """Whether a file has hundreds of keys."""
    kind, path = file
    return (
        path.parent.name == "trials"
        or kind == "calibrated"
        or (kind == "cohort" and "inherits" not in path.read_text())
    )


each_file = pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda x: getattr(x, "stem", x))


def round_trip(definition):
    return validate(tomllib.loads(to_toml(definition)), type(definition), "written")


def test_there_are_files_of_every_kind():
    assert {kind for kind, _ in FILES} == {*KINDS}


@each_file
def test_every_file_reads_the_same_after_it_is_written(kind, path):
    definition = validate(tomllib.loads(path.read_text()), KINDS[kind], path)
    assert round_trip(definition) == definition


@each_file
def test_the_schema_accepts_every_file(kind, path):
    VALIDATORS[kind].validate(tomllib.loads(path.read_text()))


def misspelt(table):
    """Copies of a table in which one key, at any depth, has a letter too many, and where."""
    places = []

    def walk(value, place):
        if isinstance(value, dict):
            for key, inner in value.items():
                places.append((*place, key))
                walk(inner, (*place, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value[:2]):
                walk(inner, (*place, i))

    walk(table, ())
    for *way, key in places:
        copy = deepcopy(table)
        owner = copy
        for step in way:
            owner = owner[step]
        owner[f"{key}z"] = owner.pop(key)
        yield (*way, key), copy


@pytest.mark.parametrize("file", with_slow(FILES, is_long), ids=lambda file: f"{file[0]}-{file[1].stem}")
def test_the_schema_refuses_the_keys_that_popsim_refuses(file):
    """Names that a file chooses itself (columns, parameters, settings of a capacity) are misspelt to neither."""
    refused, (kind, path) = 0, file
    entries = list(tomllib.loads(path.read_text()).items())
    for place, table in misspelt(dict(entries if kind != "parameters" else entries[:5] + entries[-5:])):
        try:
            validate(table, KINDS[kind], "misspelt")
        except DefinitionError as error:
            if "unknown key" in error.allowed:
                refused += 1
                assert not VALIDATORS[kind].is_valid(table), place
    assert refused > 0


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({"population": 10}, True),
        ({"population": 0}, False),
        ({"population": 1.5}, False),
        ({"seed": 2**32}, False),
        ({"willingness_to_pay": -1.0}, False),
        ({"discount_rate_costs": 1.5}, False),
        ({"name": "Not a name"}, False),
        ({"title": "x" * 81}, False),
        ({"store": "everything"}, False),
        ({"strategies": []}, False),
        ({"parameters": {"s.x": 1.0, "s": {"y": {"value": 2.0}}}}, True),
        ({"parameters": {"s.x": "1"}}, False),
        ({"parameters": {"s.x": {"uncertainty": {"distribution": "beta", "standard_error": 0.1}}}}, True),
        ({"parameters": {"s.x": {"uncertainty": {"distribution": "betta", "standard_error": 0.1}}}}, False),
        ({"parameter_groups": [{"distribution": "dirichlet", "parameters": ["a", "b"], "sample_size": 9}]}, True),
        ({"parameter_groups": [{"distribution": "dirichlet", "parameters": ["a"], "sample_size": 9}]}, False),
    ],
)
def test_bounds_are_in_the_schema(change, accepted):
    table = {"name": "small", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]} | change
    assert VALIDATORS["experiment"].is_valid(table) == accepted
    try:
        validate(table, ExperimentDefinition, "file")
        taken = True
    except DefinitionError:
        taken = False
    assert taken == accepted


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ") | st.just("\n"), max_size=40)
shares = st.floats(0, 1)
follow_ups = st.fixed_dictionaries({"setting": names, "within_days": st.integers(1, 365)}, optional={"uptake": shares})
uncertainties = st.one_of(
    st.fixed_dictionaries({"distribution": st.just("beta"), "standard_error": st.floats(1e-6, 0.4)}),
    st.fixed_dictionaries(
        {"distribution": st.just("gamma"), "low": st.floats(0, 1), "high": st.floats(2, 1e9)},
        optional={"coverage": st.floats(0.1, 0.9), "mean": st.floats(1, 2), "source": texts},
    ),
    st.fixed_dictionaries(
        {"distribution": st.just("empirical"), "values": st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5)}
    ),
    st.just({"distribution": "fixed"}),
)
entries = st.one_of(
    st.floats(-1e12, 1e12),
    st.fixed_dictionaries({"uncertainty": uncertainties}, optional={"value": st.floats(-1e6, 1e6)}),
)
groups = st.one_of(
    st.fixed_dictionaries(
        {
            "distribution": st.just("dirichlet"),
            "parameters": st.lists(names, min_size=2, max_size=2, unique=True),
            "concentrations": st.lists(st.floats(0.1, 1e9), min_size=2, max_size=2),
        }
    ),
    st.builds(
        lambda members, rho: {
            "distribution": "correlated",
            "parameters": members,
            "correlation": [[1.0, rho], [rho, 1.0]],
        },
        st.lists(names, min_size=2, max_size=2, unique=True),
        st.floats(-1, 1),
    ),
)
conditions = st.fixed_dictionaries({"column": names}).flatmap(
    lambda table: st.one_of(
        st.builds(lambda x: table | {"at_least": x}, st.floats(-1e9, 1e9)),
        st.builds(lambda x: table | {"is": x}, st.one_of(names, st.floats(-1e9, 1e9))),
    )
)
interventions = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("programme"), "name": names},
        optional={
            "uptake": shares,
            "cost_once": st.floats(0, 1e7),
            "from_day": st.integers(0, 100),
            "until_day": st.integers(101, 36_525),
            "eligible": st.lists(conditions, max_size=3),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("capacity"), "name": names, "setting": names, "places": st.integers(0, 10_000_000)}
    ),
)
strategies = st.fixed_dictionaries(
    {"name": names},
    optional={
        "interventions": st.lists(interventions, max_size=3, unique_by=lambda table: table["name"]),
        "label": texts,
        "description": texts,
        "follow_up": st.lists(follow_ups, max_size=3),
        "capacity": st.dictionaries(names, st.integers(1, 10_000_000), max_size=3),
        "cost_per_person": st.floats(0, 1e7),
    },
)
experiments = st.fixed_dictionaries(
    {
        "name": names,
        "cohort": st.just("../cohort.toml"),
        "network": st.just("n.toml"),
        "strategies": st.lists(strategies, min_size=1, max_size=3, unique_by=lambda table: table["name"]),
    },
    optional={
        "title": texts,
        "description": texts,
        "population": st.integers(1, 20_000_000),
        "draws": st.integers(0, 9999),
        "replications": st.integers(1, 10_000),
        "seed": st.integers(0, 2**32 - 1),
        "discount_rate_qalys": shares,
        "willingness_to_pay": st.floats(0, 1e9),
        "parameters": st.dictionaries(st.builds("{}.{}".format, names, names), entries, max_size=4),
        "parameter_groups": st.lists(groups, max_size=2),
        "store": st.sampled_from(["measures", "persons", "events"]),
        "scenarios": st.lists(
            st.fixed_dictionaries(
                {"name": names},
                optional={
                    "population": st.integers(1, 20_000_000),
                    "capacity": st.dictionaries(names, st.integers(1, 10_000_000), max_size=2),
                    "discount_rate_costs": shares,
                    "parameters": st.dictionaries(st.builds("{}.{}".format, names, names), entries, max_size=2),
                },
            ),
            max_size=2,
            unique_by=lambda table: table["name"],
        ),
        "cheers": st.fixed_dictionaries({}, optional={"question": texts, "limitations": texts}),
    },
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(experiments)
def test_any_experiment_reads_the_same_after_it_is_written(table):
    experiment = validate(table, ExperimentDefinition, "made up")
    assert round_trip(experiment) == experiment
    VALIDATORS["experiment"].validate(tomllib.loads(to_toml(experiment)))


def two(**child):
    table = {
        "name": "small",
        "cohort": "c.toml",
        "network": "n.toml",
        "strategies": [
            {"name": "first", "cost_per_person": 5.0, "follow_up": [{"setting": "gp", "within_days": 7}]},
            {"name": "second", "inherits": "first", **child},
        ],
    }
    return validate(table, ExperimentDefinition, "file")


def test_what_is_set_to_its_default_against_the_parent_is_written():
    experiment = two(cost_per_person=0.0, follow_up=[])
    again = round_trip(experiment)
    assert again.strategy("second") == experiment.strategy("second")
    assert (again.strategy("second").cost_per_person, again.strategy("second").follow_up) == (0.0, ())
    assert two().strategy("second").cost_per_person == 5.0


def test_nothing_cannot_be_written_against_the_parent():
    without = Strategy(name="second", inherits="first", telemonitoring=None)
    with pytest.raises(InputError, match=r"^second: telemonitoring = None cannot be written in TOML"):
        to_toml(without)


def test_what_is_written_is_short_and_in_order():
    experiment = two(label="Second")
    assert to_toml(experiment) == (
        'name = "small"\ncohort = "c.toml"\nnetwork = "n.toml"\n\n'
        '[[strategies]]\nname = "first"\nfollow_up = [\n    { setting = "gp", within_days = 7 },\n]\n'
        'cost_per_person = 5.0\n\n[[strategies]]\nname = "second"\nlabel = "Second"\ninherits = "first"\n'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_of_file_is_described(kind):
    schema = json_schema(kind)
    for name, body in {kind: schema, **schema.get("$defs", {})}.items():
        for key, said in body.get("properties", {}).items():
            assert len(said.get("description", "")) >= 5, (name, key)
