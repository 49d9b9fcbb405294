"""Calls in the formats of models of 2025, and programs around calls. The oracles are the models' chat templates."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.core import Validity
from evalkit.scoring.extraction.calls import calls

PARIS = [("get_weather", {"city": "Paris"})]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('[TOOL_CALLS]get_weather{"city": "Paris"}', PARIS),
        ('[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', PARIS),
        ('I look it up.[TOOL_CALLS]get_weather[CALL_ID]a1B2[ARGS]{"city": "Paris"}', PARIS),
        (
            '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[ARGS]{}',
            [*PARIS, ("now", {})],
        ),
        (
            "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
            "<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
            [("get_weather", {"city": "Paris", "days": 3})],
        ),
        (
            "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n"
            "<parameter=on>\n[1, 2]\n</parameter>\n</function>\n</tool_call>",
            [("get_weather", {"city": "Paris", "on": [1, 2]})],
        ),
        ("<tool_call>\n<function=now>\n</function>\n</tool_call>", [("now", {})]),
        ("x = get_weather(city='Paris')\nprint(x)", PARIS),
        ("```python\nx = get_weather(city='Paris')\nprint(x)\n```", PARIS),
        ("print(get_weather(city='Paris'))", PARIS),
        ("print(text='Paris')", [("print", {"text": "Paris"})]),
    ],
)
def test_calls_are_read(text: str, made: list[tuple[str, dict[str, Any]]]) -> None:
    found = calls(text).value
    assert found is not None
    assert [(call.name, dict(call.arguments)) for call in found] == made


@pytest.mark.parametrize(
    "text",
    [
        '[TOOL_CALLS]get_weather[ARGS]{"city": "Par',
        '[TOOL_CALLS]now[ARGS]{} and then [TOOL_CALLS]later[ARGS]{"x": ',
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Par",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nPar",
    ],
)
def test_a_call_that_is_broken_off_is_unreadable(text: str) -> None:
    assert calls(text, cut=True).validity is Validity.UNREADABLE


def test_a_long_reply_of_unfinished_marks_takes_no_exponential_time() -> None:
    pairs = "<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n" * 60
    assert calls(f"<tool_call>get_weather\n{pairs}and more</tool_call>").validity is Validity.UNREADABLE
    tags = "<parameter=city>\nParis\n</parameter>\n" * 60
    assert calls(f"<tool_call><function=f>\n{tags}and more</tool_call>").validity is Validity.UNREADABLE
