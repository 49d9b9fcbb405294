"""pass@k: the chance that at least one of k completions of a problem is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record, UsageError, Validity
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def pass_at_k(k: int = 1, *, score: str = "passed", attempts: str = "attempts") -> Metric:
    """Pass@k: the mean over problems of the unbiased estimate 1 - C(n-c, k)/C(n, k).

    n completions of a problem were tried and c were right: the scores `attempts` and `score` (the proportion c/n) say
    so, and a problem that was asked several times (repeats) has all of them together. A problem with fewer than k
    completions has no pass@k and is left out; `Estimate.n` counts the problems that have one. Intervals are over
    problems, clustered where samples are. For k = 1 this is the mean share.

    The row is (n, c, a number for the problem). Source: Chen et al. 2021 (arXiv 2107.03374), section 2.1.
    Raises UsageError for k below 1.
    """
    return _of_problems(f"pass@{k}", k, score, attempts, unbiased)


def all_pass_at_k(k: int = 1, *, score: str = "passed", attempts: str = "attempts") -> Metric:
    """Pass^k: the mean over problems of the unbiased estimate C(c, k)/C(n, k) that all of k completions are right.

    Completions are counted as `pass_at_k` counts them, and a problem with fewer than k is left out. Source: Yao et al.
    2024 (tau-bench, arXiv 2406.12045), section 3. Raises UsageError for k below 1.
    """
    return _of_problems(f"pass^{k}", k, score, attempts, unbiased_all)


def _of_problems(
    name: str, k: int, score: str, attempts: str, estimator: Callable[[FloatRows, FloatRows, int], FloatRows]
) -> Metric:
    """The mean over problems of what `estimator` makes of (n, c, k)."""
    if k < 1:
        raise UsageError(f"k of {name[:5]}k must be at least 1", found=str(k))

    def observe(record: Record) -> tuple[float, float, float] | None:
        proportion = measured(record, score)
        tried = measured(record, attempts)
        if proportion is None:
            failed = record.validity is not Validity.OK and not record.validity.is_measurement_failure
            return (1.0, 0.0, _number(record.sample.id)) if failed and record.value(score) is None else None
        n = 1.0 if tried is None else tried
        return (n, round(proportion * n), _number(record.sample.id))

    def problems(rows: FloatRows, clusters: IntArray) -> tuple[FloatRows, IntArray]:
        import numpy as np

        _, first, problem = np.unique(rows[:, 2], return_index=True, return_inverse=True)
        n: FloatRows = np.bincount(problem, weights=rows[:, 0]).astype(np.float64)
        c: FloatRows = np.bincount(problem, weights=rows[:, 1]).astype(np.float64)
        enough = n >= k
        values = np.full(len(n), np.nan)
        values[enough] = estimator(n[enough], c[enough], k)
        return values, clusters[first]

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats import mean_interval

        if not len(rows):
            return mean_interval([], None)
        values, numbers = problems(rows, clusters)
        enough = np.isfinite(values)
        found = mean_interval(values[enough], numbers[enough], ends=(0.0, 1.0))
        return found if enough.any() else replace(found, how=f"no problem has {k} completions")

    return Metric(name, observe, estimate, width=3, units=problems)


def pass_at(wanted: str, n: int) -> tuple[Metric, ...]:
    """pass@1 and pass@k for the k that `wanted` lists ("2,8,64"), or for the usual 10 and 100 and n itself.

    Raises UsageError for what is not a number and for k above `n`, the completions that every problem has.
    """
    if not wanted:
        return tuple(pass_at_k(k) for k in sorted({1, n, *(k for k in (10, 100) if k <= n)}))
    try:
        chosen = sorted({1, *(int(part) for part in wanted.split(","))})
    except ValueError:
        raise UsageError("k of pass@k are whole numbers", found=repr(wanted), fix="1,10,100") from None
    if chosen[-1] > n:
        raise UsageError(f"pass@{chosen[-1]} needs that many completions of every problem", found=f"{n}")
    return tuple(pass_at_k(k) for k in chosen)


def unbiased(n: FloatRows, c: FloatRows, k: int) -> FloatRows:
    """1 - C(n-c, k)/C(n, k) for arrays of shape (problems,), as a product that does not overflow; needs n ≥ k."""
    import numpy as np

    missed = np.ones(len(n))
    for i in range(k):
        # Of k completions drawn without replacement, the next one is wrong, too.
        missed *= np.clip((n - c - i) / (n - i), 0.0, 1.0)
    return np.asarray(1.0 - missed, dtype=np.float64)


def unbiased_all(n: FloatRows, c: FloatRows, k: int) -> FloatRows:
    """C(c, k)/C(n, k) for arrays of shape (problems,); needs n ≥ k."""
    import numpy as np

    right = np.ones(len(n))
    for i in range(k):
        # Of k completions drawn without replacement, the next one is right, too.
        right *= np.clip((c - i) / (n - i), 0.0, 1.0)
    return np.asarray(right, dtype=np.float64)


def _number(text: str) -> float:
    """A number that tells problems apart and that a float holds exactly."""
    return float(int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big"))
