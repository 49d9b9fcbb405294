"""Takes pictures of the built site: its home, a tutorial and the command line's reference, wide and narrow.

mkdocs build && python -m tools.docs_site.pictures
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"home": "index.html", "tutorial": "tutorials/first-evaluation.html", "cli": "reference/cli/run.html"}
SIZES = {"light": (1280, 800), "narrow": (390, 800)}


def main() -> None:
    """Write docs/images/site-<page>-<size>.png. Needs Chromium, and the site in site/."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            for name, path in PAGES.items():
                page.goto((ROOT / "site" / path).as_uri())
                page.wait_for_load_state("networkidle")
                page.screenshot(path=ROOT / "docs" / "images" / f"site-{name}-{size}.png")
        browser.close()


if __name__ == "__main__":
    main()
