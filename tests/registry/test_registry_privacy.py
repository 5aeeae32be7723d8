"""Privacy by construction: planted names, dates of birth and numbers of records turn up nowhere.

Everything goes through the command line, where a person's data come in: records, streams, genes, ids, flags, file names
of folders, good and bad. Then the registry's file (and its journal, while a write is under way), standard output and
standard error are searched for what was planted.
"""

import json
import os
import sqlite3

import pytest
from small_registry import COHORT, RECORD, registry_of, stream

from popsim.cli import main
from popsim.errors import InputError, RunError
from popsim.registry import service
from popsim.registry.database import Database
from popsim.registry.privacy import new_id, number_of, personal, personal_key, shown, shown_path
from popsim.registry.service import TwinRegistry
from popsim.registry.views import summarise
from popsim.reporting.pages.twin import write_twin_page

NAME, BORN, NUMBER, MAIL = "Quenby Canary", "1951-04-12", "9434765919", "quenby@canary.org"
PLANTED = (*NAME.lower().split(), BORN, "12/04/1951", "12041951", NUMBER, "943 476 5919", MAIL)

BAD_RECORDS = [
    f'name = "{NAME}"\n',
    f'"{NAME}" = 1\n',
    f'patient_id = "{NUMBER}"\n',
    f"date_of_birth = {BORN}\n",
    f'contact = "{MAIL}"\n',
    f'[traits]\nnote = "{NAME}"\n',
    f'[diagnoses]\n"{NAME}" = true\n',
    f'[diagnoses]\ndiabetes = "{NAME}"\n',
    f'[[measurements]]\ncode = "{NAME}"\nvalue = 1\nunit = "kg"\n',
    f'[[measurements]]\ncode = "29463-7"\nvalue = {NUMBER}\nunit = "kg"\n',
    f'[[measurements]]\ncode = "29463-7"\nvalue = 80\nunit = "{NAME}"\n',
    f'[[measurements]]\ncode = "29463-7"\nvalue = 80\nunit = "kg"\nnote = "{NAME}"\n',
    f'[medications]\n"{NAME}" = {{ dose = 1, unit = "mg/d" }}\n',
    f'[medications]\nfurosemide = "{NAME}"\n',
    f'measurements = "{NAME}"\n',
    f"{NAME} = 1\n",  # not TOML
]
BAD_LINES = [
    f"{NAME},29463-7,80,kg,observation",
    f"{BORN},29463-7,80,kg,observation",
    f"{NUMBER},29463-7,80,kg,observation",
    f"1,{NAME},80,kg,observation",
    f"1,{MAIL},80,kg,observation",
    f"1,29463-7,{NUMBER},kg,observation",
    "1,29463-7,12/04/1951,kg,observation",
    f"1,29463-7,{NAME},kg,observation",
    f"1,29463-7,80,{NAME},observation",
    f"1,29463-7,80,kg,{NAME}",
    f"1,29463-7,80,kg,observation,{NAME}",
    f'"1,{NAME}',
    f'{{"time": 1, "code": "29463-7", "value": "{NAME}", "unit": "kg"}}',
    f'{{"time": 1, "code": "29463-7", "{NAME}": 1}}',
    f'{{"time": 1, "code": "{NAME}"',
]


@pytest.fixture
def heard(capsys):
    """Everything that commands say, for the search."""
    said = []

    def run(*arguments):
        code = main(["twin", *map(str, arguments)])
        out, err = capsys.readouterr()
        said.extend((out, err))
        return code, out, err

    run.said = said
    return run


def planted_in(raw):
    text = raw.decode("latin-1").lower() if isinstance(raw, bytes) else raw.lower()
    return [word for word in PLANTED if word in text]


def refused(result):
    code, out, err = result
    assert code == 2, (out, err)
    assert out == "" and len(err.splitlines()) == 1 and err.startswith("popsim: ")
    assert "internal error" not in err
    return err


def test_planted_canaries_turn_up_nowhere(tmp_path, heard):
    folder = tmp_path / f"{NAME} {BORN}"  # folders bear names
    folder.mkdir()
    registry = tmp_path / "twins.db"
    record, bad, data = folder / "record.toml", folder / "bad.toml", folder / "data.csv"
    record.write_text(RECORD)
    common = ("--registry", registry, "--cohort", COHORT, "--members", "8")
    code, out, _ = heard("new", record, *common)
    assert code == 0
    twin = out.split()[0]
    sound = registry.read_bytes()
    for text in BAD_RECORDS:
        top_level = not text.startswith(("[", "measurements"))
        bad.write_text(text + RECORD if top_level else 'age_years = 70\nsex = "male"\n' + text)
        assert "bad.toml" in refused(heard("new", bad, *common))
    for line in BAD_LINES:
        data.write_bytes(stream("1,29463-7,80,kg,observation", line))
        assert "data.csv:3" in refused(heard("update", data, "--registry", registry, "--twin", twin))
    data.write_bytes(stream("1,29463-7,80,kg,observation", header=f"time,code,value,unit,{NAME}"))
    refused(heard("update", data, "--registry", registry, "--twin", twin))
    for suffix, text in (
        (".json", f'{{"age_years": "{NAME}"}}'),
        (".json", f'{{"{NAME}"'),
        (".toml", f'sex = "{NAME}"'),
    ):
        (folder / f"bad{suffix}").write_text(text)
        refused(heard("new", folder / f"bad{suffix}", *common))
    genes = folder / "genes.csv"
    for text in (f"gene,diplotype\n{NAME},*1/*1\n", f"gene,diplotype\nCYP2D6,{NAME}\n", f"{NAME},{BORN}\n"):
        genes.write_text(text)
        refused(heard("new", record, *common, "--genome", genes))
    for arguments in (
        ("show", NAME, "--registry", registry),
        ("show", twin, NAME, "--registry", registry),
        ("show", twin, "--registry", registry, f"--{NAME}"),
        ("show", twin, "--registry", registry, "--name", NAME),
        ("forecast", twin, "--registry", registry, "--days", NAME),
        ("compare", twin, "--registry", registry, "--options", folder / "none.toml"),
        ("new", record, "--registry", registry, "--cohort", folder / "none.toml"),
        ("compare", twin, "--registry", registry, "--budget", NUMBER + NAME),
        ("update", data, "--registry", registry, "--twin", NUMBER),
        ("update", data, "--registry", registry, "--twin", twin, "--day-zero", NAME),
        ("update", data, "--registry", registry, "--twin", twin, "--today", NAME),
        ("update", folder / f"{NUMBER}.csv", "--registry", registry, "--twin", twin),
        ("watch", folder / f"{BORN}", "--registry", registry),
        ("show", twin, "--registry", folder / MAIL),
        (NAME,),
    ):
        refused(heard(*arguments))
    for label in (NUMBER, MAIL, f"as on {BORN}"):
        (folder / "options.toml").write_text(f'[[options]]\nname = "more"\nlabel = "{label}"\n')
        refused(heard("compare", twin, "--registry", registry, "--options", folder / "options.toml"))
    assert registry.read_bytes() == sound  # nothing of all this was stored
    # Dates are taken with the date of day 0, and neither is kept.
    data.write_bytes(stream(f"{BORN}T06:00,29463-7,80,kg,observation", "1951-04-14,29463-7,80.5,kg,observation"))
    code, _, _ = heard("update", data, "--registry", registry, "--twin", twin, "--day-zero", BORN)
    assert code == 0
    heard("show", twin, "--registry", registry, "--json", "-")
    heard("audit", "--registry", registry)
    for said in heard.said:
        assert planted_in(said) == []
    assert planted_in(registry.read_bytes()) == []
    assert b"1951" not in registry.read_bytes()


def test_an_internal_error_does_not_say_what_it_was_about(tmp_path, heard, monkeypatch):
    registry, [twin] = registry_of(tmp_path)

    def broken(*_arguments, **_more):
        raise KeyError(NAME)

    monkeypatch.setattr(service.TwinRegistry, "update", broken)
    (tmp_path / "data.csv").write_bytes(stream())
    code, _, err = heard("update", tmp_path / "data.csv", "--registry", registry.database.path, "--twin", twin)
    assert code == 1
    assert err.startswith("popsim: internal error: KeyError (test_registry_privacy.py:")
    assert planted_in(err) == []


def test_errors_of_the_database_do_not_repeat_rows(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    with pytest.raises(RunError) as error, registry.database.writing() as connection:
        for _ in range(2):
            connection.execute(
                service.twins.insert(), {"twin": NAME, "seed": 1, "cohort": "", "physiology": "", "members": 2}
            )
    assert planted_in(str(error.value)) == []
    assert twin not in str(error.value)


def test_only_the_owner_can_read_the_files(tmp_path):
    old = os.umask(0)
    try:
        registry, _ = registry_of(tmp_path)
        with registry.database.writing() as connection:
            connection.exec_driver_sql("UPDATE ensembles SET day = day + 1")
            files = list(tmp_path.glob("twins.db*"))
            assert len(files) == 2  # the journal lies beside the file while a write is under way
            assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    finally:
        os.umask(old)
    registry.database.path.chmod(0o644)
    with pytest.raises(InputError, match="other people may read it"):
        TwinRegistry(registry.database.path)


@pytest.mark.slow
def test_no_link_is_followed(tmp_path, heard):
    registry, [twin] = registry_of(tmp_path)
    path = registry.database.path
    other = tmp_path / "other.txt"
    other.write_text("somebody else's")
    for kind in ("html", "png"):
        page = tmp_path / f"page.{kind}"
        page.symlink_to(other)
        assert f"--out page.{kind}: is a link" in refused(heard("show", twin, "--registry", path, "--out", page))
        page.unlink()
        page.symlink_to(tmp_path / "nowhere")
        assert "is a link" in refused(heard("show", twin, "--registry", path, "--out", page))
        page.unlink()
        page.mkdir()
        assert "not a file" in refused(heard("show", twin, "--registry", path, "--out", page))
    assert other.read_text() == "somebody else's" and not (tmp_path / "nowhere").exists()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for create in (False, True):
        with pytest.raises(InputError, match=r"link.db: is a link; name the file itself"):
            TwinRegistry(link, create=create)
    assert not list(tmp_path.glob(".popsim-*"))


@pytest.mark.parametrize("umask", [0o000, 0o277, 0o777])
def test_files_are_their_owners_whatever_the_umask(tmp_path, umask):
    page = tmp_path / "page.html"
    page.touch(mode=0o666)
    registry, [twin] = registry_of(tmp_path)
    summary = summarise(registry, twin)
    old = os.umask(umask)
    try:
        new = Database(tmp_path / "new.db", create=True).path
        write_twin_page(summary, page)
    finally:
        os.umask(old)
    assert {one.stat().st_mode & 0o777 for one in (new, page)} == {0o600}
    assert page.read_bytes().startswith(b"<!DO")


def test_forgetting_leaves_the_random_id_in_the_audit_log_and_nothing_else(tmp_path):
    registry, (twin, other) = registry_of(tmp_path, twins=2)
    registry.update(
        stream("1,29463-7,87.654321,kg,observation", "2,furosemide,77.125,mg/d,medication"), "a.csv", twin=twin
    )
    registry.update(stream("1,29463-7,77,kg,observation"), "a.csv", twin=other)
    _, belief = registry.belief(twin)
    weights = belief.ensemble.of("weight_kg")[0].tobytes()
    assert weights in registry.database.path.read_bytes()
    kept = registry.belief(other)[1].ensemble.to_bytes()
    registry.forget(twin)
    raw = registry.database.path.read_bytes()
    assert weights not in raw
    with sqlite3.connect(registry.database.path) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        holding = {table for table in tables for row in file.execute(f"SELECT * FROM {table}") if twin in map(str, row)}
        assert holding == {"audit"}
        actions = file.execute("SELECT action FROM audit WHERE twin = ? ORDER BY number", (twin,)).fetchall()
    assert actions == [("new",), ("update",), ("forget",)]
    assert raw.count(twin.encode()) == 3
    assert len(registry.database.check()) == 5
    assert registry.belief(other)[1].ensemble.to_bytes() == kept
    assert list(tmp_path.glob("twins.db-*")) == []


def test_ids_are_random_and_key_luck_of_their_own():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert len({number_of(twin) for twin in ids}) == 1000
    assert all(0 <= number_of(twin) < 2**40 for twin in ids)
    assert (number_of("00000000"), number_of("00000010"), number_of("zzzzzzzz")) == (0, 32, 2**40 - 1)


@pytest.mark.parametrize(
    ("value", "repeated"),
    [("812", "812"), (80.5, "80.5"), ("29463-7", "29463-7"), (NUMBER, None), (int(NUMBER), None), (BORN, None),
     (NAME, None), ("120451", None), (MAIL, None), (None, None), ([NAME], None), (True, "True")],
)  # fmt: skip
def test_errors_repeat_only_what_cannot_be_personal(value, repeated):
    assert shown(value) == repeated


def test_what_looks_personal_is_found():
    assert all(personal(text) for text in (MAIL, BORN, "12/04/1951", "12 April 1951".replace(" ", "-"), "943 476 5919"))
    assert not any(personal(text) for text in ("record", "abcd1234", "twin-3", "2026"))
    found = ("name", "first_name", "firstName", "DOB", "date_of_birth", "nhs_number", "e-mail", "postcode", "mrn")
    assert all(personal_key(key) for key in found)
    assert not any(personal_key(key) for key in ("age_years", "sex", "traits", "genotype", "measurements"))
    assert shown_path(f"/home/{NAME}/data.csv") == "data.csv"
    assert shown_path(f"/home/x/{NUMBER}.csv") == "(a file).csv"


@pytest.mark.slow
def test_the_notice_is_on_everything(tmp_path, heard):
    registry, [twin] = registry_of(tmp_path)
    path = registry.database.path
    (tmp_path / "data.csv").write_bytes(stream("1,29463-7,80,kg,observation"))
    commands = [
        ("update", tmp_path / "data.csv", "--twin", twin),
        ("show", twin),
        ("forecast", twin, "--days", "7"),
        ("compare", twin, "--days", "5"),
        ("explain", twin),
        ("audit",),
        ("watch", tmp_path, "--once", "--twin", twin),
    ]
    for command in commands:
        code, out, err = heard(*command, "--registry", path)
        assert code == 0, err
        assert "For research, not for care." in out, command
        if command[0] != "watch":
            _, out, _ = heard(*command, "--registry", path, "--json", "-")
            assert json.loads(out)["notice"] == "For research, not for care."
    code, out, _ = heard("forget", twin, "--registry", path)
    assert "For research, not for care." in out
