"""Take the pictures of the dashboard that the documentation shows.

    popsim dashboard results/heart_failure_discharge --no-browser          # prints an address
    python docs/screenshots.py ADDRESS [FOLDER]                             # by default docs/static

Needs Playwright, and Chromium under the name in CHROMIUM (by default /usr/bin/chromium).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SCREEN, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
SHOWN = {"answer": "#out_decision table", "network": "#out_network svg", "people": "#out_groups table"}
PATIENCE_MS = 120_000


def shown(page: Page, address: str, view: str) -> None:
    """Open a view and wait until it is drawn."""
    page.goto(f"{address}{'&' if '?' in address else '?'}view={view}")
    page.wait_for_selector(SHOWN[view], timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)


def main(address: str, folder: Path) -> None:
    """Take all pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for view in SHOWN:
            page = browser.new_page(viewport=SCREEN)
            shown(page, address, view)
            page.screenshot(path=folder / f"dashboard_{view}.png")
        page = browser.new_page(viewport=PHONE)
        shown(page, address, "answer")
        page.screenshot(path=folder / "dashboard_phone.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "static")
