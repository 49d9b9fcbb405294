"""Confidence intervals for means and ratios of sums over samples that may be clustered.

Sources: Miller 2024 (arXiv 2411.00640) for the cluster-robust standard error, Wilson 1927 for the score interval,
Korn & Graubard 1998 for a score interval on an effective sample size, Cameron & Miller 2015 for t with G - 1
degrees of freedom and for the jackknife where clusters are few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.clusters import renumber, sums
from evalkit.stats.exact import clopper_pearson

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

FEW_SAMPLES = 300
"""Below this many samples a proportion gets Wilson's interval, whose coverage does not lean on normality."""
FEW_EVENTS = 30
"""A proportion with fewer rights or wrongs than this is at the edge, where t intervals fail at any n."""
FEW_CLUSTERED_EVENTS = 300
"""With clusters the skewness of sums lasts longer: 50 clusters of 20 with 50 effective events gave t 93.4 %."""
RARE_EVENTS = 10
"""With fewer rights or wrongs than this Wilson's interval may cover as little as 86 %; the exact one never does."""
FEW_CLUSTERS = 50
"""Below this many clusters the cluster-robust standard error is too small too often (Cameron & Miller 2015)."""


def mean_interval(
    values: FloatRows | Sequence[float], clusters: IntArray | None = None, confidence: float = 0.95
) -> Estimate:
    """The mean of `values` (shape (n,)) with its interval; `clusters` (shape (n,)) numbers what is not independent.

    - Graded values: t on SD(n-1)/√n, or on the cluster-robust error with G - 1 degrees of freedom; under 50
      clusters on the jackknife over clusters, which is the larger one.
    - Values that are all 0 or 1: Wilson's score interval where samples are under 300 or one side has under 30, and
      Clopper & Pearson's exact one where it has under 10. With clusters Wilson's stands on the effective sample size,
      n over the design effect, and takes t's quantile, up to 300 effective events.
    - One graded value, one cluster or none at all: bounds are NaN, because nothing says how much it varies.

    `Estimate.how` states the form that was taken. Raises ValueError for values that are not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a value is not finite")
    n = len(x)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    mean = float(x.mean())
    numbers, count = renumber(clusters, n)
    if bool(((x == 0.0) | (x == 1.0)).all()):
        score = _share_interval(x, mean, numbers, count, confidence)
        if score is not None:
            return score
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1, "n=1", confidence)
    return _linear_interval(x, np.ones(n), mean, numbers, count, confidence)


def ratio_interval(
    numerators: FloatRows, denominators: FloatRows, clusters: IntArray | None = None, confidence: float = 0.95
) -> Estimate:
    """Σ numerators / Σ denominators (both of shape (n,)) with its interval, by linearisation.

    The error is that of the residuals numerator - ratio · denominator over the mean denominator (the delta method),
    summed by cluster, with t and G - 1 degrees of freedom. Raises ValueError for values that are not finite and
    for denominators that sum to zero.
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if not (np.isfinite(top).all() and np.isfinite(bottom).all()):
        raise ValueError("a value is not finite")
    n = len(top)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    total = float(bottom.sum())
    if total == 0.0:
        raise ValueError("the denominators sum to zero")
    ratio = float(top.sum()) / total
    if n == 1:
        return Estimate(ratio, math.nan, math.nan, 1, "n=1", confidence)
    numbers, count = renumber(clusters, n)
    return _linear_interval(top, bottom, ratio, numbers, count, confidence)


def standard_error(values: FloatRows | Sequence[float], clusters: IntArray | None = None) -> float:
    """The standard error of the mean: √[G/(G-1) · Σ_g(Σ_{i∈g}(x_i - x̄))²]/n; without clusters SD(n-1)/√n.

    NaN where there are fewer than two clusters (or samples).
    """
    x = np.asarray(values, dtype=np.float64)
    numbers, count = renumber(clusters, len(x))
    if count < 2:
        return math.nan
    return _robust_error(x, np.ones(len(x)), float(x.mean()), numbers, count)


def pooled_stderr(errors: Sequence[float], sizes: Sequence[int]) -> float:
    """The standard error of the size-weighted mean over k groups: √{[Σ(nᵢ-1)·nᵢ·seᵢ²]/(N-k)/N}.

    `errors` are the groups' own standard errors, `sizes` their numbers of samples. This is lm-evaluation-harness'
    definition: it pools the variance within groups and leaves out how far the groups' means lie apart. NaN where
    no group has two samples. Raises ValueError where the two differ in length.
    """
    pairs = list(zip(errors, sizes, strict=True))
    total = sum(size for _, size in pairs)
    spare = total - len(pairs)
    if spare < 1:
        return math.nan
    # A group of one has no standard error of its own (NaN) and adds nothing to the pooled variance.
    within = sum((size - 1) * size * error**2 for error, size in pairs if size > 1)
    return math.sqrt(within / spare / total)


def wilson(proportion: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion over `n` samples (which may be an effective, fractional number).

    `quantile` is the standard normal's (or t's) at (1 + confidence)/2. The bounds lie within [0, 1].
    """
    square = quantile * quantile
    middle = (proportion + square / (2 * n)) / (1 + square / n)
    half = quantile / (1 + square / n) * math.sqrt(proportion * (1 - proportion) / n + square / (4 * n * n))
    # At the ends the bound is exactly 0 or 1; rounding must not leave it a hair beside.
    low = 0.0 if proportion == 0.0 else max(0.0, middle - half)
    high = 1.0 if proportion == 1.0 else min(1.0, middle + half)
    return low, high


def quantile(confidence: float, freedom: float = math.inf) -> float:
    """Student's t quantile at (1 + confidence)/2, the normal's for infinite degrees of freedom."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    # scipy.special loads in a fraction of the time of scipy.stats.
    from scipy import special

    proportion = (1.0 + confidence) / 2.0
    return float(special.ndtri(proportion) if math.isinf(freedom) else special.stdtrit(freedom, proportion))


def _share_interval(
    x: FloatRows, proportion: float, numbers: IntArray | None, count: int, confidence: float
) -> Estimate | None:
    """Wilson's interval for 0/1 values, or None where there are enough samples, events and clusters for t."""
    n = len(x)
    events = n * min(proportion, 1.0 - proportion)
    if numbers is None:
        if n >= FEW_SAMPLES and events >= FEW_EVENTS:
            return None
        if events < RARE_EVENTS:
            low, high = clopper_pearson(round(n * proportion), n, confidence)
            return Estimate(proportion, low, high, n, "clopper-pearson", confidence)
        low, high = wilson(proportion, n, quantile(confidence))
        return Estimate(proportion, low, high, n, "wilson", confidence)
    effective = _effective_size(x, proportion, numbers, count)
    if count >= FEW_CLUSTERS and events * effective / n >= FEW_CLUSTERED_EVENTS:
        return None
    # One cluster leaves no degree of freedom; its effective size of 1 is the widest statement there is.
    z = quantile(confidence, count - 1 if count > 1 else math.inf)
    low, high = wilson(proportion, effective, z)
    how = f"wilson on {effective:.1f} effective samples, {count} clusters"
    return Estimate(proportion, low, high, n, how, confidence)


def _effective_size(x: FloatRows, proportion: float, numbers: IntArray, count: int) -> float:
    """How many independent samples the clustered ones are worth: n over the design effect.

    It lies between Kish's n²/Σm² (clusters of size m whose samples are all alike) and n. The lower end is taken
    where the design effect can't be estimated: few clusters, or few events.
    """
    n = len(x)
    sizes = np.bincount(numbers, minlength=count).astype(np.float64)
    least = n * n / float((sizes**2).sum())
    simple = proportion * (1.0 - proportion) / n
    if count < 2 or simple == 0.0:
        return least
    error = _robust_error(x, np.ones(n), proportion, numbers, count)
    effective = min(float(n), max(least, n * simple / error**2 if error > 0.0 else n))
    return least if effective * min(proportion, 1.0 - proportion) < 10 else effective


def _linear_interval(
    top: FloatRows, bottom: FloatRows, value: float, numbers: IntArray | None, count: int, confidence: float
) -> Estimate:
    n = len(top)
    if count < 2:
        return Estimate(value, math.nan, math.nan, n, "one cluster", confidence)
    if numbers is None:
        error, how = _robust_error(top, bottom, value, None, n), "t"
    elif count >= FEW_CLUSTERS:
        error, how = _robust_error(top, bottom, value, numbers, count), f"t, {count} clusters"
    else:
        robust = _robust_error(top, bottom, value, numbers, count)
        error = max(robust, _jackknife_error(top, bottom, numbers, count))
        how = f"t, jackknife over {count} clusters"
    if error == 0.0:
        how += ", all alike"
    half = quantile(confidence, count - 1) * error
    return Estimate(value, value - half, value + half, n, how, confidence)


def _robust_error(top: FloatRows, bottom: FloatRows, value: float, numbers: IntArray | None, count: int) -> float:
    residuals = sums(top - value * bottom, numbers, count)
    return math.sqrt(count / (count - 1) * float(residuals @ residuals)) / abs(float(bottom.sum()))


def _jackknife_error(top: FloatRows, bottom: FloatRows, numbers: IntArray, count: int) -> float:
    """√[(G-1)/G · Σ_g(θ₋g - θ̄)²], where θ₋g leaves cluster g out; with clusters of one size the robust error."""
    over, under = sums(top, numbers, count), sums(bottom, numbers, count)
    rest = under.sum() - under
    if (rest == 0.0).any():
        return 0.0
    without = (over.sum() - over) / rest
    return math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
