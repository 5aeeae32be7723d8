"""The page that computes: its script says, to the printed digit, what popsim prints for the same values."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import polars as pl
import pytest
from revalued_run import COMPONENTS, revalued_run

from popsim.cli import main
from popsim.economics.cost_effectiveness import comparisons
from popsim.economics.perspectives import PERSPECTIVES
from popsim.errors import InputError
from popsim.reporting.pages import interactive
from popsim.reporting.text.budget import budget_text
from popsim.reporting.text.decision import decision_text
from popsim.reporting.text.tables import comparison_lines
from popsim.runs.run import StoredRun

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node runs the page's script")
USUAL = {"price": 20000, "perspective": "health_system", "effect": "qalys", "horizon": "whole", "people": 1000,
         "years": 3, "first": 0.2, "last": 0.8}  # fmt: skip
SETTINGS = [
    {},
    {"price": 0},
    {"price": 12345.5},
    {"price": 60000, "perspective": "societal"},
    {"perspective": "payer", "effect": "life_years"},
    {"perspective": "patient", "effect": "dalys", "price": 30000},
    {"effect": "mortality", "price": 1e6},
    {"horizon": "observed"},
    {"horizon": "observed", "effect": "life_years", "price": 5000},
    {"people": 37, "years": 1, "first": 1.0},
    {"people": 250_000, "years": 6, "first": 0.0, "last": 1.0, "perspective": "payer"},
]
SCRIPT = """
const R = require(process.argv[1]), fs = require("fs");
const {data, settings} = JSON.parse(fs.readFileSync(0));
const read = R.read(data);
console.log(JSON.stringify(settings.map((one) => {
  const shown = R.decide(read, one);
  const others = data.strategies.slice(1).map((_, i) => i + 1);
  const spent = data.spending[one.perspective] ? others.map((i) => R.budget(read, one, i)) : null;
  return {rows: shown.rows, evpi: shown.evpiInWords, spent: spent && spent.map((own) => own.years)};
})));
"""


def computed(run: StoredRun, settings: list[dict]) -> list[dict]:
    """What the page's script makes of each of the settings."""
    asked = json.dumps({"data": interactive.embedded(run), "settings": settings})
    command = [NODE, "-e", SCRIPT, str(interactive.ASSETS / "revaluing.js")]
    return json.loads(subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout)


def revalued(run: StoredRun, settings: dict) -> StoredRun:
    """The run as if its experiment had had these values, for popsim to print."""
    measures = run.frame("measures")
    own = pl.col("measure")
    if settings["horizon"] == "observed":
        later = {"qalys": "qalys_after", "life_years": "life_years_after", "cost_total": "cost_after"}
        part = measures.filter(own.is_in(list(later.values())))
        part = part.with_columns(own.replace({v: k for k, v in later.items()}).alias("measure"))
        keys = ["strategy", "draw", "replication", "measure"]
        whole = measures.filter(own.is_in(list(later)))
        measures = whole.join(part, on=keys).with_columns(pl.col("value") - pl.col("value_right")).drop("value_right")
    elif settings["perspective"] != run.experiment.perspective:
        cost = f"cost_{settings['perspective']}"
        measures = measures.filter(own != "cost_total").with_columns(own.replace({cost: "cost_total"}))
    differences, value = comparisons(measures, run.comparator, settings["price"])
    changed = {"perspective": settings["perspective"], "willingness_to_pay": settings["price"]}
    manifest = dict(run.manifest) | {"experiment": run.manifest["experiment"] | changed}

    class Changed(StoredRun):
        def frame(self, name: str) -> pl.DataFrame:
            tables = {"measures": measures, "comparisons": differences, "cost_effectiveness": value}
            return tables[name] if name in tables else super().frame(name)

    return Changed(run.folder, manifest)


def cells(text: str, title: str) -> list[list[str]]:
    """The cells of every printed line that begins with a title."""
    lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    return [line[1:] for line in lines if line[0].removesuffix(" *") == title]


@pytest.fixture(scope="module", params=[(60, 2), (45, 1), (0, 4), (0, 2)], ids=lambda sizes: f"{sizes[0]}x{sizes[1]}")
def made(request, tmp_path_factory) -> StoredRun:
    return revalued_run(tmp_path_factory.mktemp("made"), *request.param)


@needs_node
def test_the_page_says_what_decide_and_report_print(made):
    asked = [USUAL | one for one in SETTINGS]
    for one, found in zip(asked, computed(made, asked), strict=True):
        run = revalued(made, one)
        text = decision_text(run, one["effect"], one["price"])
        for row in found["rows"]:
            steps, value = cells(text, row["title"])
            assert steps == [cell for cell in (row["cost"], row["effect"], row["step"], row["status"]) if cell], one
            spread = [row["parameters"]] if "95% of parameters" in text else []
            chances = [row["probability"], row["loss"]] if made.experiment.draws else []
            assert value == [row["benefit"], *spread, *chances], one
        if made.experiment.draws:
            printed = cells(text, "All parameters (EVPI)")
            assert found["evpi"] == (printed[0][0] if printed else "0"), one
            assert bool(printed) != ("Value of information: none" in text), one
        if one["effect"] == "qalys":
            lines = {line[0].strip(): line[1:] for line in comparison_lines(
                run.frame("comparisons"), run.frame("cost_effectiveness"), run.experiment, {})[1]}  # fmt: skip
            others = found["rows"][1:]
            assert lines["Incremental cost per QALY"] == [row["icer"] for row in others], one
            if "95% interval (Fieller)" in lines:
                assert lines["95% interval (Fieller)"] == [row["fieller"] for row in others], one
            if "95% of parameters" in lines:
                assert lines["95% of parameters"] == [row["icer_parameters"] for row in others], one


@pytest.mark.slow
@needs_node
def test_the_budget_is_that_of_popsim_budget(made):
    asked = [USUAL | one for one in SETTINGS]
    for one, found in zip(asked, computed(made, asked), strict=True):
        rise = one["last"] - one["first"]
        uptake = [one["first"] + (rise * year / (one["years"] - 1) if year else 0.0) for year in range(one["years"])]
        for name, years in zip(list(made.strategies)[1:], found["spent"], strict=True):
            text = budget_text(made, [one["people"]], uptake, name, one["perspective"])
            for label, key in (("Current mix", "current"), ("New mix", "new"), ("Net impact", "net")):
                assert cells(text, label) == [[year["words"][key] for year in years]], one
            for printed in cells(text, "95% interval"):
                assert printed == [year["words"]["interval"] for year in years], one


@needs_node
def test_strategies_that_are_the_same_and_dominated_ones(tmp_path):
    """Telemonitoring becomes a copy of early follow-up; both cost more and gain less than usual care."""
    run = revalued_run(tmp_path, 40, 2)
    measures = run.frame("measures")
    early = measures.filter(pl.col("strategy") == "early_follow_up")
    worse = early.with_columns(value=pl.when(pl.col("measure") == "qalys").then(0.1).otherwise(pl.col("value")))
    table = pl.concat([
        measures.filter(pl.col("strategy") == "usual_care"), worse,
        worse.with_columns(strategy=pl.lit("telemonitoring")),
    ])  # fmt: skip

    class Changed(StoredRun):
        def frame(self, name: str) -> pl.DataFrame:
            return table if name == "measures" else super().frame(name)

    changed = Changed(run.folder, run.manifest)
    (found,) = computed(changed, [USUAL])
    text = decision_text(changed)
    titles = [row["title"] for row in found["rows"]]
    for row in found["rows"]:
        assert cells(text, row["title"])[1] == [row[key] for key in ("benefit", "probability", "loss")]
    assert [row["status"] for row in found["rows"]] == ["on the frontier", "dominated", f"same as {titles[1].lower()}"]
    assert [row["icer"] for row in found["rows"][1:]] == ["dominated: worse, dearer"] * 2
    assert found["evpi"] == "0" and "Value of information: none" in text


@needs_node
def test_numbers_are_written_as_python_writes_them():
    values = [0.5, 1.5, 2.5, 0.125, 0.375, -0.125, 1e-7, 123456.785, 999999.5, -0.0, 1e15 + 0.3, 2.675, 1.005, 0.045]
    script = "console.log(JSON.stringify(JSON.parse(process.argv[2]).map((v) => [0,1,2,3].map((d) => R.fixed(v, d)))))"
    command = [NODE, "-e", f"const R = require(process.argv[1]);{script}", str(interactive.ASSETS / "revaluing.js")]
    found = json.loads(subprocess.run([*command, json.dumps(values)], capture_output=True, check=True).stdout)
    assert found == [[f"{value:,.{digits}f}" for digits in range(4)] for value in values]


def test_the_page_is_one_file_with_its_data_and_its_policy(made, tmp_path):
    path = interactive.write_interactive(made, tmp_path / "a.html")
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy and policy.count("'sha256-") == 2
    tags: list[tuple[str, dict]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append((tag, dict(attrs)))

    Reader().feed(text)
    assert not [attrs for _, attrs in tags if "src" in attrs or "style" in attrs]
    assert all(attrs.get("href", "#").startswith("#") for _, attrs in tags)
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "img")]
    assert not [key for _, attrs in tags for key in attrs if key.startswith("on")]
    labels = {attrs["for"] for tag, attrs in tags if tag == "label"}
    fields = {attrs["id"] for tag, attrs in tags if tag in ("input", "select") and attrs.get("type") != "range"}
    assert labels == fields
    for words in ("Not validated here", "Prices of other years", "People are assumptions"):
        assert words in text


def test_hostile_names_stay_text(made):
    manifest = json.loads(json.dumps(dict(made.manifest)))
    manifest["experiment"]["title"] = "<script>alert(1)</script>"
    manifest["experiment"]["strategies"][1]["label"] = "</script><script>alert(2)</script>"
    text = interactive.interactive_page(StoredRun(made.folder, manifest))
    assert text.count("<script") == 2 and "alert(2)" in text
    assert "&lt;script&gt;alert(1)" in text


def test_perspectives_effects_and_horizons_are_those_that_the_run_stored(made):
    data = interactive.embedded(made)
    assert [*data["horizons"]["whole"]["costs"]] == list(PERSPECTIVES)
    assert data["horizons"]["observed"]["costs"] == {"health_system": "observed_cost_total"}
    assert len(data["spending"]["patient"]["components"]) == len({"out_of_pocket", "travel"} & {*COMPONENTS})
    assert [*data["horizons"]["observed"]["effects"]] == ["qalys", "life_years"]


def test_a_run_with_one_strategy_is_refused(made, tmp_path, capsys):
    manifest = json.loads(json.dumps(dict(made.manifest)))
    manifest["experiment"]["strategies"] = manifest["experiment"]["strategies"][:1]
    with pytest.raises(InputError, match="only one strategy"):
        interactive.interactive_page(StoredRun(made.folder, manifest))
    assert main(["report", str(made.folder), "--interactive", "--out", str(tmp_path / "none" / "a.html")]) == 2
    assert "must be the path of a .html file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_browser_computes_without_a_request_or_an_error(made, tmp_path):
    play_with = pytest.importorskip("playwright.sync_api").sync_playwright
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "this test needs chromium"
    path = interactive.write_interactive(made, tmp_path / "a.html")
    errors, requests = [], []
    with play_with() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        page.fill("#price", "60000")
        page.select_option("#perspective", "societal")
        page.fill("#people", "-3")
        page.wait_for_function("document.getElementById('problem').textContent !== ''")
        page.fill("#people", "1000")
        page.wait_for_function("document.getElementById('problem').textContent === ''")
        columns = zip(*(row.split("\t") for row in page.locator("#choice tr").all_inner_texts()), strict=True)
        shown = list(columns)[1:]
        assert page.locator("svg[role=img]").count() == (4 if made.experiment.draws else 2)
        chromium.close()
    text = decision_text(revalued(made, USUAL | {"price": 60000, "perspective": "societal"}), "qalys", 60000)
    assert len(shown) == 3
    for title, *printed in shown:
        assert {*cells(text, title.removesuffix(" *"))[1]} <= {*printed}
    assert errors == [] and [url for url in requests if not url.startswith("file:")] == []
