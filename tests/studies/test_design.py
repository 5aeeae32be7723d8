import pytest

from popsim.errors import DefinitionError
from popsim.studies import content, design
from popsim.studies.design import Change, read_study


def keys(study):
    return {(unit.strategy.name, unit.replication): unit.key for unit in study.units}


@pytest.fixture
def changed(experiment_file):
    """Units of the experiment with one text replaced by another."""

    def change(old="", new="", **flags):
        text = experiment_file.read_text()
        assert old in text
        path = experiment_file.with_name("changed.toml")
        path.write_text(text.replace(old, new, 1))
        return read_study(path, {key: Change(f"--{key}", value) for key, value in flags.items()})

    return change


def test_units_are_strategies_times_replications(changed):
    study = changed()
    assert list(keys(study)) == [(name, r) for r in range(4) for name in ("usual", "other")]
    assert len(set(keys(study).values())) == 8


def test_the_same_experiment_has_the_same_keys_and_folder(changed, experiment_file):
    assert keys(changed()) == keys(read_study(experiment_file))
    assert changed().run_id == read_study(experiment_file).run_id
    assert len(changed().run_id) == 16


def test_comments_and_texts_of_no_consequence_change_no_unit(changed):
    assert keys(changed("seed = 7", '# words\nseed = 7\n[cheers]\nquestion = "why?"\n')) == keys(changed())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed = 7", "seed = 8"),
        ("population = 50", "population = 51"),
        ("seed = 7", "seed = 7\nfollow_up_days = 100"),
        ("seed = 7", "seed = 7\nenrolment_days = 100"),
        ("seed = 7", "seed = 7\ndiscount_rate_costs = 0.01"),
        ("seed = 7", 'seed = 7\nparameters."nhs_prices.inpatient_day" = 300.0'),
    ],
)
def test_whatever_a_result_depends_on_changes_every_key(changed, old, new):
    assert not set(keys(changed(old, new)).values()) & set(keys(changed()).values())


def test_another_strategy_leaves_the_others_alone(changed):
    before, after = keys(changed()), keys(changed('name = "other"', 'name = "other"\ncost_per_person = 5.0'))
    same = {unit for unit in before if before[unit] == after[unit]}
    assert same == {("usual", r) for r in range(4)}


def test_more_replications_keep_those_there_are(changed):
    before, after = keys(changed()), keys(changed("replications = 4", "replications = 6"))
    assert len(after) == 12
    assert after.items() >= before.items()


def test_changed_code_changes_every_key(changed, monkeypatch):
    before = keys(changed())
    monkeypatch.setattr(design, "code_hash", lambda: "another version")
    assert not set(before.values()) & set(keys(changed()).values())


def test_a_flag_is_the_same_as_the_line_in_the_file(changed):
    assert keys(changed(population=60)) == keys(changed("population = 50", "population = 60"))
    assert changed(population=60).run_id == changed("population = 50", "population = 60").run_id


def test_a_flag_out_of_bounds_is_refused(changed):
    with pytest.raises(DefinitionError, match=r"command line: --population = 0: must be between 1"):
        changed(population=0)


def test_parameters_reach_their_sets(changed):
    study = changed("seed = 7", 'seed = 7\ndiscount_rate_qalys = 0.015\nparameters."nhs_prices.inpatient_day" = 300.0')
    prices = study.parameters["nhs_prices"]
    assert (prices["inpatient_day"], prices["discount_rate_qalys"]) == (300.0, 0.015)
    assert prices["critical_day"] == changed().parameters["nhs_prices"]["critical_day"]


@pytest.mark.parametrize(
    ("module", "matters"),
    [
        ("care/plan.py", True),  # namesakes of modules on which no result depends
        ("economics/status.py", True),
        ("kernels/care/runner.py", True),
        ("evidence/reporting.toml", True),
        ("analyses/plan.py", False),
        ("runs/status.py", False),
        ("reporting/text/tables.py", False),
    ],
)
def test_a_module_is_left_out_of_the_keys_by_its_package_not_by_its_name(
    module, matters, changed, tmp_path, monkeypatch
):
    monkeypatch.setattr(content, "PACKAGE", tmp_path / "package")
    file = tmp_path / "package" / module
    file.parent.mkdir(parents=True)
    found = []
    for text in ("A = 1", "A = 2"):
        file.write_text(text)
        content.code_hash.cache_clear()
        found.append(set(keys(changed()).values()))
    content.code_hash.cache_clear()
    assert (found[0] != found[1]) is matters


@pytest.mark.parametrize(
    ("flags", "sizes"),
    [
        ({"population": 50_000}, [50_000]),
        ({"population": 50_001}, [25_001, 25_000]),
        ({"population": 1_000_000}, [50_000] * 20),
        ({"population": 10_000_000}, [50_000] * 200),
        ({"population": 1_000_000, "regions": 1}, [1_000_000]),
        ({"population": 3_000_000, "draws": 3}, [71_429] * 24 + [71_428] * 18),
        ({"population": 60_000, "regions": 3}, [20_000] * 3),
    ],
)
def test_large_populations_live_in_regions_of_at_most_fifty_thousand(changed, flags, sizes):
    study = changed(**flags)
    assert [study.region_size(region) for region in range(study.experiment.regions)] == sizes
    keys = {unit.random_key for unit in study.units if unit.strategy.name == "usual"}
    draws = 1 if study.uncertain.common_random_numbers else max(study.experiment.draws, 1)
    assert len(keys) == len(sizes) * study.experiment.replications * draws
    assert all(key.stream < 2**32 for key in keys)


def test_the_number_of_regions_follows_the_population_until_it_is_said(changed):
    large = changed(population=120_000).experiment
    assert large.regions == 3
    assert large.model_copy(update={"population": 20_000}).regions == 1
    said = changed("seed = 7", "seed = 7\nregions = 1", population=120_000).experiment
    assert said.regions == said.model_copy(update={"population": 240_000}).regions == 1


def test_more_regions_than_draws_have_random_numbers_for_are_refused(changed):
    with pytest.raises(DefinitionError, match="at most 42 with parameter draws"):
        changed(population=3_000_000, draws=3, regions=43)


UNSCALED = """
name = "two_places"
entry = "home"
presentation = "ward"

[[settings]]
name = "home"
class = "community"
stay = {{ distribution = "forever" }}

[[settings]]
name = "ward"
class = "inpatient"
capacity = {capacity}
stay = {{ distribution = "exponential", mean = 5.0 }}
routes = [{{ to = "home" }}]
"""


@pytest.mark.parametrize(
    ("capacity", "strategy", "regions", "refused"),
    [
        ("40", "", 2, True),
        ('"unlimited"', "[strategies.capacity]\nward = 30", 2, True),
        ('"unlimited"', "", 2, False),
        ("40", "", 1, False),
    ],
)
def test_regions_of_a_network_for_no_number_of_people_are_refused(
    changed, experiment_file, capacity, strategy, regions, refused
):
    """Two catchments with all 40 beds each would have 80; where nobody competes, the people can be divided freely."""
    network = experiment_file.with_name("network.toml")
    network.write_text(UNSCALED.format(capacity=capacity))
    lines = experiment_file.read_text().splitlines()
    named = [f'network = "{network}"' if line.startswith("network") else line for line in lines]
    experiment_file.write_text("\n".join([*named, strategy, ""]))
    if not refused:
        assert changed(regions=regions).experiment.regions == regions
        return
    with pytest.raises(DefinitionError) as caught:
        changed(regions=regions)
    assert (caught.value.key, caught.value.value) == ("regions", 2)
    assert "'two_places' needs a reference_population" in caught.value.allowed
