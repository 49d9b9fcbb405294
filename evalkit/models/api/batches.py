"""Provider batches: many requests as one job, at half the price, answered within a day.

A batch is remembered on disk until its replies were used, so that a process that is started again waits for it instead
of paying twice. It is written down before it is made: where a process died in between, the provider's own list of
batches tells whether it was. Formats: https://developers.openai.com/api/docs/guides/batch and
https://platform.claude.com/docs/en/build-with-claude/batch-processing.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from evalkit.core import paths
from evalkit.models.api.batch_store import BatchStore, Intent
from evalkit.models.api.client import Client
from evalkit.models.api.failures import Failed
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.json_texts import written
from evalkit.models.api.signals import classify

__all__ = ["BatchClient", "Jobs"]

MOST = 50_000
_QUIET_SECONDS = 1.0
_POLL_SECONDS = (5.0, 60.0)
_SETTLED_SECONDS = 10.0
"""How old an intent must be before a provider that does not list its batch is believed."""
_TRIES = 8
Answered = tuple[int, Mapping[str, str], bytes]


class Jobs(Protocol):
    """What a provider's batches look like."""

    async def prepare(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]]) -> str:
        """What costs nothing yet; the mark by which the batch can be found in the provider's list."""
        ...

    async def make(self, http: BatchClient, path: str, requests: Mapping[str, Mapping[str, Any]], mark: str) -> str:
        """The batch's id. Tried once: who cannot tell whether a batch was made looks for it first."""
        ...

    async def find(self, http: BatchClient, intent: Intent) -> str | None:
        """The batch that was made of an intent, None where none was."""
        ...

    async def ended(self, http: BatchClient, job: str) -> bool:
        """Raises Failed for one that came to nothing."""
        ...

    async def results(self, http: BatchClient, job: str) -> dict[str, Answered]: ...


class BatchClient(Client):
    """Gathers what is asked until nothing new has come for a second, sends it as a batch and waits for the results."""

    jobs: Jobs
    remembered: BatchStore

    def remember(self, jobs: Jobs, name: str) -> None:
        """What a new client needs: the provider's kind of batches, and whose batches are remembered."""
        self.jobs = jobs
        self.remembered = BatchStore(paths.cache_dir() / "batches" / f"{name}.json")
        self._of = {request: job for job, requests in self.remembered.jobs.items() for request in requests}
        self._intended = {request: intent for intent in self.remembered.intents for request in intent.requests}
        self._looking: dict[Intent, asyncio.Task[str | None]] = {}
        self._waiting: dict[str, tuple[HttpCall, asyncio.Future[Answered]]] = {}
        self._results: dict[str, asyncio.Task[dict[str, Answered]]] = {}
        self._used: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def _post(self, call: HttpCall) -> Answered:
        content = written([call.path, dict(call.body)], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        # Equal requests (of several repeats) are told apart by their number.
        request = f"{digest}-{self._seen[digest]}"
        self._seen[digest] += 1
        if (intent := self._intended.get(request)) is not None:
            await self._looked_for(intent)
        job = self._of.get(request)
        if job is None:
            return await self._queued(request, call)
        return await self._answered(job, request)

    async def _looked_for(self, intent: Intent) -> None:
        """Find out, once, what became of a batch that an earlier process was about to make."""
        if intent not in self._looking:
            self._looking[intent] = asyncio.ensure_future(self._found(intent))
        await asyncio.shield(self._looking[intent])

    async def _found(self, intent: Intent) -> str | None:
        await asyncio.sleep(max(0.0, min(_SETTLED_SECONDS, intent.made + _SETTLED_SECONDS - time.time())))
        job = await self.jobs.find(self, intent)
        if job is None:
            self.remembered.drop(intent)
        else:
            self._is_sent(intent, job)
        self._intended = {request: other for request, other in self._intended.items() if other != intent}
        return job

    def _is_sent(self, intent: Intent, job: str) -> None:
        self.remembered.sent(intent, job)
        self._of.update(dict.fromkeys(intent.requests, job))

    async def _queued(self, request: str, call: HttpCall) -> Answered:
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

    async def _send(self, path: str, part: Mapping[str, tuple[HttpCall, asyncio.Future[Answered]]]) -> None:
        try:
            job = await self._made(path, {request: call.body for request, (call, _) in part.items()})
            results = await self._fetched(job)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            for _, future in part.values():
                if not future.done():
                    future.set_exception(error if isinstance(error, Failed) else Failed("broken", str(error)))
            return
        for request, (_, future) in part.items():
            if not future.done():
                future.set_result(self._taken(job, request, results))

    async def _made(self, path: str, requests: Mapping[str, Mapping[str, Any]]) -> str:
        """Make a batch and write it down. Where the answer to that was lost, the batch is looked for before it is made
        once more."""
        intent = Intent(path, tuple(requests), await self.jobs.prepare(self, path, requests))
        self.remembered.intend(intent)
        for attempt in range(1, _TRIES + 1):
            try:
                job: str | None = await self.jobs.make(self, path, requests, intent.mark)
            except Failed as failed:
                if not failed.again or attempt == _TRIES:
                    if not failed.again:
                        self.remembered.drop(intent)
                    raise
                await asyncio.sleep(self._wait(failed, attempt))
                # A server that was too busy made nothing; one that failed or went away may have.
                job = None if failed.kind == "overloaded" else await self.jobs.find(self, intent)
            if job is not None:
                self._is_sent(intent, job)
                return job
        raise AssertionError("the last attempt returns or raises")

    async def _answered(self, job: str, request: str) -> Answered:
        return self._taken(job, request, await self._fetched(job))

    async def _fetched(self, job: str) -> dict[str, Answered]:
        if job not in self._results:
            self._results[job] = asyncio.ensure_future(self._awaited(job))
        return await asyncio.shield(self._results[job])

    async def _awaited(self, job: str) -> dict[str, Answered]:
        try:
            await self.wait_for(job)
            return await self.jobs.results(self, job)
        except Failed as failed:
            # One that the provider could not be asked after may be under way all the same.
            if not failed.again:
                self._forget(job)
            raise

    async def wait_for(self, job: str) -> None:
        """Until a batch has ended."""
        pause, longest = _POLL_SECONDS
        while not await self.jobs.ended(self, job):
            await asyncio.sleep(pause)
            pause = min(longest, pause * 1.5)

    def _taken(self, job: str, request: str, results: Mapping[str, Answered]) -> Answered:
        self._used[job] += 1
        return results.get(request, (500, {}, b'{"error": {"message": "the batch has no result for this request"}}'))

    def _forget(self, job: str) -> None:
        for request in self.remembered.jobs.get(job, []):
            self._of.pop(request, None)
        self.remembered.forget(job)

    async def close(self) -> None:
        """Batches whose every reply was used are forgotten; the others are waited for by the next process."""
        for job in [job for job, requests in self.remembered.jobs.items() if self._used[job] >= len(requests)]:
            self._forget(job)
        running: list[asyncio.Task[Any]] = [*self._sending, *self._results.values(), *self._looking.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await super().close()

    async def ask(self, method: str, path: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
        """One request of the batch interface itself, tried again where that can help. Raises Failed."""
        for attempt in range(1, _TRIES):
            try:
                return await self.ask_once(method, path, data, kind)
            except Failed as failed:
                if not failed.again:
                    raise
                await asyncio.sleep(self._wait(failed, attempt))
        return await self.ask_once(method, path, data, kind)

    async def ask_once(
        self, method: str, path: str, data: bytes | None = None, kind: str = "application/json"
    ) -> bytes:
        """The same in one attempt."""
        import aiohttp

        try:
            return await self._once(method, path, data, kind)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Failed("unreachable", self._secret.redact(str(error) or type(error).__name__)) from None

    async def _once(self, method: str, path: str, data: bytes | None, kind: str) -> bytes:
        session, limit = self._opened()
        with limit():
            async with session.request(
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
                failed = classify(reply.status, body, self._text(content), headers=reply.headers)
                failed.words = self._secret.redact(failed.words)
                raise failed
