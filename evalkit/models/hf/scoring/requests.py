"""From requests for log-likelihoods to rows, and from scored rows to replies. Knows no tensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from evalkit.core import Choose, ModelError, Perplexity, Reply, Request, Usage, digest_of
from evalkit.models.batcher import Batch
from evalkit.models.hf.counters import Counters
from evalkit.models.hf.scoring.plan import RowScore, TokenRow, merge
from evalkit.models.hf.text.encode import Encoded, Ids, Tokens, continuations, rolling_rows, strided_rows
from evalkit.models.hf.text.rendering import Rendered

__all__ = ["PreparedScoring", "Scoring", "choices", "whole_texts"]


@dataclass(slots=True)
class PreparedScoring:
    """A request to be scored, by its index in the batch: its parts, and what is known of its reply before that.

    `error` stands where it could not be encoded.
    """

    index: int
    parts: list[Encoded] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
    error: Exception | None = None
    results: dict[int, tuple[float, bool]] = field(default_factory=dict)
    tokens: dict[int, tuple[float, ...]] = field(default_factory=dict)
    seconds: float = 0.0


def _delimiter(prompt: Rendered, choose: Choose) -> str:
    begun = choose.prompt.begun
    return choose.delimiter if not prompt.templated or (begun and not begun[-1].isspace()) else ""


def choices(tokens: Tokens, requests: Sequence[tuple[int, Rendered, Choose]]) -> list[PreparedScoring]:
    """One part a continuation. No delimiter comes before it where a chat template made the context, unless that ends
    with words of the assistant's that bring no white space."""
    texts = [
        (prompt.text, [_delimiter(prompt, choose) + text for text in choose.continuations])
        for _, prompt, choose in requests
    ]
    asked: list[PreparedScoring] = []
    for (index, prompt, _), parts in zip(requests, continuations(tokens, texts), strict=True):
        if isinstance(parts, Exception):
            asked.append(PreparedScoring(index, error=parts))
            continue
        notes = dict.fromkeys((*prompt.notes, *(note for part in parts for note in part.notes)))
        reply = Reply(
            usage=Usage(prompt_tokens=_read_tokens(parts)),
            truncated_tokens=max((part.truncated for part in parts), default=0),
            notes=tuple(notes),
            rendered_digest=digest_of(prompt.text),
        )
        asked.append(PreparedScoring(index, parts, reply))
    return asked


def whole_texts(tokens: Tokens, texts: Sequence[tuple[int, Perplexity]]) -> list[PreparedScoring]:
    """One part a window of the rolling log-likelihood; the usage counts the tokens that are scored."""
    keys = [(request.text, not tokens.has_prefix(request.text)) for _, request in texts]
    known = tokens.ids(keys)
    asked: list[PreparedScoring] = []
    for (index, request), key in zip(texts, keys, strict=True):
        ids = known[key]
        if isinstance(ids, Exception):
            asked.append(PreparedScoring(index, error=ids))
            continue
        try:
            rows = _windows(tokens, ids, request.stride) if ids else []
        except ModelError as error:
            asked.append(PreparedScoring(index, error=error))
            continue
        scored = sum(len(row.targets) for row in rows)
        reply = Reply(usage=Usage(prompt_tokens=scored), rendered_digest=digest_of(request.text))
        asked.append(PreparedScoring(index, [Encoded(row) for row in rows], reply))
    return asked


def _windows(tokens: Tokens, ids: Ids, stride: int | None) -> list[TokenRow]:
    if stride is None:
        return rolling_rows(ids, tokens.prefix_id, tokens.max_length)
    return strided_rows(ids, tokens.prefix_id, tokens.max_length, stride)


class Scoring:
    """The rows of many requests, each distinct one computed once, and who waits for it."""

    def __init__(
        self,
        batch: Batch[Request, Reply],
        asked: Sequence[PreparedScoring],
        score: Callable[[Sequence[TokenRow]], list[RowScore]],
        counters: Counters,
    ) -> None:
        """`score` computes rows in one forward pass."""
        self._batch = batch
        self._score = score
        self._counters = counters
        self._failed: set[int] = set()
        parts = [(request, part) for request in asked for part in range(len(request.parts))]
        counters.tokens_asked += sum(request.parts[part].row.length for request, part in parts)
        self.rows, places = merge([request.parts[part].row for request, part in parts])
        self._users: list[list[tuple[PreparedScoring, int, int]]] = [[] for _ in self.rows]
        for (request, part), (number, start) in zip(parts, places, strict=True):
            self._users[number].append((request, part, start))
        for request in asked:
            if request.error is not None:
                batch.deliver(request.index, request.error)
            elif not request.parts:
                self._deliver(request)
        for number, row in enumerate(self.rows):
            if not row.targets:
                self.settle(number, RowScore((), ()), 0.0)

    def is_open(self, number: int) -> bool:
        """Whether somebody still waits for the row."""
        return any(
            request.index not in self._failed and self._batch.wanted(request.index)
            for request, _, _ in self._users[number]
        )

    def run(self, numbers: tuple[int, ...]) -> None:
        """Score rows in one forward pass, and answer every request that is complete with them."""
        begun = time.perf_counter()
        rows = [self.rows[number] for number in numbers]
        results = self._score(rows)
        seconds = time.perf_counter() - begun
        share = seconds / len(numbers)
        self._counters.passes += 1
        self._counters.tokens_computed += len(rows) * (
            max(len(row.ids) for row in rows) + max(len(row.source) for row in rows)
        )
        self._counters.logits_computed += sum(len(set(row.positions)) for row in rows)
        self._counters.forward_seconds += seconds
        for number, result in zip(numbers, results, strict=True):
            self.settle(number, result, share)

    def fail(self, number: int, error: Exception) -> None:
        """Fail every request that needs the row."""
        for request, _, _ in self._users[number]:
            self._failed.add(request.index)
            self._batch.deliver(request.index, error)

    def settle(self, number: int, result: RowScore, seconds: float) -> None:
        """Hand a row's score to everybody who waits for it, and answer every request that is complete with it."""
        users, self._users[number] = self._users[number], []
        for request, part, start in users:
            end = start + len(request.parts[part].row.targets)
            request.results[part] = result.over(start, end)
            if _wants_tokens(self._batch.jobs[request.index]):
                request.tokens[part] = result.logprobs[start:end]
            request.seconds += seconds / len(users)
            if len(request.results) == len(request.parts):
                self._deliver(request)

    def _deliver(self, request: PreparedScoring) -> None:
        results = [request.results[part] for part in range(len(request.parts))]
        values = tuple(value for value, _ in results)
        reply = replace(request.reply, seconds=request.seconds)
        asked = self._batch.jobs[request.index]
        if isinstance(asked, Perplexity):
            reply = replace(reply, loglikelihoods=(sum(values),))
            if _wants_tokens(asked):
                # Windows follow one another and predict every token once. A begin token is none of the text's.
                found = tuple(value for part in range(len(request.parts)) for value in request.tokens[part])
                first = request.parts[0].row if request.parts else None
                found = found[1:] if first and first.targets[:1] == first.ids[:1] else found
                reply = replace(reply, token_loglikelihoods=found)
        else:
            reply = replace(reply, loglikelihoods=values, greedy=tuple(greedy for _, greedy in results))
        self._batch.deliver(request.index, reply)


def _wants_tokens(asked: Request) -> bool:
    return isinstance(asked, Perplexity) and asked.tokens


def _read_tokens(parts: Sequence[Encoded]) -> int:
    """Tokens of a context and of all its continuations, the shared context counted once."""
    shared = max((len(part.row.ids) - max(0, len(part.row.targets) - 1) for part in parts), default=0)
    source = max((len(part.row.source) for part in parts), default=0)
    return source + shared + sum(len(part.row.targets) for part in parts)
