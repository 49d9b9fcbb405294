"""Log-likelihoods of rows of tokens by vLLM: what is asked of it for a row, and how the outputs are read.

A row is a request that writes one token. `logprob_token_ids` gives the log-probabilities of the tokens that may follow
the row's last one: choices of one token need nothing else. `prompt_logprobs` gives those inside the row. vLLM leaves
the prefix cache alone for requests of the second kind, since positions that come from the cache have no
log-probabilities: what it returns for them is memory that nobody wrote (vLLM issue 42019). A row needs the positions of
its continuation alone, so the cache is read all the same, and where it reached into the continuation, the first tokens
of that are asked for one by one.

Under a LoRA adapter `prompt_logprobs` lack what the adapter does to the last layer (vLLM issues 16668 and 51594), and
end the engine on a CPU: there every token is asked for by a request, over the cached beginning.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evalkit.core import ModelError
from evalkit.models.hf.scoring.plan import RowScore, TokenRow

__all__ = ["MOST_TARGETS", "Likelihoods", "Output", "Question", "Way", "output_of", "question_params"]

MOST_TARGETS = 128
"""Tokens whose log-probabilities vLLM gives for one request (its MAX_LOGPROB_TOKEN_IDS)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request that writes one token. `after`: the tokens whose log-probabilities are wanted at the end of `ids`;
    `inside`: whether those of the tokens of `ids` are wanted; `cached`: whether the prefix cache may be read."""

    ids: tuple[int, ...]
    after: tuple[int, ...] = ()
    inside: bool = False
    cached: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """What came of it. `inside`: for the last tokens of the row (value, whether it is the most probable one), as many
    as vLLM returned; `after`: the log-probability of each token asked for; `written`: the most probable one.
    `cached`: tokens that came from the prefix cache."""

    cached: int
    written: int
    after: Mapping[int, float] = field(default_factory=dict)
    inside: Sequence[tuple[float, bool]] = ()


Ask = Callable[[Question], Awaitable[Output]]


@dataclass(slots=True)
class Way:
    """How rows are scored: `cached` until a trial finds that vLLM's cache does not do what is asked."""

    cached: bool
    block: int
    """Tokens of a block of the cache: a shared beginning that is shorter is not kept."""
    inside: bool = True
    """Whether `prompt_logprobs` can be had; without them, every token is asked for by a request."""


class Likelihoods:
    """Scores rows through `ask`, which sends one question to the engine."""

    def __init__(self, ask: Ask, way: Way) -> None:
        self._ask = ask
        self.way = way

    async def score(self, row: TokenRow) -> RowScore:
        """The log-probability of every target of a row. Raises ModelError where vLLM returned none for a position."""
        last = len(row.ids) - 1
        inside = [position for position in row.positions if position < last]
        after = tuple(dict.fromkeys(t for p, t in zip(row.positions, row.targets, strict=True) if p == last))
        for position, target in zip(row.positions, row.targets, strict=True):
            if position < last and row.ids[position + 1] != target:
                raise ModelError("a row asks inside itself for another token than its own")
        if not self.way.inside:
            return await self._by_token(row, inside, after)
        first = min(inside, default=last)
        # A whole text is scored from its beginning, where nothing may come from the cache.
        cached = self.way.cached and first >= self.way.block
        question = Question(row.ids, after[:MOST_TARGETS], bool(inside), cached if inside else self.way.cached)
        output = await self._ask(question)
        lost = [position for position in inside if position < output.cached]
        singly: dict[int, tuple[float, bool]] = {}
        if len(lost) * self.way.block < len(row.ids):
            for position in lost:
                singly[position] = await self._next(row.ids[: position + 1], row.ids[position + 1])
        else:
            output = await self._ask(replace(question, cached=False))
        return _read(row, output, await self._all_after(row, output, after), singly)

    async def _by_token(self, row: TokenRow, inside: Sequence[int], after: tuple[int, ...]) -> RowScore:
        singly = {position: await self._next(row.ids[: position + 1], row.ids[position + 1]) for position in inside}
        if not after:
            return _read(row, Output(0, -1), {}, singly)
        output = await self._ask(Question(row.ids, after[:MOST_TARGETS], cached=self.way.cached))
        return _read(row, output, await self._all_after(row, output, after), singly)

    async def _all_after(self, row: TokenRow, output: Output, after: tuple[int, ...]) -> dict[int, float]:
        """The log-probabilities at the row's end, of which `output` has the first."""
        values = dict(output.after)
        for start in range(MOST_TARGETS, len(after), MOST_TARGETS):
            more = await self._ask(Question(row.ids, after[start : start + MOST_TARGETS], cached=self.way.cached))
            values |= more.after
        return values

    async def _next(self, ids: tuple[int, ...], token: int) -> tuple[float, bool]:
        output = await self._ask(Question(ids, (token,), cached=self.way.cached))
        return output.after[token], output.written == token


def _read(
    row: TokenRow, output: Output, after: Mapping[int, float], singly: Mapping[int, tuple[float, bool]]
) -> RowScore:
    last = len(row.ids) - 1
    logprobs: list[float] = []
    best: list[bool] = []
    for position, target in zip(row.positions, row.targets, strict=True):
        if position == last:
            value, is_best = after[target], output.written == target
        elif position in singly:
            value, is_best = singly[position]
        else:
            # Counted from the end: an engine may leave out what it took from the cache.
            place = len(output.inside) - (last - position)
            if place < 0:
                raise ModelError(f"vLLM gave no log-probability for token {position + 1} of {len(row.ids)}")
            value, is_best = output.inside[place]
        logprobs.append(value)
        best.append(is_best)
    return RowScore(tuple(logprobs), tuple(best))


def question_params(question: Question) -> dict[str, Any]:
    """The fields of vLLM's SamplingParams for a question."""
    params: dict[str, Any] = {"temperature": 0.0, "max_tokens": 1, "ignore_eos": True, "detokenize": False}
    if question.after:
        params["logprob_token_ids"] = list(question.after)
    if question.inside:
        params["prompt_logprobs"] = 0
    params["skip_reading_prefix_cache"] = not question.cached
    return params


def output_of(question: Question, found: Any) -> Output:
    """What vLLM's RequestOutput says."""
    (written,) = found.outputs
    after = {}
    if question.after:
        given = written.logprobs[0]
        after = {token: given[token].logprob for token in question.after}
    inside = []
    if question.inside:
        ids = question.ids[len(question.ids) - len(found.prompt_logprobs) :]
        for token, given in zip(ids, found.prompt_logprobs, strict=True):
            entry = given.get(token) if given else None
            inside.append((entry.logprob, entry.rank == 1) if entry else (float("nan"), False))
    return Output(found.num_cached_tokens or 0, written.token_ids[0], after, inside)
