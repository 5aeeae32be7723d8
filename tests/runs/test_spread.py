import made_up_work as work
import pytest
from interrupting import interrupted

from popsim.errors import InputError, RunError
from popsim.runs.engine import Engine
from popsim.runs.spread import spread

KEYS = "abcde"
ENGINES = [Engine(1, 1), Engine(2, 1)]


@pytest.fixture
def pieces(tmp_path):
    return [work.Piece(key, tmp_path) for key in KEYS]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_results_come_in_the_order_of_the_items_and_one_by_one(pieces, engine):
    seen, warmed = [], []
    found = spread(engine, work.leave_mark, pieces, on_result=seen.append, warm_up=lambda: warmed.append(1))
    assert found == [f"mark of {key}" for key in KEYS]
    assert sorted(seen) == found
    assert warmed == [1] * (engine.workers - 1)  # this process warms up by its own work


@pytest.mark.slow
def test_an_item_whose_process_dies_is_tried_again(pieces):
    assert spread(ENGINES[1], work.die_once, pieces) == [None] * 5
    assert len(work.marks(pieces[1])) == 2
    with pytest.raises(RunError, match="part 1 of 1: its process ended with code -9"):
        spread(ENGINES[1], work.always_die, pieces[1:2])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_of_the_work_ends_it_and_keeps_its_kind(pieces, engine):
    with pytest.raises(InputError, match=": too few people"):
        spread(engine, work.refuse, pieces[:1])
    assert len(work.marks(pieces[0])) == 1  # another attempt would end alike
    with pytest.raises(RunError, match=r"part 1 of 1: ValueError: two lines \(made_up_work.py:"):
        spread(engine, work.fail, pieces[1:2])


@pytest.mark.slow
def test_an_interrupt_ends_the_workers_at_once(pieces, tmp_path):
    interrupted(lambda: spread(ENGINES[1], work.sleep, pieces), tmp_path, within=20)
