"""The report is one well-formed page that loads nothing, escapes everything and says what is not known."""

import base64
import copy
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser

import polars as pl
import pytest
from finished_run import with_changes

from popsim.cli import main
from popsim.reporting.answer import answer
from popsim.reporting.cautions import cautions
from popsim.reporting.pages.checklists import cheers, stress
from popsim.reporting.pages.report import report_page
from popsim.runs.run import StoredRun

VOID = {"meta", "img", "br", "hr", "link", "input"}
HOSTILE = '<script>alert("1")</script>'


class Page(HTMLParser):
    """Checks that tags nest and notes what is loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(run) -> str:
    return report_page(run)


def test_the_page_is_well_formed_and_accessible(page):
    tags = Page(page).tags
    names = [tag for tag, _ in tags]
    assert page.startswith("<!DOCTYPE html>")
    assert dict(tags)["html"] == {"lang": "en"}
    assert names.count("h1") == 1 and names.count("h2") == 7
    assert names.count("img") == 12  # every figure but those of parameter draws
    assert all(len(attrs["alt"]) > 5 for tag, attrs in tags if tag == "img")
    assert all("scope" in attrs for tag, attrs in tags if tag == "th")
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for tag, attrs in tags if tag == "a"} <= set(ids)


def test_the_page_opens_with_the_answer_and_says_what_to_know_first(run, page):
    found = answer(run)
    opening = page[page.index("<main>") : page.index("<nav")]
    assert [escape(sentence) for sentence in found.sentences] == re.findall(
        r"<p>([^<]*)</p>", opening[: opening.index("</div>")]
    )
    assert opening.count("<img") == 1 and "figure-answer" not in page[page.index("<nav") :]
    for one in cautions(run):
        assert escape(one.about) in opening
        if one.section:
            section = page[page.index(f">{one.section}</h2>") :]
            assert escape(one.text) in section[: section.index("</section>")]
    assert {one.about for one in cautions(run)} >= {
        "Not validated here", "Few replications", "Parameters held certain", "People are assumptions",
    }  # fmt: skip


def test_prices_of_other_years_are_told_where_they_are_not_converted(run, tmp_path):
    printed = StoredRun.open(with_changes(run.folder, tmp_path, price_year="as_printed"))
    (told,) = {one.about for one in cautions(printed)} - {one.about for one in cautions(run)}
    assert told == "Prices of other years"


def test_the_answer_is_the_stored_one(run):
    """Its numbers are those of the tables: cost, QALYs and bed-days of the strategy with the highest net benefit."""
    value = run.frame("cost_effectiveness").sort("net_monetary_benefit", descending=True)
    found, best = answer(run), value["strategy"][0]
    wins = value["net_monetary_benefit"][0] > 0
    assert (found.shown, found.best) == (best, best if wins else "usual_care")
    assert found.people == run.network.reference_population
    row = run.frame("comparisons").filter((pl.col("strategy") == best) & (pl.col("measure") == "bed_days"))
    days = float(re.search(r"(?:takes?|frees?) ([\d,]+) bed-days", found.region)[1].replace(",", ""))
    assert days == pytest.approx(abs(row["mean"].item()) * found.people, rel=0.5, abs=1000)
    cost = float(re.search(r"(?:costs|saves) ([\d,.]+) GBP", found.what)[1].replace(",", ""))
    assert cost == pytest.approx(abs(value["cost_difference"][0]), rel=0.01)
    assert found.sure.startswith("How sure: chance")


def test_a_run_without_a_choice_says_so(run):
    manifest = dict(run.manifest)
    manifest["experiment"] = manifest["experiment"] | {"strategies": manifest["experiment"]["strategies"][:1]}
    assert answer(StoredRun(run.folder, manifest)) is None


def test_the_page_loads_nothing(page):
    for tag, attrs in Page(page).tags:
        assert tag not in ("script", "link", "iframe", "object")
        assert attrs.get("src", "data:image/").startswith("data:image/")
    assert "url(" not in page and "@import" not in page
    for image in re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page):
        svg = base64.b64decode(image).decode()
        assert not re.search(r"(href|src)=\"https?:", svg)


@pytest.mark.slow
def test_hostile_names_are_escaped(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")  # without its units: the network is not drawn, and that is said
    opened = StoredRun.open(tmp_path / "run")
    manifest = copy.deepcopy(dict(opened.manifest))
    manifest["experiment"]["title"] = HOSTILE
    manifest["experiment"]["strategies"][1]["label"] = "<b onmouseover=x>"
    manifest["experiment"]["cheers"]["limitations"] = HOSTILE
    manifest["versions"]["<i>"] = HOSTILE
    page = report_page(StoredRun(opened.folder, manifest))
    assert "&lt;script&gt;" in page
    assert {"script", "b", "i"}.isdisjoint(tag for tag, _ in Page(page).tags)


def test_checklists_are_whole_and_say_what_is_not_reported(run):
    """Item numbers: CHEERS 2022 has 28 items, STRESS-DES 20."""
    assert [item.number for item in cheers(run)] == [str(number) for number in range(1, 29)]
    assert len(stress(run)) == 20
    missing = {item.name for item in cheers(run) if not item.reported}
    assert {"Source of funding", "Conflicts of interest", "Health economic analysis plan"} <= missing
    assert "Study population" not in missing


def test_the_page_holds_results_parameters_and_provenance(run, page):
    said = (run.manifest["content_hash"], run.manifest["run_id"], "Incremental cost per QALY", "popsim run ")
    assert all(words in page for words in (*said, "Philox4x32-10, counter-based, seed 20261122", "lapse_rate_per_day"))


def test_report_writes_the_page_or_refuses_in_one_line(run, tmp_path, capsys):
    assert main(["report", str(run.folder), "--out", str(tmp_path / "none" / "a.html")]) == 2
    assert "must be the path of a .html file" in capsys.readouterr().err
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "a.html")]) == 2
    assert "no finished run in it" in capsys.readouterr().err


@pytest.mark.slow
def test_a_browser_shows_the_page(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "this test needs chromium"
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    picture = tmp_path / "a.png"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={picture}"]
    subprocess.run([*command, (tmp_path / "a.html").as_uri()], check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 20_000
