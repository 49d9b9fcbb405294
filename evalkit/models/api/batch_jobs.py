"""OpenAI's and Anthropic's batches: how one is sent, asked after and read."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from evalkit.models.api.batch_store import Intent
from evalkit.models.api.batches import Answered, BatchClient
from evalkit.models.api.failures import Failed
from evalkit.models.api.json_texts import read_piece, written
from evalkit.models.api.signals import classify

__all__ = ["AnthropicJobs", "OpenAiJobs"]

_CLOCKS_DIFFER = 300.0
"""Seconds by which a provider's clock may be behind or ahead of this machine's."""
_UNFINISHED = ("validating", "in_progress", "finalizing", "cancelling")
_PART = (
    '--{0}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{0}\r\ncontent-disposition: form-data; '
)
_FILE = 'name="file"; filename="requests.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n'


class OpenAiJobs:
    """A file of requests is uploaded, a batch made of it; its results are two files, answers and errors."""

    async def prepare(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]]) -> str:
        """Upload the file; its id is what the list of batches shows as their input."""
        lines = [
            {"custom_id": request, "method": "POST", "url": f"/v1{path}", "body": dict(body)}
            for request, body in requests.items()
        ]
        content = b"".join(written(line) + b"\n" for line in lines)
        boundary = uuid.uuid4().hex
        form = (_PART + _FILE).format(boundary).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        uploaded = await http.ask("POST", "/files", form, f"multipart/form-data; boundary={boundary}")
        return str(orjson.loads(uploaded)["id"])

    async def make(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]], mark: str) -> str:
        asked = {"input_file_id": mark, "endpoint": f"/v1{path}", "completion_window": "24h"}
        return str(orjson.loads(await http.ask_once("POST", "/batches", written(asked)))["id"])

    async def find(self, http: BatchClient, intent: Intent) -> str | None:
        async for batch in _listed(http, "/batches", "after"):
            if batch["input_file_id"] == intent.mark:
                return str(batch["id"])
            if float(batch["created_at"]) < intent.made - _CLOCKS_DIFFER:
                return None
        return None

    async def ended(self, http: BatchClient, job: str) -> bool:
        found = orjson.loads(await http.ask("GET", f"/batches/{job}"))
        if found["status"] == "failed":
            problems = (found.get("errors") or {}).get("data") or []
            words = "; ".join(str(problem.get("message")) for problem in problems[:3]) or "no reason given"
            kind = classify(400, {"error": problems[0] if problems else words}).kind
            lasts = kind in ("spent", "refused")
            raise Failed(kind if lasts else "wrong", f"the batch {job} was refused: {words}")
        return found["status"] not in _UNFINISHED

    async def results(self, http: BatchClient, job: str) -> dict[str, Answered]:
        found = orjson.loads(await http.ask("GET", f"/batches/{job}"))
        results: dict[str, Answered] = {}
        for name in ("output_file_id", "error_file_id"):
            if found.get(name):
                for line in (await http.ask("GET", f"/files/{found[name]}/content")).splitlines():
                    read = read_piece(line)
                    results[read["custom_id"]] = _of_response(read)
        return results


async def _listed(http: BatchClient, path: str, cursor: str) -> AsyncIterator[dict[str, Any]]:
    """The provider's batches, the newest first, page by page."""
    after = ""
    while True:
        page = orjson.loads(await http.ask("GET", f"{path}?limit=100{after}"))
        for batch in page["data"]:
            yield batch
        if not page.get("has_more") or not page["data"]:
            return
        after = f"&{cursor}={page['data'][-1]['id']}"


def _of_response(read: Mapping[str, Any]) -> Answered:
    response, error = read.get("response"), read.get("error")
    if response is None:
        # "batch_expired": it was not begun in time and can be asked again.
        return 500, {}, orjson.dumps({"error": error or {"message": "no response"}})
    return int(response["status_code"]), {}, written(response["body"])


class AnthropicJobs:
    """Requests and results travel without files."""

    async def prepare(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]]) -> str:
        return ""

    async def make(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]], mark: str) -> str:
        asked = {"requests": [{"custom_id": request, "params": dict(body)} for request, body in requests.items()]}
        return str(orjson.loads(await http.ask_once("POST", f"{path}/batches", written(asked)))["id"])

    async def find(self, http: BatchClient, intent: Intent) -> str | None:
        """A batch carries no mark: one of that time and size is waited for, and the ids of its results tell."""
        async for batch in _listed(http, f"{intent.path}/batches", "after_id"):
            created = datetime.fromisoformat(batch["created_at"].replace("Z", "+00:00")).timestamp()
            if created < intent.made - _CLOCKS_DIFFER:
                return None
            if sum(batch["request_counts"].values()) != len(intent.requests) or batch["id"] in http.remembered.jobs:
                continue
            await http.wait_for(batch["id"])
            if (await self.results(http, batch["id"])).keys() == set(intent.requests):
                return str(batch["id"])
        return None

    async def ended(self, http: BatchClient, job: str) -> bool:
        found = orjson.loads(await http.ask("GET", f"/v1/messages/batches/{job}"))
        return bool(found["processing_status"] == "ended")

    async def results(self, http: BatchClient, job: str) -> dict[str, Answered]:
        # At the address it was sent to: the results_url of a reply could be anywhere, and the key goes with it.
        lines = (await http.ask("GET", f"/v1/messages/batches/{job}/results")).splitlines()
        return {read["custom_id"]: _of_result(read["result"]) for read in map(read_piece, lines)}


def _of_result(result: Mapping[str, Any]) -> Answered:
    if result["type"] == "succeeded":
        return 200, {}, written(result["message"])
    if result["type"] == "errored":
        # It names no status: what it says of itself decides, as in a stream.
        return 200, {}, orjson.dumps(result.get("error") or {"error": {"message": "no reason given"}})
    return 500, {}, orjson.dumps({"error": {"message": f"the request was {result['type']}"}})
