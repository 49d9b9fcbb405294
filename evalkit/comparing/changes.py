"""Where a series of scores changed its level: binary segmentation on the standardised difference of weighted means.

For every cut of a series into a part before and a part after, z is the difference of the two inverse-variance
weighted means over its standard error, √(1/Σw_before + 1/Σw_after) with w = 1/se². The largest |z| over all cuts is
compared with the largest |z| of series drawn from no change at all (the same standard errors, 4,999 of them, seeded):
p is their proportion that reaches it, so looking at every cut is paid for. A cut with p ≤ α is a change point, and both
parts are searched again (Scott & Knott 1974 for the segmentation; the scan is the CUSUM's, with weights).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

DRAWS = 4999
_SEED = 7


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The level before `place` and from it on, with the p-value of the scan that found it."""

    place: int
    before: float
    after: float
    p_value: float


def change_points(values: Sequence[float], errors: Sequence[float], *, alpha: float = 0.01) -> list[ChangePoint]:
    """The change points of a series, in order. `errors` are standard errors, all positive.

    Scores of the same samples vary less from run to run than their standard errors say (the questions stay), so the
    scan errs towards silence: what it flags is no noise, and a small change may need `evalkit compare`, which pairs.
    """
    import numpy as np

    if len(values) != len(errors):
        raise ValueError(f"{len(values)} values and {len(errors)} standard errors")
    x, se = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if not (np.isfinite(x).all() and np.isfinite(se).all() and (se > 0.0).all()):
        raise ValueError("values must be finite and standard errors positive")
    found: list[ChangePoint] = []
    waiting = [(0, len(x))]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        part, errors_of_part = x[start:end], se[start:end]
        z = _scan(part[None, :], errors_of_part)[0]
        cut = int(np.argmax(z))
        rng = np.random.default_rng([_SEED, start, end])
        drawn = _scan(rng.standard_normal((DRAWS, end - start)) * errors_of_part, errors_of_part).max(axis=1)
        p = (1.0 + float((drawn >= z[cut] - 1e-12).sum())) / (DRAWS + 1.0)
        if p <= alpha:
            weights = 1.0 / errors_of_part**2
            levels = [
                float(np.average(part[piece], weights=weights[piece]))
                for piece in (slice(0, cut + 1), slice(cut + 1, None))
            ]
            found.append(ChangePoint(start + cut + 1, levels[0], levels[1], p))
            waiting += [(start, start + cut + 1), (start + cut + 1, end)]
    return sorted(found, key=lambda point: point.place)


def _scan(series: Array, errors: Array) -> Array:
    """|z| of every cut: series of shape (r, n) to (r, n - 1)."""
    import numpy as np

    weights = 1.0 / errors**2
    sums, total = np.cumsum(series * weights, axis=1)[:, :-1], (series * weights).sum(axis=1, keepdims=True)
    mass = np.cumsum(weights)[:-1]
    rest = weights.sum() - mass
    gaps: Array = np.abs(sums / mass - (total - sums) / rest) / np.sqrt(1.0 / mass + 1.0 / rest)
    return gaps


def standard_error_of(low: float, high: float, confidence: float, n: int) -> float:
    """The standard error that an interval of that confidence speaks of; NaN where it says nothing."""
    from evalkit.stats.intervals import quantile

    if n < 2 or not (math.isfinite(low) and math.isfinite(high)):
        return math.nan
    return (high - low) / 2.0 / quantile(confidence)
