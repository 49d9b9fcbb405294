"""What answers requests: its identity, what it can do, how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, Protocol, runtime_checkable

from evalkit.core.digests import digest_of
from evalkit.core.prompts import Choose, Generate, Perplexity, Reply, Request


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one model from every other: `facts` are (name, value) pairs such as weights, tokenizer, dtype.

    `fixed`: the facts hold a digest of all that answers (the weights), so that one identity gives one answer, for ever.
    A provider says so where it makes the identity. Every other one is mutable: behind a server's address, or an alias,
    another model may answer tomorrow.
    """

    name: str
    facts: tuple[tuple[str, str], ...] = ()
    fixed: bool = field(default=False, compare=False)

    @property
    def digest(self) -> str:
        return _digest(self.name, self.facts)


@lru_cache(maxsize=64)  # it is in the key of every request
def _digest(name: str, facts: tuple[tuple[str, str], ...]) -> str:
    return digest_of(name, *(f"{key}={value}" for key, value in sorted(facts)))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can be asked. `chats` says that plain prompts, too, pass through a chat template.

    `features` are parts of a request that not every model honours: "schema", "tools", "images" (in messages) and
    "prefill" (it continues a conversation's last turn, where that is the assistant's) of Generate, "tokens" and
    "stride" of Perplexity. "top_k", "min_p", "repetition_penalty" and "thinking_tokens" are settings of Generate.
    """

    requests: frozenset[type] = frozenset({Generate, Choose, Perplexity})
    chats: bool = False
    max_length: int | None = None
    window: int = 64
    """How many samples the runner keeps in flight so that the model's batches are full."""
    features: frozenset[str] = frozenset()


@runtime_checkable
class Model(Protocol):
    """Answers requests. A model may also have `facts`, a mapping of how it is computed here, for the manifest."""

    @property
    def identity(self) -> Identity: ...
    @property
    def capabilities(self) -> Capabilities: ...
    async def answer(self, request: Request) -> Reply:
        """Answer one request; raises ModelError where it can't."""
        ...

    async def close(self) -> None: ...


class ModelError(Exception):
    """A request that the backend could not answer; it fails one sample, never the run.

    `why`: "refused" where it does not take the request as it is, "failed" where it failed over it, "" for the rest.
    """

    def __init__(self, words: str, why: Literal["", "refused", "failed"] = "") -> None:
        super().__init__(words)
        self.why = why


class NoAnswerError(ModelError):
    """What answered has nothing to say to a request: the sample has no answer, and counts as wrong."""
