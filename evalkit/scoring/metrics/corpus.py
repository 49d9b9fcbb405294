"""BLEU, chrF and TER of a whole corpus, from counts of every segment: no text is read twice, not even by a jackknife.

Definitions are sacrebleu's (Post 2018, https://aclanthology.org/W18-6319), which counts the segments for the scorers
of the same names; here the counts are summed, and the formula is computed without each of thousands of clusters at
once. Values are sacrebleu's over 100.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

Smooth = Literal["exp", "floor", "add-k", "none"]
SMOOTHING: dict[Smooth, float] = {"exp": 0.0, "floor": 0.1, "add-k": 1.0, "none": 0.0}
"""The ways of smoothing a precision of 0, each with sacrebleu's value for it."""

Formula: TypeAlias = "Callable[[FloatRows], FloatRows]"
"""Sums of counts of shape (r, width) to r values."""

_ORDERS = 4
_LOG_OF_ZERO = -9999999999.0
_SEED = 1


def bleu(*, score: str = "bleu", smooth: Smooth = "exp", smooth_value: float | None = None) -> Metric:
    """BLEU of the corpus (0 to 1; Papineni et al. 2002), from the counts of `scorers.bleu`.

    A row holds the length of the text, that of the closest reference, then the matching and the possible n-grams of
    orders 1 to 4. `smooth` says what becomes of an order without a match.
    """
    value = SMOOTHING[smooth] if smooth_value is None else smooth_value
    return of_counts("bleu", score, 2 + 2 * _ORDERS, partial(bleu_values, smooth=smooth, value=value), weighed_by=1)


def chrf(*, score: str = "chrf", characters: int = 6, words: int = 0, beta: float = 2.0) -> Metric:
    """chrF of the corpus (0 to 1, Popović 2015), from the counts of `scorers.chrf`; with `words=2` it is chrF++.

    A row holds, for each order of character and then of word n-grams, those of the text, of the reference and of both.
    """
    return of_counts("chrf", score, 3 * (characters + words), partial(chrf_values, beta=beta))


def ter(*, score: str = "ter") -> Metric:
    """Translation edit rate of the corpus (edits per reference word; Snover et al. 2006), by `scorers.ter`.

    A row holds the edits to the closest reference and the mean length of the references. Lower is better. A gate takes
    a segment of which every word is wrong (a rate of 1) for the worst that it may not have seen.
    """
    return of_counts("ter", score, 2, ter_values, higher_is_better=False, weighed_by=1, ends=(0.0, 1.0))


def of_counts(
    name: str,
    score: str,
    width: int,
    formula: Formula,
    *,
    higher_is_better: bool = True,
    weighed_by: int | None = None,
    ends: Ends | None = None,
    seed: int = _SEED,
) -> Metric:
    """The metric that `formula` makes of summed `Score.counts`, with a jackknife interval over clusters. A gate reckons
    with its `ends`; those of a proportion are in the interval, too.

    A record whose score has no counts leaves n, and so does a measurement failure. Raises ValueError where counts are
    not `width` numbers: the score was made with other settings.
    """

    def observe(record: Record) -> tuple[float, ...] | None:
        return counted(record, score, width)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import jackknife_interval

        own = (0.0, 1.0) if scale == "proportion" else (None, None)
        return jackknife_interval(
            rows, lambda sums, counts: formula(sums), clusters, seed=seed, ends=own, weighed_by=weighed_by
        )

    scale: Literal["proportion", "number"] = "proportion" if higher_is_better else "number"
    return Metric(name, observe, estimate, width, higher_is_better, scale, weighed_by=weighed_by, ends=ends)


def counted(record: Record, score: str, width: int) -> tuple[float, ...] | None:
    """The counts of the score of that name, or None where it was not measured."""
    if measured(record, score) is None:
        return None
    counts = next(found.counts for found in record.scores if found.name == score)
    if counts and len(counts) != width:
        raise ValueError(f"score {score!r} has {len(counts)} counts and {width} are needed")
    return counts or None


# ---------------------------------------------------------------- formulas over sums of counts, shape (r, width) → (r,)


def bleu_values(sums: FloatRows, *, smooth: Smooth = "exp", value: float = 0.0) -> FloatRows:
    """Brevity penalty times the geometric mean of the precisions of orders 1 to 4."""
    import numpy as np

    said, wanted = sums[:, 0], sums[:, 1]
    correct, total = sums[:, 2 : 2 + _ORDERS], sums[:, 2 + _ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        brevity = np.where(said < wanted, np.where(said > 0, np.exp(1.0 - wanted / said), 0.0), 1.0)
        logs, doubled = np.zeros(len(sums)), np.ones(len(sums))
        possible = np.ones(len(sums), dtype=bool)
        for order in range(_ORDERS):
            more = value if smooth == "add-k" and order > 0 else 0.0
            right, of = correct[:, order] + more, total[:, order] + more
            possible &= of > 0
            missed = right == 0
            precision = 100.0 * right / of
            if smooth == "exp":
                # As mteval-v13a does it: a half for the first order without a match, a quarter for the next.
                doubled = np.where(missed & possible, doubled * 2.0, doubled)
                precision = np.where(missed, 100.0 / (doubled * of), precision)
            elif smooth == "floor":
                precision = np.where(missed, 100.0 * value / of, precision)
            counts = possible & (precision > 0)
            logs += np.where(counts, np.log(np.where(counts, precision, 1.0)), _LOG_OF_ZERO)
        values = brevity * np.exp(logs / _ORDERS) / 100.0
    return np.where(correct.any(axis=1), values, 0.0)


def chrf_values(sums: FloatRows, *, beta: float = 2.0) -> FloatRows:
    """The F-score of the precisions and recalls averaged over the orders that both sides have."""
    import numpy as np

    said, wanted, both = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    precision, recall, orders = (np.zeros(len(sums)) for _ in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        for order in range(said.shape[1]):
            there = (said[:, order] > 0) & (wanted[:, order] > 0)
            precision += np.where(there, both[:, order] / said[:, order], 0.0)
            recall += np.where(there, both[:, order] / wanted[:, order], 0.0)
            orders += there
        precision, recall = precision / np.maximum(orders, 1.0), recall / np.maximum(orders, 1.0)
        factor = beta**2
        values = (1 + factor) * precision * recall / (factor * precision + recall)
    return np.where(precision + recall > 0, values, 0.0)


def ter_values(sums: FloatRows) -> FloatRows:
    """Edits over reference words; 1 where there are edits and no reference words."""
    import numpy as np

    edits, words = sums[:, 0], sums[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(words > 0, edits / words, (edits > 0).astype(np.float64))
