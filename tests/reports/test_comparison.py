"""The comparison page: flips, differences as `compare` has them, a gate on top, word-level marks, hostile texts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Prompt
from evalkit.runs.store import manifest as manifests
from tests.cli.console import evalkit
from tests.reports.conftest import until, violations
from tests.reports.made import HOSTILE, hostile_run, record, write_run
from tests.runs.foreign import test_inspect_logs as inspect_logs
from tests.runs.foreign import test_lm_eval as lm_eval

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


def test_from_the_plot_to_the_list_to_the_sample(page: Path, look: Any) -> None:
    opened = look(page)
    counts = {
        kind: sum((n % 3 > 0, n % 5 > 0) == ends for n in range(N))
        for kind, ends in {"both": (1, 1), "lost": (1, 0), "gained": (0, 1), "neither": (0, 0)}.items()
    }
    for kind, count in counts.items():
        button = opened.page.locator(f"#forest button[data-value={kind}]")
        assert button.inner_text().split()[0] == str(count)
        button.click()
        assert opened.page.inner_text("#count") == f"{count} of {N} samples."
        assert button.get_attribute("aria-pressed") == "true"
    opened.page.locator("#forest button[data-value=lost]").click()
    opened.page.keyboard.press("Home")
    until(opened.page, "document.querySelector('#detail h3')?.textContent === 's5'")
    again = look(page, opened.page.evaluate("location.hash"))
    until(again.page, "document.querySelector('#detail h3')?.textContent === 's5'")
    assert again.page.inner_text("#count") == f"{counts['lost']} of {N} samples."
    assert opened.quiet()
    assert again.quiet()


def test_the_list_is_searched_sorted_and_cut_by_category_and_the_first_loss_is_open(page: Path, look: Any) -> None:
    opened = look(page)
    until(opened.page, "document.querySelector('#detail h3')?.textContent === 's5'")  # the first that only A has right
    opened.page.select_option("#kind", "")
    opened.page.select_option("#group", "x")
    assert opened.page.inner_text("#count") == f"{N // 2} of {N} samples."
    opened.page.select_option("#sort", "worse")
    assert opened.page.locator(".item .sign").first.inner_text() == "▼"
    opened.page.select_option("#sort", "better")
    assert opened.page.locator(".item .sign").first.inner_text() == "▲"
    opened.page.fill("#q", "reply 44")
    until(opened.page, "document.querySelector('#count').textContent.startsWith('1 of')")
    again = look(page, opened.page.evaluate("location.hash"))
    assert again.page.inner_text("#count") == f"1 of {N} samples."
    opened.page.go_back()
    until(opened.page, "!document.querySelector('#count').textContent.startsWith('1 of')")
    assert opened.page.input_value("#sort") == "better"
    assert opened.quiet()


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
    return replace(one, sample=replace(one.sample, id="same"))


def test_hostile_texts_are_shown_and_never_run(tmp_path: Path, look: Any) -> None:
    for name in "ab":
        hostile_run(tmp_path / name)
    done = evalkit("report", "--compare", "a", "b", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "b" / "comparison.html")
    opened.page.focus("#list")
    for number in range(2 * len(HOSTILE) + 2):
        opened.page.keyboard.press("j" if number else "Home")
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


def test_the_plot_has_one_axis_and_the_margin_of_the_gate(page: Path, folder: Path, look: Any) -> None:
    opened = look(page)
    row = opened.page.locator("#forest tbody tr").first
    margin, zero = (float(row.locator(f"svg .{name}").get_attribute("x1")) for name in ("limit", "zero"))
    reach = float(opened.page.locator("#forest thead text").last.text_content().lstrip("+"))
    wide = float(row.locator("svg").first.get_attribute("width"))
    assert (zero - margin) == pytest.approx((wide - 8) / 2 * 2.0 / reach, abs=0.2)  # the default policy: 2 points
    plain = folder / "plain.html"
    assert evalkit("report", "--compare", "a", "b", "-o", "plain.html", cwd=folder).code == 0
    assert look(plain).page.locator("#forest .limit").count() == 0


def test_what_got_worse_leads_to_categories_and_samples(page: Path, look: Any) -> None:
    opened = look(page)
    lost = [n for n in range(N) if n % 3 > 0 and n % 5 == 0]
    sample = opened.page.locator("#h-worst ~ .failures .broad a").first
    assert sample.inner_text() == f"s{lost[0]}"
    sample.click()
    until(opened.page, "name => document.querySelector('#detail h3')?.textContent === name", f"s{lost[0]}")
    assert opened.page.input_value("#kind") == "lost"
    opened.page.go_back()
    until(opened.page, "document.querySelector('#kind').value === 'changed'")
    assert opened.quiet()


def test_cost_and_latency_are_compared(tmp_path: Path, look: Any) -> None:
    for name, cost, seconds in (("a", 0.001, 0.5), ("b", 0.003, 1.0)):
        made = [record(n) for n in range(20)]
        paid = [replace(one, cost=cost, replies=(replace(one.replies[0], seconds=seconds),)) for one in made]
        write_run(tmp_path / name, paid, model=name)
    assert evalkit("report", "--compare", "a", "b", "-o", "c.html", cwd=tmp_path).code == 0
    page = look(tmp_path / "c.html", ready=False, java_script_enabled=False).page
    told = "B costs 3 times as much a sample (0.30 ¢ against 0.10 ¢) and takes 2 times as long (1 s against 500 ms,"
    assert told in page.inner_text("section[aria-labelledby=h-verdict]")
    cells = page.locator("section[aria-labelledby=h-pace] tbody td").all_inner_texts()
    assert cells == ["0.10 ¢", "0.30 ¢", "500 ms", "1 s"]


def test_on_paper_the_plot_and_its_counts_stay(page: Path, look: Any) -> None:
    opened = look(page)
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#forest button:visible").count() == 4
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
        button = opened.page.locator(f"#forest button[data-value={kind}]")
        assert int(button.inner_text().split()[0]) == len(found[name]) > 0
    opened.page.locator("#forest button[data-value=gained]").click()
    opened.page.keyboard.press("Home")
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
    shown = {kind: int(opened.page.inner_text(f"#forest button[data-value={kind}]").split()[0]) for kind in kinds}
    assert shown == kinds
    opened.page.locator("#forest button[data-value=lost]").click()
    opened.page.keyboard.press("Home")
    until(opened.page, "document.querySelector('#detail')?.textContent.includes('A long question about')")
    assert opened.quiet()


def two_tasks(folder: Path, tasks: tuple[str, str], step: int) -> None:
    """A run of two tasks with 30 samples each: every `step`th is wrong in the first, every second in the other."""
    made = {
        task: [record(n, task=task, right=n % k > 0) for n in range(30)]
        for task, k in zip(tasks, (step, 2), strict=True)
    }
    apart = [write_run(folder.parent / f"{folder.name}-{task}", made[task], task=task) for task in tasks]
    run = write_run(folder, [one for records in made.values() for one in records], model=folder.name)
    run.manifest.tasks = [one.manifest.tasks[0] for one in apart]
    manifests.write(folder, run.manifest)


def counts_shown(page: Any) -> dict[str, int]:
    kinds = ("both", "lost", "gained", "neither")
    return {kind: int(page.inner_text(f"#forest button[data-value={kind}]").split()[0]) for kind in kinds}


def expected(n: int, one: int, other: int) -> dict[str, int]:
    ends = [(i % one > 0, i % other > 0) for i in range(n)]
    kinds = {"both": (True, True), "lost": (True, False), "gained": (False, True), "neither": (False, False)}
    return {kind: ends.count(pair) for kind, pair in kinds.items()}


def test_tasks_of_other_names_are_paired_as_told(tmp_path: Path, look: Any) -> None:
    two_tasks(tmp_path / "a", ("old", "alone"), 3)
    two_tasks(tmp_path / "b", ("new", "single"), 5)
    plain = evalkit("report", "--compare", "a", "b", cwd=tmp_path)
    assert plain.code == 2
    assert "--pair A=B" in plain.err
    done = evalkit("report", "--compare", "a", "b", "--pair", "old=new", "--policy", "default", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "b" / "comparison.html")
    assert counts_shown(opened.page) == expected(30, 3, 5)
    assert "new: in A it is old" in opened.page.inner_text("main")
    assert opened.page.locator("#differences tbody tr.head").count() == 1
    gate = opened.page.inner_text("section.box >> nth=0")
    assert "new" in gate
    assert "is not run on this task" not in gate
    assert "single" not in gate
    opened.page.select_option("#kind", "")
    opened.page.click(".item >> nth=0")
    opened.page.wait_for_selector("#detail .sides")
    found = json.loads(evalkit("compare", "a", "b", "--pair", "old=new", "--json", cwd=tmp_path).out)["tasks"][0]
    line = opened.page.inner_text("#differences tbody tr.head")
    assert f"{100 * found['metrics'][0]['difference']:+.1f}" in line
    both = evalkit("report", "--compare", "a", "b", "--pair", "old=new", "--pair", "alone=single", cwd=tmp_path)
    assert both.code == 0, both
    assert look(tmp_path / "b" / "comparison.html").page.locator("#differences tbody tr.head").count() == 2


def test_a_pattern_takes_the_tasks_of_another_harness_as_one(tmp_path: Path, look: Any) -> None:
    """As mmlu here and its subjects there: matched by prompt, which is all that they share."""
    records = [
        replace(record(n, task="quiz", right=n % 3 > 0), prompt=Prompt(f"Question {n}?\nAnswer:")) for n in range(24)
    ]
    write_run(tmp_path / "a", records, task="quiz", model="a")
    for name, numbers in (("quiz_x", range(10)), ("quiz_y", range(10, 24))):
        lines = [lm_eval.line(n, acc=float(n % 4 > 0)) for n in numbers]
        lm_eval.write(tmp_path / "b", name, lines)
    lm_eval.results(tmp_path / "b", model_name="org/b")
    done = evalkit("report", "--compare", "a", "b", "--pair", "quiz=quiz_*", "-o", "c.html", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "c.html")
    assert counts_shown(opened.page) == expected(24, 3, 4)
    opened.page.select_option("#kind", "gained")
    opened.page.click(".item >> nth=0")
    opened.page.wait_for_selector("#detail .sides")
    shown = opened.page.inner_text("#detail")
    assert "quiz_x/" in shown
    assert "Question 3?" in shown
    assert "reply 3" in shown
    found = json.loads(evalkit("compare", "a", "b", "--pair", "quiz=quiz_*", "--json", cwd=tmp_path).out)["tasks"][0]
    assert (len(found["metrics"][0]["worse"]), len(found["metrics"][0]["better"])) == (
        expected(24, 3, 4)["lost"],
        expected(24, 3, 4)["gained"],
    )
    assert opened.quiet()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--compare", "a", "b", "--pair", "t"), "--pair takes A=B"),
        (("--compare", "a", "b", "--pair", "nothing=t"), "the baseline has no task 'nothing'"),
        (("--compare", "a", "b", "--pair", "t=t", "--pair", "t=t"), "B's task 't' is paired twice"),
        (("a", "b", "--pair", "t=t"), "--pair goes with --compare"),
    ],
)
def test_mistakes_in_pairs_are_said(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = evalkit("report", *arguments, cwd=folder)
    assert done.code == 2, done
    assert said in done.err


def test_a_pair_without_a_common_sample_is_refused(tmp_path: Path) -> None:
    two_tasks(tmp_path / "a", ("old", "alone"), 3)
    records = [with_id(record(0, task="new"))]
    write_run(tmp_path / "b", records, task="new", model="b")
    done = evalkit("report", "--compare", "a", "b", "--pair", "old=new", cwd=tmp_path)
    assert done.code == 2
    assert "the two runs share no sample" in done.err
    assert "old and new" in done.err


def test_beyond_the_budget_replies_go_into_further_parts(tmp_path: Path, look: Any) -> None:
    for name, step in (("a", 3), ("b", 4)):
        write_run(tmp_path / name, (record(n, right=n % step > 0) for n in range(3000)), model=name)
    done = evalkit("report", "--compare", "a", "b", "--as", "comparison,budget=0.01", "-o", "c.html", cwd=tmp_path)
    assert done.code == 0, done
    opened = look(tmp_path / "c.html")
    assert "parts" in opened.page.inner_text(".notice")
    opened.page.select_option("#kind", "")
    assert opened.page.inner_text("#count") == "3,000 samples."
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
        done = evalkit("run", "toy_wikitext", "--model", model, "--out", name, "-q", "--limit", "12", cwd=tmp_path)
        assert done.code == 0, done
    found = json.loads(evalkit("compare", "a", "b", "--json", cwd=tmp_path).out)["tasks"][0]["metrics"][0]
    assert evalkit("report", "--compare", "a", "b", "-o", "c.html", cwd=tmp_path).code == 0
    page = look(tmp_path / "c.html").page
    for kind in ("worse", "better"):
        assert page.inner_text(f"#forest button[data-value={kind}]") == str(len(found[kind]))
    assert page.locator("#forest button[data-value=errored]").count() == 0
