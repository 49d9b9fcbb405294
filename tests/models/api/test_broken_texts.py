"""Replies that are no good JSON, or hold what no file can: they were paid for, so they are read."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evalkit.core import Generate, Prompt, Reply, ToolCall
from evalkit.models import resolve
from evalkit.models.api.json_texts import read_json, written
from evalkit.models.response_cache import read_reply, write_reply

LOST = "\ufffd"


@contextmanager
def answering(data: bytes, kind: str = "application/json") -> Iterator[tuple[str, list[bytes]]]:
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
    server.shutdown()
    server.server_close()


def reply_to(data: bytes, provider: str = "openai", kind: str = "application/json", **request: object) -> Reply:
    """The one reply to a request that is sent once."""
    with answering(data, kind) as (url, seen):
        options = {"base_url": url, "stream": "on" if "event" in kind else "off"}
        if provider == "anthropic":
            options |= {"base_url": url.removesuffix("/v1"), "key_env": "FAKE"}
        else:
            options["api"] = "chat"

        async def work() -> Reply:
            model = resolve(f"{provider}/m", options)
            try:
                return await model.answer(Generate(Prompt("Say."), **request))  # type: ignore[arg-type]
            finally:
                await model.close()

        reply = asyncio.run(work())
    assert len(seen) == 1, "it was paid for again"
    return reply


def chat(content: str, before: str = "", after: str = "") -> bytes:
    """A chat completion around the JSON of a message's content."""
    message = '{"role": "assistant", "content": %s}' % content  # noqa: UP031 - braces
    return (f'{before}{{"model": "m", "choices": [{{"message": {message}, "finish_reason": "stop"}}]}}{after}').encode()


@pytest.mark.parametrize(
    ("data", "text", "repaired"),
    [
        (chat('"Par\\ud83dis"'), f"Par{LOST}is", True),
        (chat('"\\udc00Paris"'), f"{LOST}Paris", True),
        (chat('"\\ud83d\\ude00 Paris"'), "😀 Paris", False),
        (chat('"Par\\u0000is"'), f"Par{LOST}is", True),
        (chat('"Paris"').replace(b"Paris", b"Par\xff\xfeis"), f"Par{LOST}{LOST}is", True),
        (chat('"Paris"').replace(b"Paris", b"Par\x00is"), f"Par{LOST}is", True),
        (chat('"Pa\tris\n"'), "Pa\tris\n", False),
        (chat('"Paris"', after='{"model": "again"}'), "Paris", True),
        (chat('"Paris"', after="\n\n<!-- served by a proxy -->"), "Paris", True),
        (chat('"Paris"', after="\x00\x00 \n"), "Paris", False),
        (chat('"Paris"', before="\ufeff"), "Paris", False),
        (chat('"Paris"', before="\n\n   \n"), "Paris", False),
        (chat('"Paris"', before="data: ", after="\n\ndata: [DONE]\n\n"), "Paris", True),
        (chat('"Paris"').replace(b'"stop"}', b'"stop", "logprobs": {"x": [NaN, -Infinity]}}'), "Paris", False),
    ],
)  # fmt: skip
def test_a_broken_body_is_read_and_what_was_replaced_is_told(data: bytes, text: str, repaired: bool) -> None:
    reply = reply_to(data)
    assert reply.texts == (text,)
    assert ("text-repaired" in reply.notes) is repaired
    assert read_reply(write_reply(reply)) is not None
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('["Par", "is"]', "Paris"),
        ('[{"type": "text", "text": "Par"}, {"type": "text", "text": {"value": "is"}}]', "Paris"),
        ('{"type": "text", "text": "Paris"}', "Paris"),
        ('{"parts": [{"text": "Par"}, {"text": "is"}]}', "Paris"),
        ('[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "Paris"}]', "Paris"),
    ],
)  # fmt: skip
def test_content_in_parts_is_one_text(content: str, text: str) -> None:
    reply = reply_to(chat(content))
    assert reply.texts == (text,) and "text-repaired" not in reply.notes
    assert reply.reasoning == (("hm",) if "hm" in content else ())


CALL = '{"type": "function", "id": "1", "function": {"name": "f", "arguments": %s}}'


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ('"tool_calls": [' + CALL % '{"a": 1}' + "]", ToolCall("f", '{"a": 1}', "1")),
        ('"tool_calls": [' + CALL % '"{\\"a\\": 1}"' + "]", ToolCall("f", '{"a": 1}', "1")),
        ('"tool_calls": [' + CALL % "null" + "]", ToolCall("f", "", "1")),
        ('"tool_calls": {"name": "f", "arguments": {"a": "é"}}', ToolCall("f", '{"a": "é"}', "")),
        ('"function_call": {"name": "f", "arguments": "{}"}', ToolCall("f", "{}", "")),
    ],
)
def test_tool_calls_next_to_no_content(message: str, call: ToolCall) -> None:
    body = '{"choices": [{"message": {"content": null, %s}, "finish_reason": "tool_calls"}]}' % message  # noqa: UP031
    reply = reply_to(body.encode())
    assert (reply.texts, reply.finish, reply.calls) == (("",), ("tool",), ((call,),))


def test_a_call_without_a_name_is_flagged_and_the_text_stays() -> None:
    call = '"tool_calls": [{"id": "1", "function": {"name": null, "arguments": "{}"}}]'
    body = '{"choices": [{"message": {"content": "Paris", %s}, "finish_reason": "stop"}]}' % call  # noqa: UP031
    reply = reply_to(body.encode())
    assert reply.texts == ("Paris",) and reply.calls == () and "malformed-call" in reply.notes


@pytest.mark.parametrize(
    "logprobs",
    ['"none"', '{"content": null}', '{"content": [{"token": "a"}, null]}', '{"content": [{"top_logprobs": 5}]}', "[1]"],
)
def test_log_probabilities_that_cannot_be_read_cost_no_text(logprobs: str) -> None:
    data = chat('"Paris"').replace(b'"stop"}', f'"stop", "logprobs": {logprobs}}}'.encode())
    assert reply_to(data, top_logprobs=5).texts == ("Paris",)


def test_log_probabilities_in_both_shapes() -> None:
    place = {
        "token": "A",
        "logprob": -0.1,
        "top_logprobs": [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": None}],
    }
    data = chat('"A"').replace(b'"stop"}', f'"stop", "logprobs": {json.dumps({"content": [place]})}}}'.encode())
    assert reply_to(data, top_logprobs=2).top_logprobs == ((("A", -0.1), ("B", float("-inf"))),)
    older = {"tokens": ["A"], "token_logprobs": [-0.1], "top_logprobs": [{"A": -0.1, "B": -2.4}]}
    data = chat('"A"').replace(b'"stop"}', f'"stop", "logprobs": {json.dumps(older)}}}'.encode())
    assert reply_to(data, top_logprobs=2).top_logprobs == ((("A", -0.1), ("B", -2.4)),)


@pytest.mark.parametrize(
    "usage", ['"unknown"', "[]", '{"prompt_tokens": "12"}', '{"prompt_tokens_details": [], "prompt_tokens": -4}']
)
def test_a_usage_that_cannot_be_read_costs_no_text(usage: str) -> None:
    reply = reply_to(chat('"Paris"')[:-1] + f', "usage": {usage}}}'.encode())
    assert reply.texts == ("Paris",)
    assert reply.usage.prompt_tokens == (12 if "12" in usage else 0)


def events(*pieces: str, done: bool = True) -> bytes:
    ended = ['{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}', *(["[DONE]"] if done else [])]
    deltas = ['{"choices": [{"index": 0, "delta": {"content": %s}}]}' % piece for piece in pieces]  # noqa: UP031
    return "".join(f"data: {event}\n\n" for event in (*deltas, *ended)).encode()


@pytest.mark.parametrize(
    ("pieces", "text", "repaired"),
    [
        (('"\\ud83d"', '"\\ude00 Paris"'), "😀 Paris", False),
        (('"\\ud83d"', '" Paris"'), f"{LOST} Paris", True),
        (('"Par\\u0000"', '"is"'), f"Par{LOST}is", True),
        (('[{"type": "text", "text": "Par\\ud83d"}]', '"is"'), f"Par{LOST}is", True),
    ],
)
def test_a_stream_whose_pieces_break_a_character(pieces: tuple[str, ...], text: str, repaired: bool) -> None:
    reply = reply_to(events(*pieces), kind="text/event-stream")
    assert reply.texts == (text,)
    assert ("text-repaired" in reply.notes) is repaired


def test_an_error_behind_the_end_of_a_streamed_reply_costs_no_text() -> None:
    data = events('"Paris"', done=False) + b'data: {"error": {"message": "the count of tokens failed"}}\n\n'
    assert reply_to(data, kind="text/event-stream").texts == ("Paris",)


def test_pieces_of_a_call_that_make_no_json_are_kept_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE", "not-a-key")
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "1", "name": "f"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a": '}},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]  # fmt: skip
    data = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in said).encode()
    reply = reply_to(data, "anthropic", "text/event-stream")
    assert reply.calls == ((ToolCall("f", '{"a": ', "1"),),) and "malformed-call" in reply.notes


def test_what_is_no_json_at_all_is_no_reply() -> None:
    for data in (b"", b"<html></html>", b"{", b'{"a": '):
        with pytest.raises(ValueError):
            read_json(data)


def test_a_request_with_half_a_surrogate_pair_is_written() -> None:
    assert json.loads(written({"prompt": "a\ud83d"})) == {"prompt": "a\ud83d"}
