"""One pooled HTTP session and the way of one request through it: gate, attempts, back-off, deadline."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalkit.core import RunError
from evalkit.models.api import rate_limit_headers
from evalkit.models.api.circuit_breaker import Breaker
from evalkit.models.api.error_bodies import error_of, failed_generation
from evalkit.models.api.failures import BadReplyError, Failed
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.json_texts import REPAIRED, read_json, written
from evalkit.models.api.rate_limiter import RateLimiter
from evalkit.models.api.secrets import Secret
from evalkit.models.api.signals import classify
from evalkit.models.api.time_limit import TimeLimit

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Client", "HttpCall", "Patience"]

T = TypeVar("T")

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_CONNECT = 30.0
"""Seconds for a connection to be made."""
READ_FROM_ERROR = "read-from-error"
"""The note of a reply that the server refused to pass on and put into an error."""
_ATTEMPTS_UNREACHED = 3
"""Attempts at a server that has not answered anything yet: a wrong address shows soon."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`timeout`: seconds for one attempt. `deadline`: seconds for all attempts at a request and the waits between.
    `attempts`: at a request that fails on the server or on the way; being told to slow down is not counted."""

    timeout: float = 600.0
    deadline: float = 1800.0
    attempts: int = 6
    stall: float = 120.0
    """Seconds in which a reply that is streamed may say nothing."""


class Client:
    """Sends JSON and reads JSON. One for a model; it moves to a new event loop by itself."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        secret: Secret,
        gate: RateLimiter,
        breaker: Breaker,
        patience: Patience,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = headers
        self._secret = secret
        self._gate = gate
        self._breaker = breaker
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None
        self._limit: TimeLimit | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._random = random.Random()
        self._proxy = _proxy_for(self._base)
        self.retried: Counter[str] = Counter()
        self.firsts: array[float] = array("f")
        """Seconds from sending to the first piece of each reply that was streamed."""

    async def send(self, call: HttpCall, read: Callable[[Any], T]) -> tuple[T, tuple[str, ...]]:
        """What `read` makes of the reply, and notes of what had to be repaired. `read` raises BadReplyError for a body
        that is not what it should be.

        Raises ModelError where the request failed for good, Failed where its `change` makes another request or a filter
        withheld the answer, and what the breaker raises.
        """
        started = time.monotonic()
        attempt = failures = 0
        while True:
            attempt += 1
            try:
                answer = await self._attempt(call, read)
            except Failed as failed:
                if failed.kind == "filtered":
                    self._breaker.answered()
                if failed.kind in ("unsupported", "filtered"):
                    raise
                failures += failed.kind != "overloaded"
                wait = self._wait(failed, attempt)
                left = self._patience.deadline - (time.monotonic() - started)
                if not failed.again or failures >= self._most_attempts(failed) or wait > left:
                    self._give_up(failed, attempt)
                self.retried[failed.kind] += 1
                await asyncio.sleep(wait)
            else:
                self._breaker.answered()
                return answer

    def _most_attempts(self, failed: Failed) -> int:
        if failed.kind == "unreachable" and not self._breaker.answers:
            return min(_ATTEMPTS_UNREACHED, self._patience.attempts)
        return self._patience.attempts

    def _wait(self, failed: Failed, attempt: int) -> float:
        """Full jitter over the upper half of an exponentially growing time, and never less than the server asked."""
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt - 1, 16))
        drawn = longest * (0.5 + 0.5 * self._random.random())
        if failed.wait is None:
            return drawn
        # Everyone was told the same moment: come back spread over a little time. A server that keeps asking for no wait
        # worth the name is not asked faster than one that says nothing.
        return max(failed.wait + self._random.random() * min(1.0, 0.1 * failed.wait + 0.05), drawn)

    def _give_up(self, failed: Failed, attempts: int) -> None:
        if failed.kind == "overloaded" and failed.wait is not None and failed.wait > self._patience.deadline:
            raise RunError(
                f"the server asks to wait {failed.wait:,.0f} s: {failed.words}\n"
                "  try:   evalkit run --resume then, or a longer deadline=…"
            )
        self.count(failed)
        raise failed.as_error(attempts) from None

    def count(self, failed: Failed) -> None:
        """Count a request that failed for good. Raises what ends the run where it is one too many."""
        self._breaker.failed(failed)

    async def _attempt(self, call: HttpCall, read: Callable[[Any], T]) -> tuple[T, tuple[str, ...]]:
        gate = self._gate
        await gate.enter(call.tokens)
        sent = time.monotonic()
        try:
            self._breaker.check()
            status, headers, data = await self._post(call)
            answer, repairs = self._judge(call, status, headers, data, read)
        except Failed as failed:
            gate.correct(call.tokens, 0)
            if failed.kind == "overloaded":
                gate.growth.overloaded(sent, time.monotonic())
                if failed.wait and failed.wait <= self._patience.deadline:
                    gate.pause(failed.wait)
            raise
        else:
            gate.growth.succeeded(time.monotonic() - sent, held_back=gate.held_back)
            if (wait := rate_limit_headers.exhausted(headers)) > 0.0:
                gate.pause(min(wait, _LONGEST_WAIT))
            used = getattr(getattr(answer, "usage", None), "prompt_tokens", 0)
            if used:
                gate.correct(call.tokens, used + answer.usage.completion_tokens)  # type: ignore[attr-defined]
            return answer, repairs
        finally:
            gate.leave()

    def _judge(
        self, call: HttpCall, status: int, headers: Mapping[str, str], data: bytes, read: Callable[[Any], T]
    ) -> tuple[T, tuple[str, ...]]:
        """What was answered, and notes of its repairs; raises Failed."""
        data = self._secret.scrub(data)
        body: Any = None
        notes: tuple[str, ...] = ()
        with contextlib.suppress(ValueError):
            body, repaired = read_json(data)
            notes = (REPAIRED,) if repaired else ()
        if status >= 400 and (text := failed_generation(body)):
            choice = {"message": {"content": text}, "finish_reason": "stop"}
            status, body, notes = 200, {"choices": [choice]}, (*notes, READ_FROM_ERROR)
        said: object = body
        if 200 <= status < 300 and error_of(body) is None:
            if body is None:
                raise Failed("broken", f"the reply is not JSON: {self._text(data)[:200]}", status)
            try:
                return read(body), notes
            except (BadReplyError, LookupError, TypeError, ValueError, AttributeError) as problem:
                error = getattr(problem, "error", None)
                if not error:
                    raise Failed("broken", self._misshapen(problem, data), status) from None
                said = {"error": error}
        status = 200 if status < 300 else status
        failed = classify(status, said, self._text(data), headers=headers, sent=call.body, needs=call.needs)
        failed.words = self._secret.redact(failed.words)[:1000]
        raise failed

    def _misshapen(self, problem: Exception, data: bytes) -> str:
        words = str(problem) if isinstance(problem, BadReplyError) else f"{type(problem).__name__} {problem}"
        return f"the reply is not what it should be ({words}): {self._text(data)[:200]}"

    def _text(self, data: bytes) -> str:
        return self._secret.redact(data[:4000].decode("utf-8", "replace"))

    async def _post(self, call: HttpCall) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp

        session, limit = self._opened()
        try:
            # A redirect could carry the key elsewhere.
            url, data = self._base + call.path, written(call.body)
            with limit():
                if call.assemble is not None:
                    return await self._streamed(session, url, data, call.assemble)
                reply = await session.post(url, data=data, allow_redirects=False, proxy=self._proxy)
                # Reading to the end gives the connection back, and failing to closes it.
                return reply.status, reply.headers, await reply.read()
        except aiohttp.SocketTimeoutError:
            raise Failed("unreachable", f"the server said nothing for {self._patience.stall:g} s") from None
        except TimeoutError:
            words = f"no reply within {self._patience.timeout:g} s"
            if call.drawn:
                # Asked again, only a shorter text would come back in its place.
                raise Failed("slow", f"{words}, and a drawn reply is not asked again: timeout=3600") from None
            raise Failed("unreachable", words) from None
        except aiohttp.InvalidURL:
            raise Failed("refused", f"{self._secret.redact(self._base)} is not an address") from None
        except (aiohttp.ClientError, OSError) as error:
            words = str(error) or type(error).__name__
            raise Failed("unreachable", self._secret.redact(words)) from None

    async def _streamed(
        self,
        session: aiohttp.ClientSession,
        url: str,
        data: bytes,
        assemble: Callable[[Sequence[dict[str, Any]]], Mapping[str, Any]],
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The same reply as it would have come whole."""
        import aiohttp

        from evalkit.models.api.streaming import events, says

        patience, sent = self._patience, time.monotonic()
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=patience.stall)
        async with session.post(url, data=data, allow_redirects=False, proxy=self._proxy, timeout=limits) as reply:
            if reply.status != 200 or "event-stream" not in reply.headers.get("content-type", ""):
                # An error, or a server that does not stream: its reply is whole.
                return reply.status, reply.headers, await reply.read()
            found: list[dict[str, Any]] = []
            silent = True
            try:
                async for event in events(reply.content.iter_any()):
                    if silent and says(event):
                        silent = False
                        self.firsts.append(time.monotonic() - sent)
                    found.append(event)
                return 200, reply.headers, written(assemble(found))
            except (BadReplyError, LookupError, TypeError, ValueError, AttributeError) as problem:
                raise Failed("broken", f"the stream is not what it should be: {problem}", 200) from None

    def _opened(self) -> tuple[aiohttp.ClientSession, TimeLimit]:
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._limit is None or self._loop is not loop or self._session.closed:
            self._loop, self._limit = loop, TimeLimit(self._patience.timeout)
            self._session = aiohttp.ClientSession(
                # The gate says how many: the pool must not hold anyone back a second time.
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                # The whole of an attempt has a limit here.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
                headers={"content-type": "application/json", "user-agent": "evalkit", **self._headers},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session, self._limit

    async def close(self) -> None:
        session, self._session = self._session, None
        limit, self._limit = self._limit, None
        if session is not None and limit is not None and self._loop is asyncio.get_running_loop():
            limit.close()
            await session.close()


def _proxy_for(base_url: str) -> str | None:
    """The proxy that the environment names for an address. aiohttp's own way looks anew for every request, in a thread,
    and sends what a .netrc holds for the host."""
    parts = urlsplit(base_url)
    if not parts.hostname or proxy_bypass(parts.netloc):
        return None
    found = getproxies()
    return found.get(parts.scheme) or found.get("all")
