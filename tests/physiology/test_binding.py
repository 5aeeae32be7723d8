"""A kernel is bound by the names of its parameters: their order makes no difference, and an unknown name is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from people import DAYS_OF_ORGANS, mixed

from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import lungs
from popsim.physiology import binding
from popsim.physiology.binding import Binding, parameters_of
from popsim.physiology.clinical import ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock

TWINS = 50


def one_way(out, gfr_ml_min, baseline_gfr_ml_min, systolic_mmhg, step_days):
    """Tells its arguments apart."""
    out[:] = 2.0 * gfr_ml_min - baseline_gfr_ml_min + 0.1 * systolic_mmhg * step_days


def only_gfr(out, gfr_ml_min):
    """Takes a single column."""
    out[:] = gfr_ml_min


def another_way(out, systolic_mmhg, step_days, baseline_gfr_ml_min, gfr_ml_min):
    """The same with the parameters in another order."""
    one_way(out, gfr_ml_min, baseline_gfr_ml_min, systolic_mmhg, step_days)


def test_a_swapped_pair_of_columns_makes_no_difference():
    people, _ = mixed(TWINS)
    found = []
    for kernel in (one_way, another_way):
        out = np.zeros(TWINS, np.float32)
        Binding(kernel, out=out)(kernel, people, clock=Clock(step_days=0.5))
        found.append(out)
    assert found[0].tobytes() == found[1].tobytes()
    expected = 2.0 * people["gfr_ml_min"] - people["baseline_gfr_ml_min"] + 0.05 * people["systolic_mmhg"]
    assert np.allclose(found[0], expected)


def taking(names, function):
    """A function as a kernel with these parameters."""
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    function.__signature__ = inspect.Signature(parameters)
    return function


def backwards(kernel):
    """The kernel with its parameters in the reverse of their order."""
    return taking(parameters_of(kernel)[::-1], lambda *arguments: kernel(*reversed(arguments)))


def lived(core_only: bool) -> bytes:
    people, _ = mixed(TWINS)
    people["entry_day"] = 0
    physiology = ClinicalPhysiology(SHIPPED, key=RandomKey(3), organ_systems=() if core_only else None)
    physiology.initialise(people)
    for number in range(3):
        physiology.advance(people, Clock(number))
    return people.block("real").tobytes() + people.block("code").tobytes()


@pytest.mark.parametrize("core_only", [True, False])
def test_the_order_of_a_kernel_s_parameters_makes_no_difference(core_only, monkeypatch):
    usual = lived(core_only)
    for module in DAYS_OF_ORGANS:
        monkeypatch.setattr(module, "advance_day", backwards(module.advance_day))
    assert lived(core_only) == usual


@pytest.mark.parametrize("module", DAYS_OF_ORGANS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_an_unknown_name_is_refused_when_the_model_is_made(module, monkeypatch):
    """In one line that names kernel, parameter and the nearest name, before the model has lived through a day."""

    def misspelt(*arguments):
        """Is never called."""

    monkeypatch.setattr(module, "advance_day", taking((*parameters_of(module.advance_day), "frailti"), misspelt))
    people, _ = mixed(TWINS)
    physiology = ClinicalPhysiology(SHIPPED)
    with pytest.raises(InputError) as refused:
        physiology.initialise(people)
    told = str(refused.value)
    assert told.startswith("test_binding.misspelt: parameter 'frailti': did you mean 'frailty'?")
    assert "\n" not in told


def test_what_no_kernel_takes_cannot_be_given():
    with pytest.raises(InputError, match=r"^lungs\.advance_day: no parameter 'kye': did you mean 'key'"):
        Binding(lungs.advance_day, kye=3)
    with pytest.raises(InputError, match="no parameter 'gfr'"):
        Binding(one_way, columns={"gfr": "gfr_ml_min"})


def test_a_column_or_an_influence_stands_in_for_another():
    """An influence is known by its name only where there are influences; alone it is what is declared for it."""
    people, influences = mixed(TWINS)

    def kernel(out, beta_blockade):
        out[:] = beta_blockade

    out = np.zeros(TWINS, np.float32)
    Binding(kernel, out=out)(kernel, people, influences)
    assert (out == influences["beta_blockade"]).all()
    Binding(kernel, out=out, columns={"beta_blockade": "beta_blocker_fraction"})(kernel, people)
    assert (out == people["beta_blocker_fraction"]).all()
    with pytest.raises(InputError, match="parameter 'beta_blockade'"):
        Binding(kernel, out=out).bind(people)


def test_columns_are_looked_up_once_and_what_may_change_every_day():
    people, influences = mixed(TWINS)
    looked_up, days = [], []

    def kernel(person_id, gfr_ml_min, fall_per_day, day, table, weather):
        """Is not called."""

    def table(population):
        looked_up.append(population)
        return len(population)

    def weather(population, clock):
        days.append(clock.day)
        return clock.day

    call = Binding(kernel, table=table, weather=weather)
    first = call.arguments(kernel, people, influences, Clock(1))
    people.person_id = people.person_id + 1000
    second = call.arguments(kernel, people, influences, Clock(2))
    assert looked_up == [people]
    assert days[-2:] == [1, 2]
    assert second[1] is first[1]
    assert second[0] is people.person_id
    assert (first[3], second[3], first[5], second[5]) == (1, 2, 1, 2)
    assert Binding(kernel, table=table, day=4.5, weather=0).arguments(kernel, people, influences)[3] == 4.5


@njit
def write(out, value):
    """Writes the same value to all rows."""
    for i in range(len(out)):
        out[i] = value


def test_types_are_looked_at_once_for_all_blocks_and_days_and_again_when_they_change(monkeypatch):
    """A whole number for which a half is handed in would otherwise be cut to 0."""
    people, looks = mixed(TWINS), []
    look = binding._for_types_of
    monkeypatch.setattr(binding, "_for_types_of", lambda given, kernel: looks.append(given) or look(given, kernel))
    values = (3, 4, 0.5, 7, np.float32(1.5))
    out = np.zeros(TWINS)
    call = Binding(write, out=lambda some: out[: len(some)], value=lambda some, clock: values[clock.day])
    parts = [people[0].part(0, 20), people[0].part(20, TWINS)]
    for day, value in enumerate(values):
        for part in parts:
            call(write, part, clock=Clock(day))
            assert (out[: len(part)] == value).all()
    assert len(looks) == 3


def test_what_is_bound_to_some_rows_is_not_used_for_others():
    """More rows, as twins enter; a copy; other influences."""
    people, influences = mixed(TWINS)

    def kernel(gfr_ml_min, fall_per_day):
        gfr_ml_min += fall_per_day

    call = Binding(kernel)
    influences["fall_per_day"][:] = 1.0
    before, twice = people["gfr_ml_min"].copy(), people.copy()
    for rows in (10, 10, 30):
        one = Influences(rows)
        one["fall_per_day"][:] = 1.0
        call(kernel, people.part(0, rows), one)
    assert (people["gfr_ml_min"] - before == np.where(np.arange(TWINS) < 10, 3.0, np.arange(TWINS) < 30)).all()
    call(kernel, twice, influences)
    assert (twice["gfr_ml_min"] == before + np.float32(1.0)).all()


def test_a_kernel_that_takes_a_column_left_out_is_bound_and_not_called():
    people, _ = mixed(TWINS)
    some = people.copy(people.schema.without({"baseline_gfr_ml_min"}))
    out = np.zeros(TWINS, np.float32)
    bound = Binding(one_way, only_gfr, out=out)
    bound(only_gfr, some)
    np.testing.assert_array_equal(out, people["gfr_ml_min"])
    with pytest.raises(InputError, match="'baseline_gfr_ml_min': the people do without this column"):
        bound(one_way, some)
