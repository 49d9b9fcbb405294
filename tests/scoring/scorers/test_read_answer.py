"""Answers read by a chain of named readers, in Python and in a task file."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Sample, Task, UsageError, Validity
from evalkit.plugins import load
from evalkit.scoring.extraction.readers import READERS, first_of, read_by
from evalkit.scoring.scorers import read_answer, regex_match
from evalkit.scoring.scorers.compared import compared

CHAIN = ("boxed", "answer is (X)", "last letter")
SAMPLE = Sample("1", "q", targets=("(B)",))


@pytest.mark.parametrize(
    ("text", "value", "validity"),
    [
        (r"A, then \boxed{B}", 1.0, Validity.OK),
        (r"\boxed{\text{B: Lima}} and (C)", 1.0, Validity.OK),
        ("so the answer is (B), not C", 1.0, Validity.OK),
        ("C or B", 1.0, Validity.OK),
        ("B or C", 0.0, Validity.OK),
        (r"the answer is (B), \boxed{B", 0.0, Validity.UNREADABLE),
        ("none", 0.0, Validity.NO_ANSWER),
    ],
)
def test_the_first_reader_that_finds_something_decides(
    scored: Any, text: str, value: float, validity: Validity
) -> None:
    found = scored(read_answer(first_of=CHAIN, name="letter"), SAMPLE, text)["letter"]
    assert (found.value, found.validity) == (value, validity)


@pytest.mark.parametrize(
    ("reader", "text", "target", "right"),
    [
        ("letter", "(b) Lima", "B", True),
        ("choice", "It is Lima, I think.", "B", True),
        ("label", "It is Lima, I think.", "Lima", True),
        ("number", "so it costs $1,080.", "1080", True),
        ("number", "so it costs $1,080.", "1081", False),
        ("json answer", 'Here: {"answer": "12 apples"', "12", True),
        ("json answer", '{"reasoning": "2", "answer": 3}', "3", True),
        ("answer is TEXT", "So the answer is True.\nQ: next", "True", True),
        ("boxed", r"\boxed {7}", "7.0", True),
        ("last (X)", "(A) or (C)", "(C)", True),
        ("#### number", "#### 1,200", "1200", True),
        ("last number", "1 then 2", "2", True),
        ("Answer: X", "answer: C, Answer: D\nAnswer: E", "D", True),
    ],
)
def test_every_reader(scored: Any, reader: str, text: str, target: str, right: bool) -> None:
    sample = Sample("1", "q", targets=(target,), choices=("Quito", "Lima", "Bogotá"))
    assert scored(read_answer(first_of=(reader,)), sample, text)["read_answer"].value == float(right)


def test_a_chain_stands_in_a_task_file_and_a_mistake_in_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "x", "a": "B"}\n')
    path = tmp_path / "t.yaml"
    text = (
        'data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nmethod: generate\n'
        'scorers: [{read_answer: {first_of: [boxed, "answer is (X)", last letter]}}]\n'
    )
    path.write_text(text)
    task = load("task", str(path))
    assert isinstance(task, Task)
    assert task.scorers[0].settings == {"first_of": "boxed | answer is (X) | last letter"}
    path.write_text(text.replace("boxed", "bokxed"))
    with pytest.raises(UsageError, match="bokxed"):
        load("task", str(path))


def test_no_reader_and_a_text_for_a_list_are_refused() -> None:
    with pytest.raises(UsageError):
        read_answer(first_of=())
    with pytest.raises(UsageError):
        read_answer(first_of="boxed")  # type: ignore[arg-type]


def test_what_two_scorers_score_differently_is_flagged(scored: Any) -> None:
    strict = regex_match(pattern=r"#### (\d+)", name="strict_match")
    both = compared(read_answer(first_of=("number",), name="number"), strict)
    sample = Sample("1", "q", targets=("7",))
    assert scored(both, sample, "#### 7")["number"].flags == ()
    assert scored(both, sample, "It is 7.")["number"].flags == ("scored otherwise by number than by strict_match",)


# The patterns of MMLU-Pro's evaluate_from_api.py, as they are there.
STEPS = (r"answer is \(?([A-J])\)?", r".*[aA]nswer:\s*([A-J])", r"\b[A-J]\b(?!.*\b[A-J]\b)")
THREE = first_of("answer is (X)", "Answer: X", "last letter")


def published(text: str) -> str | None:
    for number, pattern in enumerate(STEPS):
        found = re.search(pattern, text, re.DOTALL if number == 2 else 0)
        if found:
            return str(found[number < 2])
    return None


def test_three_steps_are_those_that_mmlu_pro_published_on_any_text() -> None:
    rng = random.Random(5)
    pieces = ["answer is ", "Answer:", "answer: ", "(B)", "C", " J", "A", "\n", ". ", "K", "x", "is (", "E)"]
    for _ in range(3000):
        text = "".join(rng.choices(pieces, k=rng.randrange(12)))
        assert read_by(THREE, SAMPLE, text)[0].value == published(text), repr(text)


def test_predictions_that_mmlu_pro_published_are_reproduced(
    real_replies: Callable[[str], list[dict[str, Any]]],
) -> None:
    """On each row where a step reads something; two of the three models were published before there was a third."""
    compared = 0
    for row in real_replies("mmlu-pro-cot"):
        read, reader = read_by(THREE, SAMPLE, row["text"])
        if read.value is None or (reader is THREE[2] and not row["id"].startswith("Meta-Llama-3_1-8B/")):
            continue
        assert read.value == row["pred"], row["id"]
        compared += 1
    assert compared == 834


def test_json_answers_are_their_field(real_replies: Callable[[str], list[dict[str, Any]]]) -> None:
    """The oracle is the field as a pattern finds it; also of JSON that is broken off at any place after it."""
    field = first_of("json answer")
    held = 0
    for row in real_replies("gsm8k-json"):
        found = list(re.finditer(r'"answer"\s*:\s*"((?:[^"\\]|\\.)*)"', row["text"]))
        written = [match[1] for match in found]
        read = read_by(field, SAMPLE, row["text"])[0]
        assert read.value == (written[-1] if written else None), row["id"]
        if written:
            held += 1
            end = found[-1].end()
            assert read_by(field, SAMPLE, row["text"][:end])[0].value == written[-1]
            assert read_by(field, SAMPLE, row["text"] + "\nI hope {this} helps.")[0].value == written[-1]
            assert read_by(field, SAMPLE, row["text"][: end - 1])[0].unreadable
    assert held == 595


def test_no_reader_takes_more_than_linear_time() -> None:
    sample = Sample("1", "q", choices=("Quito", "Lima"))
    for unit in ("A ", "answer: ", "{", "\\boxed{", "1.", "the answer is "):
        for name, reader in READERS.items():
            began = time.process_time()
            reader.read(sample, unit * 10_000)
            assert time.process_time() - began < 5, (name, unit)
