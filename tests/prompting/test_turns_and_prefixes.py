"""Few-shot examples as turns, and the beginning of an answer, as lm-evaluation-harness 0.4.13 builds its messages.

The expected conversations are what its `fewshot_context` makes of the same parts (description as the system's
words, `Message.to_dict` of each turn, `gen_prefix` as the last one).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.core import DataOptions, Fewshot, Message, Prompt, PromptFormat, Row, Sample, Subset
from evalkit.data import rows
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream

SHOWN = Subset(
    rows([{"q": "1+1?", "a": "2"}]), examples=rows([{"q": "2+2?", "a": "4"}, {"q": "3+3?", "a": "6"}], name="shown")
)
PLAIN = PromptFormat(
    question=lambda sample: f"Q: {sample.input}\nA:", description=lambda _: "Add.\n\n", delimiter=" ", separator="\n\n"
)
BEGUN = replace(PLAIN, gen_prefix=lambda _: "The sum is")


def to_sample(row: Row) -> Sample:
    return Sample(row.id, row.values["q"], targets=(row.values["a"],))


def rendered(form: PromptFormat, k: int = 2, *, chats: bool = False, turns: bool = False) -> Prompt:
    renderer = PromptRenderer(
        "t", form, Fewshot(k, "first"), SHOWN, to_sample, DataOptions(), 1, lm_eval_stream(), chats=chats, turns=turns
    )
    row = next(iter(SHOWN.rows.open(DataOptions()).rows()))
    assert isinstance(row, Row)
    return renderer.render(to_sample(row))


def said(prompt: Prompt) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in prompt.messages]


TURNS = [
    ("system", "Add.\n\n"),
    ("user", "Q: 2+2?\nA:"),
    ("assistant", "4"),
    ("user", "Q: 3+3?\nA:"),
    ("assistant", "6"),
    ("user", "Q: 1+1?\nA:"),
]
ONE_TURN = "Add.\n\nQ: 2+2?\nA: 4\n\nQ: 3+3?\nA: 6\n\nQ: 1+1?\nA:"


def test_examples_are_turns_or_one_message() -> None:
    assert said(rendered(PLAIN, chats=True, turns=True)) == TURNS
    one = rendered(PLAIN, chats=True)
    assert (one.messages, one.text) == ((), ONE_TURN)
    # Without examples and description a conversation would say no more than the question does.
    assert rendered(replace(PLAIN, description=lambda _: ""), 0, chats=True, turns=True) == Prompt("Q: 1+1?\nA:")


def test_an_answer_that_is_begun_begins_every_example() -> None:
    begun = [(role, f"The sum is {text}" if role == "assistant" else text) for role, text in TURNS]
    assert said(rendered(BEGUN, chats=True, turns=True)) == [*begun, ("assistant", "The sum is")]
    text = ONE_TURN.replace("A: ", "A: The sum is ")
    assert said(rendered(BEGUN, chats=True)) == [("user", text), ("assistant", "The sum is")]
    assert rendered(BEGUN).text == f"{text} The sum is"


@pytest.mark.parametrize(("question", "prefix", "whole"), [("Q:", " So", "Q: So"), ("Q:\n", "So", "Q:\nSo")])
def test_no_delimiter_where_there_is_white_space(question: str, prefix: str, whole: str) -> None:
    form = PromptFormat(question=lambda _: question, gen_prefix=lambda _: prefix)
    assert rendered(form, 0).text == whole


def test_the_form_of_the_answer_follows_the_question_that_is_asked() -> None:
    form = replace(PLAIN, answer_format=lambda _: "Answer with a number.")
    conversation = said(rendered(form, chats=True, turns=True))
    assert conversation[-1] == ("user", "Q: 1+1?\nA:\n\nAnswer with a number.")
    assert conversation[:-1] == TURNS[:-1]


def test_a_conversation_of_the_row_is_begun_too() -> None:
    asked = Sample("1", (Message("user", "Hi"),))
    renderer = PromptRenderer("t", BEGUN, Fewshot(), SHOWN, to_sample, DataOptions(), 1, lm_eval_stream())
    assert said(renderer.render(asked)) == [("user", "Hi"), ("assistant", "The sum is")]


def test_words_are_added_to_the_turn_that_asks() -> None:
    begun = Prompt(messages=(Message("user", "Q"), Message("assistant", "So")))
    assert said(begun.with_last_turn(lambda text: text + "!")) == [("user", "Q!"), ("assistant", "So")]
    assert (begun.begun, Prompt("Q").begun) == ("So", "")
