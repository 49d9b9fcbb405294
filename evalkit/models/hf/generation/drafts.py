"""Guesses at how a text goes on: as its prompt or itself went on where it last said the same.

A step over several tokens of a text reads weights, keys and values once, so tokens that were guessed right cost a small
part of a step each, and those that were guessed wrong as much. The model says which are right, so the text is the one
that it writes without guesses (prompt lookup: Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding;
speculative decoding: Leviathan et al. 2023, https://arxiv.org/abs/2211.17192).
"""

from __future__ import annotations

import numpy as np

from evalkit.models.hf.generation.stream import Stream

__all__ = ["Drafts"]

_SAME = 8
"""Of the places where the text said the same before, the one where so many tokens at most are the same is taken."""
_PLACES = 16
"""So many of the last places are looked at."""
_FIRST, _MOST = 2, 8
"""How many tokens are guessed at first, and at most: twice as many after all were right, half after none was."""


class Drafts:
    """The guesses at one greedy text."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._tokens = np.zeros(stream.length, np.int64)
        self._tokens[: len(stream.ids)] = stream.ids
        self._known = len(stream.ids)
        self._size = _FIRST

    @staticmethod
    def are_for(stream: Stream) -> bool:
        """Whether every token of the text is the most probable one, so that the model's choice needs nothing else."""
        return stream.temperature == 0 and stream.repetition_penalty == 1 and stream.budget is None

    def guess(self, most: int) -> list[int]:
        """Up to `most` tokens that may follow those written so far."""
        written = self._stream.written
        end = len(self._stream.ids) + len(written)
        self._tokens[self._known : end] = written[self._known - len(self._stream.ids) :]
        self._known = end
        most = min(most, self._size, self._stream.limit - len(written) - 1)
        if most < 1 or end < 3:
            return []
        tokens = self._tokens[:end]
        places = np.flatnonzero((tokens[:-2] == tokens[-2]) & (tokens[1:-1] == tokens[-1])) + 2
        if not len(places):
            return []
        # Of equally good places the last: what was said last is likelier said again.
        place = max(places[-_PLACES:].tolist(), key=lambda place: (self._same(place, end), place))
        guessed: list[int] = tokens[place : place + most].tolist()
        return guessed

    def _same(self, place: int, end: int) -> int:
        """How many tokens before `place` are those before the end, two of them at least."""
        same = 2
        while same < min(_SAME, place) and self._tokens[place - same - 1] == self._tokens[end - same - 1]:
            same += 1
        return same

    def judged(self, guessed: int, right: int) -> None:
        """Learn how many of the tokens guessed last were right."""
        if guessed and right == guessed:
            self._size = min(_MOST, 2 * self._size)
        elif guessed and not right:
            self._size = max(1, self._size // 2)
