"""Whether two harnesses came to the same on one case, how far each is from float64, and the table that says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from peers.parity.cases import Case
from peers.parity.outcome import Exact, Outcome, Reference, Row

PER_ROOT = 5e-5
"""evalkit's bound in nats: this times the root of the number of tokens. It does not depend on the vocabulary."""
TOLERANCE = 1e-4
"""By how much two means of many log-likelihoods may differ, as a share, up to `_VOCABULARY` tokens."""
_VOCABULARY = 8192
"""lm-eval's rounding grows with the vocabulary: it adds up the exponentials of all of it in float32."""

HEAD = (
    f"{'task':15}{'k':>2}{'rows':>5} {'data':4}{'asked':>6}{'ours':>6}{'theirs':>7} {'metric':16}"
    f"{'evalkit':>9}{'lm-eval':>9}"
)


def bound(tokens: int) -> float:
    """How far from float64 evalkit's log-likelihood of so many tokens may be, in nats."""
    return PER_ROOT * math.sqrt(max(1, tokens))


@dataclass(frozen=True)
class Distance:
    """How far a log-likelihood is from float64 under both harnesses, in nats, and over how many tokens it is."""

    tokens: int
    ours: float
    theirs: float

    @property
    def is_far(self) -> bool:
        return not self.ours <= bound(self.tokens)


@dataclass(frozen=True)
class Flip:
    """A row that the harnesses score differently. Margins in nats: of evalkit's choice over lm-eval's in float64 and
    under evalkit, of lm-eval's over evalkit's under lm-eval. Of texts only float64's is known."""

    row: int
    what: str
    exact: float
    ours: float = math.nan
    theirs: float = math.nan
    bound: float = 0.0

    @property
    def is_rounding(self) -> bool:
        """Whether evalkit chose as float64 does, or float64 can't tell the two apart within evalkit's bound."""
        return self.exact >= -2 * self.bound

    def line(self) -> str:
        why = "within rounding" if self.is_rounding else "NOT ROUNDING"
        known = "" if math.isnan(self.ours) else f", evalkit {self.ours:.1e}, lm-eval {self.theirs:.1e}"
        return f"  row {self.row}, {self.what}: margins float64 {self.exact:.1e}{known}: {why}"


@dataclass
class Compared:
    """One case at one number of examples."""

    case: Case
    shots: int
    real: bool
    rows: int
    vocabulary: int
    other_prompts: int = 0
    other_scores: int = 0
    distances: list[Distance] = field(default_factory=list)
    flips: list[Flip] = field(default_factory=list)
    values: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def too_far(self) -> int:
        return sum(each.is_far for each in self.distances)

    @property
    def holds(self) -> bool:
        others = self.other_prompts + self.other_scores + self.too_far
        others += sum(not flip.is_rounding for flip in self.flips)
        return self.rows > 0 and not others and all(self._alike(*pair) for pair in self.values.values())

    def _alike(self, one: float, other: float) -> bool:
        # A perplexity is as far off as its log-likelihoods are; a share of rows by those that are listed.
        share = TOLERANCE * max(1.0, self.vocabulary / _VOCABULARY)
        return math.isclose(one, other, rel_tol=share, abs_tol=1e-9 + len(self.flips) / self.rows)

    def as_dict(self) -> dict[str, Any]:
        named = {"task": self.case.name, "shots": self.shots, "data": "real" if self.real else "made"}
        named |= {"kind": self.case.kind, "holds": self.holds, "too_far": self.too_far}
        kept = {k: v for k, v in vars(self).items() if k not in ("case", "shots", "real", "distances", "flips")}
        return {**named, **kept, "distances": [vars(d) for d in self.distances], "flips": [vars(f) for f in self.flips]}

    def lines(self) -> list[str]:
        """A line for every metric; below them the rows that the harnesses score differently, and what is wrong."""
        begin = f"{self.case.name:15}{self.shots:>2}{self.rows:>5} {'real' if self.real else 'made':4}"
        begin += f"{'same' if not self.other_prompts else f'{self.other_prompts} not':>6}"
        begin += f"{self._furthest('ours'):>6}{self._furthest('theirs'):>7} "
        lines = []
        for metric, (ours, theirs) in self.values.items():
            lines.append(f"{begin:46}{metric:16}{_shown(ours):>9}{_shown(theirs):>9}")
            begin = ""
        lines += [flip.line() for flip in self.flips]
        if not self.holds:
            wrong = f"{self.other_prompts} prompts, {self.too_far} log-likelihoods, {self.other_scores} rows' scores"
            lines.append(f"  DIFFERENT: {wrong}")
        return lines

    def _furthest(self, side: str) -> str:
        if self.case.kind == "texts":
            return "text"
        return f"{max((getattr(each, side) for each in self.distances), default=math.nan):.0e}".replace("e-0", "e-")


def compare(case: Case, shots: int, real: bool, ours: Outcome, theirs: Outcome, exact: Reference) -> Compared:
    """Row by row, in the order of the data."""
    found = Compared(case, shots, real, len(theirs.rows), exact.vocabulary)
    found.other_prompts = abs(len(ours.rows) - len(theirs.rows))
    for number, (one, other, known) in enumerate(zip(ours.rows, theirs.rows, exact.rows, strict=False)):
        found.other_prompts += one.asked != other.asked or len(one.loglikelihoods) != len(other.loglikelihoods)
        values = list(zip(one.loglikelihoods, other.loglikelihoods, known, strict=False))
        found.distances += [
            Distance(each.tokens, abs(left - each.value), abs(right - each.value)) for left, right, each in values
        ]
        if one.text != other.text:
            found.flips.append(_parted(number, known[0], exact.vocabulary))
        apart = max((abs(left - right) for left, right, _ in values), default=0.0)
        differing = _differing(case, one, other, 2 * apart)
        flips = _flips(number, differing, one, other, known) if case.kind == "choices" else []
        found.flips += flips
        # Scores of texts that part differ as the texts do.
        found.other_scores += bool(differing) and not flips and one.text == other.text
    found.values = {each.metric: (ours.scores[each.metric], theirs.scores[each.metric]) for each in case.compared}
    return found


def _parted(row: int, known: Exact, vocabulary: int) -> Flip:
    return Flip(row, f"texts part at token {known.tokens}", known.value, bound=bound(1))


def _differing(case: Case, one: Row, other: Row, apart: float) -> list[str]:
    """The scores of a row that differ by more than its log-likelihoods explain."""
    names = [each.of_rows for each in case.compared if each.of_rows in other.scores]
    return [n for n in names if not math.isclose(one.scores[n], other.scores[n], abs_tol=max(TOLERANCE, apart))]


def _flips(row: int, differing: Sequence[str], one: Row, other: Row, known: Sequence[Exact]) -> list[Flip]:
    """The choices that the harnesses made differently, of the scores that differ."""
    found = []
    for name in differing:
        sizes = [max(1, len(continuation.removeprefix(" "))) for _, continuation in other.asked]
        scales = sizes if name == "acc_norm" else [1] * len(sizes)
        ours = [value / scale for value, scale in zip(one.loglikelihoods, scales, strict=True)]
        theirs = [value / scale for value, scale in zip(other.loglikelihoods, scales, strict=True)]
        exact = [each.value / scale for each, scale in zip(known, scales, strict=True)]
        left, right = ours.index(max(ours)), theirs.index(max(theirs))
        if left == right:
            continue
        widest = max(bound(known[place].tokens) / scales[place] for place in (left, right))
        margins = exact[left] - exact[right], ours[left] - ours[right], theirs[right] - theirs[left]
        found.append(Flip(row, name, *margins, bound=widest))
    return found


def table(found: Sequence[Compared]) -> str:
    """Everything that was compared, 80 columns wide."""
    lines = [HEAD, *(line for each in found for line in each.lines())]
    wrong = sum(not each.holds for each in found)
    rows = sum(each.rows for each in found)
    flips = sum(len(each.flips) for each in found)
    same = f"{flips} rows scored differently within rounding" if flips else "all the same"
    lines += ["", f"{len(found)} comparisons over {rows:,} rows: {same if not wrong else f'{wrong} DIFFERENT'}"]
    lines += ["ours, theirs: how far the furthest log-likelihood of evalkit and of lm-eval is from float64, in nats;"]
    lines += [f"evalkit's bound is {PER_ROOT:.0e} times the root of the tokens; texts are equal strings", ""]
    return "\n".join([*lines, *_summary(found)])


def _summary(found: Sequence[Compared]) -> list[str]:
    """The distances by kind and vocabulary; nothing where only texts were compared."""
    if not any(each.distances for each in found):
        return []
    lines = [f"{'nats from float64':26}{'count':>5}{'tokens':>11}{'evalkit':>10}{'mean':>9}{'lm-eval':>10}{'mean':>9}"]
    for kind in ("choices", "rolling"):
        for size in sorted({each.vocabulary for each in found}):
            chosen = [each for each in found if (each.case.kind, each.vocabulary) == (kind, size)]
            if distances := [distance for each in chosen for distance in each.distances]:
                lines.append(_line(f"{kind}, vocabulary {size:,}", distances))
    return lines


def _line(name: str, distances: Sequence[Distance]) -> str:
    tokens = [each.tokens for each in distances]
    ours, theirs = [each.ours for each in distances], [each.theirs for each in distances]
    numbers = f"{max(ours):>10.1e}{fmean(ours):>9.1e}{max(theirs):>10.1e}{fmean(theirs):>9.1e}"
    return f"{name:26}{len(distances):>5,}{f'{min(tokens)}–{max(tokens)}':>11}{numbers}"


def _shown(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.2e}"
