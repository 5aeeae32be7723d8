"""Sensitivity analyses of outcomes that are known functions of the parameters: every answer is a closed form."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.analyses.contrast import Contrast
from popsim.analyses.sensitivity.design import designed
from popsim.analyses.sensitivity.influence import OUTCOMES, influence, movable, usual_care
from popsim.analyses.sensitivity.overall import morris, sobol
from popsim.analyses.sensitivity.parameters import varied
from popsim.analyses.sensitivity.threshold import threshold
from popsim.analyses.sensitivity.ways import one_way, two_way
from popsim.errors import InputError, PopsimError
from popsim.evidence.sets import records_of
from popsim.reporting.text.influence import influence_text
from popsim.reporting.text.sensitivity import tornado_text
from popsim.studies.design import Change, read_study

ROOT = Path(__file__).parents[2]
WARD, CLINIC, NURSE = "nhs_prices.inpatient_day", "nhs_prices.specialist_visit", "nhs_prices.nurse_visit"
NOISE = (-3.0, 1.0, 2.0)  # of three replications, the same in every row: they share their luck
NOISE_ERROR = float(np.std(NOISE, ddof=1)) / math.sqrt(3)
EARLY = Contrast("early_follow_up", "usual_care", "cost_total")


@pytest.fixture(scope="module")
def study():
    printed = Change("test", "as_printed")  # prices are those of their records
    return read_study(ROOT / "experiments/heart_failure_discharge.toml", {"price_year": printed})


@pytest.fixture(scope="module")
def even(tmp_path_factory):
    """An experiment whose only uncertain parameters are three prices, uniform between 0 and 1."""
    text = (ROOT / "experiments/heart_failure_discharge.toml").read_text()
    text = text.replace('"../cohorts', f'"{ROOT}/cohorts')
    for folder in ("networks", "calibrated", "environments"):
        text = text.replace(f'"{folder}/', f'"{ROOT}/experiments/{folder}/')
    uniform = '{ value = 0.5, uncertainty = { distribution = "uniform", low = 0.0, high = 1.0 } }'
    given = "".join(f'"{name}" = {uniform}\n' for name in (WARD, CLINIC, NURSE))
    path = tmp_path_factory.mktemp("even") / "even.toml"
    path.write_text(text.replace("[cheers]", f"[parameters]\n{given}\n[cheers]"))
    return read_study(path, {"draws": Change("--draws", 0)})


def made_up(function):
    """An `evaluate` in which early follow-up costs function(values by name) more, and nothing else differs."""

    def evaluate(names, values):
        rows = [
            (strategy, draw, r, measure, value)
            for draw, row in enumerate(values.tolist(), start=1)
            for strategy in ("usual_care", "early_follow_up")
            for r, noise in enumerate(NOISE)
            for measure, value in (
                (
                    "cost_total",
                    1000.0
                    + noise
                    + (function(dict(zip(names, row, strict=True))) + noise) * (strategy != "usual_care"),
                ),
                ("qalys", 0.5),
            )
        ]
        return pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")

    return evaluate


def test_contrast_of_net_benefit():
    measures = made_up(lambda v: 10.0)(["x"], np.array([[0.0]]))
    values = Contrast("early_follow_up", "usual_care", willingness_to_pay=20_000.0).values(measures)
    assert values["value"].to_list() == pytest.approx([-(10.0 + noise) for noise in NOISE])
    with pytest.raises(InputError, match="did you mean 'cost_total'"):
        Contrast("early_follow_up", "usual_care", "cost_totl").values(measures)


def test_tornado(study):
    """Cost = 2 x ward price + clinic price^2: swings 2 (300 - 200) and 20^2 - 10^2, and no noise in either."""
    evaluate = made_up(lambda v: 2 * v[WARD] + v[CLINIC] ** 2)
    table = one_way(varied(study, [f"{CLINIC}=10:20", f"{WARD}=200:300", f"{NURSE}=1:2"]), [EARLY], evaluate)
    assert table["parameter"].to_list() == [CLINIC, WARD, NURSE]
    assert table["swing"].to_list() == pytest.approx([300.0, 200.0, 0.0])
    assert table["base"].to_list() == pytest.approx([2 * 292.0 + 118.81**2] * 3)
    assert table["outcome_low"][1] == pytest.approx(2 * 200 + 118.81**2)
    assert table["swing_error"].to_list() == pytest.approx([0.0] * 3, abs=1e-9)


def test_influence_of_levels_and_of_constants_that_no_distribution_makes_uncertain(study):
    """Closed form: deaths 0.2 x (base / own), so a certain constant +- 20% swings them by 40%, whatever the noise."""
    certain, known = "heart_failure.fluid_per_salt_l_per_g", "nhs_prices.specialist_visit"
    alone = usual_care(study, OUTCOMES)
    assert [strategy.name for strategy in alone.experiment.strategies] == ["usual_care"]
    parameters = movable(alone, [known, certain], 0.2)
    own = records_of(study.parameters)[certain].value

    def evaluate(chosen, values):
        rows = []
        for draw, row in enumerate(values.tolist(), start=1):
            deaths = 0.2 * row[chosen.index(certain)] / own
            rows += [(draw, r, "mortality_365d", deaths + 0.01 * noise) for r, noise in enumerate(NOISE)]
            rows += [(draw, r, name, 0.5 + 0.01 * noise) for r, noise in enumerate(NOISE) for name in OUTCOMES[::2]]
        return pl.DataFrame(rows, ["draw", "replication", "measure", "value"], orient="row")

    table = influence(alone, parameters, OUTCOMES, evaluate)
    first, last = table.rows(named=True)
    assert (first["parameter"], first["known"]) == (certain, False)
    assert (first["low_value"], first["high_value"]) == pytest.approx((0.8 * own, 1.2 * own))
    assert first["mortality_365d"] == first["influence"] == pytest.approx(0.4)
    assert (last["parameter"], last["influence"], last["known"]) == (known, 0.0, True)
    assert "Of the 2 most influential of 2: " in influence_text(table, OUTCOMES, 20)
    once = influence(alone, parameters, OUTCOMES, lambda *asked: evaluate(*asked).filter(pl.col("replication") == 0))
    assert once["mortality_365d_reach"].null_count() == 2
    text = influence_text(once, OUTCOMES, 20)
    assert "+47%" in text and "+-" not in text  # 0.08 of 0.2 - 0.03
    of_readmission = pl.col("measure") == OUTCOMES[0]  # people who enter at home have no index discharge
    nobody = influence(
        alone, parameters, OUTCOMES,
        lambda *asked: evaluate(*asked).with_columns(value=pl.when(~of_readmission).then("value")),
    )  # fmt: skip
    assert nobody[OUTCOMES[0]].null_count() == 2 and nobody["influence"].to_list() == table["influence"].to_list()
    assert "not measured" in influence_text(nobody, OUTCOMES, 20)


def test_rounding_is_no_swing(study):
    parameters = varied(study, [f"{WARD}=200:400", f"{CLINIC}=100:200"])
    table = one_way(parameters, [EARLY], made_up(lambda v: 300.0 + 1e-13 * v[WARD] + 0.1 * v[CLINIC]))
    rows = {row["parameter"]: row for row in table.iter_rows(named=True)}
    assert (rows[WARD]["swing"], rows[WARD]["swing_reach"], rows[WARD]["outcome_low"]) == (0.0, 0.0, rows[WARD]["base"])
    assert rows[CLINIC]["swing"] == pytest.approx(0.1 * (rows[CLINIC]["high_value"] - rows[CLINIC]["low_value"]))


def test_a_swing_that_luck_alone_may_have_made_comes_last(study):
    """The ward's price moves one replication far up and another far down; the clinic's moves all by a little."""
    luck = dict(enumerate((-300.0, 400.0, 50.0)))  # of mean 50, standard error 203, so that 95% reaches 872 each way

    def evaluate(names, values):
        rows = []
        for draw, row in enumerate(values.tolist(), start=1):
            at = dict(zip(names, row, strict=True))
            ward, clinic = (at[name] > parameter.value for name, parameter in zip((WARD, CLINIC), chosen, strict=True))
            for r, lucky in luck.items():
                more = lucky * ward + 10.0 * clinic
                rows += [("usual_care", draw, r, "cost_total", 0.0), ("early_follow_up", draw, r, "cost_total", more)]
        return pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")

    chosen = varied(study, [WARD, CLINIC])
    table = one_way(chosen, [EARLY], evaluate)
    assert table["parameter"].to_list() == [CLINIC, WARD]
    assert table["told"].to_list() == [True, False]
    assert table["swing"].to_list() == pytest.approx([10.0, 50.0])
    error = float(np.std(list(luck.values()), ddof=1)) / math.sqrt(3)
    assert table["swing_reach"].to_list() == pytest.approx([0.0, stats.t.ppf(0.975, 2) * error])
    text = tornado_text(table, study.experiment, "cost_total")
    assert [line.count("unknown") for line in text.splitlines()[2:4]] == [0, 1]
    alone = one_way(chosen, [EARLY], lambda names, values: evaluate(names, values).filter(pl.col("replication") == 1))
    assert alone["told"].to_list() == [None, None]
    said = tornado_text(alone, study.experiment, "cost_total")
    assert said.count("n/a") == 0
    assert said.count("--replications 10") == 1


def test_a_parameter_named_twice(study):
    for names in ([WARD, WARD], [f"{WARD}=250:350", CLINIC, f"{WARD}=200:350"]):
        with pytest.raises(InputError, match=f"parameter '{WARD}': named twice"):
            varied(study, names)


def test_grid(study):
    first, second = varied(study, [f"{WARD}=0:10", f"{NURSE}=1:3"])
    table = two_way(first, second, 3, [EARLY], made_up(lambda v: v[WARD] * v[NURSE]))
    assert table["outcome"].to_list() == pytest.approx([0, 0, 0, 5, 10, 15, 10, 20, 30])
    assert table["standard_error"].to_list() == pytest.approx([NOISE_ERROR] * 9)


def test_threshold(study):
    """price^2 = 20,000 at 141.42; the error of the crossing is that of the outcome over the slope 2 x 141.42."""
    (clinic,) = varied(study, [f"{CLINIC}=0:300"])
    found = threshold(clinic, EARLY, made_up(lambda v: v[CLINIC] ** 2 - 20_000.0))
    assert found.value == pytest.approx(math.sqrt(20_000.0), abs=0.03)
    assert found.standard_error == pytest.approx(NOISE_ERROR / (2 * found.value), rel=1e-2)


def test_no_threshold(study):
    (clinic,) = varied(study, [f"{CLINIC}=0:300"])
    found = threshold(clinic, EARLY, made_up(lambda v: 1.0))
    assert math.isnan(found.value)
    assert len(found.tried) == 4


def test_sobol_of_the_ishigami_function(even):
    """sin x + 7 sin^2 y + 0.1 z^4 sin x on (-pi, pi): S = .3139, .4424, 0; T = .5576, .4424, .2437 (Ishigami 1990)."""

    def ishigami(values):
        x, y, z = (math.pi * (2.0 * values[name] - 1.0) for name in (WARD, CLINIC, NURSE))
        return math.sin(x) + 7 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x)

    table = sobol(even, varied(even, [WARD, CLINIC, NURSE]), 1024, [EARLY], made_up(ishigami))
    assert table["first_order"].to_list() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.04)
    assert table["total"].to_list() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.04)


def test_morris_of_a_line(even):
    """4 x - 2 z: the effects over the whole range are exactly the slopes, but for the edges that are drawn in."""
    parameters = varied(even, [WARD, CLINIC, NURSE])
    table = morris(even, parameters, 4, [EARLY], made_up(lambda v: 4 * v[WARD] - 2 * v[NURSE]))
    assert table["mean_effect"].to_list() == pytest.approx([4, 0, -2], rel=3e-3, abs=1e-9)
    assert table["mean_absolute_effect"].to_list() == pytest.approx([4, 0, 2], rel=3e-3, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nhs_prices.inpatient_dya", "did you mean 'nhs_prices.inpatient_day'"),
        (f"{WARD}=1", "NAME=LOW:HIGH"),
        (f"{WARD}=2:1", "low must be below high"),
        (f"{WARD}=-5:1", "within 0 to 100000"),
        ("nhs_prices.discount_rate_costs", "it has no uncertainty"),
    ],
)
def test_wrong_parameters(study, name, message):
    with pytest.raises(PopsimError, match=message) as caught:
        varied(study, [name])
    assert "\n" not in str(caught.value)


def test_rows_of_a_design_share_their_luck_and_draws_do_not(even):
    study = designed(even, [WARD], np.array([[0.25], [0.75]]))
    assert study.parameters_of(2)["nhs_prices"]["inpatient_day"] == 0.75
    assert study.parameters_of(2)["nhs_prices"]["specialist_visit"] == 0.5
    assert len({unit.random_key for unit in study.units}) == study.experiment.replications
    assert len({unit.key for unit in study.units}) == len(study.units)
    drawn = replace(even, experiment=even.experiment.model_copy(update={"draws": 2}))
    assert len({unit.random_key for unit in drawn.units}) == 2 * study.experiment.replications


def test_a_design_keeps_to_the_bounds(even):
    with pytest.raises(InputError, match="must lie between 0 and 100000"):
        designed(even, [WARD], np.array([[-1.0]]))


def on_the_plane(chosen):
    """An `evaluate` in which early follow-up costs 20 + ward price x 2 more and gains 0.05 + 0.001 x clinic price."""

    def evaluate(names, values):
        rows = []
        for draw, row in enumerate(values.tolist(), start=1):
            at = dict(zip(names, row, strict=True))
            for r, noise in enumerate(NOISE):
                cost, gain = 20.0 + 2 * at[WARD] + noise, 0.05 + 0.001 * at[CLINIC] + 0.001 * noise
                rows += [("usual_care", draw, r, "cost_total", 0.0), ("usual_care", draw, r, "qalys", 0.0)]
                rows += [("early_follow_up", draw, r, "cost_total", cost), ("early_follow_up", draw, r, "qalys", gain)]
        return pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")

    return evaluate


ON_THE_PLANE = Contrast("early_follow_up", "usual_care", "icer")


def test_a_tornado_of_the_icer_by_hand(study):
    """Base (20 + 2 x 292) / (0.05 + 0.001 x 118.81); ward 200 to 300: cost 420 to 620; clinic 50 to 150: 0.1 to 0.2."""
    chosen = varied(study, [f"{WARD}=200:300", f"{CLINIC}=50:150"])
    table = one_way(chosen, [ON_THE_PLANE], on_the_plane(chosen))
    found = {row["parameter"]: row for row in table.iter_rows(named=True)}
    gain = 0.05 + 0.001 * 118.81
    assert table["base"].to_list() == pytest.approx([604 / gain] * 2)
    ward, clinic = found[WARD], found[CLINIC]
    assert (ward["outcome_low"], ward["outcome_high"]) == pytest.approx((420 / gain, 620 / gain))
    assert (clinic["outcome_low"], clinic["outcome_high"]) == pytest.approx((604 / 0.1, 604 / 0.2))
    assert ward["swing"] == pytest.approx(200 / gain)
    # Noise e in the cost and 0.001 e in QALYs: d(cost / gain) = (1 - 0.001 x ratio) e / gain at either end.
    slope = 0.001 * 200 / gain / gain
    assert ward["swing_error"] == pytest.approx(slope * NOISE_ERROR)
    assert set(table["base_verdict"]) == {"gains health at a cost"}
    text = tornado_text(table, study.experiment, "icer")
    assert "cost per QALY gained, GBP 3,578 in the base case" in text


def test_an_icer_in_another_quadrant_is_told_in_words(study):
    """Where care costs less and QALYs rise there is no ratio; where QALYs are not told apart, it is unknown."""
    chosen = varied(study, [f"{WARD}=0:300", f"{CLINIC}=0:150", f"{NURSE}=1:2"])

    def evaluate(names, values):
        table = on_the_plane(chosen)(names, values)
        cheaper, unsure = pl.Series(values[:, 0] == 0.0), pl.Series(values[:, 1] == 0.0)
        where = table["draw"] - 1
        cost, early = pl.col("measure") == "cost_total", pl.col("strategy") == "early_follow_up"
        shift = pl.when(cost & early & cheaper.gather(where)).then(-100.0)
        noisy = pl.when(~cost & early & unsure.gather(where)).then(10.0 * (pl.col("replication") - 1.0))
        return table.with_columns(pl.col("value") + shift.otherwise(0.0) + noisy.otherwise(0.0))

    table = one_way(chosen, [ON_THE_PLANE], evaluate)
    assert table["parameter"].to_list() == [WARD, NURSE, CLINIC], "the largest first, the unknown last"
    rows = {row["parameter"]: row for row in table.iter_rows(named=True)}
    assert (rows[WARD]["low_verdict"], rows[WARD]["outcome_low"], rows[WARD]["told"]) == ("dominant", None, True)
    assert (rows[CLINIC]["low_verdict"], rows[CLINIC]["told"]) == ("QALYs not told apart", False)
    assert (rows[CLINIC]["outcome_low"], rows[CLINIC]["swing"]) == (None, None)
    text = tornado_text(table, study.experiment, "icer")
    assert "dominant" in text and "beyond" in text and "QALYs not told apart" in text
    always = one_way(chosen, [ON_THE_PLANE], lambda n, v: evaluate(n, v).with_columns(pl.col("value") * 0.0))
    assert "no ratio in the base case (no difference)" in tornado_text(always, study.experiment, "icer")


def test_errors_of_two_replications_are_a_sentence(study):
    chosen = varied(study, [WARD])
    table = one_way(chosen, [EARLY], made_up(lambda v: 2 * v[WARD]))
    text = tornado_text(table, study.experiment.model_copy(update={"replications": 2}), "cost_total")
    assert "No Monte Carlo errors: 2 replications are too few; --replications 10 gives them." in text
    assert "+-" not in text
    assert "+-" in tornado_text(table, study.experiment.model_copy(update={"replications": 3}), "cost_total")
