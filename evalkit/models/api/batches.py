"""Provider batches: many requests as one job, at half the price, answered within a day.

A batch that was sent is remembered on disk until its replies were used, so that a process that is started again waits
for it instead of paying twice. Formats: https://developers.openai.com/api/docs/guides/batch and
https://platform.claude.com/docs/en/build-with-claude/batch-processing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from evalkit import places
from evalkit.models.api.client import Call, Client
from evalkit.models.api.failures import Failed, classify
from evalkit.models.api.hints import retry_after

__all__ = ["BatchClient", "Jobs"]

MOST = 50_000
_QUIET_SECONDS = 1.0
_POLL_SECONDS = (5.0, 60.0)
_TRIES = 8
Answered = tuple[int, Mapping[str, str], bytes]


class Jobs(Protocol):
    """What a provider's batches look like: how one is sent, whether it ended, what its results are."""

    async def send(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]]) -> str: ...
    async def ended(self, http: BatchClient, job: str) -> bool:
        """Raises Failed for one that came to nothing."""
        ...

    async def results(self, http: BatchClient, job: str) -> dict[str, Answered]: ...


class BatchClient(Client):
    """Gathers what is asked until nothing new has come for a second, sends it as a batch and waits for the results."""

    jobs: Jobs
    memory: Path
    """The file that remembers batches: job to the ids of its requests."""

    def remember(self, jobs: Jobs, name: str) -> None:
        """What a new client needs: the provider's kind of batches, and whose batches are remembered."""
        self.jobs = jobs
        self.memory = places.cache_dir() / "batches" / f"{name}.json"
        self._known: dict[str, list[str]] = _read(self.memory)
        self._of = {request: job for job, requests in self._known.items() for request in requests}
        self._waiting: dict[str, tuple[Call, asyncio.Future[Answered]]] = {}
        self._results: dict[str, asyncio.Task[dict[str, Answered]]] = {}
        self._used: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def _post(self, call: Call) -> Answered:
        content = orjson.dumps([call.path, dict(call.body)], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        # Equal requests (of several repeats) are told apart by their number.
        request = f"{digest}-{self._seen[digest]}"
        self._seen[digest] += 1
        job = self._of.get(request)
        if job is None:
            return await self._queued(request, call)
        return await self._answered(job, request)

    async def _queued(self, request: str, call: Call) -> Answered:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        self._waiting[request] = (call, future)
        if self._timer is not None:
            self._timer.cancel()
        delay = 0.0 if len(self._waiting) >= MOST else _QUIET_SECONDS
        self._timer = loop.call_later(delay, self._flush)
        return await future

    def _flush(self) -> None:
        waiting, self._waiting, self._timer = self._waiting, {}, None
        # One endpoint a batch.
        for path in dict.fromkeys(call.path for call, _ in waiting.values()):
            part = {request: item for request, item in waiting.items() if item[0].path == path}
            task = asyncio.ensure_future(self._send(path, part))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, path: str, part: Mapping[str, tuple[Call, asyncio.Future[Answered]]]) -> None:
        try:
            job = await self.jobs.send(self, path, {request: call.body for request, (call, _) in part.items()})
            self._known[job] = list(part)
            self._of.update(dict.fromkeys(part, job))
            _write(self.memory, self._known)
            results = await self._fetched(job)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            for _, future in part.values():
                if not future.done():
                    future.set_exception(error if isinstance(error, Failed) else Failed("broken", str(error)))
            return
        for request, (_, future) in part.items():
            if not future.done():
                future.set_result(self._taken(job, request, results))

    async def _answered(self, job: str, request: str) -> Answered:
        return self._taken(job, request, await self._fetched(job))

    async def _fetched(self, job: str) -> dict[str, Answered]:
        if job not in self._results:
            self._results[job] = asyncio.ensure_future(self._awaited(job))
        return await asyncio.shield(self._results[job])

    async def _awaited(self, job: str) -> dict[str, Answered]:
        pause, longest = _POLL_SECONDS
        try:
            while not await self.jobs.ended(self, job):
                await asyncio.sleep(pause)
                pause = min(longest, pause * 1.5)
            return await self.jobs.results(self, job)
        except Failed:
            self._forget(job)
            raise

    def _taken(self, job: str, request: str, results: Mapping[str, Answered]) -> Answered:
        self._used[job] += 1
        return results.get(request, (500, {}, b'{"error": {"message": "the batch has no result for this request"}}'))

    def _forget(self, job: str) -> None:
        for request in self._known.pop(job, []):
            self._of.pop(request, None)
        _write(self.memory, self._known)

    async def close(self) -> None:
        """Batches whose every reply was used are forgotten; the others are waited for by the next process."""
        for job in [job for job, requests in self._known.items() if self._used[job] >= len(requests)]:
            self._forget(job)
        for task in [*self._sending, *self._results.values()]:
            task.cancel()
        await asyncio.gather(*self._sending, *self._results.values(), return_exceptions=True)
        await super().close()

    async def ask(self, method: str, path: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
        """One request of the batch interface itself, tried again where that can help. Raises Failed."""
        import aiohttp

        for attempt in range(_TRIES):
            try:
                found = await self._once(method, path, data, kind)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                found = Failed("unreachable", self._secret.redact(str(error) or type(error).__name__))
            if isinstance(found, bytes):
                return found
            if not found.again or attempt == _TRIES - 1:
                raise found
            await asyncio.sleep(self._wait(found, attempt + 1))
        raise AssertionError("the last try returns or raises")

    async def _once(self, method: str, path: str, data: bytes | None, kind: str) -> bytes | Failed:
        async with self._opened().request(
            method,
            self._base + path,
            data=data,
            headers={"content-type": kind},
            proxy=self._proxy,
            allow_redirects=False,
        ) as reply:
            content = await reply.read()
            if 200 <= reply.status < 300:
                return content
            try:
                body = orjson.loads(content)
            except ValueError:
                body = None
            failed = classify(reply.status, body, self._text(content), retry_after(reply.headers, body))
            failed.words = self._secret.redact(failed.words)
            return failed


def _read(path: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, known: Mapping[str, list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(known), "utf-8")
    new.replace(path)
