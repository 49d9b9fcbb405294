"""The browser of samples, every interaction: filters from links, chips and charts, several models, images, Markdown,
conversations, reasons."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit import plugins
from evalkit.core import Failure, Image, Message, Prompt, Record, Reply, Score, ToolCall, Usage, Validity
from evalkit.runs.store import Run
from tests.reports.conftest import until, violations
from tests.reports.made import HOSTILE, record, write_run

N = 60
MARKDOWN = (
    "# Plan\n\n- **first** `code`\n- second [link](https://evil.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> said"
)


def chosen(number: int, *, right: bool) -> Record:
    """A choice by log-likelihood, as sure as its number says."""
    one = record(number, right=right)
    sample = replace(one.sample, choices=("red", "blue"), gold=(0,), targets=("red",))
    better, worse = -0.1, -0.2 - 0.1 * number
    values = (better, worse) if right else (worse, better)
    reply = Reply(loglikelihoods=values, greedy=(False, False), seconds=0.01, usage=Usage(5, 1))
    score = Score("acc", float(right), "red" if right else "blue", "ahead by some nats")
    return replace(one, sample=sample, replies=(reply,), scores=(score,))


def drawn() -> Image:
    pillow = pytest.importorskip("PIL.Image")
    out = io.BytesIO()
    pillow.new("RGB", (640, 400), "red").save(out, format="PNG")
    return Image.of(out.getvalue())


def made(number: int, *, better: bool) -> Record:
    """Every fourth is wrong, every third with the better model; a few of each kind that a reader looks for."""
    one = record(number, right=number % (4 if not better else 5) > 0)
    groups = ("STEM" if number % 2 else "arts", f"part {number % 3}")
    sample = replace(one.sample, groups=groups, input="x" * (10 + 10 * (number // 20)))
    one = replace(one, sample=sample, prompt=Prompt(f"question {number} " + "x" * (100 * (number // 20))))
    reply = one.replies[0]
    if number == 1:
        return replace(one, replies=(), scores=(), failure=Failure("model", "ModelError", "HTTP 503: busy"),
                       validity=Validity.BACKEND_ERROR)  # fmt: skip
    if number in (2, 3):
        return replace(one, replies=(replace(reply, finish=("length",)),))
    if number == 5:
        return replace(one, replies=(replace(reply, texts=("I'm sorry, but I can't help with that.",)),))
    if number == 6:
        call = {"order": "", "messages": [], "reply": "hm", "verdict": "", "repaired": True}
        return replace(one, scores=(Score("acc", 1.0, "a", details={"transcript": [call]}),))
    if number == 7:
        return replace(one, replies=(replace(reply, source="cache"),))
    if number == 9:
        image = drawn()
        asked = Message.of("user", "look at ", image, " and say")
        return replace(one, prompt=Prompt(messages=(asked,)), replies=(replace(reply, texts=(MARKDOWN,)),))
    if number == 10:
        return replace(one, replies=tooled())
    return chosen_like(one, number) if number in (11, 12) else one


def chosen_like(one: Record, number: int) -> Record:
    found = chosen(number, right=number == 11)
    sample = replace(one.sample, choices=found.sample.choices, gold=(0,), targets=("red",))
    return replace(found, sample=sample, prompt=one.prompt)


def tooled() -> tuple[Reply, ...]:
    """A call of a tool, what it gave, and the answer."""
    system, user = Message("system", "You have a calculator."), Message("user", "2 + 2?")
    call = ToolCall("calculator", '{"expression": "2 + 2"}')
    first = Reply(texts=("I will add.",), finish=("tool",), calls=((call,),), sent=(system, user), usage=Usage(9, 3))
    return (
        first,
        Reply(texts=("Observation: 4",), finish=("tool",), role="tool"),
        Reply(texts=("Final Answer: 4",), finish=("eos",), usage=Usage(14, 4), seconds=0.2),
        Reply(texts=("4",), finish=("eos",)),
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("browser")
    return [
        write_run(folder / name, (made(n, better=name == "b") for n in range(N)), model=f"model-{name}")
        for name in "ab"
    ]


@pytest.fixture(scope="module")
def pages(runs: list[Run]) -> dict[str, Path]:
    """One model, both, and the comparison of the two."""
    found = {}
    for name, spec, chosen_runs in (("one", "html", runs[:1]), ("two", "html", runs), ("pair", "comparison", runs)):
        found[name] = runs[0].folder.parent / f"{name}.html"
        found[name].write_text("".join(plugins.load("report", spec)(chosen_runs)), encoding="utf-8")
    return found


def shown(page: Any) -> int:
    return int(page.inner_text("#count").split()[0].replace(",", ""))


WRONG = sum(n % 4 == 0 and n not in (1, 6) for n in range(N)) + (12 % 4 > 0)


@pytest.mark.parametrize(
    ("page", "filters", "many"),
    [
        ("one", "group=STEM", N // 2),
        ("one", "group=part+2", N // 3),
        ("one", "group=STEM&score=wrong", 0),
        ("one", "mark=cut", 2),
        ("one", "mark=looks-like-a-refusal", 1),
        ("one", "mark=judge-unsure", 1),
        ("one", "mark=cached", 1),
        ("one", "mark=HTTP+503", 1),
        ("one", "validity=failed", 1),
        ("one", "validity=backend_error", 1),
        ("one", "score=wrong", WRONG),
        ("one", "sure=0.5..1.01", 2),
        ("one", "length=200..Infinity", N // 3),
        ("one", "q=observation", 1),
        ("two", "run=1&score=right", N - 1 - sum(n % 5 == 0 or n == 12 for n in range(N) if n not in (1,))),
        ("two", "other=1", 2 * sum((n % 4 > 0) != (n % 5 > 0) for n in range(N) if n not in (1, 6, 11, 12))),
        ("pair", "kind=lost", sum(n % 4 > 0 and n % 5 == 0 for n in range(N))),
        ("pair", "kind=gained&group=arts", sum(n % 4 == 0 and n % 5 > 0 and n % 2 == 0 for n in range(N) if n != 12)),
        ("pair", "q=observation", 1),
        ("pair", "mark=cut&kind=", 2),
    ],
)
def test_every_filter_is_a_link(pages: dict[str, Path], look: Any, page: str, filters: str, many: int) -> None:
    opened = look(pages[page], f"#{filters}")
    assert shown(opened.page) == many
    assert opened.quiet()


def test_every_count_of_the_page_leads_to_as_many_samples(pages: dict[str, Path], look: Any) -> None:
    page = look(pages["one"]).page
    links = page.eval_on_selector_all(
        ".failures li",
        "all => all.map(one => [one.querySelector('a').hash, one.querySelector('.count').firstChild.data])",
    )
    assert len(links) >= 7
    assert {re.match(r"#(\w+)", link)[1] for link, _ in links} >= {"task", "validity", "mark"}  # type: ignore[index]
    for link, count in links:
        page.evaluate("hash => { location.hash = hash; }", link)
        until(page, "many => document.querySelector('#count').textContent.startsWith(many + ' of')", count)
    page.locator(".histogram a").first.dispatch_event("click")
    said = page.locator(".histogram a").first.get_attribute("aria-label").split()[0]
    until(page, "many => document.querySelector('#count').textContent.startsWith(many + ' of')", said)
    assert "seconds:" in page.inner_text("#limits")
    page.click("#limits button")
    until(page, "document.querySelector('#limits').childElementCount === 0")
    page.locator(".reliability a").first.dispatch_event("click")
    until(page, "/^[12] of/.test(document.querySelector('#count').textContent)")


def point(page: Any, mark: Any) -> None:
    """Move over a mark until its words are there. A scroll takes them away, and its end may come after the move."""
    for nudge in range(200):
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + nudge % 2)
        if not page.evaluate("document.querySelector('.tip').hidden"):
            return
        page.wait_for_timeout(20)
    raise AssertionError("the mark has no words")


def test_a_mark_says_what_it_is_and_a_range_over_bars_filters(pages: dict[str, Path], look: Any) -> None:
    opened = look(pages["one"])
    page = opened.page
    bars = page.locator(".histogram a")
    bars.first.scroll_into_view_if_needed()
    point(page, bars.first)
    assert page.inner_text(".tip") == bars.first.get_attribute("aria-label")
    boxes = [bars.nth(n).bounding_box() for n in (1, 3)]
    page.mouse.move(boxes[0]["x"] + 2, boxes[0]["y"] + 1)
    page.mouse.down()
    page.mouse.move(boxes[1]["x"] + 2, boxes[1]["y"] + 1, steps=4)
    page.mouse.up()
    wanted = sum(int(bars.nth(n).get_attribute("aria-label").split()[0]) for n in (1, 2, 3))
    until(page, "many => document.querySelector('#count').textContent.startsWith(many + ' of')", wanted)
    low, high = bars.nth(1).get_attribute("href"), bars.nth(3).get_attribute("href")
    assert page.evaluate("new URLSearchParams(location.hash.slice(1)).get('seconds')").split("..") == [
        low.partition("seconds=")[2].split("..")[0],
        high.partition("seconds=")[2].split("..")[1],
    ]
    assert opened.quiet()


def test_a_caution_of_one_model_leads_to_its_samples_alone(pages: dict[str, Path], look: Any) -> None:
    page = look(pages["two"]).page
    page.locator(".answer details", has_text="model-b:").locator("a", has_text="cut at the limit").click()
    until(page, "document.querySelector('#count').textContent.startsWith('2 of')")
    assert page.input_value("#run") == "1"


def test_chips_count_filter_and_are_taken_off(pages: dict[str, Path], look: Any) -> None:
    page = look(pages["one"]).page
    chips = dict(text.rsplit(" ", 1) for text in page.locator("#chips button").all_inner_texts())
    wanted = {"wrong": str(WRONG), "cut at the limit": "2", "looks like a refusal": "1", "HTTP 503": "1"}
    assert wanted.items() <= chips.items()
    assert {"judge unsure", "cached", "not measured"} <= set(chips)
    chip = page.locator("#chips button", has_text="cut at the limit")
    chip.click()
    until(page, "document.querySelector('#count').textContent.startsWith('2 of')")
    assert chip.get_attribute("aria-pressed") == "true"
    chip.click()
    until(page, f"document.querySelector('#count').textContent === '{N} samples.'")
    page.go_back()
    until(page, "document.querySelector('#count').textContent.startsWith('2 of')")


def test_several_models_are_next_to_each_other_on_one_question(pages: dict[str, Path], look: Any) -> None:
    opened = look(pages["two"], "#other=1&run=0")
    page = opened.page
    until(page, "document.querySelectorAll('#detail .side').length === 2")
    first, second = page.locator("#detail .side").all_inner_texts()
    assert "model-a" in first
    assert "model-b" in second
    assert first.split()[0] != second.split()[0]  # one is right, the other not
    name = page.inner_text("#detail h3")
    page.locator("#detail .side .link", has_text="model-b").click()
    until(page, "document.querySelector('#detail').textContent.includes('t · model-b')")
    assert page.inner_text("#detail h3") == name
    assert opened.quiet()


def test_an_image_is_shown_small_and_markdown_on_request(pages: dict[str, Path], look: Any) -> None:
    opened = look(pages["one"], "#q=evil.example")
    page = opened.page
    page.wait_for_selector("#detail img.thumb")
    size = page.evaluate("(async () => { const one = document.querySelector('.thumb'); await one.decode();"
                         " return [one.naturalWidth, one.naturalHeight, one.src.slice(0, 22)]; })()")  # fmt: skip
    assert size == [320, 200, "data:image/png;base64,"]
    body = page.locator("#detail .message.assistant .body")
    assert body.inner_text().startswith("# Plan")
    page.locator("#detail .message.assistant .link").click()
    assert body.locator("ul li").count() == 2
    assert body.locator("table td").all_inner_texts() == ["1", "2"]
    assert body.locator("strong").inner_text() == "first"
    assert (body.locator("blockquote").inner_text(), body.locator("a").count()) == ("said", 0)
    page.locator("#detail .message.assistant .link").click()
    assert body.inner_text().startswith("# Plan")
    assert opened.quiet()


def test_markdown_makes_no_element_that_loads_runs_or_links(pages: dict[str, Path], look: Any) -> None:
    page = look(pages["one"]).page
    texts = [
        *HOSTILE,
        "![i](https://evil.example/i.png)",
        "[a](javascript:window.pwned=1)",
        "| a |\n|---|\n| <img src=x onerror=window.pwned=1> |",
        "```html\n<b>\n```",
        "- [x](data:text/html,1)\n" * 40,
        "`" * 4000,
    ]
    allowed = set("P PRE CODE STRONG EM UL OL LI HR BLOCKQUOTE TABLE THEAD TBODY TR TH TD SPAN".split())  # noqa: SIM905
    for text in texts:
        found = page.evaluate(
            "text => { const box = document.createElement('div'); box.append(...kit.markdown.blocks(text));"
            " document.body.append(box); const all = [...box.querySelectorAll('*')];"
            " return [all.map(one => one.tagName), all.flatMap(one => [...one.attributes].map(each => each.name))]; }",
            text,
        )
        assert set(found[0]) <= allowed, text
        assert set(found[1]) <= {"class", "title", "tabindex", "start", "scope"}, text
    assert page.evaluate("window.pwned") is None


def test_a_conversation_has_its_true_roles_in_order(pages: dict[str, Path], look: Any) -> None:
    page = look(pages["one"], "#q=calculator").page
    until(page, "document.querySelectorAll('#detail .message').length === 6")
    kinds = "all => all.map(one => one.className.replace('message ', ''))"
    roles = ["system", "user", "assistant", "assistant", "tool", "assistant"]
    assert page.eval_on_selector_all("#detail .message", kinds) == roles
    assert page.locator("#detail > details", has_text="You have a calculator").count() == 1  # before the question
    assert "read as the answer: 4" in page.inner_text("#detail")
    texts = page.locator("#detail .message").all_text_contents()
    assert "calls a tool" in texts[3]
    assert 'calculator({"expression": "2 + 2"})' in texts[3]
    assert "Observation: 4" in texts[4]


ONE = {"replies": [{"texts": ["x"]}]}
CHOICES = {"choices": ["red", "blue"], "gold": [0], "replies": [{"loglikelihoods": [-2.0, -1.0]}]}


@pytest.mark.parametrize(
    ("one", "score", "words"),
    [
        (ONE | {"targets": ["42"]}, ["s", 0, "24", "", "ok"], "24 is 18 less than 42"),
        (ONE | {"targets": ["1,200"]}, ["s", 0, "1250.5", "", "ok"], "1250.5 is 50.5 more than 1200"),
        (ONE | {"targets": ["Paris"]}, ["s", 0, "paris", "", "ok"], "differs from “Paris” in capitals alone"),
        (ONE | {"targets": ["New York"]}, ["s", 0, "New  York.", "", "ok"], "blanks, capitals or punctuation alone"),
        (ONE | {"targets": ["blue"]}, ["s", 0, "deep blue sea", "", "ok"], "has “blue” with more around it"),
        (ONE | {"targets": ["deep blue"]}, ["s", 0, "blue", "", "ok"], "“blue” is only part of “deep blue”"),
        (ONE | {"targets": ["a b c"]}, ["f1", 0.5, "b c d", "", "ok"], "2 of the 3 words of “a b c”, and 1 others"),
        (ONE | {"targets": ["left"]}, ["s", 0, "right", "", "ok"], "“right” is not what was expected, “left”"),
        (ONE | {"targets": ["left"]}, ["s", 0, "", "", "ok"], "no answer where “left” was expected"),
        (ONE | {"targets": ["left"]}, ["s", 0, "right", "no number", "ok"], "no number"),
        (ONE | {"targets": ["left"]}, ["s", 1, "left", "", "ok"], "as expected"),
        (ONE | {"targets": ["New York"]}, ["s", 1, "new york", "", "ok"], "“new york” counts as what was expected"),
        (ONE | {"targets": ["return 1"]}, ["attempts", 1, "timeout", "", "ok"], "1 for “timeout”"),
        (CHOICES, ["acc", 0, "blue", "ahead by 1 nats", "ok"], "the right one, “red”, has 27%, 46 points less"),
        (CHOICES | {"gold": [1]}, ["acc", 1, "blue", "", "ok"], "chose “blue” with 73%; the next, “red”, has 27%"),
        ({"failure": ["model", "ModelError", "HTTP 503: busy"]}, None, "failed in asking the model: HTTP 503: busy"),
        (ONE, None, "no score"),
    ],
)  # fmt: skip
def test_every_score_has_a_reason_in_words(
    pages: dict[str, Path], reasons: Any, one: dict[str, Any], score: list[Any] | None, words: str
) -> None:
    assert words in reasons.evaluate("([one, score]) => kit.reason(one, score)", [one, score])


@pytest.fixture(scope="module")
def reasons(pages: dict[str, Path], browser: Any) -> Any:
    """One page for all reasons."""
    page = browser.new_page()
    page.goto(pages["one"].as_uri())
    page.wait_for_selector("html[data-ready]")
    yield page
    page.close()


@pytest.mark.parametrize("name", ["two", "pair"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_accessible(pages: dict[str, Path], look: Any, axe: str, name: str, scheme: str, width: int) -> None:
    opened = look(pages[name], "#q=evil.example", color_scheme=scheme, viewport={"width": width, "height": 844})
    opened.page.wait_for_selector("#detail .side")
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_lies_over_anything_and_no_value_is_cut(pages: dict[str, Path], look: Any) -> None:
    """Controls at 1,280 pixels, tables at 390."""
    page = look(pages["two"]).page
    over = page.evaluate(
        "[...document.querySelectorAll('#filters select:not([hidden] *), #filters input, #filters button')]"
        ".filter(one => one.offsetParent).map(one => one.getBoundingClientRect())"
        ".some((a, n, all) => all.some((b, m) => m > n && a.left < b.right - 1 && b.left < a.right - 1"
        " && a.top < b.bottom - 1 && b.top < a.bottom - 1))"
    )
    assert not over
    for name in ("two", "pair"):
        page = look(pages[name], viewport={"width": 390, "height": 844}).page
        wide = "one => one.scrollWidth > one.clientWidth + 1"
        cut = page.eval_on_selector_all(
            ".wide", f"all => all.filter({wide}).map(one => one.getAttribute('aria-label'))"
        )
        assert cut == []


def test_a_thumbnail_is_small(runs: list[Run]) -> None:
    from evalkit.reporting.details import detail

    found = detail(next(one for one in runs[0].records() if one.index == 9))
    ((digest, url),) = found["images"].items()
    assert f"[image {digest}]" in found["messages"][0][1]
    assert len(base64.b64decode(url.partition(",")[2])) < 2000
