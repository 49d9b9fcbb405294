"""Scoring many sequences over their prefix tree, pass by pass, and going on where memory runs out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalkit.models.hf.scoring.packed import Packed
from evalkit.models.hf.scoring.passes import Pass, plan
from evalkit.models.hf.scoring.plan import RowScore, TokenRow
from evalkit.models.oom_backoff import TokenBudget, is_out_of_memory, too_large

__all__ = ["Caller", "score_shared"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for rows: `is_open(i)` whether row i is still wanted, `settle(i, score, seconds)`, `fail(i, error)`."""

    is_open: Callable[[int], bool]
    settle: Callable[[int, RowScore, float], None]
    fail: Callable[[int, Exception], None]
    release: Callable[[], None]


def score_shared(
    packed: Packed,
    rows: Sequence[TokenRow],
    numbers: Sequence[int],
    budget: TokenBudget,
    keep: TokenBudget,
    worth: int,
    caller: Caller,
) -> list[int]:
    """Score `rows[number]` for all `numbers`, each settled with the pass that computes its last position.

    Passes have up to `budget` tokens and `keep` tokens are kept between them; out of memory both are halved and what
    is open is planned again. Returns the numbers that a pass failed for otherwise: they are to be computed alone.
    """
    todo = list(numbers)
    while todo:
        steps = plan(
            [rows[number].ids for number in todo],
            [rows[number].positions for number in todo],
            budget=budget.tokens,
            limit=keep.tokens,
            worth=worth,
        )
        failed = _Walk(packed, rows, todo, steps, caller).run()
        packed.release()
        if failed is None:
            return []
        step, error = failed
        caller.release()
        still = [number for number in todo if caller.is_open(number)]
        if not is_out_of_memory(error):
            _log.warning("a packed pass failed (%s: %s); its rows are computed one by one", type(error).__name__, error)
            return still
        if _is_one_path(step):
            last = step.pieces[-1]
            path = rows[todo[last.row]].ids[: last.stop]
            for number in still:
                if rows[number].ids[: last.stop] == path:
                    caller.fail(number, too_large(error, rows[number].length))
        else:
            budget.halve(step.tokens)
            keep.halve(keep.tokens)
        todo = [number for number in still if caller.is_open(number)]
    return []


def _is_one_path(step: Pass) -> bool:
    """Whether the pass holds nothing but one text from its beginning, so that no smaller pass computes its end."""
    ends = [0, *(piece.stop for piece in step.pieces)]
    return not step.reads and all(piece.start == end for piece, end in zip(step.pieces, ends, strict=False))


class _Walk:
    """One plan's passes; row r of it is `rows[todo[r]]`."""

    def __init__(
        self, packed: Packed, rows: Sequence[TokenRow], todo: Sequence[int], steps: Sequence[Pass], caller: Caller
    ) -> None:
        self._packed = packed
        self._todo = todo
        self._steps = steps
        self._caller = caller
        self._ids = [rows[number].ids for number in todo]
        self._targets = [rows[number].targets for number in todo]
        self._logprobs = [[math.nan] * len(targets) for targets in self._targets]
        self._best = [[False] * len(targets) for targets in self._targets]
        self._missing = [len(targets) for targets in self._targets]
        self._seconds = [0.0] * len(todo)

    def run(self) -> tuple[Pass, Exception] | None:
        """Every pass that somebody waits for. Returns the pass that raised an exception, and the exception."""
        for place, step in enumerate(self._steps):
            if not self._is_needed(place):
                self._packed.drop(step.drops)
                continue
            begun = time.perf_counter()
            try:
                logprobs, best = self._packed.run(step, self._ids, self._targets)
            except Exception as error:  # noqa: BLE001 (a model's code may raise anything)
                # Without its frames, which hold on to the tensors of the failed pass.
                return step, error.with_traceback(None)
            self._note(step, logprobs, best, time.perf_counter() - begun)
        return None

    def _is_needed(self, place: int) -> bool:
        """Whether a row that this pass, or one that builds on what it keeps, computes for is still wanted."""
        kept: set[int] = set()
        for step in self._steps[place:]:
            if kept and not kept & {node for node, _ in step.reads}:
                return False
            if any(self._caller.is_open(self._todo[wanted.row]) for wanted in step.wanted):
                return True
            kept |= {node for _, node in step.keeps}
            if not kept:
                return False
        return False

    def _note(self, step: Pass, logprobs: list[float], best: list[bool], seconds: float) -> None:
        """Hand out a pass's results, and settle the rows that are complete with it."""
        at = 0
        for wanted in step.wanted:
            row = wanted.row
            for which in wanted.which.tolist():
                self._logprobs[row][which], self._best[row][which] = logprobs[at], best[at]
                at += 1
            self._missing[row] -= len(wanted.which)
            self._seconds[row] += seconds / len(step.wanted)
            if not self._missing[row]:
                result = RowScore(tuple(self._logprobs[row]), tuple(self._best[row]))
                self._caller.settle(self._todo[row], result, self._seconds[row])
