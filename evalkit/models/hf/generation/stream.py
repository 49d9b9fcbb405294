"""One text being written: its tokens, when it ends, and what the reader gets to see of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

from evalkit.core import Generate
from evalkit.models.replies.answer import Answer
from evalkit.models.replies.local_text import LocalText
from evalkit.models.replies.thought_budget import ThoughtBudget

__all__ = ["Stream", "sampling_seed"]


def sampling_seed(request: Generate, number: int) -> int:
    """The seed of text `number` of a request: it depends on the request alone, never on what is computed next to it."""
    name = f"{request.seed}|{request.repeat}|{number}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Stream:
    """A prompt's ids and what was written after them so far; `limit` is the most tokens it may get.

    temperature 0 is greedy. `budget` ends its thought in time and counts the answer's tokens alone; None: `limit` is
    for both. `finish` is "" until it has ended: "eos", "stop" (a stop string) or "length".
    """

    ids: tuple[int, ...]
    limit: int
    text: LocalText
    eos_ids: frozenset[int]
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0
    budget: ThoughtBudget | None = None
    written: list[int] = field(default_factory=list)
    finish: str = ""
    seconds: float = 0.0
    _random: random.Random = field(default_factory=random.Random)
    _seen: dict[int, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def length(self) -> int:
        """Tokens its cache may come to hold."""
        return len(self.ids) + self.limit

    def restart(self) -> None:
        """Begin again, with the same random numbers."""
        self.written.clear()
        self.finish = ""
        self.text.restart()
        if self.budget is not None:
            self.budget.restart()
        self._random.seed(self.seed)
        self._seen = dict.fromkeys(self.ids) if self.repetition_penalty != 1.0 else {}

    @property
    def seen(self) -> list[int]:
        """The tokens that a repetition penalty is for, each once: the prompt's, and those written so far."""
        return list(self._seen)

    @property
    def due(self) -> int | None:
        """The token that comes next whatever the model would write: a part of the mark that ends its thought."""
        return None if self.budget is None else self.budget.due

    def draw(self) -> float:
        """The next of this text's own random numbers, in [0, 1)."""
        return self._random.random()

    def push(self, token: int) -> bool:
        """Add a token; True where the text has ended with it."""
        self.written.append(token)
        if self.repetition_penalty != 1.0:
            self._seen[token] = None
        if self.budget is not None:
            self.budget.push(self.written)
        if token in self.eos_ids:
            self.finish = "eos"
        elif self.text.ends(self.written):
            self.finish = "stop"
        elif len(self.written) >= self.limit or (self.budget is not None and self.budget.is_spent(self.written)):
            self.finish = "length"
        return bool(self.finish)

    def result(self) -> Answer:
        """What a reader gets to see: the answer up to its stop string, without special tokens, and the thought."""
        return self.text.answer(self.written, self.finish)

    def thought_tokens(self) -> int:
        """How many tokens were thought."""
        return self.text.thought_tokens(self.written)
