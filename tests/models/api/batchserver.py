"""OpenAI's and Anthropic's batch interfaces on loopback, as documented.

A batch has ended once it was asked after more than `polls` times. `expires` names prompts whose first request is not
begun in time, `wrong` those that are refused. `batches` holds what was sent. Of the first `silent` batches nobody is
told: they are made, and the connection ends; of the first `unmade` not even that, a 500 says that they failed.
"""

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class BatchServer:
    def __init__(
        self, expires: frozenset[str] = frozenset(), wrong: frozenset[str] = frozenset(), polls: int = 1
    ) -> None:
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        self.inputs: dict[str, str] = {}
        self.made: dict[str, float] = {}
        self.silent = self.unmade = self.asked = 0
        self.polled: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.expires, self.wrong, self.polls = expires, wrong, polls
        self._tried: Counter[str] = Counter()

    def __enter__(self) -> "BatchServer":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(outer.get(self.path))

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                made = self.path.endswith("/batches")
                outer.asked += made
                if made and outer.unmade > 0:
                    outer.unmade -= 1
                    self._send({"error": {"message": "made to fail"}}, 500)
                    return
                body = outer.post(self.path, data, self.headers["content-type"])
                if made and outer.silent > 0:
                    outer.silent -= 1
                    self.close_connection = True
                    return
                self._send(body)

            def _send(self, body: Any, status: int = 200) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def post(self, path: str, data: bytes, kind: str) -> Any:
        if path == "/v1/files":
            boundary = kind.partition("boundary=")[2].encode()
            part = next(part for part in data.split(b"--" + boundary) if b'name="file"' in part)
            name = f"file-{len(self.files)}"
            self.files[name] = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            return {"id": name, "object": "file", "purpose": "batch"}
        job = f"batch_{len(self.batches)}"
        body = json.loads(data)
        self.made[job] = time.time()
        if path == "/v1/batches":
            self.inputs[job] = body["input_file_id"]
            assert (body["endpoint"], body["completion_window"]) == ("/v1/chat/completions", "24h")
            self.batches[job] = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
            return {"id": job, "object": "batch", "status": "validating"}
        assert path == "/v1/messages/batches"
        self.batches[job] = [{"custom_id": one["custom_id"], "body": one["params"]} for one in body["requests"]]
        return {"id": job, "type": "message_batch", "processing_status": "in_progress"}

    def get(self, path: str) -> Any:
        anthropic = path.startswith("/v1/messages")
        if path.endswith(("/content", "/results")):
            job = path.split("/")[-2].removesuffix("-out")
            lines = [self._result(one, anthropic) for one in self.batches[job]]
            return "\n".join(map(json.dumps, lines)).encode() + b"\n"
        path, _, query = path.partition("?")
        if path.endswith("/batches"):
            return self._list(anthropic, query)
        job = path.split("/")[-1]
        self.polled[job] += 1
        done = self.polled[job] > self.polls
        if anthropic:
            return {
                "id": job,
                "processing_status": "ended" if done else "in_progress",
                "results_url": "http://no.where/",
            }
        return {
            "id": job,
            "status": "completed" if done else "in_progress",
            "output_file_id": f"{job}-out" if done else None,
        }

    def _list(self, anthropic: bool, query: str) -> dict[str, Any]:
        """Newest first, two on a page."""
        asked = dict(part.split("=") for part in query.split("&"))
        after = asked.get("after_id" if anthropic else "after", "")
        names = list(reversed(self.batches))
        names = names[names.index(after) + 1 :] if after else names
        page = [self._listed(name, anthropic) for name in names[:2]]
        return {"data": page, "has_more": len(names) > 2}

    def _listed(self, job: str, anthropic: bool) -> dict[str, Any]:
        if not anthropic:
            return {"id": job, "created_at": int(self.made[job]), "input_file_id": self.inputs[job]}
        counts = {"processing": len(self.batches[job]), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        created = datetime.fromtimestamp(self.made[job], UTC).isoformat().replace("+00:00", "Z")
        return {"id": job, "created_at": created, "request_counts": counts, "processing_status": "in_progress"}

    def _result(self, one: dict[str, Any], anthropic: bool) -> dict[str, Any]:
        content = one["body"]["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[-1]["text"]
        self._tried[text] += 1
        made: dict[str, Any] = {"custom_id": one["custom_id"]}
        if text in self.expires and self._tried[text] == 1:
            error = {"code": "batch_expired", "message": "not begun in time"}
            return made | ({"result": {"type": "expired"}} if anthropic else {"response": None, "error": error})
        word = text.split()[-1]
        if text in self.wrong:
            error = {"type": "invalid_request_error", "message": "this is too long"}
            if anthropic:
                return made | {"result": {"type": "errored", "error": {"type": "error", "error": error}}}
            return made | {"response": {"status_code": 400, "body": {"error": error}}, "error": None}
        self.answered[text] += 1
        if anthropic:
            usage = {"input_tokens": 2, "output_tokens": 1}
            parts = [{"type": "text", "text": word}]
            message = {"type": "message", "content": parts, "stop_reason": "end_turn", "usage": usage, "model": "m"}
            return made | {"result": {"type": "succeeded", "message": message}}
        choice = {"index": 0, "message": {"role": "assistant", "content": word}, "finish_reason": "stop"}
        body = {"choices": [choice], "usage": {"prompt_tokens": 2, "completion_tokens": 1}, "model": "m"}
        return made | {"response": {"status_code": 200, "request_id": "r", "body": body}, "error": None}
