"""A model behind an API as the rest of evalkit sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from evalkit.core import Capabilities, Choose, Embed, Generate, Identity, ModelError, Perplexity, Reply, Request, Usage
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.client import Client
from evalkit.models.api.completions import CompletionsWire
from evalkit.models.api.dialect import Sender
from evalkit.models.api.embeddings import embeddings_call, read_embeddings
from evalkit.models.api.failures import Failed
from evalkit.models.api.likelihood import Likelihoods
from evalkit.models.api.many_requests import summed, together
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.prices import Price
from evalkit.models.api.probing import Found
from evalkit.models.api.rate_limiter import Growth
from evalkit.models.api.thinking import thinks, was_cut_in_thought
from evalkit.models.api.wire_format import Wire
from evalkit.models.replies.answer import CUT_IN_REASONING, REFUSED

if TYPE_CHECKING:
    from evalkit.models.api.windows import Windows

__all__ = ["ApiModel", "Interfaces"]

T = TypeVar("T")
WITHHELD = "withheld-by-filter"
"""The note of a reply for a request that the provider's filter refused as an error."""


@dataclass(frozen=True, slots=True)
class Interfaces:
    """How a server can be asked. `wire`: conversations. `texts`: plain texts, None for one that only chats; `find` asks
    what it does with them. `embeds`: whether it is asked for embeddings. `windows`: cuts long texts."""

    wire: Wire
    texts: CompletionsWire | None = None
    find: Callable[[], Found] | None = None
    embeds: bool = False
    windows: Windows | None = None


class ApiModel:
    """A `core.Model`: every request goes out over HTTP. What the server can do is asked when it is first needed."""

    def __init__(
        self,
        identity: Identity,
        model: str,
        options: ApiOptions,
        client: Client,
        growth: Growth,
        interfaces: Interfaces,
        price: Price | None,
    ) -> None:
        self.identity = identity
        self.price = price
        self._model = model
        self._options = options
        self._client = client
        self._growth = growth
        self._interfaces = interfaces
        self._found: Found | None = None
        # What a server refuses of conversations it may take of texts.
        self._chat, self._text = (Sender(client, streams=options.stream == "on") for _ in range(2))
        self._likelihoods = Likelihoods(model, options.begin, options.extra_body, self._text, interfaces.windows)
        self._thinks = thinks(model, options)
        """Whether stop strings stay here: a server would look for them in the thought as well."""
        self._served: Counter[str] = Counter()
        self._cut_in_thought = 0
        self._closed = False

    @property
    def found(self) -> Found:
        """What the server can do; asked once. Raises UsageError where it does not answer."""
        if self._found is None:
            self._found = (
                self._interfaces.find() if self._interfaces.find is not None else Found(texts=False, echo=False)
            )
        return self._found

    @property
    def capabilities(self) -> Capabilities:
        requests: set[type] = {Generate}
        features = {"schema", "tools", "images", "thinking_tokens", *self._options.draws}
        features |= {"prefill"} if self._options.prefill != "off" else set()
        texts = self._interfaces.texts is not None and self.found.texts
        if texts and self.found.echo:
            requests |= {Choose, Perplexity}
            features |= {"tokens", "stride"} if self._interfaces.windows is not None else {"tokens"}
        if isinstance(self._interfaces.wire, ChatWire) and self._options.logprobs != "off":
            features.add("logprobs")
        if self._interfaces.embeds:
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
        if refused := self._refused():
            said["not taken by the server"] = refused
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

    def _refused(self) -> str:
        """What the server did not take; what it took of conversations alone, or of texts alone, apart."""
        chat, text = self._chat.dialect.words(), self._text.dialect.words()
        return f"{chat}; of texts: {text}" if chat and text else chat or text

    async def answer(self, request: Request) -> Reply:
        """Send one request and await its reply. Raises ModelError, and UsageError or RunError where no other request
        can be answered either."""
        if self._closed:
            raise ModelError("the model was closed")
        started = time.perf_counter()
        reply = await self._ask(request)
        # One copy of the reply for all that is added to it: copies were a tenth of what a request cost here.
        seconds = time.perf_counter() - started
        return replace(reply, seconds=seconds, usage=self._priced(reply.usage), made=time.time())

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
            return await self._embed(request)
        raise ModelError(f"{self.identity.name} can't be asked for {type(request).__name__}")

    def _priced(self, usage: Usage) -> Usage:
        if self.price is None or self.price.is_free or not (usage.prompt_tokens or usage.completion_tokens):
            return usage
        return replace(usage, cost=self.price.cost(usage))

    async def _embed(self, request: Embed) -> Reply:
        call = embeddings_call(self._model, request.texts, self._options.extra_body)
        try:
            reply, notes = await self._chat.send(
                lambda _: call, lambda body: read_embeddings(len(request.texts), body), stream=False
            )
        except Failed as failed:
            raise failed.as_error(1) from None
        self._count(reply)
        return replace(reply, notes=(*reply.notes, *notes)) if notes else reply

    # ------------------------------------------------------------ generation

    async def _generate(self, request: Generate) -> Reply:
        wire = self._wire_for(request)
        first = await self._once(wire, request if wire.many else replace(request, n=1))
        if len(first.texts) >= request.n:
            return first if len(first.texts) == request.n else first.part(slice(request.n))
        # The format has one text a reply, or this server takes no n: the others are asked for one by one.
        rest = range(len(first.texts), request.n)
        more = [self._once(wire, replace(request, n=1, seed=request.seed + number)) for number in rest]
        return _joined([first, *await together(more)])

    def _wire_for(self, request: Generate) -> Wire:
        """Plain prompts go as text where the server completes texts; tools and schemas belong to a conversation."""
        if request.prompt.begun and self._options.prefill == "off":
            why = f"{self.identity.name} does not continue an assistant's turn; prefill=turn says that the server does"
            raise ModelError(why, "refused")
        plain = not request.prompt.messages and not request.tools and not request.schema
        texts = self._interfaces.texts
        if texts is not None and plain and (self._options.api == "completions" or self.found.texts):
            return texts
        if self._options.api == "completions":
            raise ModelError("a conversation, tools or a schema need chat completions, and api=completions", "refused")
        return self._interfaces.wire

    def _sender(self, wire: Wire) -> Sender:
        return self._text if wire is self._interfaces.texts else self._chat

    async def _once(self, wire: Wire, request: Generate, *, stops: bool = True) -> Reply:
        """One request until it is answered; `stops`: its stop strings may be sent along.

        Of a conversation whose reply is drawn they stay here, unless the user said that the model does not think. To
        ask again for a reply that was cut in its thought would be to draw once more, and only in place of such replies.
        """
        is_drawn = request.temperature > 0 and wire is self._interfaces.wire and self._options.reasoning != "off"
        stays = not stops or ((self._thinks or is_drawn) and not wire.stops_apart)
        sent = replace(request, stop=()) if stays else request
        try:
            reply, notes = await self._sender(wire).send(
                lambda dialect: wire.call(sent if dialect.takes("n") else replace(sent, n=1), folds=dialect.folds),
                partial(wire.read, request),
            )
        except Failed as failed:
            if failed.kind != "filtered":
                raise failed.as_error(1) from None
            return _withheld(request.n)
        self._count(reply)
        if sent.stop and self._sender(wire).dialect.takes("stop") and was_cut_in_thought(reply):
            self._thinks = True
            if request.temperature > 0:
                return replace(reply, notes=tuple(dict.fromkeys((*reply.notes, *notes, CUT_IN_REASONING))))
            self._cut_in_thought += 1
            again = await self._once(wire, request, stops=False)
            return replace(again, usage=summed((reply.usage, again.usage)))
        return replace(reply, notes=tuple(dict.fromkeys((*reply.notes, *notes)))) if notes else reply

    def _count(self, reply: Reply) -> None:
        """Count by what the server calls the model that answered."""
        if reply.served:
            self._served[reply.served] += 1

    async def close(self) -> None:
        self._closed = True
        await self._client.close()


def _withheld(count: int) -> Reply:
    """The reply to a request that the provider's filter did not let through: an outcome, as of a text that it cut."""
    return Reply(texts=("",) * count, finish=("refused",) * count, notes=(REFUSED, WITHHELD), thought_apart=True)


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
        served=", ".join(dict.fromkeys(reply.served for reply in replies if reply.served)),
    )


def _lined_up(parts: Sequence[tuple[tuple[T, ...], Reply]], nothing: T) -> tuple[T, ...]:
    """What several replies hold for each of their texts; empty where none holds anything."""
    if not any(part for part, _ in parts):
        return ()
    return tuple(one for part, reply in parts for one in (part or (nothing,) * len(reply.texts)))
