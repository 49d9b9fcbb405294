"""A streamed reply is the whole reply: recorded forms of replies, cut at random, are read as they are read whole."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Generate, Prompt, ToolCall
from evalkit.models.api.anthropic import AnthropicWire
from evalkit.models.api.assembling import DONE
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.completions import CompletionsWire
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.google import GoogleWire
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.streaming import streamed
from tests.models.api.cuts import Event, streamed_chat, streamed_gemini, streamed_message, streamed_text

ASKED = Generate(Prompt("What?"), stop=("STOP",), top_logprobs=2)
ADD = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": "é"}'}}
SUB = {"id": "c2", "type": "function", "function": {"name": "sub", "arguments": "{}"}}
PLACE = {
    "token": "A",
    "logprob": -0.1,
    "top_logprobs": [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -2}],
}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm, 3?"}]}


def chat(finish: str | None = "stop", usage: bool = True, **message: Any) -> Event:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    body: Event = {"model": "m-1", "system_fingerprint": "fp", "choices": [choice]}
    return {**body, "usage": {"prompt_tokens": 3, "completion_tokens": 9}} if usage else body


def with_choice(body: Event, **more: Any) -> Event:
    return {**body, "choices": [{**body["choices"][0], **more}]}


CHATS = [
    chat(content="The sum is 5.\nSTOP more"),
    chat(content="<think>3?\nSTOP</think>\n\n5"),
    chat(content="", usage=False),
    chat(content="5", reasoning_content="Let me see."),
    chat(content="5", reasoning="Let me see."),
    chat(content=[THINKING, {"type": "text", "text": "Paris"}]),
    chat(content=[{"type": "text", "text": "Pa"}, {"type": "text", "text": "ris"}]),
    chat("tool_calls", content=None, tool_calls=[ADD, SUB]),
    chat("tool_calls", content="I add.", tool_calls=[ADD]),
    chat("tool_calls", content=None, tool_calls=[{**ADD, "function": {"name": "add", "arguments": {"a": 1}}}]),
    chat("content_filter", content=""),
    chat(content=None, refusal="I can't."),
    chat("length", content="The sum"),
    chat("hiccup", content="The sum"),
    with_choice(chat(content="A"), logprobs={"content": [PLACE, PLACE]}),
    with_choice(chat(content="A"), stop_reason=None),
    {
        **chat(content="one"),
        "choices": [*chat(content="one")["choices"], {**chat("length", content="two")["choices"][0], "index": 1}],
    },
]


def assembled(path: str, events: list[Event]) -> Any:
    assemble = streamed(HttpCall(path, {})).assemble
    assert assemble is not None
    return assemble(events)


@pytest.mark.parametrize("body", CHATS, ids=range(len(CHATS)))
@pytest.mark.parametrize("numbered", [True, False])
def test_a_chat(body: Event, numbered: bool) -> None:
    wire = ChatWire("m", ApiOptions())
    whole = wire.read(ASKED, body)
    for seed in range(60):
        events = streamed_chat(body, random.Random(seed), numbered=numbered)
        assert wire.read(ASKED, assembled("/chat/completions", [*events, DONE])) == whole, events


@pytest.mark.shared_data
def test_every_recorded_reply(hub_mirror: Path) -> None:
    """What models and judges really wrote."""
    files = sorted((hub_mirror.parent / "reference" / "replies").glob("*.jsonl.gz"))
    if not files:
        pytest.skip("the recorded replies are not there")
    texts = [json.loads(line)["text"] for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    wire, rng = ChatWire("m", ApiOptions()), random.Random(3)
    for text in texts:
        body = chat(content=text)
        found = wire.read(ASKED, assembled("/chat/completions", [*streamed_chat(body, rng), DONE]))
        assert found == wire.read(ASKED, body)
    assert len(texts) > 1000


def test_a_text_completion() -> None:
    wire = CompletionsWire("m", ApiOptions())
    texts = [
        {"index": 0, "text": "fi ve\n", "finish_reason": "stop"},
        {"index": 1, "text": "s", "finish_reason": "length"},
    ]
    body = {"model": "m", "choices": texts, "usage": {"prompt_tokens": 3, "completion_tokens": 9}}
    for seed in range(60):
        events = [*streamed_text(body, random.Random(seed)), DONE]
        assert wire.read(ASKED, assembled("/completions", events)) == wire.read(ASKED, body)


@pytest.mark.parametrize("reason", ["end_turn", "tool_use", "max_tokens", "refusal", "stop_sequence"])
def test_an_anthropic_message(reason: str) -> None:
    wire = AnthropicWire("m", ApiOptions())
    blocks = [
        {"type": "thinking", "thinking": "Let me see.", "signature": "x"},
        {"type": "text", "text": "The sum\n"},
        {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1, "é": []}},
        {"type": "tool_use", "id": "u", "name": "now", "input": {}},
    ]
    usage = {"input_tokens": 3, "output_tokens": 9, "cache_read_input_tokens": 2}
    body = {"type": "message", "model": "c", "content": blocks, "stop_reason": reason, "usage": usage}
    for seed in range(60):
        events = streamed_message(body, random.Random(seed))
        assert wire.read(ASKED, assembled("/v1/messages", events)) == wire.read(ASKED, body)


def test_a_reply_of_gemini_with_several_candidates() -> None:
    wire = GoogleWire("g", ApiOptions())
    parts = [
        {"text": "Hm.", "thought": True},
        {"text": "The sum "},
        {"functionCall": {"name": "add", "args": {"a": 1}}},
    ]
    body = {
        "modelVersion": "g",
        "candidates": [
            {"content": {"parts": parts}, "finishReason": "STOP"},
            {"content": {"parts": [{"text": "other"}]}, "finishReason": "MAX_TOKENS"},
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9},
    }
    assemble = streamed(HttpCall("/v1beta/models/g:generateContent", {})).assemble
    assert assemble is not None
    for seed in range(60):
        assert wire.read(ASKED, assemble(streamed_gemini(body, random.Random(seed)))) == wire.read(ASKED, body)


def delta(finish: str | None = None, **fields: Any) -> Event:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        # All numbered 0, as Ollama and Gemini's imitation of the format number them.
        ([delta(tool_calls=[{"index": 0, **ADD}]), delta(tool_calls=[{"index": 0, **SUB}])], ["add", "sub"]),
        # Neither number nor id.
        (
            [delta(tool_calls=[{"function": one["function"]}]) for one in (ADD, SUB)],
            ["add", "sub"],
        ),
        # Two pieces of two calls in each event.
        (
            [
                delta(tool_calls=[{"function": {"name": "add", "arguments": "{"}}, {"function": {"name": "sub"}}]),
                delta(tool_calls=[{"function": {"arguments": "}"}}, {"function": {"arguments": "{}"}}]),
            ],
            ["add", "sub"],
        ),
        # The name in every piece, and another id in each.
        (
            [
                delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "add", "arguments": "{"}}]),
                delta(tool_calls=[{"index": 0, "id": "y", "function": {"arguments": "}"}}]),
            ],
            ["add"],
        ),
    ],
)
def test_calls_as_servers_number_them(events: list[Event], calls: list[str]) -> None:
    body = assembled("/chat/completions", [*events, delta("tool_calls")])
    (found,) = ChatWire("m", ApiOptions()).read(ASKED, body).calls
    assert [call.name for call in found] == calls
    assert all(isinstance(call, ToolCall) and call.arguments[-1:] == "}" for call in found)


@pytest.mark.parametrize("finish", ["", None, "missing"])
def test_a_stream_that_is_done_without_a_reason_is_kept_and_one_that_is_not_is_broken(finish: str | None) -> None:
    events = [delta(content="Par"), delta(content="is")]
    last = {"choices": [{"index": 0, "delta": {}} | ({} if finish == "missing" else {"finish_reason": finish})]}
    reply = ChatWire("m", ApiOptions()).read(ASKED, assembled("/chat/completions", [*events, last, DONE]))
    assert (reply.texts, reply.finish, reply.notes) == (("Paris",), ("unknown",), ("unknown-finish:none",))
    with pytest.raises(BadReplyError, match="ended before"):
        assembled("/chat/completions", [*events, last])


def test_an_error_in_the_middle_is_the_servers() -> None:
    error = {"error": {"message": "upstream died", "code": 502}}
    assert assembled("/chat/completions", [delta(content="Par"), error, DONE]) == error
    choice = {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "died"}}]}
    with pytest.raises(BadReplyError, match="died"):
        ChatWire("m", ApiOptions()).read(ASKED, assembled("/chat/completions", [delta(content="Par"), choice, DONE]))
    failed = {"type": "error", "code": "server_error", "message": "died"}
    assert assembled("/responses", [failed])["error"]["message"] == "died"
