"""The page in a real browser: no requests outside, keyboard, state in the address, and nothing lost when it is killed.

Skipped without Playwright or Chromium. AXE names axe-core's axe.min.js and VNU the checker's vnu.jar, where they are
installed: npm install axe-core vnu-jar.
"""

import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from popsim.cli import main

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("shiny")
ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
AXE, VNU = (Path(os.environ.get(name, "/nowhere")) for name in ("AXE", "VNU"))
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 180_000
VIEWS = ("answer", "setup", "network", "people", "compare")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason="needs Chromium"),
]


class Server:
    """popsim dashboard in a process of its own, with the address that it prints."""

    def __init__(self, folder, *arguments, port=0):
        command = [sys.executable, "-m", "popsim.cli", "dashboard", *arguments, "--no-browser", "--port", str(port)]
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it ends with the server
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip
        self.address = self.process.stdout.readline().strip()
        self.port = int(self.address.split(":")[2].partition("/")[0])

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(60)


@pytest.fixture
def served(folder):
    server = Server(folder, "results/small")
    yield server
    server.end()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        found = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def page(browser):
    """A page that notes what it asks elsewhere, and what fails in it."""
    found = browser.new_page(viewport={"width": 1280, "height": 720})
    found.set_default_timeout(PATIENCE_MS)
    found.problems = []
    found.on("pageerror", lambda error: found.problems.append(str(error)))
    found.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("http://127.0.0.1:", "data:")) else found.problems.append(asked.url)
        ),
    )
    yield found
    found.close()


def opened(page, address):
    page.goto(address)
    page.wait_for_selector("#out_decision table")
    return page


def test_without_the_token_there_is_nothing(served):
    base = f"http://127.0.0.1:{served.port}"
    token = served.address.split("/")[3]
    for path, headers in (
        ("/", {}),
        (f"/{'x' * 32}/", {}),
        (f"/{token}/", {"Host": "evil.example"}),
        (f"/{token}/", {"Origin": "http://evil.example"}),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(base + path, headers=headers))
        assert refused.value.code == 403
    with urllib.request.urlopen(f"{base}/{token}/") as answer:
        assert answer.status == 200


def test_ctrl_c_with_its_page_open_ends_in_silence(served, page):
    opened(page, served.address)
    served.end()
    page.wait_for_selector("#gone:not([hidden])")
    served.errors.seek(0)
    said = served.errors.read().splitlines()
    assert served.process.returncode == 0
    assert said == ["popsim: serving on this machine alone; Ctrl-C ends the page, simulations go on"]


def test_valuing_anew_starts_no_simulation_and_stays_in_the_address(served, page, folder):
    opened(page, served.address)
    before = page.inner_text("#out_decision")
    page.locator("#threshold").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    value = int(float(page.input_value("#threshold")))  # of the last key: each of them draws the page anew
    page.wait_for_function(f"document.querySelector('#out_decision').innerText.includes('at {value:,},')")
    page.wait_for_function(f"location.search.includes('threshold={value}')")
    assert page.inner_text("#out_decision") != before
    assert not list((folder / "results" / ".dashboard").glob("jobs/*.json"))
    after = page.inner_text("#out_decision")
    opened(page, page.url)  # as after a reload, or in another browser
    page.wait_for_function("said => document.querySelector('#out_decision').innerText === said", arg=after)
    assert page.problems == []


def test_every_view_is_reached_by_keyboard_and_has_no_fault(served, page):
    opened(page, served.address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#tab_answer").focus()
    for view in VIEWS[1:]:
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.id") == f"tab_{view}"
        assert page.locator(f"#panel_{view}").is_visible() and page.locator("[role=tabpanel]:visible").count() == 1
        if AXE.is_file():
            page.wait_for_timeout(3000)
            page.evaluate(AXE.read_text())
            assert page.evaluate("axe.run(document).then(found => found.violations.map(one => one.id))") == [], view
    page.keyboard.press("Home")
    assert page.locator("#panel_answer").is_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.problems == []


def test_a_life_is_told(served, page):
    page.goto(f"{served.address}&view=people")
    page.click("#tell")
    page.wait_for_selector("#out_life .story li")
    assert page.locator("#out_life figure img, #out_life figure svg").count() == 1
    assert page.problems == []


def test_a_twin_is_forecast_and_compared_from_its_page(tmp_path, page):
    record, cohort = ROOT / "docs/examples/record.toml", ROOT / "cohorts/heart_failure_discharge.toml"
    registry = str(tmp_path / "twins.db")
    made = ["--cohort", str(cohort), "--members", "24", "--id", "7h3k9q2m", "--registry", registry]
    assert main(["twin", "new", str(record), *made]) == 0
    server = Server(tmp_path, "--twin", "7h3k9q2m", "--registry", registry)
    try:
        page.goto(server.address)
        page.wait_for_selector("#out_twin h2")
        page.click("#ahead")
        page.click("#ahead")  # twice is once
        page.wait_for_function("document.querySelector('#out_news').innerText.includes('are new')")
        if AXE.is_file():
            page.evaluate(AXE.read_text())
            assert page.evaluate("axe.run(document).then(found => found.violations.map(one => one.id))") == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.problems == []
    finally:
        server.end()


@pytest.mark.skipif(not VNU.is_file(), reason="needs the checker of HTML")
def test_the_page_is_valid(served, page, tmp_path):
    opened(page, served.address)
    (tmp_path / "page.html").write_text(page.content())
    command = ["java", "-jar", str(VNU), "--errors-only", str(tmp_path / "page.html")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_killed_server_loses_nothing(folder, page):
    server = Server(folder, "small.toml")
    page.goto(f"{server.address}&view=setup")
    lever = page.locator('input[data-lever="replications"]')
    lever.fill("8")
    page.fill("#scenario", "Eight replications")
    page.wait_for_function("document.querySelector('#out_changes').innerText.includes('8 instead of 3')")
    page.click("#start")
    page.wait_for_function("location.search.includes('eight_replications')")
    page.wait_for_selector("#out_outcomes table")
    here = page.url
    server.end(signal.SIGKILL)
    page.wait_for_selector("#gone:not([hidden])")
    again = Server(folder, port=server.port)  # without saying what: as it was left
    try:
        assert again.address.split("?")[0] == server.address.split("?")[0]
        page.wait_for_selector("#gone", state="hidden")
        page.wait_for_function("document.querySelector('#out_status')?.innerText.startsWith('Finished')")
        assert "eight_replications" in here and "eight_replications" in page.url
        assert "8 replications" in page.inner_text("#out_status")
        assert page.problems == []
    finally:
        again.end()


def test_a_first_look_is_preliminary_and_the_run_replaces_it(folder, page):
    text = (folder / "small.toml").read_text()
    (folder / "larger.toml").write_text(
        text.replace('name = "small"', 'name = "larger"').replace("population = 60", "population = 400")
    )
    server = Server(folder, "larger.toml")
    try:
        page.goto(f"{server.address}&view=setup")
        page.wait_for_function("document.querySelector('#out_changes').innerText.includes('Nothing is changed')")
        page.click("#start")
        page.wait_for_function("document.querySelector('.look')?.innerText.includes('First look')")
        if AXE.is_file():
            page.evaluate(AXE.read_text())
            assert page.evaluate("axe.run(document).then(found => found.violations.map(one => one.id))") == []
        page.wait_for_function("document.querySelector('#out_status')?.innerText.startsWith('Finished')")
        page.wait_for_function("!document.querySelector('.look') && document.querySelector('#out_decision table')")
        assert "400 people" in page.inner_text("#out_status")
        assert page.problems == []
    finally:
        server.end()
