"""Whether two harnesses came to the same on one case, and the table that says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from peers.parity.cases import Case
from peers.parity.outcome import Outcome, Row

ABSOLUTE = 1e-4
"""By how much two log-likelihoods of a continuation may differ in float32."""
RELATIVE = 1e-6
"""By how much two rolling sums may, as a share of their size."""
SPACING = 2.0**-22
"""Two steps of float32, in which lm-eval adds up: a sum beyond 420 nats cannot be told to 1e-4 there."""

HEAD = f"{'task':17}{'k':>2}{'rows':>5} {'data':4}{'prompts':>9}{'apart':>6} {'metric':17}{'evalkit':>9}{'lm-eval':>9}"


@dataclass
class Compared:
    """One case at one number of examples.

    `apart` is the furthest log-likelihood, relative for rolling sums; `too_far` counts those beyond their bound.
    """

    case: Case
    shots: int
    real: bool
    rows: int
    other_prompts: int = 0
    other_texts: int = 0
    other_scores: int = 0
    apart: float = 0.0
    too_far: int = 0
    values: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        others = self.other_prompts + self.other_texts + self.other_scores + self.too_far
        return self.rows > 0 and not others and all(self._alike(*pair) for pair in self.values.values())

    def _alike(self, one: float, other: float) -> bool:
        # A perplexity is as far off as its log-likelihoods are, and a share of equal rows is not off at all.
        return math.isclose(one, other, rel_tol=ABSOLUTE, abs_tol=1e-9)

    def as_dict(self) -> dict[str, Any]:
        named = {"task": self.case.name, "shots": self.shots, "data": "real" if self.real else "made"}
        return {
            **named,
            **{k: v for k, v in vars(self).items() if k not in ("case", "shots", "real")},
            "holds": self.holds,
        }

    def lines(self) -> list[str]:
        """A line for every metric; what is wrong stands below them."""
        apart = "text" if self.case.kind == "texts" else f"{self.apart:.0e}".replace("e-0", "e-")
        begin = f"{self.case.name:17}{self.shots:>2}{self.rows:>5} {'real' if self.real else 'made':4}"
        begin += f"{'same' if not self.other_prompts else f'{self.other_prompts} other':>9}{apart:>6} "
        lines = []
        for metric, (ours, theirs) in self.values.items():
            lines.append(f"{begin:45}{metric:17}{_shown(ours):>9}{_shown(theirs):>9}")
            begin = ""
        if not self.holds:
            lines.append(
                f"  DIFFERENT: {self.other_prompts} prompts, {self.too_far} log-likelihoods, {self.other_texts} texts, "
                f"{self.other_scores} rows' scores"
            )
        return lines


def compare(case: Case, shots: int, real: bool, ours: Outcome, theirs: Outcome) -> Compared:
    """Row by row, in the order of the data."""
    found = Compared(case, shots, real, len(theirs.rows))
    found.other_prompts = abs(len(ours.rows) - len(theirs.rows))
    for one, other in zip(ours.rows, theirs.rows, strict=False):
        found.other_prompts += one.asked != other.asked or len(one.loglikelihoods) != len(other.loglikelihoods)
        found.other_texts += one.text != other.text
        for left, right in zip(one.loglikelihoods, other.loglikelihoods, strict=False):
            apart = abs(left - right)
            rolling = case.kind == "rolling"
            found.apart = max(found.apart, apart / abs(right) if rolling else apart)
            found.too_far += apart > (RELATIVE * abs(right) if rolling else max(ABSOLUTE, SPACING * abs(right)))
        found.other_scores += _other_scores(case, one, other)
    found.values = {each.metric: (ours.scores[each.metric], theirs.scores[each.metric]) for each in case.compared}
    return found


def _other_scores(case: Case, one: Row, other: Row) -> bool:
    return any(
        not math.isclose(one.scores[each.of_rows], other.scores[each.of_rows], abs_tol=ABSOLUTE)
        for each in case.compared
        if each.of_rows in other.scores
    )


def table(found: Sequence[Compared]) -> str:
    """Everything that was compared, 80 columns wide."""
    lines = [HEAD, *(line for each in found for line in each.lines())]
    wrong = sum(not each.holds for each in found)
    rows = sum(each.rows for each in found)
    lines += [
        "",
        f"{len(found)} comparisons over {rows:,} rows: {'all the same' if not wrong else f'{wrong} DIFFERENT'}",
        f"apart: the furthest log-likelihood in nats, at most {ABSOLUTE:.0e} or two float32 steps;",
        f"of a rolling sum its share, at most {RELATIVE:.0e}; texts are equal strings",
    ]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.2e}"
