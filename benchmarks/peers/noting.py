"""A chat server in this process that notes every question: which model was asked what, in order."""

from __future__ import annotations

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Noted(NamedTuple):
    """One question: its last word, the clock's seconds when it was read, and the key of the process that asked."""

    model: str
    word: str
    at: float
    who: str


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever asked was killed in the middle of a request."""


class NotingServer:
    """Replies after 5 to 60 ms with the model's name and the last word. `noted`: what was asked."""

    def __init__(self, seed: float) -> None:
        self.noted: list[Noted] = []
        self._draw = random.Random(seed)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        noted, draw = self.noted, self._draw

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if not self.path.endswith("/chat/completions"):
                    return self._answer(404, {"error": {"message": "Not Found"}})
                word = body["messages"][-1]["content"].split()[-1]
                who = self.headers.get("authorization", "").removeprefix("Bearer ")
                noted.append(Noted(body["model"], word, time.monotonic(), who))
                time.sleep(draw.uniform(0.005, 0.06))
                return self._answer(200, _reply(body["model"], word))

            def do_GET(self) -> None:
                self._answer(404, {"error": {"message": "Not Found"}})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    # Whoever asked was killed.
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _reply(model: str, word: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": f"{model} {word}"}
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
