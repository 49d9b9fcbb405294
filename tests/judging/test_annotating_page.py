"""The page for people in a real Chromium: compared by keyboard, kept, downloaded, and read by the audit."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli import console
from tests.judging.server import fair, judge_server, merits, outputs
from tests.reports.conftest import Opened, axe, browser, look, violations

__all__ = ["axe", "browser", "look"]

Look = Callable[..., Opened]
HOSTILE = "</script><img src=x onerror=alert(1)> \u2028 <!-- It is fact 1. It is fact 2."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of two models, one answer of which would break out of a page that let it, and the page over them."""
    made = tmp_path_factory.mktemp("annotated")
    for name, seed in (("ant", 1), ("bee", 2)):
        rows = [json.loads(line) for line in outputs(name, seed, 12).splitlines()]
        if name == "ant":
            rows[0]["answer"] = HOSTILE
        rows[1]["id"] = "constructor"
        rows[2]["id"] = "__proto__"
        rows[3]["id"] = 'a "quoted", id'
        (made / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = console.evalkit("judge", "annotate", "ant.jsonl", "bee.jsonl", cwd=made)
    assert done.code == 0, done.err
    assert "12 comparisons" in done.out
    return made


def facts(page: Any, side: str) -> int:
    return merits(page.inner_text(f"#{side} .text"))


def decide(page: Any) -> None:
    """As a person who counts facts, with the keyboard."""
    left, right = facts(page, "left"), facts(page, "right")
    page.keyboard.press("0" if left == right else "1" if left > right else "2")


def save(page: Any, path: Path) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.click("#save")
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename == "labels.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_person_compares_with_the_keyboard_and_the_audit_reads_what_was_said(folder: Path, look: Look) -> None:
    """One who counts facts agrees with the judge that does in every label, whichever side an answer stood on."""
    opened = look(folder / "annotate.html", accept_downloads=True)
    page = opened.page
    assert page.inner_text("#count") == "1 of 12, 0 done"
    for _ in range(12):
        decide(page)
    assert page.inner_text("#count") == "12 of 12, 12 done: save the labels"
    rows = save(page, folder / "labels.csv")
    assert opened.problems == []
    assert len(rows) == 12
    assert {row["id"] for row in rows} >= {"constructor", "__proto__", 'a "quoted", id'}
    # Answers are shuffled: each model stands on the left in some.
    assert {row["a"] for row in rows} == {"ant", "bee"}
    with judge_server(fair) as (spec, _):
        arguments = ("judge", "audit", "ant.jsonl", "bee.jsonl", "--judge", spec, "--probes", "0", "--json")
        done = console.evalkit(*arguments, "--labels", "labels.csv", cwd=folder)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["agreement"]["n"] == 12
    assert found["agreement"]["value"] == 1.0


def test_what_was_said_is_kept_taken_back_and_skipped(folder: Path, look: Look) -> None:
    opened = look(folder / "annotate.html", accept_downloads=True)
    page = opened.page
    page.keyboard.press("1")
    page.keyboard.press("S")
    page.keyboard.press("2")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("[data-say=b]", "aria-pressed") == "true"
    page.keyboard.press("0")
    assert page.inner_text("#count") == "4 of 12, 3 done"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#count") == "4 of 12, 3 done"
    page.click("[data-say=a]")
    assert [row["label"] for row in save(page, folder / "some.csv")] == ["a", "tie", "a"]


def test_it_is_blind_asks_no_network_and_runs_nothing_of_an_answer(folder: Path, look: Look) -> None:
    opened = look(folder / "annotate.html")
    page = opened.page
    seen = ""
    for _ in range(12):
        seen += page.inner_text("body")
        page.keyboard.press("ArrowRight")
    assert "ant" not in seen.split()
    assert "bee" not in seen.split()
    assert "<img src=x onerror=alert(1)>" in seen
    assert page.locator("img").count() == 0
    assert opened.quiet()


def test_nothing_stands_against_wcag(folder: Path, look: Look, axe: str) -> None:
    opened = look(folder / "annotate.html", bypass_csp=True)
    assert violations(opened, axe) == []


def test_on_a_phone_answers_stand_one_below_the_other(folder: Path, look: Look) -> None:
    page = look(folder / "annotate.html", viewport={"width": 390, "height": 800}).page
    left, right = (page.locator(f"#{side}").bounding_box() for side in ("left", "right"))
    assert right["y"] >= left["y"] + left["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
