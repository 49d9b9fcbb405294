"""What k samples of a question come to together: the answer that most of them give, and the best of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record, UsageError, Validity
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SILENT = 0.0
"""The number of no answer."""


def maj_at_k(k: int = 1, *, score: str) -> Metric:
    """Maj@k, also called cons@k: the mean over questions of the score of the answer that most of k samples give.

    A sample votes for the answer that its score was read from (`Score.answer`), as it is spelled there; one without an
    answer is drawn and does not vote, and where nobody votes the question scores 0. **Ties**: each of the commonest
    answers is elected with equal chance, and the question has the mean of their scores. Of n samples above k the vote
    is the mean over all draws of k of them without replacement, computed exactly. A question with fewer than k samples
    is left out.

    Sources: Wang et al. 2022 (self-consistency, arXiv 2203.11171); DeepSeek-R1's cons@64 (arXiv 2501.12948).
    The row is (value, number of the answer, number of the question). Raises UsageError for k below 1.
    """
    return _of_questions(f"maj@{k}", k, score, _elected)


def best_at_k(k: int = 1, *, score: str) -> Metric:
    """Best@k: the mean over questions of the largest score among k samples, for scores that are right, wrong or graded.

    Of n samples above k it is the mean over all draws of k without replacement: Σ v(i)·C(i-1, k-1)/C(n, k) over the
    scores in ascending order. Of scores that are 0 and 1 it is pass@k. A question with fewer than k samples is left
    out. The row is that of `maj_at_k`. Raises UsageError for k below 1.
    """
    return _of_questions(f"best@{k}", k, score, _best)


def _of_questions(name: str, k: int, score: str, value_of: Callable[[FloatRows, FloatRows, int], float]) -> Metric:
    """The mean over questions of `value_of(values, answers, k)`."""
    if k < 1:
        raise UsageError(f"k of {name.partition('@')[0]}@k must be at least 1", found=str(k))

    def observe(record: Record) -> tuple[float, float, float] | None:
        value, question = measured(record, score), _number(record.sample.id)
        if value is None:
            failed = record.validity is not Validity.OK and not record.validity.is_measurement_failure
            return (0.0, _SILENT, question) if failed and record.value(score) is None else None
        answer = next((one.answer for one in record.scores if one.name == score), None)
        return value, _SILENT if answer is None else _number(answer), question

    def questions(rows: FloatRows, clusters: IntArray) -> tuple[FloatRows, IntArray]:
        import numpy as np

        _, first, question = np.unique(rows[:, 2], return_index=True, return_inverse=True)
        order = np.argsort(question, kind="stable")
        ends = np.cumsum(np.bincount(question))[:-1]
        values = np.full(len(first), np.nan)
        for place, members in enumerate(np.split(order, ends)):
            if len(members) >= k:
                values[place] = value_of(rows[members, 0], rows[members, 1], k)
        return values, clusters[first]

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats import mean_interval

        if not len(rows):
            return mean_interval([], None)
        values, numbers = questions(rows, clusters)
        enough = np.isfinite(values)
        found = mean_interval(values[enough], numbers[enough], ends=(0.0, 1.0))
        return found if enough.any() else replace(found, how=f"no question has {k} samples")

    return Metric(name, observe, estimate, width=3, units=questions)


def _best(values: FloatRows, answers: FloatRows, k: int) -> float:
    import numpy as np

    ordered, n = np.sort(values), len(values)
    # The chance that the i-th smallest is the largest of k: C(i-1, k-1)/C(n, k), from the top down.
    total, chance = 0.0, k / n
    for i in range(n, k - 1, -1):
        total += float(ordered[i - 1]) * chance
        chance *= (i - k) / (i - 1) if i > 1 else 0.0
    return total


def _elected(values: FloatRows, answers: FloatRows, k: int) -> float:
    import numpy as np

    names, place = np.unique(answers, return_inverse=True)
    counts = np.bincount(place)
    means = np.bincount(place, weights=values) / counts
    votes = [(int(count), float(mean)) for name, count, mean in zip(names, counts, means, strict=True) if name]
    if not votes:
        return 0.0
    chances = election(tuple(count for count, _ in votes), len(values), k)
    return sum(chance * mean for chance, (_, mean) in zip(chances, votes, strict=True))


@lru_cache(4096)
def election(counts: tuple[int, ...], n: int, k: int) -> tuple[float, ...]:
    """The chance of every answer to be elected by k of n samples, drawn without replacement; `counts` are those of the
    answers, the other samples have none. Ties share their chance.

    For an answer to win with m votes, no other may have more. The ways to draw so are the coefficients of a product of
    polynomials, one for each other answer: of x for samples drawn and of y for answers that also have m.
    """
    import math

    import numpy as np

    chances: list[float] = []
    known: dict[int, float] = {}
    total = math.comb(n, k)
    silent = np.array([float(math.comb(n - sum(counts), j)) for j in range(k + 1)])
    for number, own in enumerate(counts):
        if own not in known:
            others = counts[:number] + counts[number + 1 :]
            won = 0.0
            for m in range(1, min(own, k) + 1):
                ways = _ways(others, silent, m, k)
                drawn = ways[:, k - m] / (np.arange(len(ways)) + 1)
                won += math.comb(own, m) * float(drawn.sum())
            known[own] = won / total
        chances.append(known[own])
    return tuple(chances)


def _ways(others: tuple[int, ...], silent: FloatRows, m: int, k: int) -> FloatRows:
    """The ways to draw j samples from those without an answer and from `others`, none of which is drawn more than m
    times: an array of shape (answers drawn m times, j)."""
    import math

    import numpy as np

    ways = np.zeros((1, k + 1))
    ways[0] = silent
    for count in others:
        below = np.array([float(math.comb(count, j)) for j in range(min(count + 1, m))])
        fewer = np.stack([np.convolve(row, below)[: k + 1] for row in ways])
        if count < m:
            ways = fewer
            continue
        grown = np.zeros((len(ways) + 1, k + 1))
        grown[:-1] = fewer
        grown[1:, m:] += math.comb(count, m) * ways[:, : k + 1 - m]
        ways = grown
    return ways


def _number(text: str) -> float:
    """A number above 0 that tells texts apart and that a float holds exactly."""
    return 1.0 + int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big")
