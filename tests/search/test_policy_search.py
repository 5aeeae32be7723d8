"""Policy search: planted optima are found, luck is not taken for merit, and a killed search goes on where it was."""

import itertools
import math
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import norm, t

from popsim.analyses.policy_problem import Variant, problem_of
from popsim.cli import main
from popsim.definitions.base import validate
from popsim.definitions.search import Choice, Search
from popsim.definitions.writing import to_toml
from popsim.errors import DefinitionError, InputError
from popsim.runs.engine import Engine
from popsim.runs.runner import run_study
from popsim.search.policy import evaluator, search_policy
from popsim.search.race import best_probability, evaluate_winner, race
from popsim.search.storage import race_table, trial_table, write_result
from popsim.search.trials import SearchTrial, TrialOutcome, affordable, try_out
from popsim.studies.design import read_study

EXPERIMENT = """
name = "small"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 40
seed = 7
follow_up_days = 30
[[strategies]]
name = "usual"
[[strategies]]
name = "watched"
cost_per_person = 1.0
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 14
uptake = 0.5
[strategies.telemonitoring]
desk = "telemonitoring_desk"
uptake = 0.5
duration_days = 30
weight_gain_kg = 2.0
systolic_low_mmhg = 90.0
systolic_high_mmhg = 180.0
heart_rate_low_bpm = 45.0
heart_rate_high_bpm = 120.0
days_between_alerts = 3
"""
UPTAKE = {"path": "telemonitoring.uptake", "low": 0.0, "high": 1.0, "step": 0.5}
VISIT = {"path": "follow_up.heart_failure_clinic.within_days", "low": 7, "high": 14, "step": 7}


def asked(*choices, **keys):
    table = {"name": "made_up", "experiment": "small.toml", "strategy": "watched", "choices": list(choices)}
    return validate(table | keys, Search, "search")


@pytest.fixture
def file(tmp_path, request):
    (tmp_path / "small.toml").write_text(EXPERIMENT.format(root=request.config.rootpath))
    return tmp_path / "search.toml"


def analytic(function, noise=0.0, common=0.0, spent=lambda *x: 0.0):
    """Outcomes function(values) + common luck + luck of each variant's own; what was asked for."""
    calls = []

    def evaluate(variants, repetitions):
        calls.append((tuple(v.number for v in variants), repetitions))
        shared = common * np.random.default_rng(1).normal(size=10_000)[:repetitions]
        return [
            TrialOutcome(
                function(*v.values)
                + shared
                + noise * np.random.default_rng([2, v.number]).normal(size=10_000)[:repetitions],
                np.full(repetitions, float(spent(*v.values))),
            )
            for v in variants
        ]

    evaluate.calls = calls
    return evaluate


def grid(path, steps=20):
    return {"path": path, "low": 0, "high": steps, "step": 1}


def test_levels():
    assert Choice(path="a.b", low=0.1, high=0.3, step=0.1).levels == (0.1, 0.2, 0.3)
    assert Choice(path="a.b", low=5, high=11, step=3).levels == (5, 8, 11)


def test_a_planted_peak_is_found_under_common_luck():
    """Peak at (14, 6) of a 21 x 21 grid; luck that all share is a hundred times the slope and must not matter."""
    search = asked(grid("x"), grid("y"), trials=120, at_a_time=4, replications=2)
    evaluate = analytic(lambda x, y: -((x - 14) ** 2) - (y - 6) ** 2 + 0.5 * (x - 14) * (y - 6), common=100.0)
    trials = try_out(search, (0, 0), evaluate)
    best = affordable(trials, search)[0].variant.values
    assert best == (14, 6)
    assert len(trials) == 120
    assert len({trial.variant.values for trial in trials}) == 120


@pytest.mark.slow
def test_a_planted_peak_on_the_edge_of_the_budget_is_found():
    """x + y grows without end; 3 x + y <= 30 and both are at most 20: the best is x = 3, y = 20 (22 is out of reach).

    By linear programming: y first (1 each), then (30 - 20) / 3 = 3 whole x.
    """
    budget = {"measures": ["cost_total"], "most": 30.0}
    search = asked(grid("x"), grid("y"), trials=150, replications=2, budget=budget)
    evaluate = analytic(lambda x, y: x + 1.0 * y, common=100.0, spent=lambda x, y: 3 * x + y)
    trials = try_out(search, (0, 0), evaluate)
    assert affordable(trials, search)[0].variant.values == (3, 20)


def test_options_are_searched():
    search = asked({"path": "kind", "options": ["a", "b", "c"]}, grid("x", 5), trials=18, replications=2)
    evaluate = analytic(lambda kind, x: {"a": 0.0, "b": 10.0, "c": 5.0}[kind] - abs(x - 2))
    trials = try_out(search, ("a", 0), evaluate)
    assert affordable(trials, search)[0].variant.values == ("b", 2)


def test_a_small_space_is_tried_out_and_then_it_ends():
    search = asked(grid("x", 2), grid("y", 1), trials=50, replications=2)
    trials = try_out(search, (0, 0), analytic(lambda x, y: x + y))
    assert sorted(trial.variant.values for trial in trials) == [*itertools.product(range(3), range(2))]


def test_the_same_search_gives_the_same_trials():
    search = asked(grid("x"), grid("y"), trials=30, replications=2)
    evaluate = analytic(lambda x, y: x - y, noise=1.0)
    first, second = (try_out(search, (0, 0), evaluate) for _ in range(2))
    assert [t.variant for t in first] == [t.variant for t in second]


def raced(search, evaluate, numbers):
    trials = try_out(search, (0,), evaluate)
    chosen = sorted(trials, key=lambda t: t.variant.values)[: len(numbers)]
    return race([t for t in chosen if t.variant.values[0] in numbers], search, evaluate)


def test_the_race_drops_who_is_clearly_behind_and_goes_on_with_the_others():
    """Gains 0, 0.9, 1 with noise 0.2 of their own: the first is far behind, the others are not."""
    search = asked(grid("x", 2), trials=3, replications=4, race=40, finalists=3)
    evaluate = analytic(lambda x: (0.0, 0.9, 1.0)[x], noise=0.2, common=50.0)
    runners, _ = raced(search, evaluate, {0, 1, 2})
    by_value = {runner.variant.values[0]: runner for runner in runners}
    assert runners[0].variant.values == (2,)
    assert by_value[0].gain.sample == 4
    assert by_value[1].gain.sample > 4
    assert by_value[0].may_be_better < 0.025


def test_probability_of_being_better_is_students():
    """Two finalists that never drop out: P = T_{n-1}(mean / (sd / sqrt n)) of their paired differences (scipy)."""
    search = asked(grid("x", 1), trials=2, replications=8, race=8, finalists=2)
    evaluate = analytic(lambda x: 0.1 * x, noise=1.0)
    runners, repetitions = raced(search, evaluate, {0, 1})
    assert repetitions == 16
    values = [evaluate([runner.variant], repetitions)[0].gain[8:] for runner in runners]
    difference = values[1] - values[0]
    expected = t.cdf(difference.mean() / (difference.std(ddof=1) / math.sqrt(8)), 7)
    assert runners[1].may_be_better == pytest.approx(expected)
    assert best_probability(runners) == pytest.approx(1.0 - expected)


def test_the_verdict_is_free_of_the_winners_luck():
    """20 variants that are all worth 0, noise sd 1, 4 replications each, in 200 searches.

    The best of 20 means of 4 promises E[largest of 20 standard normals] / 2 (by quadrature); its standard deviation is
    below 0.5 / 2. The verdict promises 0, with a standard error of 1 / sqrt(16 x 200) = 0.018.
    """
    density = lambda x: x * 20.0 * norm.pdf(x) * norm.cdf(x) ** 19  # noqa: E731
    largest = quad(density, -8.0, 8.0)[0]
    promised, judged, covered = [], [], 0
    for repeat in range(200):
        search = asked(grid("x", 19), trials=20, replications=4, race=8, judged=16)
        repetitions = np.random.default_rng([5, repeat]).normal(size=(20, 100))

        def evaluate(variants, pieces, repetitions=repetitions):
            return [TrialOutcome(repetitions[v.number, :pieces], np.zeros(pieces)) for v in variants]

        variants = [Variant(number, (number,)) for number in range(20)]
        trials = [SearchTrial(v, o) for v, o in zip(variants, evaluate(variants, 4), strict=True)]
        ranked = affordable(trials, search)
        runners, used = race(ranked[:5], search, evaluate)
        verdict = evaluate_winner(runners[0].variant, runners[0].variant, 1.0, used, search, evaluate)
        promised.append(ranked[0].gain)
        judged.append(verdict.gain.value)
        covered += verdict.gain.low <= 0.0 <= verdict.gain.high
    assert np.mean(promised) == pytest.approx(largest / 2.0, abs=3.5 * 0.25 / math.sqrt(200))
    assert np.mean(judged) == pytest.approx(0.0, abs=3.5 * 0.018)
    assert covered >= 180  # 190 expected of binomial(200, 0.95), whose standard deviation is 3.1


def test_choices_that_do_not_matter_leave_who_spends_less():
    search = asked(grid("x", 3), trials=4, replications=2, race=2, budget={"measures": ["cost_total"], "most": 9.0})
    evaluate = analytic(lambda x: 1.0, common=1.0, spent=lambda x: 5 - x)
    runners, _ = race(affordable(try_out(search, (0,), evaluate), search), search, evaluate)
    assert runners[0].variant.values == (3,)
    assert best_probability(runners) == 1.0


def in_process(folder, log=None):
    def run(study):
        result = run_study(study, folder, Engine(1, 1))
        if log is not None:
            log.append(result.computed)
        return result

    return run


@pytest.mark.slow
def test_the_best_of_a_simulated_experiment_is_found_and_a_killed_search_goes_on(file, tmp_path, capsys):
    """Six variants, all of them enumerated by runs of their own; the search must name the best of them, within budget.

    The command line, in the same folder, simulates nothing at all and finds the same, bit by bit.
    """
    budget = {"measures": ["cost_telemonitoring"], "most": 120.0}
    choices = [UPTAKE | {"price": 2.0}, VISIT]
    sizes = {"trials": 6, "replications": 2, "race": 2, "judged": 2, "finalists": 3}
    search = asked(*choices, objective="qalys", budget=budget, **sizes)
    problem = problem_of(search, file)
    log = []
    found = search_policy(problem, evaluator(problem, in_process(tmp_path / "search" / "made_up" / "runs", log)))
    assert len(found.trials) == 6

    text = (tmp_path / "small.toml").read_text()
    enumerated = {}
    for uptake, days in itertools.product((0.0, 0.5, 1.0), (7, 14)):
        variant = text.replace("uptake = 0.5\nduration", f"uptake = {uptake}\nduration")
        variant = variant.replace("within_days = 14", f"within_days = {days}")
        variant = variant.replace("cost_per_person = 1.0", f"cost_per_person = {1.0 + 2.0 * uptake}")
        (tmp_path / "one.toml").write_text(f'replications = 2\nstore = "measures"\n{variant}')
        tables = run_study(read_study(tmp_path / "one.toml"), tmp_path / "enumerated", Engine(1, 1)).tables
        figure = {(row["strategy"], row["measure"]): row["mean"] for row in tables["summary"].iter_rows(named=True)}
        enumerated[uptake, days] = (
            figure["watched", "qalys"] - figure["usual", "qalys"],
            figure["watched", "cost_telemonitoring"],
            figure["watched", "cost_programme"],
        )
    for trial in found.trials:
        gain, spent, programme = enumerated[trial.variant.values]
        assert trial.gain == pytest.approx(gain, abs=1e-12)
        assert trial.spent == pytest.approx(spent)
        assert programme == pytest.approx(1.0 + 2.0 * trial.variant.values[0])
    best = max((gain, values) for values, (gain, spent, _) in enumerated.items() if spent <= 120.0)
    assert affordable(found.trials, search)[0].variant.values == best[1]
    assert any(spent > 120.0 for _, spent, _ in enumerated.values())  # the budget does bind

    file.write_text(to_toml(search))
    assert main(["search", str(file), "--out", str(tmp_path), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    again = Path(printed.splitlines()[-1].split("  content hash ")[0])
    units = [*(tmp_path / "search" / "made_up" / "runs" / "small" / "units").glob("*.zip")]
    assert len(units) == sum(log)  # nothing was simulated again
    assert pl.read_parquet(again / "trials.parquet").equals(trial_table(found))
    assert pl.read_parquet(again / "race.parquet").equals(race_table(found))
    assert write_result(found, tmp_path / "kept").startswith(printed.split()[-1])
    assert "For research, not for care." in printed
    assert (again / "search.png").read_bytes().startswith(b"\x89PNG")
    best = tomllib.loads((again / "best.toml").read_text())["strategies"][0]
    assert best["telemonitoring"]["uptake"] == found.verdict.winner.values[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"strategy": "watchd"}, "strategy = 'watchd': did you mean 'watched'"),
        ({"strategy": "usual"}, "strategy = 'usual'"),
        ({"choices": [UPTAKE | {"path": "telemonitorng.uptake"}]}, "did you mean 'telemonitoring'"),
        ({"choices": [UPTAKE | {"path": "telemonitoring.uptak"}]}, "unknown key"),
        ({"choices": [UPTAKE | {"high": 2.0}]}, "choices.telemonitoring.uptake = 2.0: must be between 0 and 1"),
        ({"choices": [UPTAKE | {"path": "guidance.alert_from_risk"}]}, "nothing at 'guidance'"),
        ({"budget": {"measures": ["cost_telmonitoring"], "most": 1.0}}, "did you mean 'cost_telemonitoring'"),
        ({"choices": [UPTAKE, UPTAKE]}, "is chosen twice"),
        ({"choices": [UPTAKE | {"step": 0.0}]}, "step must be above 0"),
        ({"choices": [{"path": "label", "options": ["a"]}]}, "two options or more"),
        ({"choices": [{"path": "label"}]}, "must have low, high and step, or options"),
    ],
)
def test_wrong_searches_are_refused_in_one_line(file, keys, message):
    table = {"name": "made_up", "experiment": "small.toml", "strategy": "watched", "choices": [UPTAKE]} | keys
    with pytest.raises(DefinitionError) as caught:
        problem_of(validate(table, Search, file), file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_slots_have_a_price_and_need_not_be_set_before(file):
    slots = {"path": "capacity.telemonitoring_desk", "low": 10, "high": 30, "step": 10, "price": 0.25}
    problem = problem_of(asked(slots), file)
    assert problem.own == (None,)
    assert problem.strategy(Variant(0, (None,))).cost_per_person == 1.0
    varied = problem.strategy(Variant(1, (20,)))
    assert varied.capacity == {"telemonitoring_desk": 20}
    assert varied.cost_per_person == 1.0 + 20 * 0.25


def test_a_budget_that_nobody_keeps_is_refused(file):
    problem = problem_of(asked(UPTAKE, trials=3, budget={"measures": ["cost_total"], "most": 1.0}), file)
    with pytest.raises(InputError, match=r"no variant is within it; the cheapest of \d spends 5"):
        search_policy(problem, analytic(lambda x: x, spent=lambda x: 5.0 + x))


def test_with_parameter_draws_each_piece_of_luck_is_a_draw(file, tmp_path):
    """Watching costs 10 in every draw; readmissions fall by a tenth of the draw's number."""
    text = (tmp_path / "small.toml").read_text()
    uncertain = '{ uncertainty = { distribution = "gamma", standard_error = 9.0 } }'
    own = f'[parameters]\n"nhs_prices.specialist_visit" = {uncertain}\n'
    (tmp_path / "small.toml").write_text(f"draws = 3\n{text}{own}")
    budget = {"measures": ["cost_telemonitoring"], "most": 30.0}
    problem = problem_of(asked(UPTAKE, objective="readmissions", budget=budget), file)
    studies = []

    def run(study):
        studies.append(study)
        rows = []
        for strategy, draw in itertools.product(study.experiment.strategies, study.draws):
            watched = strategy.name != "usual"
            rows.append((strategy.name, draw, 0, "cost_telemonitoring", 10.0 * watched))
            rows.append((strategy.name, draw, 0, "readmission_30d_at_entry", 0.5 - 0.1 * draw * watched))
        columns = ["strategy", "draw", "replication", "measure", "value"]
        pl.DataFrame(rows, columns, orient="row").write_parquet(tmp_path / "measures.parquet")
        return SimpleNamespace(folder=tmp_path)

    (outcome,) = evaluator(problem, run)([Variant(0, (0.5,))], 2)
    assert (studies[0].experiment.draws, studies[0].experiment.replications) == (2, 1)
    assert outcome.gain == pytest.approx([0.1, 0.2])
    assert outcome.spent == pytest.approx([10.0, 10.0])
