"""Guesses at how a text goes on: as its prompt, itself or a text next to it went on where it last said the same.

A step over several tokens of a text reads weights, keys and values once, so tokens that were guessed right cost a small
part of a step each, and those that were guessed wrong as much. The model says which are right, so the text is the one
that it writes without guesses (prompt lookup: Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding;
speculative decoding: Leviathan et al. 2023, https://arxiv.org/abs/2211.17192).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from evalkit.models.hf.generation.stream import Stream

__all__ = ["Drafts", "Siblings"]

_SAME = 8
"""Of the places where the same was said before, the one where so many tokens at most are the same is taken."""
_PLACES = 16
"""So many of the last places in a text are looked at."""
_PAIRS = 100_000
"""Of so many pairs of tokens is known where a text last said them; a pair takes about 350 bytes."""
_FIRST, _MOST = 2, 8
"""How many tokens are guessed at first, and at most: twice as many after all were right, half after none was."""


class Siblings:
    """What the texts of a round said so far: samples of one task often say the same."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[int, int], tuple[list[int], int]] = OrderedDict()
        """Of a pair of tokens, the text that last said it and the place behind it; first the one said longest ago."""

    def add(self, text: list[int], known: int) -> None:
        """Read what a text got behind its first `known` tokens. It may grow further, and is not copied."""
        for place in range(max(2, known), len(text)):
            pair = (text[place - 2], text[place - 1])
            self._said[pair] = text, place
            self._said.move_to_end(pair)
            if len(self._said) > _PAIRS:
                self._said.popitem(last=False)

    def after(self, one: int, other: int) -> tuple[list[int], int] | None:
        """The text that last said these two tokens and went on, and the place where."""
        return self._said.get((one, other))


class Drafts:
    """The guesses at one greedy text."""

    def __init__(self, stream: Stream, siblings: Siblings) -> None:
        self._stream = stream
        self._siblings = siblings
        self._said = [*stream.ids[-1:]]
        """What siblings may read: the prompt's last token, and all that was written."""
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
        end = self._read()
        most = min(most, self._size, self._stream.limit - len(self._stream.written) - 1)
        if most < 1 or end < 3:
            return []
        tokens = self._tokens[:end]
        places = np.flatnonzero((tokens[:-2] == tokens[-2]) & (tokens[1:-1] == tokens[-1])) + 2
        # Of equally good places the last: what was said last is likelier said again.
        same, place = max(((self._same(tokens, place), place) for place in places[-_PLACES:].tolist()), default=(0, 0))
        if same < _SAME and (found := self._siblings.after(int(tokens[-2]), int(tokens[-1]))) is not None:
            text, behind = found
            if self._same(text, behind) > same:
                return text[behind : behind + most]
        guessed: list[int] = tokens[place : place + most].tolist() if same else []
        return guessed

    def _read(self) -> int:
        """Take in what was written since the last guess; returns how many tokens prompt and text have now."""
        new = self._stream.written[self._known - len(self._stream.ids) :]
        end = self._known + len(new)
        self._tokens[self._known : end] = new
        self._known = end
        known = len(self._said)
        self._said += new
        self._siblings.add(self._said, known)
        return end

    def _same(self, text: Sequence[int] | np.ndarray, place: int) -> int:
        """How many tokens before `place` in a text are those before the end of this one, two of them at least."""
        end, same = self._known, 2
        while same < min(_SAME, place, end) and text[place - same - 1] == self._tokens[end - same - 1]:
            same += 1
        return same

    def judged(self, guessed: int, right: int) -> None:
        """Learn how many of the tokens guessed last were right."""
        if guessed and right == guessed:
            self._size = min(_MOST, 2 * self._size)
        elif guessed and not right:
            self._size = max(1, self._size // 2)
