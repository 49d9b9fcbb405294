"""A model whose answers are kept: the same request of the same model is asked once.

The key covers the model's identity and every field of the request, so another model, prompt or parameter can never
hit. Answers of a model whose identity is fixed stay good for ever; those of a mutable one (`core.Identity`) for a week.
Failures are not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any, Protocol

from evalkit.core import Generate, Identity, Image, Message, Model, Perplexity, Reply, Request, ToolCall, Usage, Vectors
from evalkit.models.wrapper import Wrapper

__all__ = ["MAX_AGE", "ResponseCache", "cached", "good_since", "kept_reply", "read_reply", "request_key", "write_reply"]

MAX_AGE = 7 * 86_400.0
"""Seconds that an answer of a mutable model stays good where nobody says otherwise; Inspect's cache has the same."""

_FIRST = "1"
_VERSIONS: Mapping[type, str] = {Generate: "2"}
"""Grows for a kind of request when a kept reply can no longer be read, or means something else; "1" for the others.

Texts of version 1 were cut at stop strings in their thought, and local ones had lost a leading blank."""
_LATER: Mapping[type, Mapping[str, object]] = {
    Generate: {
        "schema": "",
        "tools": (),
        "top_logprobs": 0,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "thinking_tokens": None,
    },
    Perplexity: {"tokens": False, "stride": None},
}
"""Fields that a request gained, with what they are where they are not used: they then are in no key, so that
what an older evalkit kept is still found."""
_VECTORS = b"\x93vectors\n"
"""Begins a kept reply whose vectors follow its JSON as float32 numbers. JSON never begins like this."""


_FIELDS: dict[type, tuple[str, ...]] = {}


class ResponseCache(Protocol):
    """Where replies are kept, by key."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...
    def kept(self, key: str) -> float:
        """When the value of the key was put, in seconds since 1970; 0 where that is not known."""
        ...


def cached(model: Model, cache: ResponseCache, *, since: float | None = None) -> Model:
    """`model` with its replies read from and written to `cache`.

    Identical requests in flight are sent once. A reply that came from the cache, or from another caller's identical
    request, has source="cache". A mutable model is asked again for what it answered before `since` (seconds since
    1970; a week ago by default). Raises what `model` raises.
    """
    return _Cached(model, cache, good_since(model.identity, since))


def good_since(identity: Identity, since: float | None = None) -> float:
    """The time before which a model's kept answers are no longer good: `since` or a week ago; none for a fixed one."""
    if identity.fixed:
        return 0.0
    return time.time() - MAX_AGE if since is None else since


def kept_reply(cache: ResponseCache, key: str, since: float) -> Reply | None:
    """The reply that is kept, if it can be read and was made at `since` or later."""
    value = cache.get(key)
    reply = None if value is None else read_reply(value)
    if reply is None or since <= 0.0:
        return reply
    # What an older evalkit kept does not say when it was made, but the cache knows when it was put there.
    made = reply.made or cache.kept(key)
    return replace(reply, made=made) if made >= since else None


def request_key(identity: Identity, request: Request, *, first: bool = False) -> str:
    """32 hex digits (a 128-bit BLAKE2b) over the model's identity and the request's type and every field; `first`: the
    key that the request had when there was one version."""
    fields = _plain(request)
    for name, unused in _LATER.get(type(request), {}).items():
        if getattr(request, name) == unused:
            del fields[name]
    version = _FIRST if first else _VERSIONS.get(type(request), _FIRST)
    content = _encoded_key([version, identity.digest, type(request).__name__, fields])
    return hashlib.blake2b(content.encode("ascii"), digest_size=16).hexdigest()


# Plain json, since orjson refuses the lone surrogates that broken data sets hold. One encoder: json.dumps makes another
# for every call.
_encoded_key = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
_encoded = json.JSONEncoder(separators=(",", ":")).encode


class _Cached(Wrapper):
    def __init__(self, model: Model, cache: ResponseCache, since: float) -> None:
        super().__init__(model)
        self._cache, self._since = cache, since
        self._asking: dict[str, _Asking] = {}

    async def answer(self, request: Request) -> Reply:
        key = request_key(self._model.identity, request)
        if (asking := self._asking.get(key)) is not None:
            try:
                return replace(await asking.reply(), source="cache")
            finally:
                self._forget(key, asking)
        if (kept := kept_reply(self._cache, key, self._since)) is not None:
            return kept
        asking = self._asking[key] = _Asking(asyncio.ensure_future(self._ask(key, request)))
        try:
            return await asking.reply()
        finally:
            self._forget(key, asking)

    async def _ask(self, key: str, request: Request) -> Reply:
        reply = await self._model.answer(request)
        if not reply.made:
            reply = replace(reply, made=time.time())
        self._cache.put(key, write_reply(reply))
        return reply

    def forget(self, request: Request) -> None:
        # No reply can be read of it, so that it is asked for again.
        self._cache.put(request_key(self._model.identity, request), b"forgotten")

    def _forget(self, key: str, asking: _Asking) -> None:
        # At once when its last caller leaves: nobody may join a request that is being given up.
        if asking.waiters == 0 and self._asking.get(key) is asking:
            del self._asking[key]


class _Asking:
    """One request under way and the callers who wait for it; it is given up when the last of them is cancelled."""

    def __init__(self, task: asyncio.Task[Reply]) -> None:
        self._task = task
        self.waiters = 0

    async def reply(self) -> Reply:
        self.waiters += 1
        try:
            # Shielded, so that cancelling one caller leaves the others their reply.
            return await asyncio.shield(self._task)
        finally:
            self.waiters -= 1
            if self.waiters == 0 and not self._task.done():
                self._task.cancel()


def _plain(value: Any) -> Any:
    """Dataclasses as mappings, all the way down: what dataclasses.asdict makes, without its copies. Of an image only
    its digest: the same one from another file is the same question."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is tuple:
        return [item if type(item) in _AS_IT_IS else _plain(item) for item in value]
    if kind is Image:
        return value.digest
    if kind is Message and not value.images:
        return {"role": value.role, "content": value.content}
    return {name: _plain(getattr(value, name)) for name in _fields_of(kind)}


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def _fields_of(kind: type) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(one.name for one in fields_of(kind))
    return names


_UNSAID: Mapping[str, object] = {one.name: one.default for one in fields_of(Reply)}
_REPLY_FIELDS = tuple(name for name in _UNSAID if name not in ("usage", "vectors", "source"))


def write_reply(reply: Reply) -> bytes:
    vectors = reply.vectors
    # What a reply has not is left out. Plain json, since orjson writes a log-likelihood of minus infinity as null.
    said = {name: _plain(value) for name in _REPLY_FIELDS if (value := getattr(reply, name)) != _UNSAID[name]}
    line = _encoded({**said, "usage": _plain(reply.usage)}).encode("ascii")
    if vectors is None:
        return line
    shape = f"{vectors.count} {vectors.dimension} {vectors.digest}\n".encode("ascii")
    return _VECTORS + shape + line + b"\n" + vectors.data


def read_reply(value: bytes) -> Reply | None:
    """The reply that was kept, or None where it can't be read (it is then asked for again)."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        vectors = None
        if value.startswith(_VECTORS):
            _, shape, value, data = value.split(b"\n", 3)
            count, dimension, digest = shape.decode("ascii").split(" ")
            vectors = Vectors(int(count), int(dimension), data, digest)
            vectors.array()
        fields: dict[str, Any] = json.loads(value)
        values: dict[str, Any] = {
            name: tuple(item) if isinstance(item, list) else item for name, item in fields.items()
        }
        calls = tuple(tuple(ToolCall(**call) for call in made) for made in fields.get("calls", ()))
        top = tuple(tuple((str(text), float(at)) for text, at in place) for place in fields.get("top_logprobs", ()))
        values.update(usage=Usage(**fields["usage"]), source="cache", vectors=vectors, calls=calls, top_logprobs=top)
        return Reply(**values)
    return None
