"""A real Chromium for the pages. Missing pieces skip visibly: playwright, the browser, axe-core."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A page and what it did behind one's back: messages of its console, errors, requests."""

    page: Any
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def quiet(self) -> bool:
        """Nothing on the console, no error, nothing asked for but the file itself."""
        assert self.problems == []
        assert len(self.requests) == 1, self.requests
        assert self.requests[0].startswith("file://")
        return True


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for a module. Playwright keeps an event loop running in this thread for as long as it is
    open, and `asyncio.run` refuses such a thread: open for the session, it would fail every test after it."""
    api = pytest.importorskip("playwright.sync_api", reason="pages are tested with playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Open a file (with a fragment) in a context of its own; waits until the page says that it is ready."""
    contexts = []

    def go(path: Path, fragment: str = "", *, ready: bool = True, **options: Any) -> Opened:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda message: opened.problems.append(message.text))
        page.on("pageerror", lambda error: opened.problems.append(str(error)))
        page.on("dialog", lambda dialog: opened.problems.append("dialog"))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(path.as_uri() + fragment)
        if ready:
            page.wait_for_selector("html[data-ready]", timeout=30_000)
        return opened

    yield go
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source: EVALKIT_TEST_AXE names the file (npm install axe-core, outside the repository)."""
    path = os.environ.get("EVALKIT_TEST_AXE")
    if not path:
        pytest.skip("axe-core is the oracle; set EVALKIT_TEST_AXE to its axe.min.js (npm install axe-core)")
    return Path(path).read_text(encoding="utf-8")


def until(page: Any, condition: str, argument: object = None, seconds: float = 20) -> None:
    """Wait until a condition holds. Playwright's own waiting evaluates text in the page, which its policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def violations(opened: Opened, axe: str) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA in the page as it stands."""
    opened.page.evaluate(axe)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = opened.page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
