"""Replies that come piece by piece: what they come to, and what becomes of a stream that stalls or breaks."""

import asyncio
import time
from typing import Any

import pytest

from evalkit.core import Generate, Prompt, Reply, ToolCall, UsageError
from evalkit.models import resolve
from evalkit.models.api.anthropic import AnthropicWire
from evalkit.models.api.assembling import DONE
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.google import GoogleWire
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.responses import ResponsesWire
from evalkit.models.api.streaming import events, streamed
from tests.models.api.faultserver import FaultServer
from tests.models.api.test_client import ask, opened

ASKED = Generate(Prompt("What?"), stop=())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.api.client._FIRST_WAIT", 0.01)


def whole(path: str, *found: dict[str, Any]) -> Any:
    assemble = streamed(HttpCall(path, {})).assemble
    assert assemble is not None
    return assemble(found)


def piece(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


def test_a_chats_pieces_are_the_reply_that_would_have_come_whole() -> None:
    """Two choices, thought, a tool call in three pieces and the usage at the end, as OpenAI and vLLM document them."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}}
    body = whole(
        "/chat/completions",
        piece({"role": "assistant", "content": ""}),
        piece({"reasoning_content": "Let me "}),
        piece({"reasoning_content": "see."}),
        piece({"content": "The "}),
        piece({"content": "other"}, index=1),
        piece({"content": "sum"}),
        piece({"tool_calls": [call]}),
        piece({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        piece({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
        piece({}, "length", index=1),
        piece({}, "tool_calls"),
        {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}},
    )
    reply = ChatWire("m", ApiOptions()).read(ASKED, body)
    assert reply.texts == ("The sum", "other")
    assert reply.finish == ("tool", "length")
    assert reply.reasoning == ("Let me see.", "")
    assert reply.calls[0] == (ToolCall("add", '{"a": 1}', "c1"),)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 9)
    with pytest.raises(BadReplyError, match="ended before"):
        whole("/chat/completions", piece({"content": "The "}))


def test_anthropics_events_are_its_message() -> None:
    start: dict[str, Any] = {
        "type": "message",
        "content": [],
        "stop_reason": None,
        "model": "c",
        "usage": {"input_tokens": 25},
    }
    found: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "!"}},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "t1", "name": "add", "input": {}},
        },
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": " 1}"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
        {"type": "message_stop"},
    ]
    reply = AnthropicWire("c", ApiOptions()).read(ASKED, whole("/v1/messages", *found))
    assert (reply.texts, reply.finish, reply.reasoning) == (("Hello!",), ("eos",), ("Hm.",))
    assert reply.calls == ((ToolCall("add", '{"a": 1}', "t1"),),)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (25, 15)
    with pytest.raises(BadReplyError, match="ended before"):
        whole("/v1/messages", *found[:-1])
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert whole("/v1/messages", found[0], overloaded)["error"]["message"] == "Overloaded"


def test_geminis_pieces_and_the_last_event_of_a_response() -> None:
    call = streamed(HttpCall("/v1beta/models/g:generateContent", {}))
    assert call.path == "/v1beta/models/g:streamGenerateContent?alt=sse"
    assert call.assemble is not None
    body = call.assemble(
        [
            {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}], "modelVersion": "g"},
            {
                "candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 1},
            },
        ]
    )
    assert GoogleWire("g", ApiOptions()).read(ASKED, body).texts == ("Hello",)
    done = {"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]}
    found = whole(
        "/responses",
        {"type": "response.output_text.delta", "delta": "Hi"},
        {"type": "response.completed", "response": done},
    )
    assert ResponsesWire("o", ApiOptions()).read(ASKED, found).texts == ("Hi",)


def read_events(data: bytes, size: int) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        async def chunks() -> Any:
            for at in range(0, len(data), size):
                yield data[at : at + size]

        return [event async for event in events(chunks())]

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (': hello\n\nevent: x\ndata: {"é": 1}\r\n\r\ndata:{"b": 2}\n\ndata: [DONE]\n\n', [{"é": 1}, {"b": 2}, DONE]),
        ('data: {"a": 1}\ndata: {"b": 2}\n', [{"a": 1}, {"b": 2}]),  # no empty lines
        ('data: {"a":\ndata: 1}\n\ndata: {"b": 2}\n\n', [{"a": 1}, {"b": 2}]),  # an event in two lines
        ('data: {"a": 1}\n\ndata: [DONE]', [{"a": 1}, DONE]),  # no line break at the end
        ('data: {"a": 1}\n\ndata: {"b"', [{"a": 1}]),  # cut
        ('event: error\ndata: {"message": "died"}\n\n', [{"error": {"message": "died"}}]),
        ("event: error\ndata: it died\n\n", [{"error": "it died"}]),
        ('event: error\ndata: {"error": {"code": 502}}\n\ndata: {"a": 1}\n\n', [{"error": {"code": 502}}, {"a": 1}]),
        ("", []),
    ],
)
def test_events_are_read_wherever_the_pieces_are_cut(data: str, found: list[dict[str, Any]]) -> None:
    for size in (1, 2, 7, 1000):
        assert read_events(data.encode(), size) == found


@pytest.mark.parametrize("data", ["data: {oops\n\ndata: [DONE]\n\n", "data: [1]\n\n", "data: 3\n\n"])
def test_an_event_that_is_no_object_breaks_the_stream(data: str) -> None:
    with pytest.raises(ValueError):
        read_events(data.encode(), 5)


def test_streamed_answers_are_those_of_whole_replies_and_the_first_tokens_time_is_told() -> None:
    texts = [f"say word{number}" for number in range(40)]
    with FaultServer() as server:
        model = opened(server, stream="on")
        replies = ask(model, texts)
        plain = ask(opened(server), texts)
    assert all(body.get("stream") for body in server.bodies[:40])
    for streamed_, reply in zip(replies, plain, strict=True):
        assert isinstance(streamed_, Reply)
        assert isinstance(reply, Reply)
        assert (streamed_.texts, streamed_.finish, streamed_.usage) == (reply.texts, reply.finish, reply.usage)
    assert "(median)" in model.facts["first token"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["stream-stall", "stream-cut", "stream-end", "stream-error", "429", "no-json"])
def test_a_stream_that_fails_is_asked_again(fault: str) -> None:
    with FaultServer(lambda prompt, attempt: fault if attempt == 1 else "", stall=20.0) as server:
        begun = time.monotonic()
        (reply,) = ask(opened(server, stream="on", stall=0.3, timeout=30), ["say hello"])
    assert isinstance(reply, Reply), reply
    assert reply.texts == ("hello",)
    assert time.monotonic() - begun < 10
    assert server.attempts["say hello"] == 2


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    with FaultServer() as server:
        answer = server._answer
        server._answer = lambda request, body, prompt: answer(  # type: ignore[method-assign]
            request, {**body, "stream": False}, prompt
        )
        (reply,) = ask(opened(server, stream="on"), ["say hello"])
    assert isinstance(reply, Reply)
    assert reply.texts == ("hello",)


def test_batches_are_not_streamed() -> None:
    with pytest.raises(UsageError, match="does not stream replies"):
        resolve("openai/m", {"stream": "on", "batch": "on", "base_url": "http://127.0.0.1:9/v1"})
