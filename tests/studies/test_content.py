import hashlib

import numpy as np
import polars as pl
import pytest

from popsim.studies.content import combined_hash, file_hash, frame_hash, json_hash

FRAME = pl.DataFrame(
    {
        "x": [1.0, -0.0, 3.5],
        "n": pl.Series([1, None, 3], dtype=pl.Int32),
        "who": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])),
        "text": ["one", "two", "drei"],
        "yes": [True, False, True],
    }
)


def test_the_order_of_columns_does_not_matter():
    assert frame_hash(FRAME.select(sorted(FRAME.columns, reverse=True))) == frame_hash(FRAME)


def test_chunks_do_not_matter():
    assert frame_hash(pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)) == frame_hash(FRAME)


def test_parquet_round_trip_does_not_matter(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    assert frame_hash(pl.read_parquet(tmp_path / "a.parquet")) == frame_hash(FRAME)


@pytest.mark.parametrize(
    "other",
    [
        FRAME.reverse(),
        FRAME.head(2),
        FRAME.rename({"x": "y"}),
        FRAME.with_columns(x=pl.Series([1.0, 0.0, 3.5])),  # a zero of the other sign
        FRAME.with_columns(x=pl.Series([np.nextafter(1.0, 2.0), -0.0, 3.5])),
        FRAME.with_columns(x=pl.col("x").cast(pl.Float32)),
        FRAME.with_columns(n=pl.Series([1, 0, 3], dtype=pl.Int32)),  # null is not 0
        FRAME.with_columns(who=pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b", "c"]))),
        FRAME.with_columns(text=pl.Series(["one", "tw", "odrei"])),
        FRAME.with_columns(yes=~pl.col("yes")),
    ],
)
def test_any_other_value_has_another_hash(other):
    assert frame_hash(other) != frame_hash(FRAME)


def test_empty_frames():
    assert frame_hash(FRAME.clear()) == frame_hash(FRAME.clear())
    assert frame_hash(FRAME.clear()) != frame_hash(FRAME)


def test_hashes_of_parts_do_not_depend_on_their_order():
    assert combined_hash({"a": "1", "b": "2"}) == combined_hash({"b": "2", "a": "1"}) != combined_hash({"a": "2"})


def test_json_refuses_what_has_no_one_meaning():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_hash({"a": float("nan")})


def test_file_hash_is_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert file_hash(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashlib.sha256(b"abc").hexdigest() == file_hash(tmp_path / "f")
