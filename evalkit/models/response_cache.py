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
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

import orjson

from evalkit.core import (
    Generate,
    Identity,
    Image,
    Message,
    Model,
    Perplexity,
    Prompt,
    Reply,
    Request,
    ToolCall,
    Usage,
    Vectors,
)
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
    if type(request) is Generate and not first:
        # What requests share is written and hashed once: identity, settings, preamble.
        settings = _SETTINGS_OF(request)
        # With their types: 1, 1.0 and True are equal, and JSON writes each in another way.
        return _around_prompt(identity, settings, tuple(map(type, settings))).key(request.prompt)
    return hashlib.blake2b(_keyed(identity, request, first=first), digest_size=16).hexdigest()


def _keyed(identity: Identity, request: Request, *, first: bool = False) -> bytes:
    """The text whose digest is the key."""
    fields = _plain(request)
    for name, unused in _LATER.get(type(request), {}).items():
        if getattr(request, name) == unused:
            del fields[name]
    version = _FIRST if first else _VERSIONS.get(type(request), _FIRST)
    return _encoded_key([version, identity.digest, type(request).__name__, fields]).encode("ascii")


# Plain json, since orjson refuses the lone surrogates that broken data sets hold. One encoder: json.dumps makes another
# for every call.
_encoded_key = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
_encoded = json.JSONEncoder(separators=(",", ":")).encode
_quoted = json.encoder.encode_basestring_ascii
_SETTINGS = tuple(one.name for one in fields_of(Generate) if one.name != "prompt")
_SETTINGS_OF = attrgetter(*_SETTINGS)
_PLACE = Prompt(uuid.uuid4().hex)
"""In the place of a prompt while what is around it is written: no request holds this text."""


class _AroundPrompt:
    """The text of a key ahead of the prompt, hashed, and what follows it."""

    def __init__(self, keyed: bytes) -> None:
        ahead, self._end = keyed.split(_encoded_key(_plain(_PLACE)).encode("ascii"))
        self._ahead = hashlib.blake2b(ahead, digest_size=16)
        self._shown = lru_cache(64)(self._after_preamble)

    def key(self, prompt: Prompt) -> str:
        if not prompt.messages:
            hasher = self._shown(prompt.preamble).copy()
            hasher.update(f"{_quoted(prompt.question)}}}".encode("ascii"))
        else:
            hasher = self._ahead.copy()
            hasher.update(_encoded_key(_plain(prompt)).encode("ascii"))
        hasher.update(self._end)
        return str(hasher.hexdigest())

    def _after_preamble(self, preamble: str) -> Any:
        """Hashed up to the question, which is a prompt's last field in the order of a key."""
        hasher = self._ahead.copy()
        hasher.update(f'{{"messages":[],"preamble":{_quoted(preamble)},"question":'.encode("ascii"))
        return hasher


@lru_cache(64)
def _around_prompt(identity: Identity, settings: tuple[Any, ...], types: tuple[type, ...]) -> _AroundPrompt:
    return _AroundPrompt(_keyed(identity, Generate(_PLACE, *settings)))


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
        asking = self._asking[key] = _Asking(self._ask(key, request))
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


_EAGERLY: Callable[..., asyncio.Task[None]] | None = getattr(asyncio, "eager_task_factory", None)
"""Runs a task up to its first wait at once, from Python 3.12 on: one turn of the loop less."""


class _Asking:
    """One request under way and the callers who wait for it; it is given up when the last of them is cancelled.

    Each caller waits on a future that the request's own task settles, so that cancelling one leaves the others their
    reply. (asyncio.shield does the same with one more turn of the loop for every request.)
    """

    def __init__(self, asked: Coroutine[Any, Any, Reply]) -> None:
        self.waiters = 0
        self._callers: list[asyncio.Future[Reply]] = []
        self._outcome: Reply | BaseException | None = None
        loop, work = asyncio.get_running_loop(), self._settle(asked)
        self._task = loop.create_task(work) if _EAGERLY is None else _EAGERLY(loop, work)

    async def reply(self) -> Reply:
        caller: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._outcome is not None:
            _tell(caller, self._outcome)
        else:
            self._callers.append(caller)
        self.waiters += 1
        try:
            return await caller
        finally:
            self.waiters -= 1
            if self.waiters == 0 and self._outcome is None:
                self._task.cancel()

    async def _settle(self, asked: Coroutine[Any, Any, Reply]) -> None:
        try:
            self._outcome = await asked
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - raised where it is awaited
            self._outcome = error
        for caller in self._callers:
            _tell(caller, self._outcome)


def _tell(caller: asyncio.Future[Reply], outcome: Reply | BaseException) -> None:
    if caller.done():
        return
    if isinstance(outcome, asyncio.CancelledError):
        caller.cancel()
    elif isinstance(outcome, BaseException):
        caller.set_exception(outcome)
    else:
        caller.set_result(outcome)


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
_FIELDS_OF_REPLY = attrgetter(*_REPLY_FIELDS)
_UNSAID_OF_REPLY = tuple(_UNSAID[name] for name in _REPLY_FIELDS)
_NOT_BY_ORJSON = ("loglikelihoods", "token_loglikelihoods", "top_logprobs", "sent")


def write_reply(reply: Reply) -> bytes:
    vectors = reply.vectors
    values = zip(_REPLY_FIELDS, _FIELDS_OF_REPLY(reply), _UNSAID_OF_REPLY, strict=True)
    # Parts that say nothing are left out.
    line = _line({name: value for name, value, unsaid in values if value != unsaid} | {"usage": reply.usage})
    if vectors is None:
        return line
    shape = f"{vectors.count} {vectors.dimension} {vectors.digest}\n".encode("ascii")
    return _VECTORS + shape + line + b"\n" + vectors.data


def _line(said: Mapping[str, Any]) -> bytes:
    """As orjson writes dataclasses and tuples, in a quarter of the time of plain json; that writes what orjson would
    change or refuse: a log-likelihood of minus infinity (null), messages (all their fields), half a surrogate pair."""
    if not any(name in said for name in _NOT_BY_ORJSON):
        with contextlib.suppress(TypeError):
            return orjson.dumps(said)
    return _encoded({name: _plain(value) for name, value in said.items()}).encode("ascii")


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
