"""The course: a reader, a time, exercises with hidden answers, and for each block the output that it makes.

That the blocks run is tested with those of all other pages (test_documentation_pages.py).
"""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
LESSONS = sorted(path for path in (DOCS / "course").glob("*.md") if path.stem != "index")
READERS = {"student", "clinician", "reviewer", "planner", "economist", "analyst"}
BLOCK = re.compile(r"^```python\n.*?^```$", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"[-+]?\d[\d,]*\.?\d*")
SHOWN = re.compile(
    r'generated/(\S+)\n:language: text\n:start-after: "# block (\d+)"\n:end-before: "# (?:block (\d+)|end)"'
)

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])


def test_six_lessons_one_for_each_kind_of_reader():
    said = [
        re.findall(r"^\*For the (\w+)\. About (\d+) minutes", one.read_text("utf-8"), re.MULTILINE) for one in LESSONS
    ]
    assert {reader for [(reader, _)] in said} == READERS and len(said) == len(READERS)
    assert all(10 <= int(minutes) <= 15 for [(_, minutes)] in said)
    index = (DOCS / "course/index.md").read_text(encoding="utf-8")
    assert all(f"]({lesson.name})" in index for lesson in LESSONS)


@each_lesson
def test_exercises_have_hidden_answers(lesson):
    exercises = lesson.read_text(encoding="utf-8").partition("## Exercises")[2]
    asked, answers = re.findall(r"^\*\*\d\.\*\*", exercises, re.MULTILINE), exercises.split(":::{dropdown} Answer")[1:]
    assert len(asked) == len(answers) >= 3
    assert sum("```python" in answer for answer in answers) >= 2


@each_lesson
def test_what_a_block_prints_is_shown_below_it_and_made_by_it(lesson):
    text = lesson.read_text(encoding="utf-8")
    blocks = len(BLOCK.findall(text))
    stored = f"course_{lesson.stem.replace('-', '_')}.txt"
    shown = [(name, int(start), int(end or blocks + 1)) for name, start, end in SHOWN.findall(text)]
    assert shown == [(stored, number, number + 1) for number in range(1, blocks + 1)]
    made = (DOCS / "generated" / stored).read_text(encoding="utf-8")
    assert re.findall(r"^# (block \d+|end)$", made, re.MULTILINE) == [*(f"block {n + 1}" for n in range(blocks)), "end"]
    assert all(part.strip() for part in re.split(r"^# (?:block \d+|end)$", made, flags=re.MULTILINE)[:-1])


def figures(lesson: str, block: int) -> list[float]:
    """The numbers that a block prints, in order."""
    made = (DOCS / "generated" / f"course_{lesson}.txt").read_text(encoding="utf-8")
    text = made.partition(f"# block {block}\n")[2].partition("\n# ")[0]
    return [float(number.replace(",", "")) for number in FIGURE.findall(text)]


def test_what_lessons_say_of_their_figures_is_so():
    _, same, of, _, again, _, other = figures("what_a_twin_is", 2)
    assert same == of == 100 and again == 0 < other, "the same seed gives the same lives, another other people"
    assert figures("what_a_twin_is", 3)[0] > 50, "most do not fare differently"
    assert figures("what_a_twin_is", 4)[1] == 0, "nobody weighs this person"
    assert figures("read_a_forecast", 4)[0] < figures("read_a_forecast", 4)[2], "a week of gains raises the risk"
    _, few, _, more = figures("when_not_to_trust_it", 4)
    assert more < few, "more replications, a narrower interval"
    [by_cost, by_both, by_need] = figures("fairness", 4)
    assert by_need == 0 < by_both < by_cost == figures("fairness", 1)[2], "fewer of the most ill are missed"
    assert figures("fairness", 3)[0] == 5, "five groups"
    alone = figures("privacy_and_ethics", 3)[1::3]
    assert alone[0] > alone[1] > alone[2], "coarser classes help"
