"""Repeats: how much of a score's spread lies between questions, and how much between tries at one question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of one try: `between` questions and `within` a question, from `questions` with `repeats` on average.

    `f` is the analysis of variance's F (between over within) with its p. Estimates that come out below 0 are 0.
    """

    between: float
    within: float
    questions: int
    repeats: float
    f: float
    p_value: float

    @property
    def icc(self) -> float:
        """The proportion of the variance that lies between questions; NaN where nothing varies."""
        total = self.between + self.within
        return self.between / total if total > 0.0 else math.nan

    def standard_error(self, questions: int | None = None, repeats: float | None = None) -> float:
        """√((between + within/repeats)/questions): of the mean with other numbers of questions or repeats, too.

        As repeats grow it falls towards √(between/questions); beyond that only more questions help (Miller 2024).
        """
        n, k = questions or self.questions, repeats or self.repeats
        return math.sqrt((self.between + self.within / k) / n)


def components(values: FloatRows, questions: IntArray) -> Components:
    """Components of variance by one-way analysis of variance; `values` and `questions` have shape (n,).

    Questions may have different numbers of repeats k_q; `between` = (MS_between - MS_within)/k₀ with
    k₀ = (n - Σk_q²/n)/(Q - 1) (Searle, Casella & McCulloch 1992). Raises ValueError for fewer than two questions, or
    where no question has a repeat.
    """
    from scipy import special

    x = np.asarray(values, dtype=np.float64)
    _, numbers = np.unique(questions, return_inverse=True)
    sizes = np.bincount(numbers).astype(np.float64)
    count, n = len(sizes), len(x)
    if count < 2 or n == count:
        raise ValueError(f"components need two questions and a repeat at least, found {count} questions, {n} values")
    means = np.bincount(numbers, weights=x) / sizes
    within = float(((x - means[numbers]) ** 2).sum()) / (n - count)
    between = float((sizes * (means - x.mean()) ** 2).sum()) / (count - 1)
    typical = (n - float(sizes @ sizes) / n) / (count - 1)
    f = between / within if within > 0.0 else (math.inf if between > 0.0 else math.nan)
    p = float(special.fdtrc(count - 1, n - count, f)) if math.isfinite(f) else (0.0 if f == math.inf else math.nan)
    return Components(max(0.0, (between - within) / typical), within, count, n / count, f, p)
