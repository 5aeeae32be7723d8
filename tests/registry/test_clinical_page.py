"""The page for clinicians: its sentences are made of the evidence, flips are proven, and false evidence is found."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from small_registry import registry_of

from popsim.assimilation.flips import Question, find_flip
from popsim.assimilation.options import NOTHING, load_options
from popsim.cli import main
from popsim.registry import clinical
from popsim.registry.advice import belief_of_living, compare_options, last_seen
from popsim.registry.clinical import ClinicalEvidence, FlipTold, OutcomePair, ReadingToday, clinical_evidence
from popsim.registry.views import summarise
from popsim.reporting.pages.clinical import clinical_page
from popsim.reporting.text.clinical import ASKED, CHANGES, DISREGARD, statements, untrue

DAYS = 20
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    registry, (one,) = registry_of(tmp_path_factory.mktemp("twins"))
    return registry, one


@pytest.fixture(scope="module")
def evidence(twin) -> ClinicalEvidence:
    return clinical_evidence(*twin, days=DAYS)


def test_the_page_agrees_with_the_comparison_to_the_digit(twin, evidence):
    registry, one = twin
    compare_options(registry, one, days=DAYS)
    summary = summarise(registry, one)
    (chosen,) = [option for option in summary.options if option.chosen]
    assert evidence.chosen == chosen.label and evidence.sure == summary.sure
    assert evidence.probability_best == chosen.probability_best
    if not evidence.chosen_is_nothing:
        assert (evidence.benefit, evidence.low, evidence.high) == pytest.approx(
            (chosen.benefit, chosen.low, chosen.high)
        )
    weight = next(one for one in evidence.readings if one.name == "weight_kg")
    assert weight.last == pytest.approx(180 * 0.45359237) and weight.age_days == 0 and weight.error > 0


def test_a_flip_is_found_where_the_rule_has_it_and_both_sides_are_simulated(twin):
    """Above a potassium of 5.0 mmol/L the drug file refuses an ACE inhibitor: the answer changes there."""
    registry, one = twin
    kind, belief = belief_of_living(registry, one)
    with registry.database.reading() as connection:
        seen = last_seen(connection, one, kind.vocabulary, belief.ensemble, kind.parameters)
    seen |= {"potassium_mmol_l": np.array([4.6]), "ejection_fraction_percent": np.array([30.0])}
    option = next(one for one in load_options() if one.name == "ras_inhibitor_up")

    class Forced(Question):
        def answer(self, column="", value=None):
            compared = self.ask(column, value)
            return compared.options[1].name if compared.allowed[0, 1] else "nothing"

    question = Forced(belief, [NOTHING, option], 3, seen, 2e4, kind.parameters)
    flip = find_flip(question, "potassium_mmol_l", 0.1)
    assert flip.now == 4.6 and flip.answer == "nothing"
    assert question.answer("potassium_mmol_l", flip.this_side) != question.answer("potassium_mmol_l", flip.other_side)
    assert flip.this_side < flip.other_side and 4.9 <= flip.this_side <= 5.1 and flip.other_side - flip.this_side < 0.15


@pytest.mark.slow
def test_every_flip_of_the_page_holds_when_simulated_again(twin, evidence):
    registry, one = twin
    kind, belief = belief_of_living(registry, one)
    with registry.database.reading() as connection:
        seen = last_seen(connection, one, kind.vocabulary, belief.ensemble, kind.parameters)
    question = Question(belief, load_options(), DAYS, seen, evidence.willingness_to_pay, kind.parameters)
    assert len(evidence.flips) >= 3
    for told in evidence.flips:
        if told.flip.this_side is not None:
            assert question.answer(told.flip.column, told.flip.this_side) == question.answer()
            assert question.answer(told.flip.column, told.flip.other_side) == told.flip.answer


MADE_UP = ClinicalEvidence(
    twin="7h3k9q2m", day=40, members=100, days=180, willingness_to_pay=20_000.0, known={"Sex": "female"},
    chosen="More loop diuretic", other="No change", chosen_is_nothing=False, benefit=409.0, low=295.0, high=523.0,
    probability_best=0.77, sure=True,
    readings=(
        ReadingToday("weight_kg", "Weight", "kg", 1, 82.3, 4, 0.4, 82.5, 81.2, 83.7),
        ReadingToday("potassium_mmol_l", "Potassium", "mmol/L", 1, 5.9, 39, 0.15, 4.9, 4.7, 5.1),
        ReadingToday("symptom_score", "Symptoms", "1", 1, None, None, None, 4.8, 2.8, 7.8),
    ),
    outcomes=(
        OutcomePair("decompensation", "need urgent care", 0.19, 0.29, -0.10, -0.16, -0.06, 0.12, 0.25, 0.20, 0.39),
        OutcomePair("death", "die", 0.05, 0.06, -0.01, -0.02, 0.01, 0.04, 0.06, 0.04, 0.07),
    ),
    flips=(
        FlipTold(clinical.Flip("potassium_mmol_l", 5.4, 5.5, 5.6, "nothing", (3.8, 7.0), 9), "potassium", "mmol/L", 1,
                 "No change"),
        FlipTold(clinical.Flip("", 2e4, None, None, "", (0.0, 1e5), 3), "price", "GBP", 0, ""),
    ),
    refusals=(),
)  # fmt: skip


def test_sentences_are_natural_frequencies_with_their_intervals():
    text = [one.text for one in statements(MADE_UP)]
    first = "Of 100 people like this one, 19 need urgent care with the first option and 29 with the second: "
    second = "Of 100 people like this one, 5 die with the first option and 6 with the second: "
    assert f"{first}10 fewer (6 to 16 fewer)." in text
    assert f"{second}1 fewer (2 fewer to 1 more)." in text
    assert any(
        "If the potassium were 5.6 mmol/L or above" in one and "At 5.5 mmol/L it would not change" in one
        for one in text
    )
    assert any("1 reading does not fit the estimate: Potassium 5.9 (estimate 4.7 to 5.1)" in one for one in text)


def test_every_sentence_has_a_number_and_its_source():
    for one in statements(MADE_UP):
        assert one.numbers and all(value and source for _, value, source in one.numbers)
        assert re.search(r"\d", one.text), one.text


FALSE = [
    MADE_UP._replace(benefit=-40.0, low=-90.0, high=10.0),
    MADE_UP._replace(sure=False),
    MADE_UP._replace(probability_best=0.5),
    MADE_UP._replace(outcomes=(MADE_UP.outcomes[0]._replace(chosen=0.23), MADE_UP.outcomes[1])),
    MADE_UP._replace(outcomes=(MADE_UP.outcomes[0]._replace(low=-0.30), MADE_UP.outcomes[1])),
    MADE_UP._replace(readings=(MADE_UP.readings[0], MADE_UP.readings[1]._replace(last=5.0), MADE_UP.readings[2])),
    MADE_UP._replace(readings=(MADE_UP.readings[0]._replace(age_days=None, last=None), *MADE_UP.readings[1:])),
    MADE_UP._replace(
        flips=(MADE_UP.flips[0]._replace(flip=MADE_UP.flips[0].flip._replace(other_side=5.8)), MADE_UP.flips[1])
    ),
    MADE_UP._replace(day=41),
    MADE_UP._replace(days=90),
]


@pytest.mark.parametrize("other", FALSE, ids=range(len(FALSE)))
def test_false_evidence_under_unchanged_words_is_found(other):
    """A page whose words stay while its evidence changes does not pass; the page of its own evidence does."""
    page = clinical_page(MADE_UP)
    assert untrue(page, MADE_UP) == []
    assert untrue(page, other) != []
    assert untrue(clinical_page(other), other) == []


def test_a_changed_word_is_found():
    page = clinical_page(MADE_UP).replace("19 need urgent care", "9 need urgent care", 1)
    assert len(untrue(page, MADE_UP)) == 1
    assert untrue("<html></html>", MADE_UP) != []


def grade(text: str) -> float:
    """Flesch and Kincaid's grade; syllables are groups of vowels, a silent final e aside."""
    words = re.findall(r"[A-Za-z']+", text)
    sentences = max(1, len(re.findall(r"[.?!:;](?:\s|$)", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower())))) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def test_it_reads_at_tenth_grade_or_below(evidence):
    for one in (MADE_UP, evidence):
        assert grade(" ".join(told.text for told in statements(one))) <= 10.0


def test_the_page_is_well_formed_and_loads_nothing():
    page = clinical_page(MADE_UP._replace(chosen="<b>x</b>"))
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append((tag, dict(attrs)))

    Reader().feed(page)
    names = [tag for tag, _ in tags]
    assert {"script", "img", "link", "b"}.isdisjoint(names) and names.count("h1") == 1
    assert names.count("circle") == 2 * 2 * 100 + 2, "an array of 100 dots for each option and outcome, and the scale"
    assert all(attrs["aria-label"] for tag, attrs in tags if tag == "svg")
    filled = [attrs for tag, attrs in tags if tag == "circle" and attrs["fill"] != "none"]
    assert len(filled) == 19 + 29 + 5 + 6 + 2
    assert "For research, not for care." in page
    for section in (ASKED, CHANGES, DISREGARD):
        assert section in page


def test_the_command_writes_checks_and_refuses(twin, tmp_path, capsys, monkeypatch):
    registry, one = twin
    monkeypatch.setattr(clinical, "clinical_evidence", lambda *_: MADE_UP)
    where = ["--registry", str(registry.database.path)]
    page = tmp_path / "page.html"
    assert main(["twin", "explain", one, *where, "--out", str(page)]) == 0
    assert "Of 100 people like this one" in capsys.readouterr().out
    assert page.stat().st_mode & 0o077 == 0
    assert main(["twin", "explain", one, *where, "--check", str(page)]) == 0
    monkeypatch.setattr(clinical, "clinical_evidence", lambda *_: FALSE[0])
    assert main(["twin", "explain", one, *where, "--check", str(page)]) == 2
    assert "1 sentence does not hold today" in capsys.readouterr().err
    assert main(["twin", "explain", one, *where, "--out", str(tmp_path / "page.pdf")]) == 2
    assert "must end in .html" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.is_file(), reason="needs Chromium")
@pytest.mark.parametrize("measured", [1, 19])
def test_the_page_prints_on_one_sheet(evidence, tmp_path, measured):
    playwright = pytest.importorskip("playwright.sync_api")
    pypdf = pytest.importorskip("pypdf")
    readings = [one._replace(last=one.median, error=one.high - one.low, age_days=3) for one in evidence.readings]
    told = evidence._replace(readings=[*readings[:measured], *evidence.readings[measured:]])
    file = tmp_path / "page.html"
    file.write_text(clinical_page(told), encoding="utf-8")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox"])
        page = browser.new_page()
        page.goto(file.as_uri())
        printed = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert len(pypdf.PdfReader(BytesIO(printed)).pages) == 1
