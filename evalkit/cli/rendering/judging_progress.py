"""How far a judge is and what it decided so far: one line, redrawn on a terminal, repeated now and then in a log."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

from evalkit.cli.rendering.output import console
from evalkit.cli.rendering.progress import Pace
from evalkit.core import Validity
from evalkit.core.terminal import say
from evalkit.judging.session import Judged

__all__ = ["JudgingProgress"]

_LOG_EVERY_SECONDS, _REDRAW_SECONDS = 30.0, 0.2
_COLUMNS = 79


class JudgingProgress:
    """Told of every verdict. `close` ends the line; `now` is the clock, in seconds."""

    def __init__(self, total: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._total, self._now = Pace(total, 0), total, now
        self._decided: Counter[str] = Counter()
        self._scores: list[float] = []
        self._said = now()
        self._line = _Line() if sys.stderr.isatty() else None

    def advance(self, verdict: Judged, *, asked: bool = True) -> None:
        """Count a verdict; one that an earlier session left was not asked now."""
        self._pace.count(asked=asked, failed=verdict.validity is not Validity.OK)
        if verdict.validity is Validity.OK and not verdict.probe:
            if verdict.win is not None and len(verdict.models) == 2:
                self._decided[_winner(verdict.win, verdict.models)] += 1
            elif (score := next(iter(verdict.scores.values()), None)) is not None:
                self._scores.append(score)
        self._show(last=self._pace.done == self._total)

    def tick(self, tokens: int) -> None:
        """Called every second with the tokens that the judge has written; 0 if it does not count them."""
        self._pace.tick(tokens)
        self._show()

    def words(self) -> str:
        """`judged 12 of 60, 1 unjudged: a 6, b 4, tie 1; 3:05 min left`."""
        pace = self._pace
        said = f"judged {pace.done:,} of {self._total:,}"
        if pace.failed:
            said += f", {pace.failed:,} unjudged"
        if so_far := self._so_far():
            said += f": {so_far}"
        left = pace.words(self._now())
        return f"{said}; {left}" if left else said

    def close(self) -> None:
        if self._line is not None:
            self._line.stop()

    def _so_far(self) -> str:
        if self._decided:
            return ", ".join(f"{name} {count:,}" for name, count in self._decided.most_common(4))
        return f"mean score {sum(self._scores) / len(self._scores):.3g}" if self._scores else ""

    def _show(self, *, last: bool = False) -> None:
        now = self._now()
        if now - self._said < (_LOG_EVERY_SECONDS if self._line is None else _REDRAW_SECONDS) and not last:
            return
        self._said = now
        if self._line is None:
            say(f"evalkit: {self.words()}", err=True)
        else:
            self._line.show(self.words()[:_COLUMNS])


class _Line:
    """A line of a terminal that is drawn again in its place, and gone at the end."""

    def __init__(self) -> None:
        from rich.progress import Progress, TextColumn

        words = TextColumn("{task.description}", markup=False)
        self._drawn = Progress(words, console=console(err=True), transient=True)
        self._id = self._drawn.add_task("")
        self._drawn.start()

    def show(self, text: str) -> None:
        self._drawn.update(self._id, description=text)

    def stop(self) -> None:
        self._drawn.stop()


def _winner(win: float, models: tuple[str, ...]) -> str:
    return "tie" if win == 0.5 else models[0] if win > 0.5 else models[1]
