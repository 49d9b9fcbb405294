"""A server for failures: the documented formats on loopback, with faults as they are asked for, and a log of its own.

It answers a chat or a completion with the last word of the prompt. `faults` gives, for every attempt at a prompt, what
goes wrong with it ("" where nothing does).
"""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FAULTS = (
    "429",
    "429-after",
    "500",
    "503",
    "529",
    "cut",
    "no-json",
    "schema",
    "empty",
    "reset",
    "stall",
    "trickle",
    "duplicate",
)
Plan = Callable[[str, int], str]


@dataclass
class FaultServer:
    """`answered` counts, for every prompt, the whole good replies that were written to the end."""

    faults: Plan = lambda prompt, attempt: ""
    delay: float = 0.0
    most: int | None = None
    """Requests at once; more get a 429."""
    stall: float = 5.0
    attempts: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    moments: list[float] = field(default_factory=list)
    """When each of those was written, by time.monotonic()."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    peak: int = 0
    _busy: int = 0
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "FaultServer":
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        app = web.Application()
        app.router.add_post("/v1/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        ready.set()
        loop.run_forever()
        with contextlib.suppress(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(runner.cleanup(), 2))
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        if isinstance(prompt, list):
            prompt = " ".join(part.get("text", "[image]") for part in prompt)
        self.attempts[prompt] += 1
        self._busy += 1
        self.peak = max(self.peak, self._busy)
        try:
            if self.most is not None and self._busy > self.most:
                return error(429, "too many requests at once")
            if self.delay:
                await asyncio.sleep(self.delay)
            return await self._answer(request, body, prompt)
        finally:
            self._busy -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any], prompt: str) -> web.StreamResponse:
        fault = self.faults(prompt, self.attempts[prompt])
        if fault in ("500", "503", "529", "429", "401", "404", "400"):
            return error(int(fault), f"made to fail with {fault}")
        if fault == "429-after":
            return error(429, "slow down", {"retry-after": "0.05"})
        if fault == "no-json":
            return web.Response(body=b"<html>bad gateway</html>", content_type="application/json")
        if fault == "schema":
            return web.json_response({"choices": [{"index": 0, "delta": {}}]})
        if fault == "empty":
            return web.json_response({"id": "x", "choices": [], "usage": {}})
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "stall":
            await asyncio.sleep(self.stall)
            return error(500, "stalled")
        if body.get("stream"):
            return await self._stream(request, chat(prompt, body, prompt), prompt, fault)
        data = json.dumps(chat(prompt, body, "same" if fault == "duplicate" else prompt)).encode()
        if fault == "cut":
            response = web.StreamResponse(headers={"content-length": str(len(data))})
            await response.prepare(request)
            await response.write(data[: len(data) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.content_length = len(data)
        await response.prepare(request)
        if fault == "trickle":
            for at in range(0, len(data), 40):
                await response.write(data[at : at + 40])
                await asyncio.sleep(0.002)
        else:
            await response.write(data)
        await response.write_eof()
        self.answered[prompt] += 1
        self.moments.append(time.monotonic())
        return response

    async def _stream(self, request: web.Request, whole: dict[str, Any], prompt: str, fault: str) -> web.StreamResponse:
        """A chat completion in pieces: who speaks, two halves of a word, why it ended, usage."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        word = whole["choices"][0]["message"]["content"]
        half = len(word) // 2
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": word[:half]}]
        base = {"id": whole["id"], "object": "chat.completion.chunk", "model": whole["model"]}
        pieces = [{**base, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
        pieces.append({**base, "choices": [{"index": 0, "delta": {"content": word[half:]}, "finish_reason": None}]})
        pieces.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        pieces.append({**base, "choices": [], "usage": whole["usage"]})
        await response.write(b": a comment keeps the connection alive\n\n")
        for number, piece in enumerate(pieces):
            if number == 2 and fault == "stream-stall":
                await asyncio.sleep(self.stall)
            if number == 2 and fault == "stream-cut":
                assert request.transport is not None
                request.transport.close()
                return response
            if number == 2 and fault == "stream-end":
                await response.write_eof()
                return response
            if number == 2 and fault == "stream-error":
                piece = {"error": {"message": "made to fail in the middle", "code": 503}}
            await response.write(b"data: " + json.dumps(piece).encode() + b"\r\n\r\n")
            await asyncio.sleep(0.002)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        if not fault:
            self.answered[prompt] += 1
            self.moments.append(time.monotonic())
        return response


def chat(prompt: str, body: dict[str, Any], reply_id: str) -> dict[str, Any]:
    word = prompt.split()[-1]
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if "messages" in body:
        choice["message"] = {"role": "assistant", "content": word}
    else:
        choice["text"] = word
    usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": 1, "total_tokens": len(prompt.split()) + 1}
    return {"id": reply_id, "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


def error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "made", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)


def random_faults(share: float, seed: int, kinds: tuple[str, ...] = FAULTS) -> Plan:
    """That share of all attempts fails, in every way; the same for the same prompt and attempt."""

    def plan(prompt: str, attempt: int) -> str:
        drawn = random.Random(f"{seed}|{prompt}|{attempt}")
        return drawn.choice(kinds) if drawn.random() < share else ""

    return plan
