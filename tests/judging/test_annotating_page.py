"""The page for people in a real Chromium: compared by keyboard, kept, downloaded, and read by the audit."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.core import Image, Message, Reply, Sample, UsageError, digest_of
from evalkit.judging.annotation_page import unveiled
from evalkit.judging.outputs import JudgedAnswer, Outputs, shared
from evalkit.runs.store import manifest
from evalkit.stats.agreement import cohen_kappa
from tests.cli import console
from tests.judging.server import fair, judge_server, merits, outputs
from tests.reports.conftest import Opened, axe, browser, look, violations
from tests.reports.made import record, write_run

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
    # Answers are shuffled: each model stands on the left in some. Its name is in none of them, nor in the page.
    assert {unveiled(row["a"], row["id"], ["ant", "bee"]) for row in rows} == {"ant", "bee"}
    assert len({row["a"] for row in rows} | {row["b"] for row in rows}) == 24
    assert not re.search(r"\b(ant|bee)\b", (folder / "annotate.html").read_text(encoding="utf-8"))
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


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two models on two tasks: every third answer is the same but for blanks around it."""
    made = tmp_path_factory.mktemp("tasks")
    for model in ("ant", "bee"):
        records = []
        for task in ("one", "two"):
            for n in range(9):
                one, same = record(n, task=task), n % 3 == 0
                text = (f" the same {n}\n" if model == "ant" else f"the same {n}") if same else f"{n} by {model}"
                records.append(replace(one, replies=(replace(one.replies[0], texts=(text,)),)))
        run = write_run(made / model, records, task="one", model=model)
        run.manifest.tasks.append(replace(run.manifest.tasks[0], name="two"))
        manifest.write(run.folder, run.manifest)
    return made


def test_equal_answers_are_left_out_a_task_is_chosen_and_the_target_is_shown_when_asked(
    tasks: Path, look: Look
) -> None:
    done = console.evalkit("judge", "annotate", "ant", "bee", cwd=tasks)
    assert done.code == 0, done
    assert "12 comparisons: annotate.html (6 pairs of equal answers are left out)" in done.out
    page = look(tasks / "annotate.html", accept_downloads=True).page
    assert "6 pairs with equal answers left out." in page.inner_text("#enough")
    page.select_option("#task", "two")
    assert page.inner_text("#count") == "1 of 6, 0 done"
    assert not page.is_visible("#target")
    page.locator("body").press("t")
    number = page.inner_text("#question").split()[1]
    assert page.inner_text("#target") == f"answer {number}"
    page.locator("body").press("1")
    assert not page.is_visible("#target")
    page.select_option("#task", "all")
    assert page.inner_text("#count").endswith("of 12, 1 done")
    rows = save(page, tasks / "labels.csv")
    assert [row["id"].split("/")[0] for row in rows] == ["two"]


def test_two_that_answered_alike_have_no_page(tasks: Path) -> None:
    same = tasks / "alike.jsonl"
    same.write_text('{"question": "q", "answer": "a", "model": "other"}\n')
    (tasks / "first.jsonl").write_text('{"question": "q", "answer": "a ", "model": "first"}\n')
    done = console.evalkit("judge", "annotate", "first.jsonl", "alike.jsonl", cwd=tasks)
    assert done.code == 2 and "the two models gave the same answers" in done.err


def test_so_many_labels_make_kappa_known_to_a_tenth(folder: Path, look: Look) -> None:
    """The oracle is the interval that the audit gives kappa: with the number that the page says, its half is 0.1."""
    page = look(folder / "annotate.html").page
    for key in "111122222200":
        page.locator("body").press(key)
    found = re.search(r"At most (\d+) more labels .* \((\d+) so far\)", page.inner_text("#enough"))
    assert found
    wanted = int(found[1]) + int(found[2])
    shares = (np.array([4, 6, 2]) + 1) / 15
    halves = []
    for kappa in (0.4, 0.6, 0.8):
        table = kappa * np.diag(shares) + (1 - kappa) * np.outer(shares, shares)
        cells = np.repeat(np.arange(9), np.round(table.ravel() * wanted * 20).astype(int))
        interval = cohen_kappa(cells // 3, cells % 3)
        halves.append((interval.high - interval.low) / 2 * 20**0.5)  # of 20 times as many labels, so nothing is rounded
    assert max(halves) == pytest.approx(0.1, rel=0.03)


def test_it_says_when_the_labels_are_enough(tmp_path: Path, look: Look) -> None:
    for name, seed in (("ant", 1), ("bee", 2)):
        (tmp_path / f"{name}.jsonl").write_text(outputs(name, seed, 460), encoding="utf-8")
    assert console.evalkit("judge", "annotate", "ant.jsonl", "bee.jsonl", cwd=tmp_path).code == 0
    page = look(tmp_path / "annotate.html").page
    script = "() => { for (let n = 0; n < 440; n++) document.querySelector(`[data-say=${'ab'[n % 2]}]`).click(); }"
    page.evaluate(script)
    assert page.inner_text("#enough").startswith("Enough labels")


def test_a_question_with_an_image_is_the_same_wherever_a_run_keeps_it(tmp_path: Path) -> None:
    def answered(name: str, picture: bytes) -> Outputs:
        file = tmp_path / name / "picture.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture)
        image = Image(str(file), digest_of(picture.hex()), "image/png")
        sample = Sample("q", (Message("user", "What is it?", (image,)),))
        return Outputs(name, {"q": JudgedAnswer(sample, (Reply((name,), ("stop",)),))}, place=name)

    assert shared([answered("ant", b"a bird"), answered("bee", b"a bird")]) == ["q"]
    with pytest.raises(UsageError, match="is another question"):
        shared([answered("ant", b"a bird"), answered("bee", b"a fish")])
