"""What a run would ask, counted without asking: requests, tokens, and which of them the cache already answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalkit.core import (
    IMAGE_TOKENS,
    Capabilities,
    Choose,
    Embed,
    Generate,
    Identity,
    Model,
    Perplexity,
    Reply,
    Request,
    Usage,
    Vectors,
)
from evalkit.runs.runner.prepare import PreparedTask

_CHARACTERS_A_TOKEN = 4


@dataclass(slots=True)
class Forecast:
    """One task: `samples` attempts and the `requests` they make, without the `cached` ones. `prompt_tokens` are
    guessed at four characters each, `completion_tokens` are the most that the task allows. `unsure` counts samples
    whose method could not go on without a real reply."""

    task: str
    samples: int = 0
    requests: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unsure: int = 0

    @property
    def usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.completion_tokens)


async def forecast(prepared: PreparedTask, model: Model, is_cached: Callable[[Request], bool]) -> Forecast:
    """Go through every sample with a model that counts. A method that asks on until it has an answer is counted up to
    its limit, since an empty reply never is one."""
    counted = Forecast(prepared.name)
    counter = _Counter(model.identity, model.capabilities, counted, is_cached)
    for work in prepared.work():
        counted.samples += 1
        if work.failure is not None:
            continue
        try:
            await prepared.task.method.ask(work.attempt, counter)
        except Exception:  # noqa: BLE001 - a method that reads its replies may refuse an empty one
            counted.unsure += 1
    return counted


class _Counter:
    def __init__(
        self, identity: Identity, capabilities: Capabilities, counted: Forecast, is_cached: Callable[[Request], bool]
    ) -> None:
        self.identity, self.capabilities = identity, capabilities
        self._counted = counted
        self._is_cached = is_cached

    async def answer(self, request: Request) -> Reply:
        if self._is_cached(request):
            self._counted.cached += 1
            return _blank(request)
        usage = _usage(request)
        self._counted.requests += 1
        self._counted.prompt_tokens += usage.prompt_tokens
        self._counted.completion_tokens += usage.completion_tokens
        return _blank(request)

    async def close(self) -> None: ...


def _usage(request: Request) -> Usage:
    if isinstance(request, Generate):
        shown = len(request.prompt.images) * IMAGE_TOKENS
        return Usage(
            _tokens(request.prompt.text) + shown, request.n * (request.max_tokens + (request.thinking_tokens or 0))
        )
    if isinstance(request, Choose):
        texts = [request.prompt.text + request.delimiter + text for text in request.continuations]
        return Usage(sum(map(_tokens, texts)), len(texts))
    if isinstance(request, Embed):
        return Usage(sum(map(_tokens, request.texts)))
    return Usage(_tokens(request.text))


def _tokens(text: str) -> int:
    return len(text) // _CHARACTERS_A_TOKEN + 1


def _blank(request: Request) -> Reply:
    if isinstance(request, Generate):
        return Reply(texts=("",) * request.n, finish=("stop",) * request.n)
    if isinstance(request, Choose):
        count = len(request.continuations)
        return Reply(loglikelihoods=(0.0,) * count, greedy=(False,) * count)
    if isinstance(request, Embed):
        return Reply(vectors=Vectors(len(request.texts), 1, bytes(4 * len(request.texts))))
    if isinstance(request, Perplexity):
        return Reply(loglikelihoods=(0.0,), greedy=(False,), token_loglikelihoods=(0.0,) if request.tokens else ())
    return Reply(usage=Usage(1))
