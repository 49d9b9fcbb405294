"""What came of reading an answer out of a reply: a value, no answer, or something that cannot be read.

The three are kept apart because they mean different things to a score: a reply without a call may rightly call
nothing, and a reply whose call cannot be parsed does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from evalkit.core import Validity

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A value; or None with the `problem`: why there is none.

    `unreadable` says that the reply holds something where the answer should be and that nobody can say what: a call
    with a syntax error, a letter that was not offered. Otherwise the model gave no answer, or two that differ.
    """

    value: T | None = None
    problem: str = ""
    unreadable: bool = False

    @property
    def validity(self) -> Validity:
        """OK, NO_ANSWER or UNREADABLE."""
        if self.value is not None:
            return Validity.OK
        return Validity.UNREADABLE if self.unreadable else Validity.NO_ANSWER

    def map(self, change: Callable[[T], U]) -> Reading[U]:
        """The same reading of another value; a reading of nothing stays what it is."""
        if self.value is None:
            return Reading(problem=self.problem, unreadable=self.unreadable)
        return Reading(change(self.value))


def unreadable(problem: str) -> Reading[T]:
    """Something is there, and cannot be read."""
    return Reading(problem=problem, unreadable=True)
