"""One text being written: its tokens, when it ends, and what the reader gets to see of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import Generate

__all__ = ["Stream", "sampling_seed"]


def sampling_seed(request: Generate, number: int) -> int:
    """The seed of text `number` of a request: it depends on the request alone, never on what is computed beside it."""
    name = f"{request.seed}|{request.repeat}|{number}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Stream:
    """A prompt's ids and what was written after them so far; `limit` is the most tokens it may get.

    temperature 0 is greedy. `finish` is "" until it has ended: "eos", "stop" (a stop string appeared) or "length".
    """

    ids: tuple[int, ...]
    limit: int
    stops: tuple[str, ...]
    eos_ids: frozenset[int]
    tokenizer: Any
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    written: list[int] = field(default_factory=list)
    finish: str = ""
    seconds: float = 0.0
    _random: random.Random = field(default_factory=random.Random)
    _look_back: int = 0

    def __post_init__(self) -> None:
        self.stops = tuple(stop for stop in self.stops if stop)
        # A token adds at least one byte to the text, so a stop string ends within that many tokens; two more for
        # characters whose bytes are spread over tokens.
        self._look_back = 2 + max((len(stop.encode("utf-8", "surrogatepass")) for stop in self.stops), default=0)
        self.restart()

    @property
    def length(self) -> int:
        """Tokens its cache may come to hold."""
        return len(self.ids) + self.limit

    def restart(self) -> None:
        """Begin again, with the same random numbers."""
        self.written.clear()
        self.finish = ""
        self._random.seed(self.seed)

    def draw(self) -> float:
        """The next of this text's own random numbers, in [0, 1)."""
        return self._random.random()

    def push(self, token: int) -> bool:
        """Add a token; True where the text has ended with it."""
        self.written.append(token)
        if token in self.eos_ids:
            self.finish = "eos"
        elif self._stopped():
            self.finish = "stop"
        elif len(self.written) >= self.limit:
            self.finish = "length"
        return bool(self.finish)

    def _stopped(self) -> bool:
        if not self.stops:
            return False
        tail = self._decode(self.written[-self._look_back :], special=True)
        if not any(stop in tail for stop in self.stops):
            return False
        # The tail's first token may read differently with what stands before it, so the whole text decides.
        text = self._decode(self.written, special=True)
        return any(stop in text for stop in self.stops)

    def result(self) -> tuple[str, str]:
        """(what was written, up to the first stop string and without special tokens; how it ended)."""
        text = self._decode(self.written, special=False)
        places = [place for stop in self.stops if (place := text.find(stop)) >= 0]
        # A stop string may appear only now, where special tokens stood in the middle of it.
        return (text[: min(places)], "stop") if places else (text, self.finish)

    def _decode(self, ids: list[int], *, special: bool) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=not special)
        return text
