"""The run report in a real browser: filters, links, keys, hostile texts, scale, accessibility."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from evalkit import plugins
from evalkit.core.outside_text import visible
from evalkit.runs.store import Run
from tests.cli.console import evalkit
from tests.reports.conftest import until, violations
from tests.reports.made import HOSTILE, hostile_run, large_run, record, write_run
from tests.runs.foreign import test_inspect_logs as inspect_logs
from tests.runs.foreign import test_lm_eval as lm_eval


def write(runs: list[Run], out: Path, spec: str = "html") -> Path:
    with out.open("w", encoding="utf-8") as file:
        file.writelines(plugins.load("report", spec)(runs))
    return out


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """120 samples of two groups, every third one wrong."""
    folder = tmp_path_factory.mktemp("run") / "a"
    return write_run(folder, (record(n, right=n % 3 > 0, group="ab"[n % 2]) for n in range(120)))


@pytest.fixture(scope="module")
def report(run: Run) -> Path:
    return write([run], run.folder.parent / "report.html")


def count(page: Any) -> str:
    return str(page.inner_text("#count"))


def test_headline_tables_stand_without_javascript(report: Path, look: Any) -> None:
    opened = look(report, ready=False, java_script_enabled=False)
    assert "66.7%" in opened.page.inner_text("#scores")
    assert "needs JavaScript" in opened.page.inner_text("noscript")
    assert opened.page.get_by_role("img", name=re.compile("t acc: 66.7%, interval 56.7 – 76.7")).count() == 1


def test_samples_are_filtered_sorted_and_searched(report: Path, look: Any) -> None:
    opened = look(report)
    page = opened.page
    assert count(page) == "120 samples."
    page.select_option("#score", "wrong")
    assert count(page) == "40 of 120 samples."
    page.select_option("#group", "a")
    assert count(page) == "20 of 120 samples."
    page.click("button[type=reset]")
    until(page, "document.querySelector('#count').textContent === '120 samples.'")
    page.fill("#q", "REPLY 11")
    until(page, "document.querySelector('#count').textContent.startsWith('11 of')")
    page.check("#regex")
    page.fill("#q", "reply (11|7)\\s")
    until(page, "document.querySelector('#count').textContent.startsWith('2 of')")
    page.fill("#q", "(")
    page.wait_for_selector("#q[aria-invalid]")
    page.click("button[type=reset]")
    until(page, "document.querySelector('#count').textContent === '120 samples.'")
    page.select_option("#sort", "low")
    until(page, "document.querySelector('.item .value').textContent === '0'")
    assert opened.quiet()


def test_every_state_has_a_link(report: Path, look: Any) -> None:
    first = look(report).page
    first.select_option("#score", "wrong")
    first.select_option("#sort", "id")
    first.click(".item >> nth=2")
    name = first.inner_text("#detail h3")
    again = look(report, first.evaluate("location.hash"))
    again.page.wait_for_selector("#detail h3")
    assert again.page.inner_text("#detail h3") == name
    assert count(again.page) == "40 of 120 samples."
    assert again.page.input_value("#sort") == "id"
    assert again.quiet()


def test_keys_move_through_the_list(report: Path, look: Any) -> None:
    page = look(report).page
    page.focus("#list")
    for key, name in (
        ("Home", "s0"),
        ("j", "s1"),
        ("ArrowDown", "s2"),
        ("k", "s1"),
        ("End", "s119"),
        ("ArrowUp", "s118"),
    ):
        page.keyboard.press(key)
        until(page, "name => document.querySelector('#detail h3')?.textContent === name", name)
        assert page.locator("#" + page.get_attribute("#list", "aria-activedescendant")).get_attribute("aria-selected")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "detail"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_hostile_texts_are_shown_and_never_run(tmp_path: Path, look: Any) -> None:
    report = write([hostile_run(tmp_path / "h")], tmp_path / "h.html")
    opened = look(report)
    page = opened.page
    assert count(page) == f"{2 * len(HOSTILE) + 2} samples."
    page.focus("#list")
    for number in range(2 * len(HOSTILE) + 2):
        page.keyboard.press("j" if number else "Home")
        until(page, "n => document.querySelector('#detail h3')?.textContent.startsWith('s' + n)", number)
        shown = page.text_content("#detail")
        if number < 2 * len(HOSTILE):
            literal = re.sub(r"⟨(U\+[0-9A-F]+)⟩", r"\1", visible(HOSTILE[number // 2]))
            # id, question (twice: system and user), reply, answer, reason, target, choice, data, reasoning, flag
            # and in what the score rests on: a judge's call (8), a claim (5), a sentence (4), a diagnosis,
            # a program (5), a context (3), details of no known shape (2)
            assert shown.count(literal) >= 38, literal
        else:
            assert "Show all 1,000,0" in shown
            assert "the end" not in shown
            page.locator("#detail h3 button").first.click()
            assert "the end" in page.text_content("#detail h3")
            page.focus("#list")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main b, main style, main script, #detail svg, a[href^=javascript]").count() == 0
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert opened.quiet()
    text = report.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "window.pwned=1</script>" not in text


def test_a_script_that_slipped_in_would_be_stopped(report: Path, tmp_path: Path, look: Any) -> None:
    broken = tmp_path / "broken.html"
    text = report.read_text(encoding="utf-8")
    broken.write_text(text.replace("</main>", "<script>window.pwned=1</script><img src='http://127.0.0.1:9/x'></main>"))
    opened = look(broken)
    assert opened.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in problem for problem in opened.problems)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_accessible(report: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    opened = look(report, color_scheme=scheme, viewport={"width": width, "height": 844})
    opened.page.click(".item >> nth=3")
    opened.page.wait_for_selector("#detail h3")
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_can_be_changed(report: Path, look: Any) -> None:
    page = look(report, color_scheme="dark").page
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(paper) != dark
    assert page.get_by_role("button", name="Dark theme").count() == 1


def test_beyond_the_budget_samples_stay_and_the_page_says_so(tmp_path: Path, look: Any) -> None:
    run = write_run(tmp_path / "b", (record(n) for n in range(2000)))
    report = write([run], tmp_path / "b.html", "html,budget=0.02")
    opened = look(report, "#sort=&q=question%201999")
    left_out = int(re.search(r"([\d,]+) of 2,000 samples", opened.page.inner_text(".notice"))[1].replace(",", ""))  # type: ignore[index]
    assert 0 < left_out < 2000
    assert count(opened.page).startswith("1 of 2,000")
    opened.page.click(".item")
    opened.page.wait_for_selector("#detail .notice")
    assert "--sample s1999" in opened.page.inner_text("#detail")


def test_a_hundred_thousand_samples_open_within_three_seconds(tmp_path: Path, look: Any) -> None:
    run = large_run(tmp_path / "big", 100_000)
    report = write([run], tmp_path / "big.html")
    started = time.perf_counter()
    opened = look(report)
    assert time.perf_counter() - started < 3.0
    page = opened.page
    assert count(page) == "100,000 samples."
    page.focus("#list")
    page.keyboard.press("End")
    until(page, "document.querySelector('#detail h3')?.textContent === 's99999'")
    assert page.locator(".item").count() < 60
    page.select_option("#score", "wrong")
    assert count(page) == "33,334 of 100,000 samples."
    assert opened.quiet()


def test_the_command_writes_the_page_beside_the_run(run: Run) -> None:
    done = evalkit("report", "a", "--as", "html", cwd=run.folder.parent)
    assert done.code == 0, done
    assert "wrote a/report.html" in done.out
    assert (run.folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_that_breaks_off_leaves_the_old_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    code = "META = {'name': 'breaks'}\ndef report(runs, /):\n    yield 'half'\n    raise ValueError('no')\n"
    (tmp_path / "reports" / "breaks.py").write_text(code)
    (tmp_path / "out.txt").write_text("old")
    done = evalkit("report", str(run.folder), "--as", "breaks", "-o", "out.txt", cwd=tmp_path)
    assert done.code == 2
    assert "breaks.py:4" in done.err
    assert (tmp_path / "out.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_beyond_the_budget_details_go_into_further_parts(tmp_path: Path, look: Any) -> None:
    write_run(tmp_path / "b", (record(n) for n in range(2000)))
    done = evalkit("report", "b", "--as", "html,budget=0.01", cwd=tmp_path)
    assert done.code == 0, done
    files = re.findall(r"wrote b/(\S+)", done.out)
    assert files[:3] == ["report.html", "report-2.html", "report-3.html"]
    assert {path.name for path in (tmp_path / "b").glob("*.html")} == set(files)
    opened = look(tmp_path / "b" / "report.html")
    assert f"This report has {len(files)} parts" in opened.page.inner_text(".notice")
    assert count(opened.page) == "2,000 samples."
    opened.page.focus("#list")
    opened.page.keyboard.press("End")
    opened.page.wait_for_selector("#detail .elsewhere")
    opened.page.click("#detail .elsewhere a")
    opened.page.wait_for_selector("html[data-ready] #detail h3")
    assert opened.page.url.split("#")[0].endswith(files[-1])
    assert "reply 1999" in opened.page.inner_text("#detail")
    opened.page.click("nav a >> nth=0")
    opened.page.wait_for_selector("html[data-ready] #scores")
    counts = [int(count(look(tmp_path / "b" / name).page).split()[0].replace(",", "")) for name in files]
    assert counts[0] == 2000
    assert 0 < sum(counts[1:]) < 2000
    opened.page.fill("#q", "reply 1999")
    until(opened.page, "document.querySelector('#count').textContent.startsWith('0 of')")
    opened.page.click("#count a >> nth=-1")
    opened.page.wait_for_selector("html[data-ready]")
    until(opened.page, "document.querySelector('#count').textContent.startsWith('1 of')")
    assert opened.problems == []
    assert all(request.startswith(tmp_path.as_uri()) for request in opened.requests)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_parts_are_accessible(tmp_path: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    write_run(tmp_path / "b", (record(n) for n in range(1500)))
    assert evalkit("report", "b", "--as", "html,budget=0.01", cwd=tmp_path).code == 0
    for name in ("report.html", "report-2.html"):
        opened = look(tmp_path / "b" / name, color_scheme=scheme, viewport={"width": width, "height": 844})
        opened.page.focus("#list")
        opened.page.keyboard.press("End")
        opened.page.wait_for_selector("#detail h3")
        assert violations(opened, axe) == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_log_of_lm_eval_is_reported(tmp_path: Path, look: Any) -> None:
    lm_eval.write(tmp_path / "log", "quiz", [lm_eval.line(n, acc=float(n % 4 > 0)) for n in range(24)])
    lm_eval.results(tmp_path / "log")
    done = evalkit("report", "log", "-o", "log.html", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "log.html")
    assert "75.0%" in opened.page.inner_text("#scores")
    assert "org/model" in opened.page.inner_text(".lead")
    opened.page.select_option("#score", "wrong")
    assert count(opened.page) == "6 of 24 samples."
    opened.page.click(".item >> nth=1")
    opened.page.wait_for_selector("#detail h3")
    assert "Question 4?" in opened.page.inner_text("#detail")
    assert opened.quiet()


def test_inspects_log_is_reported(tmp_path: Path) -> None:
    samples = [inspect_logs.sample(f"s{n}", "C" if n % 3 else "I") for n in range(12)]
    inspect_logs.as_json(tmp_path / "who.json", inspect_logs.log(samples))
    done = evalkit("report", "who.json", cwd=tmp_path)
    assert done.code == 0, done
    assert "66.7" in done.out
