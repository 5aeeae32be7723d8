"""Which people `popsim explain` lists."""

import polars as pl
import pytest
from flagship import AS_DESCRIBED

from popsim.cli import main
from popsim.reporting import figures
from popsim.reporting.text.explanation import MAX_LISTED, most_different_text
from popsim.runs.run import StoredRun


def test_only_people_whose_qalys_differ_are_listed(run):
    persons = run.table("persons").filter(pl.col("replication") == 0).collect()
    qalys = persons.pivot("strategy", index="person_id", values="qaly")
    gains = qalys.select("person_id", gain=pl.col("telemonitoring") - pl.col("usual_care")).filter(pl.col("gain") != 0)
    head, _, *rows = most_different_text(run, "telemonitoring", "usual_care").splitlines()
    assert f"differ in {len(gains)} of 300 people" in head and len(rows) == min(len(gains), MAX_LISTED)
    assert abs(float(rows[0].split()[1]) - gains.sort(pl.col("gain").abs())["gain"][-1]) <= 0.0005


def test_nobody_differs_under_one_strategy(run):
    same = most_different_text(run, "usual_care", "usual_care")
    assert same == "Usual care against Usual care: nobody's QALYs differ"


@pytest.mark.slow
def test_people_are_those_of_the_first_draw(tmp_path):
    """Every draw has people with the same numbers."""
    flags = ["--population", "40", "--draws", "2", "--replications", "1", "--days", "40", "--enrolment-days", "0"]
    assert main(["run", str(AS_DESCRIBED), *flags, "--workers", "1", "--quiet", "--out", str(tmp_path)]) == 0
    run = StoredRun.open(tmp_path / "heart_failure_discharge")
    first = run.rows_of("persons", "telemonitoring")
    assert len(first) == 40 and set(first["draw"]) == {1}
    head, *_ = most_different_text(run, "telemonitoring", "usual_care").splitlines()
    assert "of 40 people" in head
    most = first.sort("admissions", "person_id", descending=[True, False])["person_id"][0]
    assert f"Person {most}," in "".join(
        text.get_text() for text in figures.twin_trajectory(run, strategy="telemonitoring").texts
    )
