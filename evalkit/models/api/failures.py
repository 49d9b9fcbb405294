"""What one attempt at a request can come to where it gives no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalkit.core import ModelError

__all__ = ["BadReplyError", "Change", "Failed", "Kind"]

Kind = Literal[
    "refused", "spent", "wrong", "too long", "filtered", "unsupported", "overloaded", "broken", "unreachable", "slow"
]
"""refused: key or model are not accepted, whatever is asked. spent: credit or budget is used up. wrong: this request
cannot succeed. too long: its text is more than the model reads. filtered: the provider's filter withheld the answer.
unsupported: `Failed.change` makes a request that the server may take. overloaded: too much at once. broken: the server
failed or its reply cannot be read. unreachable: no connection, or it was lost. slow: a drawn reply did not come in
time."""

RETRIED: frozenset[Kind] = frozenset({"overloaded", "broken", "unreachable"})


class BadReplyError(Exception):
    """A reply that came whole but is not what the format says. `error` is what the server says of it, if anything."""

    def __init__(self, words: str, error: object = None) -> None:
        super().__init__(words)
        self.error = error


@dataclass(frozen=True, slots=True)
class Change:
    """What makes a request acceptable to a server: `parameter` is evalkit's name for it.

    drop: leave it out. rename: give it by its other name. most, least: bring it within `bound`. once: the same as most,
    for this request alone. fold: put the system's words into the first turn.
    """

    parameter: str
    how: Literal["drop", "rename", "most", "least", "once", "fold"]
    bound: float = 0.0


@dataclass(eq=False)
class Failed(Exception):  # noqa: N818 - an outcome that is handled, as a rule
    """One attempt that gave no answer. `words` are the server's own, without keys; `row` names the signal's row."""

    kind: Kind
    words: str
    status: int = 0
    wait: float | None = None
    """Seconds that the server asked to wait."""
    change: Change | None = None
    row: str = ""

    @property
    def again(self) -> bool:
        return self.kind in RETRIED

    def as_error(self, attempts: int) -> ModelError:
        times = f" after {attempts} attempts" if attempts > 1 else ""
        return ModelError(f"{self.where}{times}: {self.words}", _WHY.get(self.kind, ""))

    @property
    def where(self) -> str:
        """The status, and what it means where the status does not say it."""
        if self.kind in ("too long", "filtered"):
            return f"HTTP {self.status}, {_SAID[self.kind]}" if self.status else _SAID[self.kind]
        return f"HTTP {self.status}" if self.status else self.kind


_WHY: Mapping[Kind, Literal["refused", "failed"]] = {"wrong": "refused", "unsupported": "refused", "broken": "failed"}
_SAID = {"too long": "the request is too long for the model", "filtered": "withheld by the provider's filter"}
