import re

import polars as pl
import pytest

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.cost_effectiveness import cost_effectiveness, paired_differences, strategy_means
from popsim.reporting.text.tables import comparison_table, outcome_table

LABELS = {"ward": "Cardiology ward"}
USUAL = {
    "readmission_30d": [0.240, 0.260, 0.250],
    "admissions_per_person_year": [1.5, 1.5, 1.5],
    "occupancy_mean.ward": [20.0, 22.0, 21.0],
    "wait_p95_hours.ward": [None, None, None],
    "cost_ward": [4000.0, 4200.0, 4100.0],
    "cost_total": [5000.0, 5200.0, 5100.0],
    "qalys": [0.55, 0.57, 0.56],
}


def tables(replications=3, **changes):
    """Both tables for a comparator and a strategy that differs from it by some amounts."""
    experiment = validate(
        {
            "name": "made_up", "cohort": "c.toml", "network": "n.toml", "population": 1000,
            "replications": replications, "strategies": [{"name": "usual"}, {"name": "other", "label": "Other care"}],
        },
        ExperimentDefinition, "test",
    )  # fmt: skip
    measures = pl.DataFrame(
        [
            {
                "strategy": strategy,
                "draw": 0,
                "replication": r,
                "measure": name,
                "value": None if v is None else v + shift,
            }
            for strategy in ("usual", "other")
            for name, series in USUAL.items()
            for r, v in enumerate(series[:replications])
            for shift in [changes.get(name, 0.0) if strategy == "other" else 0.0]
        ],
        schema_overrides={"value": pl.Float64},
    )
    value = cost_effectiveness(measures, "usual", 20000.0)
    return (
        outcome_table(strategy_means(measures), experiment, LABELS),
        comparison_table(paired_differences(measures, "usual"), value, experiment, LABELS),
    )


def line(table, label):
    """Cells of the line with that label."""
    found = [text for text in table.splitlines() if text.strip().startswith(label)]
    assert len(found) == 1, table
    return found[0].strip().removeprefix(label).strip()


def test_means_with_intervals():
    outcomes, _ = tables()
    # Half-width of a t interval from a, b and their mean: 4.3027 x |a - b| / 2 / sqrt(3).
    assert line(outcomes, "30-day readmission, all causes, %").startswith("25.0 (22.5 to 27.5)")
    assert line(outcomes, "Wards and intensive care").startswith("4,100 (3,852 to 4,348)")
    assert line(outcomes, "Admissions per person-year").count("1.50 (1.50 to 1.50)") == 2


def test_settings_go_by_their_label_and_sections_by_currency():
    outcomes, _ = tables()
    assert "Occupancy, people, mean" in outcomes
    assert "21.0" in outcomes
    assert outcomes.count("Cardiology ward") == 2
    assert "Cost per person, GBP" in outcomes
    assert "Died" not in outcomes  # not measured in this run


def test_what_nobody_could_count_is_not_a_number():
    outcomes, _ = tables()
    section = outcomes[outcomes.index("Wait for a bed, hours, 95th centile") :].splitlines()[1]
    assert section.split() == ["Cardiology", "ward", "n/a", "n/a"]


@pytest.mark.parametrize(("replications", "said"), [(1, "1 replication is"), (2, "2 replications are")])
def test_too_few_replications_have_no_intervals(replications, said):
    """Plain numbers, and once what is missing and what mends it."""
    outcomes, differences = tables(replications, cost_total=10.0, qalys=0.001)
    assert re.fullmatch(r"5,\d00 +5,\d10", line(outcomes, "Total"))
    assert line(differences, "Total") == "+10.0"
    assert line(differences, "Incremental cost per QALY") == "10,000"
    assert f"No Monte Carlo intervals: {said} too few; popsim run ... --replications 10" in outcomes
    assert "95%" not in differences
    assert "Fieller" not in differences
    # Nobody was there to wait for a bed; nothing else is unknown.
    assert (outcomes + differences).count("n/a") == outcomes.count("Cardiology ward") + 1


def test_zero_has_no_sign():
    outcomes, _ = tables(admissions_per_person_year=-1.504)
    assert line(outcomes, "Admissions per person-year").endswith("  0.00 (0.00 to 0.00)")


def test_no_difference_is_written_without_sign():
    _, differences = tables()
    assert line(differences, "QALYs in follow-up") == "0.0000 (0.0000 to 0.0000)"
    assert line(differences, "Incremental cost per QALY") == "no difference in any replication"
    assert line(differences, "95% interval (Fieller)") == ""


@pytest.mark.parametrize(
    ("cost", "qalys", "said"),
    [
        (100.0, 0.01, "10,000"),
        (-100.0, 0.01, "dominant: better, cheaper"),
        (100.0, -0.01, "dominated: worse, dearer"),
        (-100.0, -0.01, "saves 10,000 per QALY lost"),
    ],
)
def test_value_for_money(cost, qalys, said):
    _, differences = tables(cost_total=cost, qalys=qalys)
    assert line(differences, "Incremental cost per QALY") == said
    assert line(differences, "Net benefit at 20,000 per QALY").startswith(f"{20000 * qalys - cost:+,.1f}")


def test_columns_are_aligned():
    for table in tables(cost_total=100.0):
        body = [text for text in table.split("\n\n", 1)[1].splitlines() if "(" in text and "  " in text.strip()]
        assert len({len(text) for text in body[1:]}) == 1


def test_parameter_uncertainty_stands_apart():
    """Two draws with two replications: means 5100 and 6100, of which replications explain 100^2 / 2: SD 700."""
    values = pl.DataFrame(
        {
            "strategy": ["usual"] * 4,
            "draw": [1, 1, 2, 2],
            "replication": [0, 1, 0, 1],
            "measure": ["cost_total"] * 4,
            "value": [5000.0, 5200.0, 6000.0, 6200.0],
        }
    )
    experiment = validate(
        {
            "name": "made_up", "cohort": "c.toml", "network": "n.toml", "replications": 2, "draws": 2,
            "strategies": [{"name": "usual"}],
        },
        ExperimentDefinition, "test",
    )  # fmt: skip
    table = outcome_table(strategy_means(values), experiment, LABELS)
    assert "2 replications of 2 parameter draws" in table
    # sqrt(1000^2 / 2 - 2 x 100^2 / 2) = 700; two draws are too few for a Monte Carlo interval.
    assert line(table, "Total") == "5,600 [SD 700]"
    assert "2 parameter draws are too few; popsim run ... --draws 100" in table
    # 40 draws: the variance of their means is 40 x 500^2 / 39, of which 100^2 is luck: 500 is pulled to 490.
    many = pl.concat([values.with_columns(draw=pl.col("draw") + 2 * i) for i in range(20)])
    forty = experiment.model_copy(update={"draws": 40})
    assert line(outcome_table(strategy_means(many), forty, LABELS), "Total").endswith("[5,110 to 6,090]")
