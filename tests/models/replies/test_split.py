"""Thought and answer told apart by the marks of many models.

Oracle: texts that are built of parts, so that every part is known to be thought or answer.
"""

from __future__ import annotations

import random
import time

import pytest

from evalkit.core import ToolCall
from evalkit.models.replies.markers import ANY, KNOWN, NONE, Markers, Tags
from evalkit.models.replies.split import split


def parts(text: str, markers: Markers = ANY) -> tuple[str, list[str], bool]:
    found = split(text, markers)
    return "".join(text[a:b] for a, b in found.answer), [text[a:b] for a, b in found.thought], found.finished


@pytest.mark.parametrize("tags", KNOWN, ids=lambda tags: tags.opening)
@pytest.mark.parametrize(
    ("form", "answer", "finished"),
    [
        ("{o}No, 3?{c}5", "5", True),
        ("No, 3?\n{c}\n\n5", "\n\n5", True),  # opened in the prompt
        ("{o}a{c}{o}b{c}5", "5", True),
        ("{o}{o}a{c}{c}5", "5", True),  # doubled
        ("{o}a{o}b{c}c{c}5", "5", True),  # nested
        ("{o}a{o}b{c}c{c}", "", True),  # nested, and no answer
        ("{o}a mark such as {o} is written{c}5", "5", True),
        ("{o}a{c}5{c}", "5", True),  # closed once more behind the answer
        ("{o}a{c}5{c} {c}\n", "5 \n", True),
        ("No, 3?{c}", "", True),  # all of it was thought
        ("{o}never closed", "", False),
        ("5{o}or is it", "5", False),
        ("{o}a{c}5{o}", "5", False),
        ("{o}{c}5", "5", True),
    ],
)
def test_a_thought_is_not_the_answer(tags: Tags, form: str, answer: str, finished: bool) -> None:
    text = form.replace("{o}", tags.opening).replace("{c}", tags.closing)
    found, thought, ended = parts(text)
    assert (found, ended) == (answer, finished)
    assert "5" not in "".join(thought)


@pytest.mark.parametrize("text", ["<THINK>3?</THINK>5", "<Thought>3?</thought>5", "[think]3?[/think]5"])
def test_capitals_make_no_difference(text: str) -> None:
    assert parts(text)[0] == "5"


@pytest.mark.parametrize(
    "text",
    [
        "def strip(text):\n    return text.split('</think>')[-1]\n",
        'parts = re.split("<think>", text)',
        "The tag `<think>` opens a thought and `</think>` closes it.",
        "x < thinking and y > reason",
        "the reasoning is that analysis comes first",
        "analysis = load('final')",
        "analysisResults = []\nfinal = 3",
        "Our assistant answers. final: 5",
        "",
    ],
)
def test_a_text_without_thought_is_left_alone(text: str) -> None:
    assert parts(text) == (text, [], True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<thinking_process>3?</thinking_process>5", "5"),
        ("<inner_thoughts>3?\n</inner_thoughts>\n5", "\n5"),
        ("[REASONING]3?[/REASONING]5", "5"),
        ("<|thinking|>3?<|/thinking|>5", "5"),
        ("<|reasoning_start|>3?<|reasoning_end|>5", "5"),
        ("<Deep-Think>3?</Deep-Think>5", "5"),
        # One of the two alone says nothing, and neither does another word.
        ("<thinking_process>5", "<thinking_process>5"),
        ("5</inner_thoughts>", "5</inner_thoughts>"),
        ("<reason_for_visit>5</reason_for_visit>", "<reason_for_visit>5</reason_for_visit>"),
        ("<rethinkdb>5</rethinkdb>", "<rethinkdb>5</rethinkdb>"),
    ],
)
def test_marks_that_no_table_has_are_told_by_their_name_where_nothing_is_known_of_the_model(
    text: str, answer: str
) -> None:
    assert parts(text) == (answer, ["3?\n" if "\n" in text else "3?"] if text != answer else [], True)
    assert parts(text, Markers((Tags("<think>", "</think>"),), own=True))[0] == text


def test_a_models_own_marks_leave_the_others_in_its_answer() -> None:
    text = "[THINK]3?[/THINK]Write <think>a thought</think> around it."
    own = Markers((Tags("[THINK]", "[/THINK]"),), own=True)
    assert parts(text, own)[0] == "Write <think>a thought</think> around it."
    assert parts(text)[0] == "Write  around it."
    assert parts(text, NONE) == (text, [], True)


@pytest.mark.parametrize(
    ("text", "answer", "finished"),
    [
        ("<|channel|>analysis<|message|>3?<|end|><|start|>assistant<|channel|>final<|message|>5<|return|>", "5", True),
        ("<|channel|>analysis<|message|>3?<|end|><|start|>assistant<|channel|>final<|message|>5", "5", True),
        ("<|channel|>final<|message|>5", "5", True),
        ("<|start|>assistant<|channel|>analysis<|message|>3?", "", False),
        ("<|channel|>analysis<|message|>3?<|end|>", "", False),
        ("<|channel|>analysis<|message|>3?<|end|><|start|>assistant", "", False),
        ("<|channel|>analysis<|message|>3?<|end|><|start|>assistant<|channel|>final", "", False),
        ("3?<|end|><|start|>assistant<|channel|>final<|message|>5", "5", True),  # opened in the prompt
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>Let me look."
            "<|end|><|start|>assistant<|channel|>final<|message|>5",
            "5",
            True,
        ),
        ("<|channel|>commentary<|message|>Let me look.", "Let me look.", True),
        ("analysisIs it 3? No.assistantfinal5", "5", True),
        ("analysisWe count.assistantanalysisAgain.assistantfinalThe assistantfinal word is 5", None, True),
        ("analysis We count.\n\nassistantfinal\n\n5", "\n\n5", True),
        ("analysisWe need to count the", "", False),
        ("analysisWe count.assistantcommentaryLet me look.assistantfinal5", "5", True),
    ],
)
def test_channels_spelled_out_and_without_their_special_tokens(text: str, answer: str | None, finished: bool) -> None:
    wanted = "The assistantfinal word is 5" if answer is None else answer
    found, thought, ended = parts(text)
    assert (found, ended) == (wanted, finished)
    assert "5" not in "".join(thought)


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=functions.add "
        '<|constrain|>json<|message|>{"a": 1}<|call|>',
        '<|start|>assistant to=functions.add<|channel|>commentary json<|message|>{"a": 1}<|call|>',
        'analysisWe add.assistantcommentary to=functions.add json{"a": 1}',
    ],
)
def test_a_call_in_a_channel_is_a_call(text: str) -> None:
    found = split(text)
    assert found.calls == (ToolCall("add", '{"a": 1}'),)
    assert (found.answer, found.finished) == ((), True)


@pytest.mark.parametrize(
    "call",
    [
        '<tool_call>{"name": "add"}</tool_call>',
        '<tool_call>{"name": "add"}</tool_call>\n<tool_call>{"name": "sub"}</tool_call>\n',
        "<|tool_calls_section_begin|><|tool_call_begin|>add:0<|tool_call_end|><|tool_calls_section_end|>",
    ],
)
def test_a_call_ends_a_thought_that_was_not_closed(call: str) -> None:
    assert parts(f"<think>I might <tool_call> now.\n{call}") == (call, ["I might <tool_call> now.\n"], True)
    assert parts(f"<think>I add.\n{call} or not") == ("", [f"I add.\n{call} or not"], False)
    assert parts(f"<think>I add.\n{call[:-8]}")[2] is False


def test_random_texts_of_blocks_and_answers() -> None:
    rng = random.Random(5)
    for _ in range(2000):
        text, answer = "", ""
        for _ in range(rng.randrange(1, 6)):
            words = "".join(rng.choice("ab <>/[]\n·") for _ in range(rng.randrange(1, 8)))
            if rng.random() < 0.5:
                tags = rng.choice(KNOWN)
                text += f"{tags.opening}{words}{tags.closing}"
            else:
                text, answer = text + words, answer + words
        if split(answer).has_thought:
            continue
        assert parts(text)[0] == answer, text


@pytest.mark.parametrize(
    "unit",
    ["<think>", "</think>", "<think></think>", "</think> ", "<|channel|>", "assistantfinal", "<think><tool_call>"],
)
def test_a_model_that_repeats_a_mark_costs_linear_time(unit: str) -> None:
    started = time.process_time()
    split(unit * 100_000)
    split("analysis" + unit * 100_000)
    assert time.process_time() - started < 3
