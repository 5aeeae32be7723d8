"""The address of the page is its state."""

from hypothesis import given
from hypothesis import strategies as st

from popsim.dashboard.state import VIEWS, PageState

NAMES = st.text("abcdefghij_./", min_size=1, max_size=30)
NUMBERS = st.integers(0, 999_999).map(float)


@given(
    file=st.text(st.characters(categories=("L", "N"), include_characters=" /._-&=%+"), max_size=60),
    view=st.sampled_from(list(VIEWS)),
    changes=st.dictionaries(NAMES, NUMBERS, max_size=5),
    threshold=st.none() | NUMBERS,
    prices=st.dictionaries(NAMES, st.integers(0, 200).map(lambda n: n / 100), max_size=3),
    day=st.none() | st.integers(0, 9999),
    people=st.integers(0, 10**8),
)
def test_an_address_gives_its_state_again(**said):
    state = PageState(**said)
    assert PageState.of(state.query) == state


def test_what_is_usual_is_not_said():
    assert PageState().query == ""
    assert PageState(day=5).query == "day=5"


def test_nonsense_is_left_out():
    query = (
        "view=nowhere&day=-3&threshold=nan&price.cost_drugs=-1&set.x=inf&people=many&file=%00&unknown=1&day=99999999999"
    )
    assert PageState.of(query) == PageState()
    assert PageState.of("x" * 100_000) == PageState()
