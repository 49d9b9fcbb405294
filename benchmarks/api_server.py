"""A chat server that costs next to nothing: every reply comes after the same delay, and it keeps count.

    python benchmarks/api_server.py --delay 0.05      prints its port

`GET /stats` says how many requests it answered, the most at once, the seconds from the first byte of the first request
to the last reply, and its own CPU time; `GET /reset` begins anew. A reply is the last word of the prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any


class Counted:
    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.answered = self.busy = self.peak = 0
        self.cpu = time.process_time()

    def said(self) -> dict[str, Any]:
        return {
            "answered": self.answered,
            "peak": self.peak,
            "seconds": self.last - self.first,
            "cpu": time.process_time() - self.cpu,
        }


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1: a head, a body of a stated length, connections kept alive."""

    def __init__(self, state: list[Counted], delay: float) -> None:
        self._state = state
        self._delay = delay
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._request(head, body)

    def _request(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /stats"):
            self._send(json.dumps(self._state[0].said()).encode())
        elif head.startswith(b"get /reset"):
            self._state[0] = Counted()
            self._send(b"{}")
        else:
            counted = self._state[0]
            now = time.perf_counter()
            counted.first = counted.first or now
            counted.busy += 1
            counted.peak = max(counted.peak, counted.busy)
            asyncio.get_running_loop().call_later(self._delay, self._answer, counted, body)

    def _answer(self, counted: Counted, body: bytes) -> None:
        asked = json.loads(body)
        text = asked["messages"][-1]["content"]
        if not isinstance(text, str):
            text = text[0]["text"]
        choice = {"index": 0, "message": {"role": "assistant", "content": text.split()[-1]}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}
        reply = {"id": "c", "object": "chat.completion", "created": 1, "model": asked["model"]}
        self._send(json.dumps({**reply, "choices": [choice], "usage": usage}).encode())
        counted.busy -= 1
        counted.answered += 1
        counted.last = time.perf_counter()

    def _send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data)
            self._transport.write(head + data)


async def serve(delay: float) -> None:
    state = [Counted()]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state, delay), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.05)
    asyncio.run(serve(parser.parse_args().delay))
