"""In Chromium: the live page with a real run that is killed and resumed under it, and what the index can do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit import Run
from evalkit.reporting.serving.server import Site, listening, new_token
from evalkit.runs.store import labels
from tests.cli.console import EVALKIT, ONE_THREAD
from tests.reporting.test_serving import sample
from tests.reports.conftest import until, violations
from tests.reports.made import HOSTILE, record, write_run

MODEL = '''\
import pathlib, time

def answer(prompt: str) -> str:
    """The samples from the fortieth on wait until the test has seen the run stand still."""
    number, _, other, *_ = prompt.split()
    while int(number) >= 40 and not pathlib.Path("go-on").exists():
        time.sleep(0.05)
    if int(number) % 9 == 4:
        raise ValueError("no luck with <b>this</b>")
    return str(int(number) + int(other)) if int(number) % 3 else "no idea"
'''
TASK = """\
name: sums
data: sums.jsonl
prompt: "{{ a }} plus {{ b }} is"
target: "{{ a + b }}"
method: {generate: {max_tokens: 24, stop: []}}
scorers: [exact_match]
"""
ROWS = 90


class Page:
    """A page of a server, its console, and what it asked for."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page, self.problems, self.address = self.context.new_page(), list[str](), address
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)

    def quiet(self) -> bool:
        assert self.problems == []
        assert all(one.startswith(self.address) for one in self.requests), self.requests
        return True

    def words(self, selector: str = "main") -> str:
        return str(self.page.inner_text(selector))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(MODEL)
    (tmp_path / "sums.yaml").write_text(TASK)
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps({"a": n, "b": n % 17}) + "\n" for n in range(ROWS)))
    return tmp_path


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """What a failing test leaves running ends with it."""
    yield
    for process in STARTED:
        process.kill()
        process.communicate()
    STARTED.clear()


STARTED: list[subprocess.Popen[str]] = []


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [*EVALKIT, *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
    )
    STARTED.append(made)
    return made


def said_address(stream: Any) -> str:
    for line in stream:
        if "http://127.0.0.1:" in line:
            return str(line[line.index("http://") :].strip())
    raise AssertionError("no address was said")


WORDS = ("run", "sums.yaml", "--model", "slow.py:answer", "--no-cache", "--max-failures", "0.5", "--out", "runs/r")
PATIENCE_S = 90.0
DONE = "n => Number(document.querySelector('.facts')?.textContent.split(' ')[0] || 0) > n"
STATUS = "word => document.querySelector('.run')?.dataset.status === word"


@pytest.mark.slow("starts a run, kills it and resumes it under its page")
def test_a_run_is_killed_and_resumed_under_its_live_page(project: Path, browser: Any, axe: str) -> None:
    (project / "runs" / "r").mkdir(parents=True)
    watch = start(project, "watch", "runs/r")
    shown = Page(browser, said_address(watch.stdout))
    assert "The run has not begun." in shown.words()
    run = start(project, *WORDS)
    until(shown.page, DONE, 39, PATIENCE_S)
    assert "so far" in shown.words("tbody tr") and "still move" in shown.words()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    until(shown.page, STATUS, "stopped", PATIENCE_S)
    assert "evalkit run --resume" in shown.words(".run .notice")
    failed = shown.page.locator(".failures tbody tr").count()
    assert failed > 0
    assert "ValueError: no luck with <b>this</b>" in shown.words(".failures tbody tr >> nth=0")
    assert violations(shown, axe) == []  # type: ignore[arg-type]
    resumed = start(project, "run", "--resume", "runs/r", "--watch")
    own = Page(browser, said_address(resumed.stderr))
    until(own.page, STATUS, "running", PATIENCE_S)
    until(shown.page, STATUS, "running", PATIENCE_S)
    assert shown.page.locator('[data-final="true"]').count() == 0
    (project / "go-on").touch()
    _, told = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, told
    found = Run.open(project / "runs" / "r").estimate("sums")
    for one in (shown, own):
        until(one.page, STATUS, "finished", PATIENCE_S)
        assert f"{100 * found.value:.1f}%" in one.words('tr[data-final="true"]')
        assert f"{ROWS} of {ROWS}" in one.words('tr[data-final="true"]')
        assert one.page.locator(".failures tbody tr").count() == ROWS // 9
        assert one.quiet()
    with shown.context.expect_page() as opened:
        shown.page.click("text=The whole report")
    opened.value.wait_for_selector("html[data-ready]", timeout=30_000)
    assert "sums" in opened.value.inner_text("main")
    watch.send_signal(signal.SIGINT)
    _, errors = watch.communicate(timeout=20)
    assert (watch.returncode, errors.splitlines()[-1]) == (0, "closed")
    assert len(list(Run.open(project / "runs" / "r").records())) == ROWS


@pytest.mark.slow("starts a run and interrupts it")
def test_ctrl_c_ends_a_watched_run_as_any_other_and_a_mistake_opens_no_page(project: Path) -> None:
    run = start(project, *WORDS, "--watch")
    said_address(run.stderr)
    journal = project / "runs" / "r" / "records.jsonl"
    while journal.read_bytes().count(b"\n") < 5:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    (project / "go-on").touch()  # the functions that are being waited for return
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130 and "evalkit run --resume runs/r" in errors
    wrong = start(project, "run", "sums.yaml", "--model", "slow.py:nothing", "--watch")
    _, errors = wrong.communicate(timeout=60)
    assert wrong.returncode == 2 and "http" not in errors
    assert [path.name for path in (project / "runs").iterdir()] == ["r"]


# ---------------------------------------------------------------- the index


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "runs"
    for model, right in (("alpha", 3), ("beta", 2), (f"bad {HOSTILE[0]}{HOSTILE[3]}", 4)):
        for task in ("mmlu", "squad"):
            name = f"{model[:5].strip()}-{task}"
            write_run(
                folder / name, (record(n, task=task, right=n % right > 0) for n in range(40)), task=task, model=model
            )
    labels.write(folder / "alpha-mmlu", labels.Labels(("keep",), "before the fix"))
    write_run(folder / "plain", [sample(1)], task="other", model="alpha")
    return folder


@pytest.fixture
def index(browser: Any, folder: Path) -> Iterator[Callable[..., Page]]:
    import threading

    from evalkit.reporting.serving.server import LocalServer, address_of
    from evalkit.reporting.serving.sites import ViewSite

    opened: list[Page] = []
    site: Site = ViewSite(folder)
    token, found = new_token(), listening()
    server = LocalServer(site, found, token)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def go(fragment: str = "", **options: Any) -> Page:
        opened.append(Page(browser, address_of(found, token) + fragment, **options))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()
    server.shutdown()
    server.server_close()


def models(page: Page) -> list[str]:
    return [str(text) for text in page.page.locator("#runs tbody th a").all_inner_texts()]


@pytest.mark.parametrize(
    ("words", "count"),
    [("", 7), ("alpha", 3), ("ALPHA mmlu", 1), ("squad", 3), ("fix", 1), ("keep", 1), ("nothing", 0)],
)
def test_the_index_is_searched_in_all_that_it_says(index: Any, words: str, count: int) -> None:
    shown = index()
    shown.page.fill("#search", words)
    assert len(models(shown)) == count
    assert shown.words("#count") == ("7 runs" if count == 7 else f"{count} of 7 runs")
    assert shown.page.is_visible("#none") == (count == 0)
    # The address holds the search, so that it can be kept and opened again.
    assert len(models(index(shown.page.evaluate("location.hash")))) == count
    assert shown.quiet()


def test_order_state_and_tags(index: Any) -> None:
    shown = index()
    shown.page.select_option("#order", "model")
    assert models(shown)[:3] == ["alpha"] * 3
    shown.page.fill("#search", "squad")
    shown.page.select_option("#order", "score")
    assert models(shown)[0].startswith("bad") and models(shown)[1:] == ["alpha", "beta"]
    shown.page.fill("#search", "")
    shown.page.click("#tags button:has-text('keep')")
    assert models(shown) == ["alpha"]
    shown.page.click("#tags button:has-text('keep')")
    shown.page.select_option("#state", "running")
    assert models(shown) == []
    assert shown.quiet()


def test_two_ticked_runs_are_compared(index: Any) -> None:
    shown = index()
    assert not shown.page.is_visible("#ticked")
    for name in ("alpha-mmlu", "beta-mmlu"):
        shown.page.check(f"tr:has(.folder:text-is('{name}')) input")
    assert shown.words("#ticked").startswith("2 ticked")
    shown.page.click("#ticked a:has-text('Compare')")
    shown.page.wait_for_selector("html[data-ready]", timeout=30_000)
    assert "/compare/" in shown.page.url
    assert "alpha" in shown.words("body") and "beta" in shown.words("body")
    shown.page.go_back()
    shown.page.wait_for_selector("#runs tbody tr")
    assert shown.words("#ticked").startswith("2 ticked")  # Back finds the ticks
    shown.page.check("tr:has(.folder:text-is('alpha-squad')) input")
    assert shown.words("#ticked").startswith("3 ticked") and "Compare" not in shown.words("#ticked")
    shown.page.click("#ticked a:has-text('Rank')")
    shown.page.wait_for_selector("html[data-ready]", timeout=30_000)
    assert "Leaderboard" in shown.words("h1")
    shown.page.go_back()
    shown.page.wait_for_selector("#runs tbody tr")
    shown.page.click("#untick")
    assert not shown.page.is_visible("#ticked")
    assert shown.quiet()


def test_tags_and_notes_are_written_and_mistakes_said(index: Any, folder: Path) -> None:
    shown = index()
    row = "tr:has(.folder:text-is('beta-squad'))"
    shown.page.click(f"{row} button:has-text('add tag')")
    shown.page.fill("#edit-tags", "x" * 61)
    shown.page.click("#edit-save")
    until(shown.page, "document.getElementById('edit-problem').textContent.includes('at most 20 tags')")
    shown.page.fill("#edit-tags", f"new, {HOSTILE[0]}")
    shown.page.fill("#edit-note", f"seen {HOSTILE[3]}")
    shown.page.click("#edit-save")
    until(shown.page, "!document.getElementById('edit').open")
    assert f"seen {HOSTILE[3]}" in shown.words(row)
    assert labels.read(folder / "beta-squad") == labels.Labels(("new", HOSTILE[0]), f"seen {HOSTILE[3]}")
    assert HOSTILE[0] in index().words("#tags")
    assert shown.page.evaluate("window.pwned") is None
    assert shown.page.locator("main img, main script").count() == 0
    labels.write(folder / "beta-squad", labels.Labels())
    assert [one for one in shown.problems if "400" not in one] == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_the_index_is_accessible_and_no_wider_than_the_screen(index: Any, axe: str, width: int, scheme: str) -> None:
    shown = index(color_scheme=scheme, viewport={"width": width, "height": 844})
    shown.page.check("#runs tbody tr >> nth=0 >> input")
    assert violations(shown, axe) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
