"""A server whose model writes one text, whole or piece by piece.

Stop strings are applied to all that it writes, as by servers that know nothing of thought.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.models.api.cuts import streamed_chat, streamed_text

__all__ = ["ScriptServer"]


@dataclass
class ScriptServer:
    """`parses`: thought in <think> goes into `reasoning_content`. `ends`: what the attempts say of their end, one after
    the other and then the last again; without it what is true. A character is a token."""

    text: str
    parses: bool = False
    ends: Sequence[str] = ()
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> ScriptServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.bodies.append(body)
                reply = outer.reply(body)
                if body.get("stream"):
                    kind = "text/event-stream"
                    rng = random.Random(len(outer.bodies))
                    pieces = streamed_text(reply, rng) if "prompt" in body else streamed_chat(reply, rng)
                    events = [f"data: {json.dumps(event)}\n\n" for event in pieces]
                    data = "".join([*events, "data: [DONE]\n\n"]).encode()
                else:
                    kind, data = "application/json", json.dumps(reply).encode()
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of one reply."""
        text, finish = self.text, "stop"
        if len(text) > body["max_tokens"]:
            text, finish = text[: body["max_tokens"]], "length"
        places = [place for stop in body.get("stop", ()) if (place := text.find(stop)) >= 0]
        if places:
            text, finish = text[: min(places)], "stop"
        if self.ends:
            finish = self.ends[min(len(self.bodies), len(self.ends)) - 1]
        usage = {"prompt_tokens": 10, "completion_tokens": len(text)}
        if "prompt" in body:
            return {"model": "script", "choices": [{"index": 0, "text": text, "finish_reason": finish}], "usage": usage}
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if self.parses and text.startswith("<think>"):
            thought, _, rest = text.removeprefix("<think>").partition("</think>")
            message = {"role": "assistant", "content": rest or None, "reasoning_content": thought}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"model": "script", "choices": [choice], "usage": usage}
