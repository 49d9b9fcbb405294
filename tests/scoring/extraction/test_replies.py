"""What a reply is taken to say."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from evalkit.core import Reply, Validity
from evalkit.scoring.extraction import FinalAnswer, Stripped, final_answer, first_line, strip_reasoning
from evalkit.scoring.extraction.replies import without_thought


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no tags at all", Stripped("no tags at all")),
        ("<think>hm</think>Paris", Stripped("Paris")),
        ("before <think>hm\n\nhm</think> after", Stripped("before  after")),
        ("<think>a</think>x<think>b</think>y", Stripped("xy")),
        # A chat template may open the block in the prompt: only its end is in the reply.
        ("thinking it over</think>\n\nParis", Stripped("\n\nParis")),
        ("one</think>two</think>three", Stripped("three")),
        ("zero<think>one</think>two</think>three", Stripped("three")),
        ("<think>a <think> b</think>c", Stripped("c")),
        ("<think>still at it", Stripped("", unterminated=True)),
        ("Paris <think>or is it", Stripped("Paris ", unterminated=True)),
        ("<think>a</think>x<think>", Stripped("x", unterminated=True)),
        ("", Stripped("")),
    ],
)
def test_reasoning_is_taken_out(text: str, left: Stripped) -> None:
    assert strip_reasoning(text) == left


def test_other_tags() -> None:
    assert strip_reasoning("[a.b]x[/a]y", "[a.b]", "[/a]") == Stripped("y")


def test_a_model_that_repeats_a_tag_costs_linear_time() -> None:
    started = time.process_time()
    strip_reasoning("<think>" * 200_000)
    strip_reasoning("</think>" * 200_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "line"), [("Paris\nmore", "Paris"), ("\n\n  Paris \r\nx", "Paris"), (" \n ", ""), ("", "")]
)
def test_first_line(text: str, line: str) -> None:
    assert first_line(text) == line


@pytest.mark.parametrize(
    ("text", "finish", "answer"),
    [
        (" Paris\n", "stop", FinalAnswer("Paris")),
        ("Paris", "eos", FinalAnswer("Paris")),
        ("Paris and", "length", FinalAnswer("Paris and", Validity.LENGTH, "ran to its token limit")),
        (" \n", "stop", FinalAnswer("", Validity.NO_ANSWER, "empty reply")),
        ("<think>x</think> ", "stop", FinalAnswer("", Validity.NO_ANSWER, "empty reply")),
        ("<think>x", "stop", FinalAnswer("", Validity.CUT_THOUGHT, "reasoning was not finished (finish: stop)")),
        (
            "Paris <think>x",
            "length",
            FinalAnswer("", Validity.CUT_THOUGHT, "reasoning was not finished (finish: length)"),
        ),
    ],
)
def test_answer_of_a_reply(text: str, finish: str, answer: FinalAnswer) -> None:
    assert final_answer((Reply(texts=(text,), finish=(finish,)),)) == answer


def test_the_last_reply_speaks_and_its_first_text() -> None:
    turns = (Reply(texts=("one",)), Reply(texts=("two", "three"), finish=("stop", "length")))
    assert final_answer(turns) == FinalAnswer("two")


def test_white_space_can_be_kept() -> None:
    reply = (Reply(texts=(" a ",)),)
    assert [final_answer(reply, strip=s).text for s in ("both", "left", "none")] == ["a", "a ", " a "]
    assert final_answer((Reply(texts=("  ",)),), strip="none").validity is Validity.NO_ANSWER


@pytest.mark.parametrize("replies", [(), (Reply(),), (Reply(texts=("a",)), Reply())])
def test_a_reply_without_text_is_no_empty_answer(replies: tuple[Reply, ...]) -> None:
    with pytest.raises(ValueError, match="generate"):
        final_answer(replies)


def test_an_answer_whose_thought_was_split_off_may_speak_of_thought() -> None:
    text = "Write <think>a thought</think> around it."
    apart = Reply(texts=(text,), finish=("eos",), thought_apart=True)
    assert final_answer((apart,)) == FinalAnswer(text)
    assert final_answer((Reply(texts=(text,), finish=("eos",)),)).text == "Write  around it."
    cut = replace(apart, texts=("", "5"), finish=("eos", "eos"), notes=("cut-in-reasoning",))
    assert without_thought(cut) == (Stripped("", unterminated=True), Stripped("5"))
    assert final_answer((cut,)).validity is Validity.CUT_THOUGHT
