"""A budget of thought: where a text is in its thought, token by token, and what is written to end it.

When the thought has spent its budget, the mark that closes it is written in the model's place, and the model goes on
with its answer. vLLM (`thinking_token_budget`) and llama.cpp (`--reasoning-budget`) end thought in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.models.replies.local_text import LocalText

__all__ = ["ROOM_TO_CLOSE", "ThoughtBudget"]

ROOM_TO_CLOSE = 32
"""Tokens that a text may have on top of its thought and its answer for the marks around the thought."""


class ThoughtBudget:
    """One text with at most `thought` tokens of thought and `answer` tokens besides, marks apart.

    `due` is the token that is written next whatever the model would write; None where the model writes.
    """

    __slots__ = ("_answer", "_forced", "_inside", "_spent", "_text", "_thought", "ended")

    def __init__(self, text: LocalText, thought: int, answer: int) -> None:
        self._text, self._thought, self._answer = text, thought, answer
        self.restart()

    def restart(self) -> None:
        """Begin again, before the first token."""
        self._forced: list[int] = []
        self._inside = self._text.begins_inside
        self._spent = 0
        self.ended = False
        """Whether the budget ended the thought, and not the model."""
        self._close_in_time(())

    @property
    def due(self) -> int | None:
        return self._forced[0] if self._forced else None

    def push(self, written: Sequence[int]) -> None:
        """Take note of the newest of the ids written so far."""
        was_forced, was_inside = bool(self._forced), self._inside
        if was_forced:
            del self._forced[0]
        self._inside = self._text.is_inside(written, was_inside)
        if self._inside and not was_inside and self._text.opens_with(written):
            self._spent = len(written)  # the tokens of an opening mark are no answer
        else:
            self._spent += was_forced or was_inside or self._inside
        if not self._forced:
            self._close_in_time(written)

    def _close_in_time(self, written: Sequence[int]) -> None:
        if self._inside and self._spent >= self._thought:
            self._forced = list(self._text.closing_ids(written))
            self.ended |= bool(self._forced)

    def is_spent(self, written: Sequence[int]) -> bool:
        """Whether the answer has all the tokens that it may have."""
        if self._inside or self._forced or len(written) - self._spent < self._answer:
            return False
        # A mark may lie in several tokens: what may become one is no answer yet.
        may_open = self._spent == 0 and len(written) < self._answer + ROOM_TO_CLOSE
        return not (may_open and self._text.may_open(written))
