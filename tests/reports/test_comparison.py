"""The comparison page: flips, differences as `compare` has them, a gate on top, word-level marks, hostile texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.commands.console import evalkit
from tests.foreign import test_inspect_logs as inspect_logs
from tests.foreign import test_lm_eval as lm_eval
from tests.reports.conftest import until, violations
from tests.reports.made import HOSTILE, hostile_run, record, write_run

N = 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `a` and `b` of 90 samples: every third is wrong in `a`, every fifth in `b`; two groups."""
    folder = tmp_path_factory.mktemp("two")
    for name, step in (("a", 3), ("b", 5)):
        records = (record(n, right=n % step > 0, group="xy"[n % 2]) for n in range(N))
        write_run(folder / name, records, model=f"model {name}")
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    done = evalkit("report", "--compare", "a", "b", "--policy", "default", cwd=folder)
    assert done.code == 0, done
    assert "wrote b/comparison.html" in done.out
    return folder / "b" / "comparison.html"


def test_the_numbers_are_those_of_compare(folder: Path, page: Path, look: Any) -> None:
    found = json.loads(evalkit("compare", "a", "b", "--json", cwd=folder).out)["tasks"][0]["metrics"][0]
    line = look(page, ready=False, java_script_enabled=False).page.inner_text("#differences tbody tr")
    for text in (f"{100 * found['difference']:+.1f}", f"{100 * found['low']:+.1f} … {100 * found['high']:+.1f}"):
        assert text in line
    assert line.split()[-2:] == [str(len(found["worse"])), str(len(found["better"]))]


def test_a_gate_stands_on_top_with_the_verdict_of_gate_run(folder: Path, page: Path, look: Any) -> None:
    assert evalkit("baseline", "save", "a", "base.evalkit", cwd=folder).code == 0
    done = evalkit("gate", "run", "b", "--baseline", "base.evalkit", cwd=folder)
    title = look(page).page.inner_text("#h-gate")
    assert title.removeprefix("Gate: ") in done.out
    plain = folder / "plain.html"
    assert evalkit("report", "--compare", "a", "b", "-o", "plain.html", cwd=folder).code == 0
    assert look(plain).page.locator("#h-gate").count() == 0


def test_from_the_matrix_to_the_list_to_the_sample(page: Path, look: Any) -> None:
    opened = look(page)
    counts = {
        kind: sum((n % 3 > 0, n % 5 > 0) == ends for n in range(N))
        for kind, ends in {"both": (1, 1), "lost": (1, 0), "gained": (0, 1), "neither": (0, 0)}.items()
    }
    rows = opened.page.locator(".flip-matrix tbody tr")
    cells = [[int(td.inner_text().split()[0]) for td in rows.nth(n).locator("td").all()] for n in (0, 1)]
    assert cells == [[counts["both"], counts["lost"]], [counts["gained"], counts["neither"]]]  # A down, B across
    for kind, count in counts.items():
        button = opened.page.locator(f"button.kind[data-kind={kind}]")
        assert button.inner_text().split()[0] == str(count)
        button.click()
        assert opened.page.inner_text("#count") == f"{count} of {N} samples."
        assert button.get_attribute("aria-pressed") == "true"
    opened.page.locator("button.kind[data-kind=lost]").click()
    opened.page.keyboard.press("j")
    until(opened.page, "document.querySelector('#detail h3')?.textContent === 's5'")
    again = look(page, opened.page.evaluate("location.hash"))
    until(again.page, "document.querySelector('#detail h3')?.textContent === 's5'")
    assert again.page.inner_text("#count") == f"{counts['lost']} of {N} samples."
    assert opened.quiet()
    assert again.quiet()


def test_words_that_differ_are_marked_side_by_side(tmp_path: Path, look: Any) -> None:
    texts = ("the quick brown fox jumps over the dog", "the slow brown fox leaps over the lazy dog")
    for name, text in zip("ab", texts, strict=True):
        made = [record(0, text=text), record(2, right=name == "a")]
        write_run(tmp_path / name, [with_id(made[0]), made[1]], model=name)
    done = evalkit("report", "--compare", "a", "b", "-o", "c.html", cwd=tmp_path)
    assert done.code == 0, done
    page = look(tmp_path / "c.html").page
    page.select_option("#kind", "")
    page.click(".item >> nth=0")
    page.wait_for_selector("#detail del")
    words = "tag => [...document.querySelector('#detail .sides').querySelectorAll(tag)].map(e => e.textContent.trim())"
    assert page.evaluate(words, "del") == ["quick", "jumps"]
    assert page.evaluate(words, "ins") == ["slow", "leaps", "lazy"]
    left, right = (page.locator(f"#detail .sides >> nth=0 >> pre >> nth={n}").text_content() for n in (0, 1))
    assert (left, right) == tuple(f"reply 0 {text}" for text in texts)


def with_id(one: Any) -> Any:
    from dataclasses import replace

    return replace(one, sample=replace(one.sample, id="same"))


def test_hostile_texts_are_shown_and_never_run(tmp_path: Path, look: Any) -> None:
    for name in "ab":
        hostile_run(tmp_path / name)
    done = evalkit("report", "--compare", "a", "b", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "b" / "comparison.html")
    opened.page.focus("#list")
    for number in range(2 * len(HOSTILE) + 2):
        opened.page.keyboard.press("j")
        until(opened.page, "n => document.querySelector('#detail h3')?.textContent.startsWith('s' + n)", number)
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("main img, main b, main style, main script, a[href^=javascript]").count() == 0
    assert opened.quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_accessible(page: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    opened = look(page, color_scheme=scheme, viewport={"width": width, "height": 844})
    opened.page.click(".item >> nth=0")
    opened.page.wait_for_selector("#detail h3")
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_mistakes_are_said(folder: Path) -> None:
    done = evalkit("report", "--compare", "a", cwd=folder)
    assert done.code == 2
    assert re.search(r"takes two runs", done.err)
    done = evalkit("report", "--compare", "a", "b", "--policy", "no.yaml", cwd=folder)
    assert done.code == 2
    assert "no.yaml" in done.err


def test_on_paper_the_matrix_stays(page: Path, look: Any) -> None:
    opened = look(page)
    opened.page.emulate_media(media="print")
    assert opened.page.locator(".flip-matrix button:visible").count() == 4
    assert opened.page.locator("#list:visible").count() == 0


def test_logs_of_lm_eval_are_compared(tmp_path: Path, look: Any) -> None:
    for name, step in (("a", 3), ("b", 4)):
        lines = [lm_eval.line(n, acc=float(n % step > 0)) for n in range(24)]
        lm_eval.write(tmp_path / name, "quiz", lines)
        lm_eval.results(tmp_path / name, model_name=f"org/{name}")
    found = json.loads(evalkit("compare", "a", "b", "--json", cwd=tmp_path).out)["tasks"][0]["metrics"][0]
    done = evalkit("report", "--compare", "a", "b", "--policy", "default", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "b" / "comparison.html")
    assert opened.page.inner_text(".lead >> nth=0").startswith("A org/a")
    for kind, name in (("lost", "worse"), ("gained", "better")):
        button = opened.page.locator(f"button.kind-{kind}")
        assert int(button.inner_text().split()[0]) == len(found[name]) > 0
    opened.page.locator("button.kind-gained").click()
    opened.page.keyboard.press("j")
    opened.page.wait_for_selector("#detail .sides")
    assert "Question 3?" in opened.page.inner_text("#detail")
    assert opened.quiet()


def test_a_log_of_inspect_is_compared(tmp_path: Path, look: Any) -> None:
    for name, step in (("a", 2), ("b", 3)):
        samples = [inspect_logs.sample(f"s{n}", "C" if n % step else "I") for n in range(12)]
        inspect_logs.as_json(tmp_path / f"{name}.json", inspect_logs.log(samples))
    done = evalkit("report", "--compare", "a.json", "b.json", cwd=tmp_path)
    assert done.code == 0, done
    assert "wrote comparison.html" in done.out
    opened = look(tmp_path / "comparison.html")
    kinds = {"both": 0, "lost": 0, "gained": 0, "neither": 0}
    for n in range(12):
        kinds[{(1, 1): "both", (1, 0): "lost", (0, 1): "gained", (0, 0): "neither"}[n % 2 > 0, n % 3 > 0]] += 1
    shown = {kind: int(opened.page.inner_text(f"button.kind-{kind}").split()[0]) for kind in kinds}
    assert shown == kinds
    opened.page.locator("button.kind-lost").click()
    opened.page.keyboard.press("j")
    until(opened.page, "document.querySelector('#detail')?.textContent.includes('A long question about')")
    assert opened.quiet()


def test_beyond_the_budget_replies_go_into_further_parts(tmp_path: Path, look: Any) -> None:
    for name, step in (("a", 3), ("b", 4)):
        write_run(tmp_path / name, (record(n, right=n % step > 0) for n in range(3000)), model=name)
    done = evalkit("report", "--compare", "a", "b", "--as", "comparison,budget=0.01", "-o", "c.html", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "c.html")
    assert "parts" in opened.page.inner_text(".notice")
    opened.page.select_option("#kind", "")
    assert opened.page.inner_text("#count") == "3,000 of 3,000 samples."
    opened.page.focus("#list")
    opened.page.keyboard.press("End")
    opened.page.click("#detail .elsewhere a")
    opened.page.wait_for_selector("html[data-ready] #detail .sides")
    assert re.search(r"/c-\d+\.html#", opened.page.url)
    assert "reply 2999" in opened.page.inner_text("#detail")
    assert opened.problems == []
    plain = evalkit(
        "report", "--compare", "a", "b", "--as", "comparison,budget=0.01,name=", "-o", "d.html", cwd=tmp_path
    )
    assert plain.code == 0, plain
    assert "shown without their details" in look(tmp_path / "d.html").page.inner_text(".notice")


def test_a_perplexity_is_compared_sample_by_sample(tmp_path: Path, look: Any) -> None:
    pytest.importorskip("torch")
    for name, model in (("a", "tiny"), ("b", "tiny,dtype=bfloat16")):
        done = evalkit(
            "run", "wikitext,data=sample", "--model", model, "--out", name, "-q", "--limit", "12", cwd=tmp_path
        )
        assert done.code == 0, done
    found = json.loads(evalkit("compare", "a", "b", "--json", cwd=tmp_path).out)["tasks"][0]["metrics"][0]
    assert evalkit("report", "--compare", "a", "b", "-o", "c.html", cwd=tmp_path).code == 0
    page = look(tmp_path / "c.html").page
    for kind in ("worse", "better"):
        assert page.inner_text(f"button.kind[data-kind={kind}]").startswith(f"{len(found[kind])} ")
    assert page.locator("button.kind[data-kind=unmeasured]").count() == 0
