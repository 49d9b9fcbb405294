"""From requests to what is computed for them: rendered, tokenised, and cut into rows or streams.

Nothing here touches the model's weights, so it may run in a separate thread while the device computes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from evalkit.core import Capabilities, Choose, Embed, Generate, ModelError, Perplexity, Reply, Request, Tokenize
from evalkit.models.batcher import Batch
from evalkit.models.hf.generation import requests as generation
from evalkit.models.hf.scoring import requests as scoring
from evalkit.models.hf.text.encode import Tokens
from evalkit.models.hf.text.rendering import ChatRenderer, Rendered
from evalkit.models.replies.local_text import TextReader

__all__ = ["FEATURES", "PreparedRequest", "RequestPreparer", "guessed_tokens", "refuse"]

FEATURES = frozenset({"tokens", "stride", "prefill", "top_k", "min_p", "repetition_penalty", "thinking_tokens"})
"""What every model of this machine honours (`Capabilities.features`)."""
_FOLDED = "ahead of the first turn: the chat template has no system role"
PreparedRequest = scoring.PreparedScoring | generation.PreparedGeneration


class RequestPreparer:
    """Prepares requests for one model. May be called from any thread; one call at a time is under way."""

    def __init__(self, renderer: ChatRenderer, tokens: Tokens, reader: TextReader, eos_ids: frozenset[int]) -> None:
        self._renderer = renderer
        self._tokens = tokens
        self._reader = reader
        self._eos_ids = eos_ids
        # A tokenizer must not be used by two threads at once.
        self._lock = threading.Lock()

    @property
    def facts(self) -> dict[str, str]:
        """What became of the user's system prompt, where that is not what the template is for."""
        return {"system prompt": _FOLDED} if self._renderer.folds else {}

    def __call__(self, jobs: Sequence[Request]) -> list[PreparedRequest]:
        """What is to be computed for each request, in order; `index` is its place in `jobs`."""
        with self._lock:
            asked: dict[int, PreparedRequest] = {}
            rendered: list[tuple[int, Rendered]] = []
            for index, request in enumerate(jobs):
                try:
                    rendered.append((index, self._render(request)))
                except ModelError as error:
                    asked[index] = scoring.PreparedScoring(index, error=error)
            offered = [
                (index, prompt, request) for index, prompt in rendered if isinstance(request := jobs[index], Choose)
            ]
            texts = [(index, request) for index, _ in rendered if isinstance(request := jobs[index], Perplexity)]
            wanted = [
                (index, prompt, request) for index, prompt in rendered if isinstance(request := jobs[index], Generate)
            ]
            found: list[PreparedRequest] = [
                *scoring.choices(self._tokens, offered),
                *scoring.whole_texts(self._tokens, texts),
            ]
            found += generation.prepared(self._tokens, self._reader, self._eos_ids, wanted)
            asked |= {item.index: item for item in found}
            return [asked[index] for index in range(len(jobs))]

    def all_of(self, batch: Batch[Request, Reply]) -> list[PreparedRequest]:
        """What is to be computed for every request that is still wanted: prepared while it waited, or now."""
        wanted = [index for index in range(len(batch.jobs)) if batch.wanted(index)]
        fresh = [index for index in wanted if batch.prepared[index] is None]
        found = dict(zip(fresh, self([batch.jobs[index] for index in fresh]), strict=True))
        prepared: list[PreparedRequest] = []
        for index in wanted:
            item = found.get(index) or batch.prepared[index]
            assert isinstance(item, scoring.PreparedScoring | generation.PreparedGeneration)
            item.index = index
            prepared.append(item)
        return prepared

    def _render(self, request: Request) -> Rendered:
        if isinstance(request, Perplexity):
            return Rendered(request.text)
        if isinstance(request, Generate):
            return self._renderer.render(request.prompt, request.tools)
        if isinstance(request, Choose):
            return self._renderer.render(request.prompt)
        raise ModelError(f"no local model computes {type(request).__name__}")


def guessed_tokens(request: Request) -> int:
    """Tokens that a request will take, guessed at four characters each, without tokenising it."""
    if isinstance(request, Perplexity | Tokenize):
        return len(request.text) // 4 + 1
    if isinstance(request, Embed):
        return sum(len(text) // 4 + 1 for text in request.texts)
    length = len(request.prompt.text) // 4 + 1
    if isinstance(request, Choose):
        return length + sum(len(ending) // 4 + 1 for ending in request.continuations)
    return request.n * length


def refuse(request: Request, name: str, capabilities: Capabilities, *, has_chat: bool, has_template: bool) -> None:
    """Raise ModelError where a model of this machine can't be asked that; `has_chat`: the chat template may be used."""
    if type(request) not in capabilities.requests:
        raise ModelError(f"{name} can't be asked for {type(request).__name__}")
    if isinstance(request, Generate):
        takes_tools = "tools" in capabilities.features
        refuses_schema = bool(request.schema) and "schema" not in capabilities.features
        if refuses_schema or (request.tools and not takes_tools):
            what = "schema" if refuses_schema else "tools"
            raise ModelError(f"{name} takes no {what} in a separate request; put it into the prompt")
    if isinstance(request, Generate | Choose) and request.prompt.messages:
        if not has_chat:
            raise ModelError("a conversation needs the chat template, and it is off (chat=off)")
        if not has_template:
            raise ModelError(f"{name} has no chat template, so it can't be asked a conversation")
