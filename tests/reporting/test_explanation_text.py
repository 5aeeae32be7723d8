"""Which people `popsim explain` lists."""

import polars as pl

from popsim.reporting.text.explanation import MAX_LISTED, most_different_text


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
