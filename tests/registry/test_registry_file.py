"""The registry's file: what is none is refused in one line, and two commands at once wait for one another."""

import csv
import sqlite3
import threading

import pytest
from small_registry import COHORT, person, registry_of, state, stream

from popsim.errors import DefinitionError, InputError, RunError
from popsim.evidence.sets import SHIPPED
from popsim.population.cohort import CohortSource
from popsim.population.genome import CODES
from popsim.registry import database
from popsim.registry.database import Database
from popsim.registry.record import read_genome, read_record
from popsim.registry.service import TwinRegistry
from popsim.registry.vocabulary import vocabulary_of


def test_what_is_no_registry_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"twins.db: No such file"):
        Database(tmp_path / "twins.db")
    with pytest.raises(InputError, match="not a file"):
        Database(tmp_path)
    with pytest.raises(InputError, match="cannot be made"):
        Database(tmp_path / "no" / "such" / "folder.db", create=True)
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to look like one" * 20)
    text.chmod(0o600)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE things (thing)")
    other.chmod(0o600)
    for path in (text, other):
        for create in (False, True):
            with pytest.raises(InputError, match="not a registry of twins"):
                Database(path, create=create)


def test_an_empty_file_that_a_killed_command_left_becomes_a_registry(tmp_path):
    path = tmp_path / "twins.db"
    path.touch(mode=0o600)
    with pytest.raises(InputError, match="not a registry of twins"):
        Database(path)
    assert len(Database(path, create=True).check()) == 0


def test_a_registry_of_another_version_is_refused(tmp_path):
    registry, _ = registry_of(tmp_path)
    path = registry.database.path
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="not a registry of twins of this version"):
        Database(path)


def test_a_belief_of_other_columns_is_refused(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    with registry.database.writing() as connection:
        connection.exec_driver_sql("UPDATE ensembles SET layout = 'older'")
    with pytest.raises(InputError, match="other columns"):
        registry.belief(twin)


def test_a_second_command_waits_and_gives_up_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    registry, [twin] = registry_of(tmp_path)
    other = TwinRegistry(registry.database.path)
    with registry.database.writing(), pytest.raises(RunError, match="in use by another command"):
        other.update(stream("1,29463-7,80,kg,observation"), "a.csv", twin=twin)


def test_updates_at_once_are_one_after_the_other(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    lines = [f"1.{k},29463-7,{80 + k},kg,observation" for k in range(6)]

    def update(line):
        TwinRegistry(registry.database.path).update(stream(line), "a.csv", twin=twin)

    threads = [threading.Thread(target=update, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.database.check()) == 1 + len(lines)
    assert state(registry, twin)[0] == 1
    assert registry.update(stream(*lines), "a.csv", twin=twin).known == len(lines)


@pytest.mark.parametrize(("members", "seed", "said"), [(1, 1, "members = 1"), (8, -1, "seed"), (8, 2**32, "seed")])
def test_impossible_numbers_are_refused(tmp_path, members, seed, said):
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    with pytest.raises(InputError, match=said):
        registry.new([person(tmp_path)], CohortSource.read(COHORT), members=members, seed=seed)
    assert len(registry.database.check()) == 0


MAN = 'age_years = 70\nsex = "male"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('sex = "male"\n', "record.toml: age_years: missing"),
        ('age_years = 17\nsex = "male"\n', "record.toml: age_years = '17': must be between 18 and 115 a"),
        ('age_years = "old"\nsex = "male"\n', "record.toml: age_years: must be a number"),
        ('age_years = 70\nsex = "m"\n', "record.toml: sex: allowed: male, female"),
        (MAN + '[diagnoses]\ndiabetis = true\n', "record.toml:4: diagnoses.(key): unknown key, did"),
        (MAN + '[diagnoses]\ndiabetes = 1\n', "record.toml: diagnoses.diabetes = '1': must be true"),
        (MAN + '[traits]\nfrailty = 0.5\n', "record.toml:4: traits.(key): unknown key"),
        (MAN + '[traits]\nethnicity = 1.5\n', "record.toml: traits.ethnicity: must be a whole"),
        (MAN + 'measurements = 5\n', "record.toml: measurements: must be a list"),
        ("age_years = 70\nsex = ", "record.toml:2: file: not valid TOML"),
        (
            MAN + '[medications]\nbisoprolol = { dose = 5, unit = "mg/d" }\n'
            'metoprolol = { dose = 50, unit = "mg/d" }\n',
            "record.toml: medications.metoprolol: a second drug of the same class",
        ),
        (
            MAN + '[medications]\nbisoprolol = { dose = 5, unit = "mL" }\n',
            "record.toml: medications.bisoprolol.unit: allowed: mg/d",
        ),
        (MAN + "[[measurements]]\ncode = '29463-7'\nvalue = 1" + "0" * 400 + "\nunit = 'kg'\n",
         "record.toml: measurements.0.value: must be between 20 and 275 kg"),
        (MAN + "[[measurements]]\ncode = '29463-7'\nvalue = 0x" + "f" * 5000 + "\nunit = 'kg'\n",
         "record.toml: measurements.0.value: must be between 20 and 275 kg"),
        (MAN + "[[measurements]]\ncode = '29463-7'\nvalue = 1" + "0" * 5000 + "\nunit = 'kg'\n",
         "record.toml:6: file: not valid TOML"),
        ("age_years = 1" + "0" * 400 + "\nsex = 'male'\n", "record.toml: age_years: must be between 18 and 115 a"),
        (MAN + "[[measurements]]\ncode = '29463-7'\nvalue = inf\nunit = 'kg'\n",
         "record.toml: measurements.0.value = 'inf': must be between 20 and 275 kg"),
        (MAN + "[[measurements]]\ncode = '88020-3'\nvalue = 2.5\nunit = '1'\n",
         "record.toml: measurements.0.value = '2.5': must be a whole number between 1 and 4"),
        (MAN + "measurements = [{code='29463-7', value=80, unit='kg'}, {code='29463-7', value=90, unit='kg'}]\n",
         "record.toml: measurements.1.code = '29463-7': is there twice"),
        ("age_years = 70\nsex = ['male']\n", "record.toml: sex: allowed: male, female"),
        (MAN + "x" + ".x" * 40_000 + " = 1\n", "record.toml:3: file: nested too deeply"),
        (MAN + "x = " + "[" * 20_000 + "\n", "record.toml: file: nested too deeply"),
        (MAN + "traits = { " + "a = 1, " * 200_000, "record.toml: larger than 256 KiB"),
        (MAN + "sex = 'male'\n", "record.toml:3: file: not valid TOML"),
        (MAN + "\0\n", "record.toml:3: holds a NUL character"),
    ],
)  # fmt: skip
def test_a_bad_record_is_refused(tmp_path, text, said):
    path = tmp_path / "record.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_record(path, vocabulary_of(SHIPPED))
    assert str(error.value).startswith(said)
    said_of_it, _, _ = str(error.value).partition("allowed: ")  # then come popsim's own names
    assert "\n" not in str(error.value) and len(said_of_it) < 300


@pytest.mark.parametrize(("end", "encoding"), [("\r\n", "utf-8"), ("\r", "utf-8"), ("\n", "utf-8-sig")])
def test_a_record_may_come_from_any_editor(tmp_path, end, encoding):
    (tmp_path / "record.toml").write_bytes(MAN.replace("\n", end).encode(encoding))
    assert read_record(tmp_path / "record.toml", vocabulary_of(SHIPPED)).known["age_years"] == 70.0
    (tmp_path / "record.toml").write_bytes(MAN.encode("utf-16"))
    with pytest.raises(InputError, match=r"record.toml:1: not UTF-8"):
        read_record(tmp_path / "record.toml", vocabulary_of(SHIPPED))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"age_years": 70, "age_years": 71, "sex": "male"}', "record.json: file: a key is there twice"),
        ('{"age_years": 1' + "0" * 5000 + "}", "record.json:1: file: not valid JSON"),
        ("[" * 100_000, "record.json: file: nested too deeply"),
        ("[]", "record.json:1: file: must be a table"),
        ('{"age_years": NaN, "sex": "male"}', "record.json: age_years = 'nan': must be between"),
    ],
    ids=["twice", "digits", "deep", "list", "nan"],
)
def test_a_bad_record_of_json_is_refused(tmp_path, text, said):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(DefinitionError) as error:
        read_record(tmp_path / "record.json", vocabulary_of(SHIPPED))
    assert str(error.value).startswith(said)


def test_genes_are_read_as_phenotypes(tmp_path):
    """Activity scores by CPIC: *4/*4 0, *1/*4 1.0 (intermediate), *1/*1 2.0 (normal)."""
    path = tmp_path / "genes.tsv"
    path.write_text("gene\tdiplotype\ncyp2d6\t*1/*4\nCYP2C19\t*1/*1\n")
    found = read_genome(path)
    assert found == {"cyp2d6": CODES["intermediate"], "cyp2c19": CODES["normal"], "genotype_known": 1.0}
    for text in ("CYP2D6,*4/*4\n", "Gene,Diplotype\nCYP2D6,*4|*4\n", "CYP2D6\t*4/*4", "\ufeffCYP2D6, *4/*4 \r\n\r\n"):
        path.write_text(text)
        assert read_genome(path) == {"cyp2d6": CODES["poor"], "genotype_known": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "genes.csv: header: missing"),
        ("\n \n", "genes.csv: header: missing"),
        ("gene,diplotype\n", "genes.csv: gene: there is none"),
        ("gene,diplotype\nCYP2D6,*1/*99\n", "genes.csv:2: diplotype: must be two of *1, "),
        ("CYP2D6,*04/*4\n", "genes.csv:1: diplotype: must be two of *1, "),
        ("gene,diplotype\nCYP9,*1/*1\n", "genes.csv:2: gene: "),
        ("CYP2D66,*1/*1\n", "genes.csv:1: gene: did you mean 'cyp2d6'?"),
        ("gene,diplotype\nCYP2D6,*1/*1\nCYP2D6,*1/*1\n", "genes.csv:3: gene = 'CYP2D6': is there twice"),
        ("gene,diplotype\nCYP2D6,*1/*1,x\n", "genes.csv:2: line: has 3 fields, must have 2"),
        ("gene;diplotype\n", "genes.csv:1: header: must be gene,diplotype"),
        ("gene,phenotype\nCYP2D6,poor\n", "genes.csv:1: header: must be gene,diplotype"),
        ("gene,diplotype\n" + "x" * 200_000, "genes.csv:2: line: is not CSV"),
        ('gene,diplotype\n"CYP2D6', "genes.csv:2: line: is not CSV"),
        ("gene,diplotype\nCYP2D6," + "*1/" * 30_000 + "*1\n", "genes.csv:2: diplotype: must be two of"),
        ("CYP2D6,*1\0/*1\n", "genes.csv:1: holds a NUL character"),
    ],
)
def test_bad_genes_are_refused(tmp_path, text, said):
    csv.field_size_limit(131_072)  # the default, which other libraries raise for the whole process
    (tmp_path / "genes.csv").write_text(text)
    with pytest.raises(InputError) as error:
        read_genome(tmp_path / "genes.csv")
    assert str(error.value).startswith(said)
    said_of_it, _, _ = str(error.value).partition("allowed: ")  # then come popsim's own names
    assert "\n" not in str(error.value) and len(said_of_it) < 300
    if "*04" in text:
        assert str(error.value).endswith("did you mean '*4'?")
