"""Streams that cannot be true are refused, whether a line contradicts the same file or what was stored before."""

import pytest
from small_registry import registry_of, state, stream

from popsim.errors import DefinitionError
from popsim.registry.stream import Calendar, Reader

WEIGHT = "29463-7,80,kg,observation"


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A registry with a twin; what is refused leaves it as it is."""
    registry, [twin] = registry_of(tmp_path_factory.mktemp("one"))
    return registry, twin


IMPOSSIBLE = [
    (["1,discharged,,,event"], 2, "discharged without an admission before"),
    (["3,admitted,,,event", "2,discharged,,,event"], 3, "discharged without an admission before"),
    (["1,admitted,,,event", "2,admitted,,,event"], 3, "admitted twice without a discharge between"),
    (["1,admitted,,,event", "2,discharged,,,event", "3,discharged,,,event"], 4, "discharged without"),
    (["1,admitted,,,event", "2,well,,,event"], 3, "at home and well, but not discharged"),
    (["2,died,,,event", f"3,{WEIGHT}"], 3, "the person died on day 2"),
    ([f"3,{WEIGHT}", "2,died,,,event"], 2, "the person died on day 2"),
    (["2,died,,,event", "3,furosemide,40,mg/d,medication"], 3, "the person died on day 2"),
    (["2,died,,,event", "2.5,died,,,event"], 3, "the person died on day 2"),
    (["2,died,,,event", "4,admitted,,,event"], 3, "the person died on day 2"),
    (["1,29463-7,80,kg,observation", "1,29463-7,81,kg,observation"], 3, "another value is told of the same time"),
    (["1,furosemide,40,mg/d,medication", "1,furosemide,80,mg/d,medication"], 3, "another value is told"),
    (["1,bisoprolol,5,mg/d,medication", "1,metoprolol,50,mg/d,medication"], 3, "a second drug of the same class"),
]


@pytest.mark.parametrize(
    ("lines", "where", "said"), IMPOSSIBLE, ids=[said + str(n) for n, (*_, said) in enumerate(IMPOSSIBLE)]
)
def test_what_cannot_have_happened_refuses_the_file(one, lines, where, said):
    registry, twin = one
    before = registry.database.path.read_bytes()
    with pytest.raises(DefinitionError) as error:
        registry.update(stream(*lines), "a.csv", twin=twin)
    assert str(error.value).startswith(f"a.csv:{where}: ") and said in str(error.value)
    assert registry.database.path.read_bytes() == before


def test_what_contradicts_may_have_been_stored_before(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    registry.update(stream(f"1,{WEIGHT}", "2,admitted,,,event", "4,discharged,,,event"), "a.csv", twin=twin)
    before = state(registry, twin)
    for line, said in (
        ("1,29463-7,81,kg,observation", "another value is told"),
        ("3,admitted,,,event", "admitted twice"),
        ("3,discharged,,,event", "does not fit|discharged without"),
        ("1.5,discharged,,,event", "discharged without"),
        ("2.5,well,,,event", "at home and well"),
        ("3,died,,,event", "something is told of the person on day 4"),
    ):
        with pytest.raises(DefinitionError, match=said):
            registry.update(stream(line), "b.csv", twin=twin)
    assert state(registry, twin) == before
    registry.update(stream("5,admitted,,,event", "6,died,,,event", f"6.9,{WEIGHT}"), "b.csv", twin=twin)
    with pytest.raises(DefinitionError, match="the person died on day 6"):
        registry.update(stream(f"7,{WEIGHT}"), "c.csv", twin=twin)
    late = registry.update(stream(f"2.5,{WEIGHT}"), "c.csv", twin=twin)  # a result of before comes late
    assert late.taken == 1


def test_what_can_have_happened_is_taken(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    lines = [
        "0,discharged,,,event",  # day 0 may be the day of a discharge
        "1,bisoprolol,5,mg/d,medication", "1,bisoprolol,5,mg/d,medication",
        "2,bisoprolol,0,mg/d,medication", "2,metoprolol,50,mg/d,medication",
        "3,infection,,,event", "3,admitted,,,event", "3,discharged,,,event",
        "4.2,admitted,,,event", "6.1,discharged,,,event", "6.8,admitted,,,event",
        "9,discharged,,,event", "9.1,well,,,event",
    ]  # fmt: skip
    report = registry.update(stream(*lines), "a.csv", twin=twin)
    assert (report.taken, report.known) == (len(lines) - 1, 1)


def test_in_a_pipe_the_line_that_does_not_fit_is_passed_over(tmp_path):
    registry, [twin] = registry_of(tmp_path)
    refused = []
    lines = stream("1,admitted,,,event", "2,admitted,,,event", "3,discharged,,,event", f"3.5,{WEIGHT}").decode().split()
    report = registry.update_lines(Reader("pipe", Calendar(), twin), lines, refused.append, twin)
    assert [str(one).split(": ")[0] for one in refused] == ["pipe:3"]
    assert (report.taken, report.known, report.days) == (3, 0, {twin: 3})
