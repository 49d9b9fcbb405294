"""The run page as it is read: the verdict first, what to be careful about, from every count to its samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Failure, Prompt, Record, Validity
from evalkit.runs.store import Run
from tests.cli.console import evalkit
from tests.reports.conftest import until
from tests.reports.made import record, write_run

N = 100


def made(number: int) -> Record:
    """Every fourth is wrong; three never reached the model, five were cut, two groups within one."""
    one = record(number, right=number % 4 > 0)
    sample = replace(
        one.sample, groups=("STEM" if number % 2 else "arts", f"part {number % 4}"), cluster=f"c{number % 6}"
    )
    one = replace(one, sample=sample, prompt=Prompt(f"question {number}", preamble="Q: 1+1?\nA: 2\n\n"))
    if number < 3:
        failure = Failure("model", "ModelError", "HTTP 503")
        return replace(one, replies=(), scores=(), failure=failure, validity=Validity.BACKEND_ERROR)
    if number < 8:
        return replace(one, replies=(replace(one.replies[0], finish=("length",)),), flags=("looks-like-a-refusal",))
    return one


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("page") / "a", map(made, range(N)), model="atlas-2")


@pytest.fixture(scope="module")
def report(run: Run) -> Path:
    assert evalkit("report", run.folder, "-o", "r.html", cwd=run.folder.parent).code == 0
    return run.folder.parent / "r.html"


def test_the_verdict_comes_first_and_then_what_to_be_careful_about(report: Path, look: Any) -> None:
    page = look(report, ready=False, java_script_enabled=False).page
    wrong = sum(n % 4 == 0 for n in range(3, N))
    share = 100 * (1 - wrong / (N - 3))
    assert page.inner_text(".told").startswith(f"atlas-2: {share:.1f}% on t (")
    assert "1 task, 100 samples" in page.inner_text(".told")
    careful = page.locator(".careful li").all_inner_texts()
    assert careful == [
        "3 samples never got a reply from the model (HTTP 503).",
        "5 samples look like refusals.",
        "5 samples were cut at the limit.",
        "t rests on 6 groups of samples that depend on each other: its interval is wide for its 100 samples.",
    ]
    order = page.evaluate(
        "[...document.querySelectorAll('main > section')].map(one => one.getAttribute('aria-labelledby'))"
    )
    assert order[0] == "h-verdict"
    assert order.index("h-samples") < order.index("h-cost")
    assert page.locator("#method[open]").count() == 0


def test_counts_lead_to_their_samples_and_back(report: Path, look: Any) -> None:
    opened = look(report)
    page = opened.page
    before = page.inner_text("#count")
    for link, many in (("never got a reply", 3), ("cut at the limit", 5)):
        page.locator(".careful a", has_text=link).click()
        until(page, "text => document.querySelector('#count').textContent.startsWith(text)", f"{many} of")
        until(page, "document.querySelector('#samples').getBoundingClientRect().top < 100")
        page.go_back()
        until(page, "text => document.querySelector('#count').textContent === text", before)
    page.locator("#wrong-link").click()
    until(page, "document.querySelector('#count').textContent.startsWith('24 of')")
    chip = page.locator("#chips button", has_text="not measured")
    assert chip.inner_text().split()[-1] == "3"
    chip.click()
    until(page, "document.querySelector('#count').textContent.startsWith('0 of')")
    page.go_back()
    until(page, "document.querySelector('#count').textContent.startsWith('24 of')")
    assert opened.quiet()


@pytest.mark.parametrize(("group", "many"), [("STEM", 50), ("part 3", 25)])
def test_every_level_of_groups_is_a_filter(report: Path, look: Any, group: str, many: int) -> None:
    page = look(report, f"#group={group.replace(' ', '+')}").page
    assert page.inner_text("#count") == f"{many} of 100 samples."


def test_the_first_sample_that_is_not_right_is_open_with_its_reason(report: Path, look: Any) -> None:
    page = look(report).page
    page.wait_for_selector("#detail h3")
    assert page.inner_text("#detail h3") == "s0"
    assert "failed in asking the model: HTTP 503" in page.inner_text(".stays")
    page.goto(page.url.partition("#")[0] + "#score=wrong")
    until(page, "document.querySelector('#detail h3')?.textContent === 's4'")
    assert "“answer 4” counts as" not in page.inner_text(".stays")
    page.click("[data-act=after]")
    until(page, "document.querySelector('#detail h3').textContent === 's8'")
    assert page.evaluate("document.activeElement.dataset.act") == "after"
    page.keyboard.press("ArrowLeft")
    until(page, "document.querySelector('#detail h3').textContent === 's4'")
    folded = page.locator("#detail details", has_text="Before the question")
    assert "1+1" not in page.locator("#detail > .message").first.inner_text()
    assert "1+1" in folded.text_content()
    page.evaluate("document.querySelector('#detail').scrollTop = 400")
    top = "one => document.querySelector(one).getBoundingClientRect().top"
    assert abs(page.evaluate(top, ".stays") - page.evaluate(top, "#detail")) < 30


def test_a_sample_is_copied_as_link_json_and_command(report: Path, run: Run, look: Any) -> None:
    page = look(report, "#score=wrong", permissions=["clipboard-read", "clipboard-write"]).page
    page.wait_for_selector("[data-act=json]")
    said = {}
    for name in ("json", "command", "link"):
        page.click(f"[data-act={name}]")
        said[name] = page.evaluate("navigator.clipboard.readText()")
    assert '"id": "s4"' in said["json"]
    shown = evalkit(*said["command"].split()[1:], cwd=run.folder.parent)
    assert shown.code == 0, shown
    assert "question 4" in shown.out
    assert said["link"].startswith("file://")
