"""Confidence intervals for means and ratios of sums over samples that may be clustered.

Sources: Miller 2024 (arXiv 2411.00640) for the cluster-robust standard error, Wilson 1927 for the score interval,
Korn & Graubard 1998 for a score interval on an effective sample size, Bell & McCaffrey 2002 for the jackknife's degrees
of freedom where clusters are few or of unlike sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.clusters import Spread, renumber, spread, sums
from evalkit.stats.exact import clopper_pearson

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

FEW_SAMPLES = 300
"""Below this many samples a proportion gets Wilson's interval, whose coverage does not lean on normality."""
FEW_EVENTS = 30
"""A proportion with fewer rights or wrongs than this is at the edge, where t intervals fail at any n."""
RARE_EVENTS = 10
"""With fewer rights or wrongs than this Wilson's interval may cover as little as 86 %; the exact one never does."""
FEW_CLUSTERS = 50
"""Below this many clusters a bootstrap is corrected for bias and skewness."""
_PSEUDO = 0.5
"""How many unseen samples are added at either end of the scale: what Jeffreys' prior is worth."""
_ROOT = 0.6
"""With clusters of an effective size k an unseen one holds k^0.6 samples; simulation gave it
(docs/explanation/statistics-measured.md)."""


def mean_interval(
    values: FloatRows | Sequence[float],
    clusters: IntArray | None = None,
    confidence: float = 0.95,
    *,
    ends: Ends = (None, None),
) -> Estimate:
    """The mean of `values` (shape (n,)) with its interval; `clusters` (shape (n,)) numbers what is not independent.

    - Values that are all 0 or 1: Wilson's score interval where samples are under 300 or one side has under 30, Clopper
    &
      Pearson's exact one where it has under 10, t elsewhere.
    - Other values with `ends`, and 0/1 values in clusters: `score_interval`.
    - Values without ends: t on SD(n-1)/√n, or on the cluster-robust error in its jackknife form with Bell and
      McCaffrey's degrees of freedom. NaN where nothing varies: nothing then says how much it could.
    - One graded value, one cluster or none at all: bounds are NaN, too.

    `Estimate.how` states the form that was taken. Raises ValueError for values that are not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a value is not finite")
    n = len(x)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    quantile(confidence)
    numbers, count = renumber(clusters, n)
    zero_one = bool(((x == 0.0) | (x == 1.0)).all())
    if zero_one and numbers is None:
        return _share_interval(x, confidence)
    if n == 1:
        return Estimate(float(x[0]), math.nan, math.nan, 1, "n=1", confidence)
    found = spread(sums(x, numbers, count), sums(np.ones(n), numbers, count), n)
    if numbers is not None and 1 < count < FEW_CLUSTERS:
        # Means of few clusters may agree by chance: they are no surer than as many samples each by itself.
        found = replace(found, variance=max(found.variance, spread(x, np.ones(n), n).variance))
    if zero_one and count == 1:
        # One cluster leaves no degree of freedom; its effective size of 1 is the widest statement there is.
        low, high = wilson(found.value, 1.0, quantile(confidence))
        return Estimate(found.value, low, high, n, "wilson on 1.0 effective samples, 1 clusters", confidence)
    lowest, highest = (0.0, 1.0) if zero_one else ends
    if lowest is None or highest is None:
        return t_interval(found, confidence)
    if float(x.min()) < lowest or float(x.max()) > highest:
        # Whoever declared the ends was wrong about them: what is known is only what was seen.
        outside = t_interval(found, confidence)
        return replace(outside, how=f"{outside.how}, values beyond {lowest:g} to {highest:g}")
    return score_interval(found, (lowest, highest), confidence)


def ratio_interval(
    numerators: FloatRows,
    denominators: FloatRows,
    clusters: IntArray | None = None,
    confidence: float = 0.95,
    *,
    ends: Ends = (None, None),
) -> Estimate:
    """Σ numerators / Σ denominators (both of shape (n,)) with its interval: a mean weighted by the denominators.

    The error is the jackknife's over samples or clusters, with Bell and McCaffrey's degrees of freedom for weights of
    unlike size; where the ratio has `ends`, the interval is `score_interval`. Raises ValueError for values that are not
    finite and for denominators that sum to zero.
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
    if n == 1:
        return Estimate(float(top.sum()) / total, math.nan, math.nan, 1, "n=1", confidence)
    numbers, count = renumber(clusters, n)
    found = spread(sums(top, numbers, count), sums(bottom, numbers, count), n, working=2)
    lowest, highest = ends
    if lowest is None or highest is None:
        return t_interval(found, confidence)
    return score_interval(found, (lowest, highest), confidence)


def score_interval(
    found: Spread, ends: tuple[float, float], confidence: float, *, unseen: float = 1.0, exact: bool = False
) -> Estimate:
    """Wilson's interval of a mean on a scale with `ends`, on as many right-or-wrong answers as its samples are worth.

    Half a sample (half a cluster's worth of them) that was not seen is added at either end; the variance with these
    says how many 0/1 samples tell as much: n_eff = p(1 - p)/var. So the interval has a width where all values are
    alike, is as long towards the middle as scores near an end need, and is t's of many samples. The quantile is t's.

    `unseen` says for how many samples one that was not seen counts, where single ones can move the value by more than
    their part. `exact` takes Clopper & Pearson's bounds, too, where the samples are worth under 10 rights or wrongs.
    """
    lowest, width = ends[0], ends[1] - ends[0]
    n, name = round(found.n), _name("score", found)
    if math.isnan(found.variance):
        return Estimate(found.value, math.nan, math.nan, n, "one cluster", confidence)
    p = min(1.0, max(0.0, (found.value - lowest) / width))
    size = unseen * found.kish**_ROOT
    weight = _PSEUDO * size
    middle = (found.n * p + weight) / (found.n + 2.0 * weight)
    variance = found.variance / width**2 + _PSEUDO * size**2 * (middle**2 + (1.0 - middle) ** 2)
    effective = middle * (1.0 - middle) * found.n**2 / variance
    low, high = wilson(p, effective, quantile(confidence, found.freedom))
    if exact and effective * min(p, 1.0 - p) < RARE_EVENTS:
        least, most = clopper_pearson(effective * p, effective, confidence)
        low, high = min(low, least), max(high, most)
    how = f"{name}, {effective:.1f} effective samples"
    return Estimate(found.value, lowest + width * low, lowest + width * high, n, how, confidence)


def t_interval(found: Spread, confidence: float) -> Estimate:
    """t on the jackknife's error; NaN where nothing varies, and for one cluster."""
    n, name = round(found.n), _name("t", found)
    if math.isnan(found.variance):
        return Estimate(found.value, math.nan, math.nan, n, "one cluster", confidence)
    if found.variance == 0.0:
        return Estimate(found.value, math.nan, math.nan, n, f"{name}, nothing varies", confidence)
    half = quantile(confidence, found.freedom) * found.error
    return Estimate(found.value, found.value - half, found.value + half, n, name, confidence)


def _name(form: str, found: Spread) -> str:
    """With the number of clusters, and with degrees of freedom where they are not one less."""
    name = form if found.count == round(found.n) else f"{form}, {found.count} clusters"
    if math.isnan(found.freedom) or abs(found.freedom - (found.count - 1)) < 0.05:
        return name
    return f"{name}, {found.freedom:.1f} degrees of freedom"


def standard_error(values: FloatRows | Sequence[float], clusters: IntArray | None = None) -> float:
    """The standard error of the mean: √[G/(G-1) · Σ_g(Σ_{i∈g}(x_i - x̄))²]/n; without clusters SD(n-1)/√n.

    NaN where there are fewer than two clusters (or samples).
    """
    x = np.asarray(values, dtype=np.float64)
    numbers, count = renumber(clusters, len(x))
    if count < 2:
        return math.nan
    residuals = sums(x - float(x.mean()), numbers, count)
    return math.sqrt(count / (count - 1) * float(residuals @ residuals)) / len(x)


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
    # At the ends the bound is exactly 0 or 1; rounding must not leave it a hair off.
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


def _share_interval(x: FloatRows, confidence: float) -> Estimate:
    """The interval of a proportion of independent samples: exact, Wilson's or t."""
    n, proportion = len(x), float(x.mean())
    events = n * min(proportion, 1.0 - proportion)
    if events < RARE_EVENTS:
        low, high = clopper_pearson(round(n * proportion), n, confidence)
        return Estimate(proportion, low, high, n, "clopper-pearson", confidence)
    if n < FEW_SAMPLES or events < FEW_EVENTS:
        low, high = wilson(proportion, n, quantile(confidence))
        return Estimate(proportion, low, high, n, "wilson", confidence)
    half = quantile(confidence, n - 1) * math.sqrt(proportion * (1.0 - proportion) / (n - 1))
    return Estimate(proportion, proportion - half, proportion + half, n, "t", confidence)
