"""What a server turned out not to take, and how requests are sent since: one for a model, for every kind of request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from evalkit.models.api.client import Client
from evalkit.models.api.failures import Change, Failed
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.parameters import PARAMETERS, value_in, without
from evalkit.models.api.streaming import streamed

__all__ = ["Dialect", "Sender"]

T = TypeVar("T")
_MOST_CHANGES = 12
FOLDED = "system-in-first-turn"
"""The note of a reply whose request had the system's words in its first turn."""
_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


class Dialect:
    """Grows as a server refuses something. `folds`: the system's words go into the first turn."""

    def __init__(self) -> None:
        self.folds = False
        self._dropped: dict[str, None] = {}
        self._bounds: dict[tuple[str, str], float] = {}
        self._renamed: dict[str, str] = {}

    def takes(self, parameter: str) -> bool:
        return parameter not in self._dropped

    def learn(self, change: Change, sent: Mapping[str, Any]) -> None:
        """From now on, requests are sent with this change. A name that the server does not know either way is left
        out."""
        name = change.parameter
        if change.how == "fold":
            self.folds = True
        elif change.how == "rename":
            path, _ = value_in(sent, name)
            if path in self._renamed.values():
                self._dropped[name] = None
            else:
                self._renamed[path] = _OTHER_NAME[path]
        elif change.how in ("most", "least"):
            known = self._bounds.get((name, change.how), change.bound)
            self._bounds[name, change.how] = (min if change.how == "most" else max)(known, change.bound)
        elif change.how == "drop":
            self._dropped[name] = None

    def applied(self, call: HttpCall, once: Change | None = None) -> tuple[HttpCall, tuple[str, ...]]:
        """A call as the server takes it, and the notes of a reply to it."""
        if once is None and not (self._dropped or self._bounds or self._renamed):
            return call, call.notes
        body, notes = dict(call.body), []
        for name in self._dropped:
            path, value = value_in(body, name)
            if value is not None and name not in call.needs:
                body = without(body, path)
                if name == "logprobs":
                    body.pop("top_logprobs", None)
                notes += [] if PARAMETERS[name].quiet else [f"{name}-not-taken".replace("_", "-")]
        bounds = {**self._bounds, **({(once.parameter, "most"): once.bound} if once is not None else {})}
        for (name, how), bound in bounds.items():
            path, value = value_in(body, name)
            if name not in call.needs and (brought := _within(value, how, bound)) is not None:
                body = _with(body, path, brought)
                notes.append(f"{name}-{'lowered' if how == 'most' else 'raised'}".replace("_", "-"))
        for old, new in self._renamed.items():
            if old in body and new not in body:
                body[new] = body.pop(old)
        assemble = call.assemble if body.get("stream") or "stream" not in call.body else None
        return replace(call, body=body, assemble=assemble), (*call.notes, *notes)

    def words(self) -> str:
        """What the server does not take, for the manifest."""
        found = [*self._dropped, *self._renamed, *(["system"] if self.folds else [])]
        found += [f"{n} {'above' if how == 'most' else 'below'} {bound:g}" for (n, how), bound in self._bounds.items()]
        return ", ".join(sorted(set(found)))


class Sender:
    """Sends calls as the server takes them. `streams`: replies are asked for piece by piece."""

    def __init__(self, client: Client, *, streams: bool = False) -> None:
        self._client = client
        self._streams = streams
        self.dialect = Dialect()

    async def send(
        self, build: Callable[[Dialect], HttpCall], read: Callable[[Any], T], *, stream: bool = True
    ) -> tuple[T, tuple[str, ...]]:
        """What `read` makes of the reply to the call that `build` makes, and the notes that belong to it.

        Raises ModelError where the request failed for good, Failed of kind "filtered" where the provider's filter
        withheld the answer, and what ends a run.
        """
        once: Change | None = None
        before: Mapping[str, Any] | None = None
        failed: Failed | None = None
        for _ in range(_MOST_CHANGES):
            folds = self.dialect.folds
            call = build(self.dialect)
            call, notes = self.dialect.applied(streamed(call) if self._streams and stream else call, once)
            if failed is not None and call.body == before:
                break  # refused for something that no change of ours makes good
            try:
                value, repairs = await self._client.send(call, read)
            except Failed as refusal:
                if refusal.change is None:
                    raise
                failed, before = refusal, call.body
                if refusal.change.how == "once":
                    once = refusal.change
                else:
                    self.dialect.learn(refusal.change, call.body)
                continue
            return value, (*notes, *([FOLDED] if folds and call.folded else []), *repairs)
        assert failed is not None
        self._client.count(failed)
        raise failed.as_error(1)


def _within(value: Any, how: str, bound: float) -> Any:
    """A value brought within a bound, None where it is; of a list as many as the bound allows."""
    if isinstance(value, list):
        return value[: int(bound)] if how == "most" and len(value) > bound else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if (value > bound) if how == "most" else (value < bound):
        return int(bound) if isinstance(value, int) and how == "most" else bound
    return None


def _with(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with another value at a path that it has."""
    first, _, rest = path.partition(".")
    return {**body, first: _with(body[first], rest, value) if rest else value}
