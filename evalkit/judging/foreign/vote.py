"""One verdict of another tool's, before it is one of evalkit's: who met whom on what, and who won in each order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import UsageError, Validity, digest_of
from evalkit.judging.session import Judged
from evalkit.stats.tournaments.style import style_of

_TIES = frozenset(("tie", "draw", "both", "equal", "same", "a=b", "c", "tie (bothbad)", "tie(bothbad)", "bothbad",
                   "both_bad", "0.5", "neither", "none", "inconsistent"))  # fmt: skip
_SILENT = frozenset(("error", "unjudged", "invalid", "n/a", "na", "null", "", "$error$", "-1"))
_FIRST = ("a", "1", "first", "left", "model_a", "model_1", "model a", "model 1", "a>b", "a>>b", "win", "output_1")
_SECOND = ("b", "2", "second", "right", "model_b", "model_2", "model b", "model 2", "b>a", "b>>a", "loss", "output_2")


@dataclass(frozen=True, slots=True)
class Vote:
    """`wins` are the values for `models[0]` (1, 0.5, 0, or a probability), one an order: the first order showed
    `models[0]` first, the second the other way round. None: that order has no verdict. `gold` is what is right."""

    key: str
    models: tuple[str, str]
    wins: tuple[float | None, ...]
    judge: str = ""
    group: str = ""
    texts: tuple[str, str] | None = None
    gold: float | None = None
    voter: str = ""
    ordered: bool = True
    """Whether it is known which answer was shown first."""
    reason: str = ""
    chars: tuple[int, int] | None = None

    def judged(self, number: int) -> Judged:
        """The verdict; `number` tells it from others that say the same."""
        wins = [win for win in self.wins if win is not None]
        common: dict[str, Any] = {
            "key": self.key,
            "models": self.models,
            "judge": self.judge,
            "groups": (self.group,) if self.group else (),
            "chars": self.chars or (tuple(map(len, self.texts)) if self.texts else ()),
            "style": tuple(map(style_of, self.texts)) if self.texts else (),
            "asked": digest_of("import", self.key, *self.models, self.judge, self.voter, str(number)),
            "reason": self.reason[:4000],
        }
        if len(wins) < len(self.wins):
            problem = f"unjudged: {self.reason or 'the tool read no verdict'}"
            return Judged(**{**common, "reason": problem}, validity=Validity.UNJUDGED, scores={})
        return Judged(**common, validity=Validity.OK, scores=self._scores(wins), orders=tuple(wins))

    def _scores(self, wins: Sequence[float]) -> dict[str, float]:
        if len(wins) == 1:
            shown = {"first_position": float(wins[0] > 0.5)} if self.ordered and wins[0] != 0.5 else {}
            return {"win": wins[0], **shown}
        agree = (wins[0] > 0.5) == (wins[1] > 0.5) and (wins[0] < 0.5) == (wins[1] < 0.5)
        soft = any(win not in (0.0, 0.5, 1.0) for win in wins)
        decided = [value for value in (wins[0], 1.0 - wins[1]) if value != 0.5]
        first = {"first_position": sum(value > 0.5 for value in decided) / len(decided)} if decided else {}
        win = sum(wins) / len(wins) if soft or agree else 0.5
        return {"win": win, "consistent": float(agree), **first}

    @property
    def said(self) -> tuple[object, ...]:
        """What two lines that repeat each other have in common."""
        return (self.key, self.models, self.judge, self.voter, self.wins, self.texts)


@dataclass(frozen=True, slots=True)
class Graded:
    """One grade of one answer; `value` is None where the tool read none."""

    key: str
    model: str
    value: float | None
    judge: str = ""
    group: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> tuple[object, ...]:
        return (self.key, self.model, self.judge, self.value)


def winner_of(value: object, models: tuple[str, str], at: str) -> float | None:
    """1 where the first of the models won, 0 where the second did, 0.5 for a tie, None where nobody judged.

    A number from 0 to 1 is taken as it is under the column `win`, never here. Raises UsageError for any other word.
    """
    if value is None:
        return None
    word = str(value).strip()
    if word == models[0] or word.casefold() in _FIRST:
        return 1.0
    if word == models[1] or word.casefold() in _SECOND:
        return 0.0
    if word.casefold() in _TIES:
        return 0.5
    if word.casefold() in _SILENT:
        return None
    raise UsageError(
        "the winner is none of the two models, and no tie",
        found=repr(value)[:80],
        fix=f"{models[0]}, {models[1]}, a, b, model_a, model_b, left, right or tie",
        at=at,
    )
