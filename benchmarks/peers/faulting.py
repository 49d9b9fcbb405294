"""A server of three formats that fails as it is told to, and notes what it was asked and what it was paid for.

Its answer is the sum of the two numbers in a question, wrong for every seventh question, with a character of two code
units. A reply is paid for where it is written to its end.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

FORMATS = ("chat", "messages", "gemini")
REFUSED = (
    "429", "429 at once", "429 in words", "500", "502", "503", "529", "overloaded inside", "broken inside", "cut",
    "reset", "stall", "no json", "empty", "shape", "broken off",
)  # fmt: skip
"""What gives no reply."""
ODD = ("trailing", "mark", "blanks", "trickle")
"""What gives one that is written in an odd way."""
FAULTS = (*REFUSED, *ODD)
_NUMBERS = re.compile(r"(\d+) and (\d+)")
_HTML = b"<html><body>bad gateway</body></html>"


def written(prompt: str) -> str:
    """What the model answers to a question."""
    found = _NUMBERS.search(prompt)
    assert found is not None, prompt
    one, other = map(int, found.groups())
    return f"The sum 😀 is {one + other + (one % 7 == 0)}."


@dataclass
class FaultingServer:
    """`share` of all attempts fail, drawn from `seed`, the question and the attempt."""

    share: float
    seed: int
    faults: tuple[str, ...] = FAULTS
    patience: float = 1.0
    """Seconds after which a request that hears nothing is sent again."""
    attempts: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    """How often each fault was met."""
    port: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def model(self, form: str, stream: bool) -> str:
        """The model's name with its options, for `evalkit.run`."""
        root = f"http://127.0.0.1:{self.port}"
        named = {
            "chat": f"openai/m,api=chat,base_url={root}/v1",
            "messages": f"anthropic/m,key_env=EVALKIT_FAULTS_KEY,base_url={root}",
            "gemini": f"google/m,key_env=EVALKIT_FAULTS_KEY,base_url={root}",
        }
        patient = f"attempts=20,price=1/1,stall={self.patience},timeout={self.patience}"
        return f"{named[form]},stream={'on' if stream else 'off'},{patient}"

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.port = runner.addresses[0][1]
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    def _fault(self, prompt: str) -> str:
        self.attempts[prompt] += 1
        draw = random.Random(f"{self.seed}|{prompt}|{self.attempts[prompt]}")
        fault = draw.choice(self.faults) if draw.random() < self.share else ""
        if fault:
            self.met[fault] += 1
        return fault

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        form = "gemini" if "contents" in body else "messages" if request.path.endswith("/messages") else "chat"
        turn = body["contents"][-1]["parts"][-1]["text"] if form == "gemini" else body["messages"][-1]["content"]
        prompt = turn if isinstance(turn, str) else turn[-1]["text"]
        fault = self._fault(prompt)
        if (refusal := await self._refusal(request, form, fault)) is not None:
            return refusal
        streams = bool(body.get("stream")) or "streamGenerateContent" in request.path
        finish = "broken" if fault == "broken off" else ""
        whole = _whole(form, written(prompt), finish)
        if streams:
            pieces = [piece async for piece in _pieces(form, written(prompt), finish, fault)]
            return await self._write(request, pieces, "text/event-stream", prompt, fault)
        text = json.dumps(_inside(form, fault) or whole)
        data = {"trailing": f"{text}\n{{}}", "mark": f"\ufeff{text}", "blanks": f"\n \n{text}"}.get(
            fault, text
        ).encode()
        return await self._write(request, [data], "application/json", prompt, fault)

    async def _refusal(self, request: web.Request, form: str, fault: str) -> web.StreamResponse | None:
        if fault.startswith("429"):
            headers = {"retry-after": "0"} if fault.endswith("at once") else {}
            words = "Please try again in 20ms." if fault.endswith("words") else "slow down"
            return web.json_response(_error(form, 429, words), status=429, headers=headers)
        if fault in ("500", "503", "529"):
            return web.json_response(_error(form, int(fault), f"made to fail with {fault}"), status=int(fault))
        if fault == "502":
            return web.Response(status=502, body=_HTML, content_type="text/html")
        if fault == "stall":
            await asyncio.sleep(1.3 * self.patience)
            return web.json_response(_error(form, 500, "stalled"), status=500)
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        bodies = {"no json": _HTML, "empty": b"", "shape": b'{"object": "list", "choices": []}'}
        return web.Response(body=bodies[fault], content_type="application/json") if fault in bodies else None

    async def _write(
        self, request: web.Request, pieces: list[bytes], kind: str, prompt: str, fault: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": kind})
        if len(pieces) == 1:
            response.content_length = len(pieces[0])
        await response.prepare(request)
        data = b"".join(pieces)
        if fault == "cut":
            await response.write(data[: len(data) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        size = 60 if fault == "trickle" else len(data)
        for at in range(0, len(data), size):
            await response.write(data[at : at + size])
            if fault == "trickle":
                await asyncio.sleep(0.001)
        await response.write_eof()
        self.paid[prompt] += fault == "" or fault in ODD
        return response


def _whole(form: str, text: str, finish: str) -> dict[str, Any]:
    tokens = len(text.split())
    if form == "chat":
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish or "stop"}
        choice["finish_reason"] = "error" if finish else "stop"
        return {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}}
    if form == "messages":
        content = [{"type": "text", "text": text}]
        usage = {"input_tokens": 9, "output_tokens": tokens}
        reason = None if finish else "end_turn"
        return {"type": "message", "model": "m", "content": content, "stop_reason": reason, "usage": usage}
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
    if finish:
        del candidate["finishReason"]
    usage = {"promptTokenCount": 9, "candidatesTokenCount": tokens}
    return {"modelVersion": "m", "candidates": [candidate], "usageMetadata": usage}


async def _pieces(form: str, text: str, finish: str, fault: str) -> AsyncIterator[bytes]:
    """The events of a stream; an error inside comes in the middle."""
    half = len(text) // 2
    inside = _inside(form, fault)
    for event in _events(form, (text[:half], text[half:]), finish):
        if inside is not None and event.get("middle"):
            yield b"data: " + json.dumps(inside).encode() + b"\n\n"
            return
        event.pop("middle", None)
        name = f"event: {event['type']}\n".encode() if form == "messages" else b""
        yield name + b"data: " + json.dumps(event).encode() + b"\n\n"
    if form == "chat":
        yield b"data: [DONE]\n\n"


def _events(form: str, halves: tuple[str, str], finish: str) -> list[dict[str, Any]]:
    whole = _whole(form, "".join(halves), finish)
    events: list[dict[str, Any]]
    deltas: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    if form == "chat":
        deltas = [{"content": halves[0]}, {"content": halves[1]}]
        events = [{"model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}]}
        events += [last, {"choices": [], "usage": whole["usage"]}]
    elif form == "messages":
        start = {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": half}}
            for half in halves
        ]
        end = {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": whole["usage"]}
        events = [start, block, *deltas, end, {"type": "message_stop"}]
    else:
        parts = [{"content": {"parts": [{"text": half}]}} for half in halves]
        parts[1] |= {name: value for name, value in whole["candidates"][0].items() if name != "content"}
        events = [{"modelVersion": "m", "candidates": [part]} for part in parts]
        events[1]["usageMetadata"] = whole["usageMetadata"]
    events[-1 if form == "gemini" else len(events) // 2]["middle"] = True
    return events


def _error(form: str, status: int, words: str) -> dict[str, Any]:
    if form == "messages":
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": words}}
    if form == "gemini":
        kind = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}.get(status, "INTERNAL")
        return {"error": {"code": status, "message": words, "status": kind}}
    return {"error": {"message": words, "type": "made", "code": None}}


def _inside(form: str, fault: str) -> dict[str, Any] | None:
    """The error that a body of status 200, or a stream, holds for a fault."""
    if fault == "overloaded inside":
        return _error(form, 529 if form == "messages" else 503, "Overloaded")
    return _error(form, 500, "upstream died") if fault == "broken inside" else None
