"""Updates of twins: absorbed or refused, all or nothing, the same bits alone and among others."""

import sqlite3

import numpy as np
import pytest
from small_registry import COHORT, HEADER, MEMBERS, RECORD, WEEK, person, registry_of, state, stream

from popsim.errors import DefinitionError, InputError, RunError
from popsim.evidence.sets import SHIPPED
from popsim.population.cohort import CohortSource
from popsim.registry.advice import last_seen
from popsim.registry.packing import pack
from popsim.registry.record import Person
from popsim.registry.service import TwinRegistry
from popsim.registry.stream import Calendar
from popsim.registry.views import summarise
from popsim.registry.vocabulary import vocabulary_of


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A registry with one twin after a week of readings; only read."""
    registry, [twin] = registry_of(tmp_path_factory.mktemp("week"))
    report = registry.update(stream(*WEEK), "week.csv", twin=twin)
    return registry, twin, report


def copy_of(registry, folder):
    """An independent copy of a registry, with SQLite's own means."""
    path = folder / "copy.db"
    with sqlite3.connect(registry.database.path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    path.chmod(0o600)
    return TwinRegistry(path)


def test_a_week_is_taken_in(week):
    registry, twin, report = week
    assert report.days == {twin: 7}
    assert (report.taken, report.known, report.unused, report.unfinished) == (21, 0, 0, False)
    _, belief = registry.belief(twin)
    assert belief.day == 7
    # Seven readings of a scale that errs by 0.4 kg a day and 0.5 kg lastingly: the mean is within 3 x 0.65 kg.
    assert belief.ensemble.mean("weight_kg")[0] == pytest.approx(81.0 + 0.3 * 7, abs=2.0)
    np.testing.assert_array_equal(belief.ensemble.of("loop_diuretic_mg_day"), 40.0)
    assert len(registry.database.check()) == 2  # lines of the audit log: new, update


def test_a_file_that_comes_again_changes_nothing(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    before = state(registry, twin)
    again = registry.update(stream(*WEEK, *WEEK[:5]), "week.csv", twin=twin)
    assert (again.taken, again.known) == (0, len(WEEK) + 5)
    assert state(registry, twin) == before
    assert len(registry.database.check()) == 2


def test_what_grows_is_read_from_where_it_ended(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    cut = stream(*WEEK, "8.3,29463-7,84,kg,observation")[:-20]
    report = registry.update(cut, "week.csv", twin=twin)
    assert (report.taken, report.known, report.unfinished) == (0, len(WEEK), True)
    whole = registry.update(stream(*WEEK, "8.3,29463-7,84,kg,observation"), "week.csv", twin=twin)
    assert (whole.taken, whole.days[twin]) == (1, 8)


def test_lines_out_of_order_are_the_same_update(tmp_path):
    registry, ids = registry_of(tmp_path, twins=1)
    [twin] = ids
    shuffled = copy_of(registry, tmp_path)
    registry.update(stream(*WEEK), "a.csv", twin=twin)
    shuffled.update(stream(*reversed(WEEK)), "b.csv", twin=twin)
    assert state(registry, twin) == state(shuffled, twin)


def test_late_readings_count_within_the_memory_and_are_kept_unused_beyond(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    registry.update(stream("12,29463-7,83.5,kg,observation"), "a.csv", twin=twin)
    _, before = registry.belief(twin)
    report = registry.update(
        stream("10.4,2823-3,5.9,mmol/L,observation", "4.4,2823-3,5.9,mmol/L,observation"), "lab.csv", twin=twin
    )
    assert (report.taken, report.unused, report.days[twin]) == (1, 1, 12)
    _, after = registry.belief(twin)
    assert after.ensemble.mean("potassium_mmol_l")[0] > before.ensemble.mean("potassium_mmol_l")[0]
    with sqlite3.connect(registry.database.path) as file:
        used = dict(file.execute("SELECT time, used FROM observations WHERE code = '2823-3'").fetchall())
    assert used == {10.4: 1, 4.4: 0}


def test_a_late_dose_counts_from_now_unless_a_newer_one_is_known(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    registry.update(stream("9,furosemide,80,mg/d,medication"), "a.csv", twin=twin)
    report = registry.update(
        stream("8,furosemide,20,mg/d,medication", "8,spironolactone,25,mg/d,medication", "8,infection,,,event"),
        "b.csv",
        twin=twin,
    )
    assert (report.taken, report.unused) == (1, 2)
    _, belief = registry.belief(twin)
    np.testing.assert_array_equal(belief.ensemble.of("loop_diuretic_mg_day"), 80.0)
    np.testing.assert_array_equal(belief.ensemble.of("mra_fraction"), 1.0)


def test_stays_and_death_are_known(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    registry.update(stream("8,infection,,,event", "8.1,admitted,,,event"), "a.csv", twin=twin)
    _, belief = registry.belief(twin)
    np.testing.assert_array_equal(belief.ensemble.of("care_level"), 3)
    assert belief.ensemble.mean("infection_severity")[0] > 0.2  # whoever comes with an infection has one
    registry.update(stream("10,discharged,,,event"), "a.csv", twin=twin)
    _, belief = registry.belief(twin)
    np.testing.assert_array_equal(belief.ensemble.of("care_level"), 0)
    np.testing.assert_array_equal(belief.ensemble.of("last_review_day"), 10.0)
    registry.update(stream("11,died,,,event"), "a.csv", twin=twin)
    _, belief = registry.belief(twin)
    np.testing.assert_array_equal(belief.ensemble.of("alive"), 0)


def test_the_class_of_symptoms_is_taken_in(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    _, before = registry.belief(twin)
    registry.update(stream("7,88020-3,4,1,observation", "7.2,88020-3,4,1,observation"), "a.csv", twin=twin)
    _, after = registry.belief(twin)
    assert after.ensemble.mean("symptom_score")[0] > before.ensemble.mean("symptom_score")[0] + 0.5
    assert summarise(registry, twin).events == ((7, "NYHA class 4"), (7, "NYHA class 4"))


def test_a_creatinine_is_read_as_filtration(week, tmp_path):
    original, twin, _ = week
    as_creatinine, as_filtration = copy_of(original, tmp_path), None
    (tmp_path / "other").mkdir()
    as_filtration = copy_of(original, tmp_path / "other")
    # CKD-EPI 2021 of a woman of 74 with 1.4 mg/dL: 142 x (1.4 / 0.7)^-1.2 x 0.9938^74 x 1.012.
    gfr = 142 * 2**-1.2 * 0.9938**74 * 1.012
    as_creatinine.update(stream("8,2160-0,1.4,mg/dL,observation"), "a.csv", twin=twin)
    as_filtration.update(stream(f"8,98979-8,{gfr:.9g},mL/min/{{1.73_m2}},observation"), "a.csv", twin=twin)
    means = [one.belief(twin)[1].ensemble.mean("gfr_ml_min")[0] for one in (as_creatinine, as_filtration)]
    assert means[0] == pytest.approx(means[1], rel=1e-6)
    [shown] = [one for one in summarise(as_creatinine, twin).signals if one.name == "gfr_ml_min"]
    [reading] = shown.readings
    assert (reading.time, reading.used, reading.source) == (8.0, True, "creatinine")
    assert reading.value == pytest.approx(gfr, rel=1e-6)
    assert reading.in_words() == f"{gfr:.4g} on day 8, from creatinine"
    with as_creatinine.database.reading() as connection:
        _, belief = as_creatinine.belief(twin)
        seen = last_seen(connection, twin, vocabulary_of(SHIPPED), belief.ensemble, SHIPPED)
    assert seen["gfr_ml_min"][0] == pytest.approx(gfr, rel=1e-6)  # and rules of prescribing go by it


def test_one_bad_line_refuses_the_whole_file(week):
    registry, twin, _ = week
    before, file = state(registry, twin), registry.database.path.read_bytes()
    with pytest.raises(DefinitionError, match=r"a.csv:3: value"):
        registry.update(stream("8,29463-7,80,kg,observation", "9,29463-7,800,kg,observation"), "a.csv", twin=twin)
    assert state(registry, twin) == before
    assert registry.database.path.read_bytes() == file


def test_a_twin_lives_on_to_today(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    report = registry.update(stream(), "a.csv", twin=twin, calendar=Calendar(today=9))
    assert report.days == {twin: 9}
    assert registry.update(stream(), "a.csv", twin=twin, calendar=Calendar(today=3)).days == {twin: 9}
    with pytest.raises(DefinitionError, match=r"future; must be at most day 9$"):
        registry.update(stream("10,29463-7,80,kg,observation"), "a.csv", twin=twin, calendar=Calendar(today=9))


@pytest.mark.parametrize("record", [RECORD, 'age_years = 70\nsex = "male"\n'], ids=["doses known", "unknown"])
def test_a_twin_among_others_has_the_bits_that_it_has_alone(tmp_path, record):
    registry, ids = registry_of(tmp_path, twins=3, record=record)
    alone = copy_of(registry, tmp_path)
    header = f"{HEADER},twin"
    lines = [f"{line},{twin}" for place, twin in enumerate(ids) for line in WEEK[place:]]
    lines += [f"3,infection,,,event,{ids[1]}", f"7,88020-3,2,1,observation,{ids[2]}"]
    lines += [f"5,furosemide,80,mg/d,medication,{ids[0]}", f"7.5,29463-7,84,kg,observation,{ids[0]}"]
    lines += [f"7,admitted,,,event,{ids[2]}", f"7,heart_failure,,,event,{ids[2]}"]
    more = [f"7.9,29463-7,82,kg,observation,{twin}" for twin in ids] + [f"7.9,infection,,,event,{ids[0]}"]
    for part in (lines, more):
        together = registry.update(stream(*part, header=header), "all.csv")
        assert together.days == dict.fromkeys(ids, 7)
        for twin in ids:
            mine = [line for line in part if line.endswith(twin)]
            alone.update(stream(*mine, header=header), "one.csv")
            assert state(alone, twin) == state(registry, twin)


def test_an_unknown_twin_is_refused(week):
    registry, _, _ = week
    for action in (registry.forget, registry.belief, lambda twin: registry.update(stream(), "a.csv", twin=twin)):
        with pytest.raises(InputError, match="none of this id"):
            action("zzzzzzzz")


def test_persons_of_whom_different_things_are_known_are_made_together(tmp_path):
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    common = {"age_years": 70.0, "female": 0.0}
    persons = [Person(common | {"diabetes": 1.0}, ()), Person(common | {"loop_diuretic_mg_day": 80.0}, ())]
    first, second = registry.new(persons, CohortSource.read(COHORT), members=MEMBERS)
    of = {twin: registry.belief(twin)[1].ensemble.of for twin in (first, second)}
    assert (of[first]("diabetes") == 1).all()
    assert len(np.unique(of[first]("loop_diuretic_mg_day"))) > 1
    assert (of[second]("loop_diuretic_mg_day") == 80.0).all()
    assert 0 < of[second]("diabetes").mean() < 1


def test_what_members_agree_in_by_chance_is_not_called_known(tmp_path):
    registry, [twin] = registry_of(tmp_path, record='age_years = 70\nsex = "male"\n[diagnoses]\nckd = false\n')
    with registry.database.writing() as connection:
        belief = registry.belief(twin)[1]
        for name in ("diabetes", "mra_fraction"):
            belief.ensemble.people[name] = 1
        [state_] = pack(registry.standings(connection)[twin].kind.layout, belief.ensemble)
        connection.exec_driver_sql("UPDATE ensembles SET state = ?", (state_,))
    assert summarise(registry, twin).known == {"Age at the start": "70 years", "Sex": "male", "CKD": "no"}
    registry.update(stream("1,furosemide,80,mg/d,medication"), "a.csv", twin=twin)
    assert summarise(registry, twin).known["Furosemide"] == "80 mg/d"


def test_the_audit_log_only_grows_and_shows_what_was_altered(week, tmp_path):
    original, twin, _ = week
    registry = copy_of(original, tmp_path)
    with sqlite3.connect(registry.database.path) as file:
        for statement in ("UPDATE audit SET action = 'new'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                file.execute(statement)
        file.execute("UPDATE ensembles SET state = zeroblob(length(state))")
    with pytest.raises(RunError, match=f"twin {twin} is not as the audit log says"):
        registry.database.check()
    with sqlite3.connect(registry.database.path) as file:
        file.execute("DROP TRIGGER audit_no_update")
        file.execute("UPDATE audit SET action = 'compare' WHERE number = 2")
    with pytest.raises(RunError, match="line 2 of the audit log"):
        registry.database.check()


def test_a_record_without_readings_makes_a_twin(tmp_path):
    made = person(tmp_path, 'age_years = 60\nsex = "male"\n')
    assert made == Person({"age_years": 60.0, "female": 0.0}, ())
