"""The mean difference of paired scores with its interval and p."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.difference import bounds, form, p_value
from evalkit.stats.moments import Moments, moments
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray


def paired_interval(
    baseline: FloatRows,
    candidate: FloatRows,
    clusters: IntArray | None = None,
    confidence: float = 0.95,
    *,
    strict: bool = False,
    ends: Ends = (None, None),
) -> Verdict:
    """The mean of candidate - baseline (both of shape (n,)) with its interval.

    The forms are those of `evalkit.stats.difference.bounds`; `ends` are those of the scores, 0 and 1 where all of them
    are one or the other. `strict` bounds err no more often than they say, each by itself, as decisions need; the others
    cover what they say as nearly as can be. The p is that of decisions in both: whoever asks is told one p. Raises
    ValueError where shapes differ or a value is not finite.
    """
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError(f"pairs need two arrays of one shape (n,), found {before.shape} and {after.shape}")
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        raise ValueError("a value is not finite")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    if len(before) == 0:
        return Verdict.unknown("n=0", confidence=confidence)
    return verdict_of(moments(before, after, clusters, ends=ends), confidence, strict=strict)


def verdict_of(found: Moments, confidence: float, *, strict: bool = False) -> Verdict:
    """What the moments of one data set say."""
    low, high = bounds(found, (1.0 - confidence) / 2.0, strict=strict)
    return Verdict(
        float(found.difference),
        float(low),
        float(high),
        float(p_value(found, strict=True)),
        round(float(found.n)),
        int(found.clusters),
        form(found),
        confidence,
    )
