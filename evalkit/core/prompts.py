"""What is put before a model and what comes back: prompts, requests, replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalkit.core.data import Message


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is put before a model, ahead of any chat template.

    `preamble` (description and few-shot examples) is kept apart from `question` because many samples share it:
    it is stored, tokenised and computed once. A conversation is given as `messages` instead.
    """

    question: str = ""
    preamble: str = ""
    messages: tuple[Message, ...] = ()

    @property
    def text(self) -> str:
        if self.messages:
            return "\n\n".join(m.content for m in self.messages)
        return self.preamble + self.question

    def as_messages(self) -> tuple[Message, ...]:
        return self.messages or (Message("user", self.preamble + self.question),)


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask for `n` texts. `temperature` 0 is greedy; `seed` and `repeat` tell samples of one prompt apart."""

    prompt: Prompt
    max_tokens: int = 256
    stop: tuple[str, ...] = ("\n\n",)
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    seed: int = 0
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Choose:
    """Ask for the log-likelihood of every continuation after one context.

    `delimiter` stands before each continuation unless the prompt went through a chat template.
    """

    prompt: Prompt
    continuations: tuple[str, ...]
    delimiter: str = " "


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Ask for the rolling log-likelihood of a whole text."""

    text: str


Request = Generate | Choose | Perplexity


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Generate: `texts` and `finish` ("stop", "eos" or "length"), n of each. Choose: `loglikelihoods` (nats, summed
    over the continuation's tokens) and `greedy`, one per continuation. Perplexity: one log-likelihood.
    """

    texts: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    loglikelihoods: tuple[float, ...] = ()
    greedy: tuple[bool, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    truncated_tokens: int = 0
    notes: tuple[str, ...] = ()
    rendered_digest: str = ""
    source: Literal["model", "cache"] = "model"
