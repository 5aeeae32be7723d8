"""Encryption at rest: what is stored, who can read it, and what a damaged file says."""

import os
from pathlib import Path

import pytest
from small_registry import COHORT, MEMBERS, WEEK, person, registry_of, state, stream

from popsim.cli import main
from popsim.errors import InputError, RunError
from popsim.population.cohort import CohortSource
from popsim.registry import encryption
from popsim.registry.encryption import HEADER_BYTES, SEGMENT, TAG, decrypt, encrypt, key_from_environment, new_key
from popsim.registry.service import TwinRegistry

KEY = bytes(range(32))


@pytest.fixture
def key_file(tmp_path, monkeypatch):
    """A key in the environment, by its file."""
    path = tmp_path / "registry.key"
    assert main(["twin", "key", str(path)]) == 0
    monkeypatch.setenv(encryption.KEY_FILE, str(path))
    return path


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 17])
def test_what_is_encrypted_is_read_again(size):
    content = os.urandom(size)
    one, other = encrypt(content, KEY), encrypt(content, KEY)
    assert decrypt(one, KEY, "a") == decrypt(other, KEY, "a") == content
    assert one != other and (size < 16 or content[:16] not in one)
    segments = max(-(-size // SEGMENT), 1)
    assert len(one) == HEADER_BYTES + size + TAG * segments


def test_damage_and_other_keys_are_told_apart():
    sealed = encrypt(os.urandom(2 * SEGMENT + 5), KEY)
    first, second = (
        slice(HEADER_BYTES + k * (SEGMENT + TAG), HEADER_BYTES + (k + 1) * (SEGMENT + TAG)) for k in (0, 1)
    )
    damaged = [
        sealed[:-1], sealed[: first.stop], sealed[:HEADER_BYTES], sealed[:20], sealed + b"\0",
        sealed[: first.start] + sealed[second] + sealed[first] + sealed[second.stop :],
        sealed[:-30] + bytes([sealed[-30] ^ 1]) + sealed[-29:],
    ]  # fmt: skip
    for content in damaged:
        with pytest.raises(RunError, match=r"^twins\.db: damaged$"):
            decrypt(content, KEY, "twins.db")
    with pytest.raises(InputError, match=r"^twins\.db: the key is not that of this registry$"):
        decrypt(sealed, bytes(32), "twins.db")


def test_an_encrypted_registry_works_as_any_other(tmp_path, key_file):
    plain_folder = tmp_path / "plain"
    plain_folder.mkdir()
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    [twin] = registry.new([person(tmp_path)], CohortSource.read(COHORT), members=MEMBERS, ids=["test0000"])
    registry.update(stream(*WEEK), "a.csv", twin=twin)
    raw = registry.database.path.read_bytes()
    assert registry.database.encrypted and b"test0000" not in raw and b"29463-7" not in raw and b"SQLite" not in raw
    assert registry.database.path.stat().st_mode & 0o777 == 0o600
    assert [entry.action for entry in registry.database.check()] == ["new", "update"]
    assert sorted(path.name for path in tmp_path.glob("twins*")) == ["twins.db", "twins.db.lock"]

    os.environ.pop(encryption.KEY_FILE)
    other, [same] = registry_of(plain_folder)
    other.update(stream(*WEEK), "a.csv", twin=same)
    assert state(registry, twin) == state(other, same)  # the same bits as without encryption


def test_the_key_comes_from_the_environment_alone(tmp_path, key_file, monkeypatch, capsys):
    path = tmp_path / "twins.db"
    TwinRegistry(path, create=True)
    show = ["twin", "audit", "--registry", str(path)]
    assert main(show) == 0
    capsys.readouterr()

    def said() -> str:
        assert main(show) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and str(tmp_path) not in err
        return err

    key_file.chmod(0o644)
    assert "POPSIM_REGISTRY_KEY_FILE registry.key: other people may read it: chmod 600 it first" in said()
    key_file.chmod(0o600)
    monkeypatch.setenv(encryption.KEY, new_key())
    assert "POPSIM_REGISTRY_KEY and POPSIM_REGISTRY_KEY_FILE are both set" in said()
    monkeypatch.delenv(encryption.KEY_FILE)
    assert said() == "popsim: --registry twins.db: the key is not that of this registry\n"
    monkeypatch.setenv(encryption.KEY, "a password")
    assert said() == f"popsim: POPSIM_REGISTRY_KEY: {encryption.FORM}\n"
    monkeypatch.delenv(encryption.KEY)
    assert "is encrypted; give its key by POPSIM_REGISTRY_KEY_FILE or POPSIM_REGISTRY_KEY" in said()
    monkeypatch.setenv(encryption.KEY, key_file.read_text())
    assert main(show) == 0
    assert main(["twin", "key", str(key_file)]) == 2  # never overwritten


def test_a_registry_is_encrypted_in_its_place_and_back(tmp_path, capsys, monkeypatch):
    registry, [twin] = registry_of(tmp_path)
    registry.update(stream(*WEEK), "a.csv", twin=twin)
    path, before = registry.database.path, state(registry, twin)
    where = ["--registry", str(path)]
    assert main(["twin", "encrypt", *where]) == 2
    assert "needs a key; give it by POPSIM_REGISTRY_KEY_FILE or POPSIM_REGISTRY_KEY" in capsys.readouterr().err
    monkeypatch.setenv(encryption.KEY, new_key())
    assert main(["twin", "show", twin, *where]) == 2
    assert "is not encrypted, but a key is given; 'popsim twin encrypt' encrypts it" in capsys.readouterr().err
    assert main(["twin", "encrypt", *where]) == 0 and twin.encode() not in path.read_bytes()
    assert state(TwinRegistry(path), twin) == before
    assert main(["twin", "encrypt", *where]) == 2 and "is encrypted already" in capsys.readouterr().err
    assert main(["twin", "decrypt", *where]) == 0 and path.read_bytes().startswith(b"SQLite format 3")
    monkeypatch.delenv(encryption.KEY)
    opened = TwinRegistry(path)
    assert state(opened, twin) == before
    assert [entry.action for entry in opened.database.check()] == ["new", "update", "encrypt", "decrypt"]


def test_an_update_that_fails_leaves_the_encrypted_file_as_it_was(tmp_path, key_file):
    registry = TwinRegistry(tmp_path / "twins.db", create=True)
    before = registry.database.path.read_bytes()
    with pytest.raises(InputError, match="there is none of this id"):
        registry.update(stream(*WEEK), "a.csv", twin="test0000")
    assert registry.database.path.read_bytes() == before


def test_keys_of_other_forms_are_refused(tmp_path):
    assert key_from_environment({}) is None
    assert len(key_from_environment({encryption.KEY: new_key()}) or b"") == 32
    for text in ("x", "ü" * 44, "A" * 40, "A" * 88):
        with pytest.raises(InputError, match="must be 32 random bytes in base64"):
            key_from_environment({encryption.KEY: text})
    with pytest.raises(InputError, match=r"POPSIM_REGISTRY_KEY_FILE none\.key: No such file"):
        key_from_environment({encryption.KEY_FILE: str(tmp_path / "none.key")})
    with pytest.raises(InputError, match="is not a file"):
        key_from_environment({encryption.KEY_FILE: str(Path(tmp_path))})
