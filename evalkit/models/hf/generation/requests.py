"""From requests for texts to streams, and from ended streams to replies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evalkit.core import Generate, ModelError, Reply, Request, Usage, digest_of
from evalkit.models.batcher import Batch
from evalkit.models.hf.generation.stream import Stream, sampling_seed
from evalkit.models.hf.text.encode import Tokens, prompt_ids
from evalkit.models.hf.text.rendering import Rendered
from evalkit.models.replies.answer import ENDED_BY_BUDGET, reply_of
from evalkit.models.replies.local_text import TextReader
from evalkit.models.replies.thought_budget import ROOM_TO_CLOSE, ThoughtBudget

if TYPE_CHECKING:
    from evalkit.models.hf.generation.decode import Stepper

__all__ = ["Generation", "PreparedGeneration", "prepared"]


@dataclass(slots=True)
class PreparedGeneration:
    """A request to be generated, by its index in the batch: its distinct texts, and the reply without them.

    `error` stands where it can't be asked.
    """

    index: int
    streams: list[Stream] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
    copies: int = 1
    error: Exception | None = None


def prepared(
    tokens: Tokens, reader: TextReader, eos_ids: frozenset[int], requests: Sequence[tuple[int, Rendered, Generate]]
) -> list[PreparedGeneration]:
    """One stream a text; a greedy request's texts are equal, so one is written."""
    # What an encoder reads keeps its closing token, whatever the text begins with.
    encodes = tokens.start_id is not None
    keys = [(prompt.text, encodes or not tokens.has_prefix(prompt.text)) for _, prompt, _ in requests]
    known = tokens.ids(keys)
    asked: list[PreparedGeneration] = []
    for (index, prompt, request), key in zip(requests, keys, strict=True):
        ids = known[key]
        try:
            if isinstance(ids, Exception):
                raise ids
            asked.append(_asked(tokens, reader, eos_ids, index, prompt, request, ids))
        except ModelError as error:
            asked.append(PreparedGeneration(index, error=error))
    return asked


def _asked(
    tokens: Tokens,
    reader: TextReader,
    eos_ids: frozenset[int],
    index: int,
    prompt: Rendered,
    request: Generate,
    ids: tuple[int, ...],
) -> PreparedGeneration:
    if request.max_tokens < 1 or request.n < 1:
        raise ModelError(f"nothing to generate: max_tokens={request.max_tokens}, n={request.n}")
    if not (request.temperature >= 0 and 0 < request.top_p <= 1):
        raise ModelError(f"no such sampling: temperature={request.temperature}, top_p={request.top_p}")
    if request.top_k < 0 or not 0 <= request.min_p <= 1 or request.repetition_penalty <= 0:
        found = f"top_k={request.top_k}, min_p={request.min_p}, repetition_penalty={request.repetition_penalty}"
        raise ModelError(f"no such sampling: {found}")
    thinking = reader.thinking_tokens if request.thinking_tokens is None else request.thinking_tokens
    room = 0 if thinking is None else thinking + ROOM_TO_CLOSE
    kept, limit, truncated, notes = prompt_ids(tokens, ids, request.max_tokens + room)
    messages = request.prompt.messages
    reply = messages[-1].content if messages and messages[-1].role == "assistant" else ""
    distinct = request.n if request.temperature > 0 else 1
    texts = [
        reader.begun(prompt.text, kept, request.stop, reply=reply, alone=tokens.start_id is not None)
        for _ in range(distinct)
    ]
    streams = [
        Stream(
            ids=kept,
            limit=limit,
            text=text,
            budget=None if thinking is None else ThoughtBudget(text, thinking, request.max_tokens),
            eos_ids=eos_ids,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            repetition_penalty=request.repetition_penalty,
            seed=sampling_seed(request, number),
        )
        for number, text in enumerate(texts)
    ]
    unwritten = Reply(
        usage=Usage(prompt_tokens=len(kept)),
        truncated_tokens=truncated,
        notes=(*prompt.notes, *notes),
        rendered_digest=digest_of(prompt.text),
    )
    return PreparedGeneration(index, streams, unwritten, request.n // distinct)


class Generation:
    """The streams of many requests, and who waits for them."""

    def __init__(self, batch: Batch[Request, Reply], asked: Sequence[PreparedGeneration]) -> None:
        self._batch = batch
        self._failed: set[int] = set()
        for request in asked:
            if request.error is not None:
                batch.deliver(request.index, request.error)
        self._owners = [request for request in asked for _ in request.streams]
        self.streams = [stream for request in asked for stream in request.streams]

    @property
    def tokens(self) -> int:
        """How many were written so far. May be asked from any thread."""
        return sum(len(stream.written) for stream in self.streams)

    def is_open(self, number: int) -> bool:
        """Whether the stream has not ended yet and somebody still waits for it."""
        index = self._owners[number].index
        return not self.streams[number].finish and index not in self._failed and self._batch.wanted(index)

    def run(self, stepper: Stepper, numbers: tuple[int, ...]) -> None:
        """Write streams together, and answer every request whose last one ends."""
        from evalkit.models.hf.generation.decode import decode

        begun = time.perf_counter()
        streams = [self.streams[number] for number in numbers]
        for place in decode(stepper, streams, lambda place: self.is_open(numbers[place])):
            streams[place].seconds = (time.perf_counter() - begun) / len(numbers)
            self.settle(numbers[place])

    def settle(self, number: int) -> None:
        """Answer the request that an ended stream belongs to, if it is its last one."""
        owner = self._owners[number]
        if all(stream.finish for stream in owner.streams):
            self._batch.deliver(owner.index, _reply(owner))

    def fail(self, number: int, error: Exception) -> None:
        """Fail the request that the stream belongs to."""
        index = self._owners[number].index
        self._failed.add(index)
        self._batch.deliver(index, error)


def _reply(asked: PreparedGeneration) -> Reply:
    answers = [stream.result() for stream in asked.streams]
    ended = [stream.budget is not None and stream.budget.ended for stream in asked.streams]
    thought = sum(
        stream.thought_tokens()
        for stream, answer, was_ended in zip(asked.streams, answers, ended, strict=True)
        if answer.thought or was_ended
    )
    written = sum(len(stream.written) for stream in asked.streams)
    usage = Usage(asked.reply.usage.prompt_tokens, written, reasoning_tokens=thought)
    notes = (*asked.reply.notes, ENDED_BY_BUDGET) if any(ended) else asked.reply.notes
    return replace(
        reply_of(answers * asked.copies, usage, notes),
        seconds=sum(stream.seconds for stream in asked.streams),
        truncated_tokens=asked.reply.truncated_tokens,
        rendered_digest=asked.reply.rendered_digest,
    )
