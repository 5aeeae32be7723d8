"""The page on one twin shows the figures given, says what it is not for, loads nothing and is only its owner's."""

import re
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_twin import EARLY, LATE, OPTIONS, REFUSAL, SUMMARY, TODAY, WEIGHT
from matplotlib.figure import Figure
from matplotlib.image import imread
from test_report import HOSTILE, Page

from popsim.errors import InputError
from popsim.registry.summary import NOTICE, ReadingSummary
from popsim.reporting.figures import style, twin_panels
from popsim.reporting.pages.twin import BANNER, twin_html, twin_sheet, write_twin_page

EMPTY = replace(EARLY, signals=(), known={}, day=0)


def words(figure: Figure) -> str:
    found = (text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))
    return " ".join(" ".join(found).split())


@pytest.fixture(scope="module")
def html() -> str:
    return twin_html(SUMMARY)


@pytest.fixture(scope="module")
def sheet() -> Figure:
    return twin_sheet(SUMMARY)


def test_the_banner_stands_first_and_on_the_picture(html, sheet):
    body = html[html.index("<body>") :]
    assert body.index(NOTICE) < body.index("<h1>")
    assert f'<div class="banner" role="region" aria-label="Notice">{NOTICE}</div>' in body
    [drawn] = [text for text in sheet.texts if text.get_text() == NOTICE]
    assert drawn.get_fontsize() >= 12
    assert drawn.get_position()[1] > 0.95


def test_the_page_shows_the_figures_given(html):
    """By hand: 7.25% of deaths in 90 days is 2.4% in 30; the interval's ends are 90/180 and 90/50 of it."""
    for shown in (
        "74 years", "81.0 (80.2 to 81.8)", "88.1 on day 19", "81.0 (79.4 to 82.6)", "never measured",
        "mL/min/1.73 m²", "7.2% (3.6% to 13%)", "2.4% (1.2% to 4.3%)", "43% (22% to 78%)",
        "+1,533 (+1,146 to +1,921)", "92%", "GBP within 180 days at 20,000 GBP a QALY", REFUSAL,
        "Not sure: the best options are within noise of one another.", "reviewed by a clinician",
        "The model would choose: More loop diuretic (furosemide 40 to 80 mg a day).",
    ):  # fmt: skip
        assert shown in html, shown


def test_the_picture_says_the_same(sheet):
    said = words(sheet)
    for shown in (
        "74 years, female, diabetes, no COPD, furosemide 40 mg/d", "7.2% (3.6% to 13%)", "92%", "not allowed",
        "More loop diuretic furosemide 40 to 80 mg a day", REFUSAL, "Not sure", "day 4 reviewed by a clinician",
    ):  # fmt: skip
        assert shown in said, shown


def test_a_reason_against_an_option_is_told_once_and_no_option_that_changes_nothing(html, sheet):
    said = words(sheet)
    assert said.count(REFUSAL) == 1
    for text in (said, html):
        assert "spironolactone 0 to 0" not in text and "Changes nothing" not in text


def test_the_page_is_well_formed_and_loads_nothing(html):
    tags = Page(html).tags
    assert [tag for tag, _ in tags].count("h1") == 1
    assert [tag for tag, _ in tags].count("img") == 3
    assert all(len(attrs["alt"]) > 60 for tag, attrs in tags if tag == "img")
    for tag, attrs in tags:
        assert tag not in ("script", "link", "iframe", "object", "a")
        assert attrs.get("src", "data:image/").startswith("data:image/")
    assert not re.search(r"https?:|url\(|@import", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))


def test_whatever_is_in_a_summary_is_escaped():
    hostile = replace(
        SUMMARY,
        twin=HOSTILE,
        known={HOSTILE: HOSTILE},
        events=((1, HOSTILE),),
        reasons=(HOSTILE,),
        benefit_unit=HOSTILE,
        signals=(replace(WEIGHT, label=HOSTILE, unit=HOSTILE),),
        risks=tuple(replace(risk, label=HOSTILE) for risk in SUMMARY.risks),
        options=tuple(replace(option, label=HOSTILE, refused=HOSTILE) for option in OPTIONS),
    )
    page = twin_html(hostile)
    assert page.count("&lt;script&gt;") > 10
    assert "script" not in {tag for tag, _ in Page(page).tags}
    assert HOSTILE in words(twin_sheet(hostile))


def test_dollars_are_no_formulas():
    """Matplotlib reads text between two dollar signs as mathematics, and stops at what is none."""
    priced = replace(EMPTY, known={"Price": "$\\nothing$"})
    figure = twin_sheet(priced)
    figure.draw_without_rendering()
    assert "price $\\nothing$" in words(figure)


def test_a_panel_shows_every_reading_and_the_bands():
    axis = Figure().subplots()
    twin_panels.draw_signal(axis, LATE, SUMMARY)
    dots = {line.get_markerfacecolor(): line for line in axis.lines if line.get_marker() == "o"}
    assert dots["white"].get_ydata().tolist() == [88.1]
    used = dots[twin_panels.MEASURED]
    assert used.get_ydata().tolist() == [one.value for one in WEIGHT.readings]
    believed, foreseen = (shape.get_paths()[0].vertices for shape in axis.collections)
    assert (believed[:, 1].min(), believed[:, 1].max()) == pytest.approx((80.2, 81.8))
    assert (foreseen[:, 0].min(), foreseen[:, 0].max()) == (TODAY, TODAY + 90)  # it begins at today's belief
    assert foreseen[:, 1].max() == pytest.approx(82.6)


def test_what_was_measured_comes_before_what_was_not():
    names = [one.name for one in twin_panels.chosen_signals(replace(SUMMARY, signals=SUMMARY.signals[::-1]))]
    assert names == ["gfr_ml_min", "nt_probnp_pg_ml", "weight_kg", "symptom_score"]


@pytest.mark.slow
def test_a_twin_without_forecast_and_comparison_says_so():
    page, picture = twin_html(EARLY), words(twin_sheet(EARLY))
    assert "No forecast was made yet" in page and "No options were compared yet" in page
    assert "No options were compared yet" in picture
    assert "No options were compared yet" in twin_html(EMPTY) and NOTICE in words(twin_sheet(EMPTY))


@pytest.mark.slow
def test_nothing_is_recommended_for_who_has_died():
    dead = twin_html(replace(EMPTY, events=((0, "died"),), options=OPTIONS, options_day=0))
    assert "The person died on day 0." in dead and "The model would choose" not in dead


@pytest.mark.slow
def test_a_forecast_older_than_the_data_says_so():
    stale = replace(SUMMARY, forecast_day=TODAY - 6)
    warning = "The forecast is from day 14 and does not use the 6 days since."
    assert warning in twin_html(stale) and warning in words(twin_sheet(stale))


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0%"), (0.0004, "<0.1%"), (0.0725, "7.2%"), (0.0999, "10%"), (1, "100%")]
)
def test_shares_in_per_cent(share, said):
    assert twin_panels.percent(share) == said


@pytest.mark.slow
def test_nothing_stands_outside_the_sheet_or_on_top_of_other_text():
    """Also with as many reasons as there may be, and labels as long as the clinical twin's."""
    long = "Sacubitril/valsartan (sacubitril/valsartan 0 to 48.5 mg a day)"
    crowded = replace(
        SUMMARY,
        reasons=("A reason that fills a line and then goes on and on, " * 3,) * 9,
        options=(*OPTIONS, *(replace(OPTIONS[3], label=long) for _ in range(8))),
        signals=SUMMARY.signals * 4,
        risks=tuple(replace(r, name=f"{r.name}{n}") for n in range(2) for r in SUMMARY.risks) + SUMMARY.risks[:3],
    )
    figure = twin_sheet(crowded)
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in figure.texts]
    for box in [*boxes, *(axis.get_tightbbox() for axis in figure.axes)]:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
    for place, box in enumerate(boxes):
        assert not any(box.shrunk(0.9, 0.7).overlaps(other) for other in boxes[:place])
    labels = [label.get_window_extent() for label in figure.axes[-1].get_yticklabels()]
    assert not any(a.shrunk(1.0, 0.8).overlaps(b) for a, b in zip(labels[1:], labels, strict=False))


@pytest.mark.parametrize("kind", ["html", "png"])
def test_only_the_owner_reads_what_is_written(kind, tmp_path):
    path = tmp_path / f"page.{kind}"
    path.touch(0o644)
    assert write_twin_page(EMPTY, path) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size > 2000


@pytest.mark.slow
def test_the_png_is_a4_with_the_banner_on_top(tmp_path):
    pixels = imread(write_twin_page(SUMMARY, tmp_path / "page.png"))
    height, width, _ = pixels.shape
    assert height / width == pytest.approx(2**0.5, rel=0.002)
    assert pixels[5, 5, :3] == pytest.approx([int(BANNER[i : i + 2], 16) / 255 for i in (1, 3, 5)], abs=0.01)
    assert (pixels[:, :, :3].min(axis=2) < 0.5).mean() > 0.01  # ink


def test_a_path_that_will_not_do_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"--out page\.pdf: must end in \.html or \.png"):
        write_twin_page(SUMMARY, Path("page.pdf"))
    with pytest.raises(InputError, match=r"--out page\.html: cannot be written: No such file"):
        write_twin_page(EMPTY, tmp_path / "none" / "page.html")


def test_readings_long_ago_are_left_out_of_the_panels():
    late = replace(
        SUMMARY, day=400, signals=(replace(WEIGHT, readings=(ReadingSummary(3.0, 80.0), ReadingSummary(390.0, 82.0))),)
    )
    axis = Figure().subplots()
    twin_panels.draw_signal(axis, late.signals[0], late)
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [x for line in dots for x in line.get_xdata()] == [390.0]


def test_figures_say_what_they_are():
    for draw in (twin_panels.twin_signals, twin_panels.twin_risks, twin_panels.twin_options):
        assert len(style.described(draw(SUMMARY))) > 60


@pytest.mark.slow
def test_a_browser_shows_and_prints_the_page(html, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "this test needs chromium"
    (tmp_path / "a.html").write_text(html, encoding="utf-8")
    for flag, name in (("--screenshot", "a.png"), ("--print-to-pdf", "a.pdf")):
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"{flag}={tmp_path / name}"]
        subprocess.run([*command, (tmp_path / "a.html").as_uri()], check=True, capture_output=True, timeout=120)
        assert (tmp_path / name).stat().st_size > 20_000
