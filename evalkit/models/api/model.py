"""A model behind an API as the rest of evalkit sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.core import Capabilities, Choose, Embed, Generate, Identity, ModelError, Perplexity, Reply, Request, Usage
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.client import Client
from evalkit.models.api.completions import CompletionsWire
from evalkit.models.api.embeddings import embeddings_call, read_embeddings
from evalkit.models.api.failures import Failed
from evalkit.models.api.likelihood import Likelihoods
from evalkit.models.api.many_requests import summed, together
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.prices import Price
from evalkit.models.api.probing import Found
from evalkit.models.api.rate_limiter import Growth
from evalkit.models.api.streaming import streamed
from evalkit.models.api.thinking import thinks, was_cut_in_thought
from evalkit.models.api.wire_format import Wire

if TYPE_CHECKING:
    from evalkit.models.api.windows import Windows

__all__ = ["ApiModel"]

T = TypeVar("T")
_MOST_DROPPED = 6


class ApiModel:
    """A `core.Model`: every request goes out over HTTP. What the server can do is asked when it is first needed."""

    def __init__(
        self,
        identity: Identity,
        model: str,
        options: ApiOptions,
        client: Client,
        growth: Growth,
        *,
        wire: Wire,
        texts: CompletionsWire | None,
        find: Callable[[], Found] | None,
        embeds: bool,
        price: Price | None,
        windows: Windows | None = None,
    ) -> None:
        self.identity = identity
        self.price = price
        self._model = model
        self._options = options
        self._client = client
        self._growth = growth
        self._wire = wire
        self._texts_wire = texts
        self._find = find
        self._found: Found | None = None
        self._embeds = embeds
        self._strides = windows is not None
        self._likelihoods = Likelihoods(model, options.begin, options.extra_body, client, windows)
        self._dropped: frozenset[str] = frozenset()
        self._thinks = thinks(model, options)
        """Whether stop strings stay here: a server would look for them in the thought as well."""
        self._served: Counter[str] = Counter()
        self._cut_in_thought = 0
        self._closed = False

    @property
    def found(self) -> Found:
        """What the server can do; asked once. Raises UsageError where it does not answer."""
        if self._found is None:
            self._found = self._find() if self._find is not None else Found(texts=False, echo=False)
        return self._found

    @property
    def capabilities(self) -> Capabilities:
        requests: set[type] = {Generate}
        features = {"schema", "tools", "images"}
        texts = self._texts_wire is not None and self.found.texts
        if texts and self.found.echo:
            requests |= {Choose, Perplexity}
            features |= {"tokens", "stride"} if self._strides else {"tokens"}
        if isinstance(self._wire, ChatWire) and self._options.logprobs != "off":
            features.add("logprobs")
        if self._embeds:
            requests.add(Embed)
        return Capabilities(
            requests=frozenset(requests),
            chats=not texts,
            max_length=self._options.max_length,
            # More samples than requests in flight: while one is scored, the next is ready to go out.
            window=self._growth.most + self._growth.most // 4 + 8,
            features=frozenset(features),
        )

    @property
    def facts(self) -> dict[str, str]:
        """How it went, for the manifest: what the server calls itself, what it did not take, what was sent again."""
        said = {"requests in flight": str(self._growth.peak)}
        if self._served:
            said["served by"] = ", ".join(name for name, _ in self._served.most_common(8))
        if self._dropped:
            said["not taken by the server"] = ", ".join(sorted(self._dropped))
        if self._cut_in_thought:
            said["asked again without stop strings"] = f"{self._cut_in_thought} replies that were cut in their thought"
        if self._client.retried:
            said["sent again"] = ", ".join(f"{kind} {count}" for kind, count in sorted(self._client.retried.items()))
        if self._client.firsts:
            times = sorted(self._client.firsts)
            middle, late = times[len(times) // 2], times[int(0.95 * (len(times) - 1))]
            said["first token"] = f"after {middle:.3g} s (median), 95 % within {late:.3g} s"
        if self._found is not None and self._found.why:
            said["no log-probabilities"] = self._found.why
        return said

    async def answer(self, request: Request) -> Reply:
        """Send one request and await its reply. Raises ModelError, and UsageError or RunError where no other request
        can be answered either."""
        if self._closed:
            raise ModelError("the model was closed")
        started = time.perf_counter()
        reply = await self._ask(request)
        return replace(reply, seconds=time.perf_counter() - started, usage=self._priced(reply.usage))

    async def _ask(self, request: Request) -> Reply:
        if isinstance(request, Generate):
            return await self._generate(request)
        if isinstance(request, Choose):
            if request.prompt.messages:
                raise ModelError("a server gives no log-probabilities of a conversation; ask with plain prompts")
            return await self._likelihoods.choose(request)
        if isinstance(request, Perplexity):
            return await self._likelihoods.rolling(request)
        if isinstance(request, Embed):
            call = embeddings_call(self._model, request.texts, self._options.extra_body)
            return await self._sent(self._client.send(call, lambda body, _: read_embeddings(len(request.texts), body)))
        raise ModelError(f"{self.identity.name} can't be asked for {type(request).__name__}")

    def _priced(self, usage: Usage) -> Usage:
        if self.price is None or self.price.is_free or not (usage.prompt_tokens or usage.completion_tokens):
            return usage
        return replace(usage, cost=self.price.cost(usage))

    # ------------------------------------------------------------ generation

    async def _generate(self, request: Generate) -> Reply:
        wire = self._wire_for(request)
        first = await self._once(wire, request if wire.many and "n" not in self._dropped else replace(request, n=1))
        if len(first.texts) >= request.n:
            return first.part(slice(request.n))
        # The format has one text a reply, or this server ignores n: the others are asked for one by one.
        rest = range(len(first.texts), request.n)
        more = [self._once(wire, replace(request, n=1, seed=request.seed + number)) for number in rest]
        return _joined([first, *await together(more)])

    def _wire_for(self, request: Generate) -> Wire:
        """Plain prompts go as text where the server completes texts; tools and schemas belong to a conversation."""
        plain = not request.prompt.messages and not request.tools and not request.schema
        if self._texts_wire is not None and plain and (self._options.api == "completions" or self.found.texts):
            return self._texts_wire
        if self._options.api == "completions":
            raise ModelError("a conversation, tools or a schema need chat completions, and api=completions")
        return self._wire

    async def _once(self, wire: Wire, request: Generate, *, stops: bool = True) -> Reply:
        """One request until it is answered; `stops`: its stop strings may be sent along."""
        for _ in range(_MOST_DROPPED):
            dropped = self._dropped
            stays = not stops or (self._thinks and not wire.stops_apart)
            sent = replace(request, stop=()) if stays else request
            call = wire.call(sent, dropped)
            if self._options.stream == "on":
                call = streamed(call, dropped)
            try:
                reply = await self._client.send(call, lambda body, _: self._read(wire, request, body))
            except Failed as failed:
                if failed.parameter in dropped:
                    raise failed.as_error(1) from None
                self._dropped |= {failed.parameter}
                continue
            if sent.stop and "stop" not in dropped and was_cut_in_thought(reply):
                self._thinks, self._cut_in_thought = True, self._cut_in_thought + 1
                again = await self._once(wire, request, stops=False)
                return replace(again, usage=summed((reply.usage, again.usage)))
            if "temperature" in self._dropped and "temperature" not in call.body:
                reply = replace(reply, notes=(*reply.notes, "temperature-not-taken"))
            return reply
        raise ModelError(f"the server takes none of {', '.join(sorted(self._dropped))}")

    async def _sent(self, sending: Coroutine[Any, Any, T]) -> T:
        try:
            return await sending
        except Failed as failed:
            raise failed.as_error(1) from None

    def _read(self, wire: Wire, request: Generate, body: Mapping[str, Any]) -> Reply:
        reply = wire.read(request, body)
        name = body.get("model") or body.get("modelVersion")
        if isinstance(name, str):
            mark = body.get("system_fingerprint")
            self._served[f"{name} ({mark})" if mark else name] += 1
        return reply

    async def close(self) -> None:
        self._closed = True
        await self._client.close()


def _joined(replies: Sequence[Reply]) -> Reply:
    """One reply of several texts; tokens are summed."""
    usages = [reply.usage for reply in replies]
    return Reply(
        texts=tuple(text for reply in replies for text in reply.texts),
        finish=tuple(finish for reply in replies for finish in reply.finish),
        calls=_lined_up([(reply.calls, reply) for reply in replies], ()),
        reasoning=_lined_up([(reply.reasoning, reply) for reply in replies], ""),
        cut=_lined_up([(reply.cut, reply) for reply in replies], ""),
        thought_apart=all(reply.thought_apart for reply in replies),
        notes=tuple(dict.fromkeys(note for reply in replies for note in reply.notes)),
        usage=summed(usages),
    )


def _lined_up(parts: Sequence[tuple[tuple[T, ...], Reply]], nothing: T) -> tuple[T, ...]:
    """What several replies hold for each of their texts; empty where none holds anything."""
    if not any(part for part, _ in parts):
        return ()
    return tuple(one for part, reply in parts for one in (part or (nothing,) * len(reply.texts)))
