"""popsim score as a user meets it."""

import pytest
from flagship import AS_DESCRIBED

from popsim.cli import main

FILE = str(AS_DESCRIBED)
SMALL = ["--population", "120", "--enrolment-days", "28", "--weeks", "2", "--days", "14", "--members", "8"]


@pytest.mark.slow
def test_forecasts_are_judged_and_drawn(tmp_path, capsys):
    picture = tmp_path / "calibration.png"
    assert main(["score", FILE, *SMALL, "--plot", str(picture)]) == 0
    out = capsys.readouterr().out
    for words in ("Seeks acute care for heart failure within 14 days", "Twin", "MAGGIC", "NT-proBNP", "not for care"):
        assert words in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_refused_first(tmp_path, capsys):
    assert main(["score", FILE, "--plot", str(tmp_path / "no" / "calibration.png")]) == 2
    assert "must be the path of a .png file in a folder that exists" in capsys.readouterr().err
