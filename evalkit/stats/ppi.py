"""Prediction-powered inference: a judge's verdicts on everything, corrected by human labels on a part."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.intervals import mean_interval, standard_error
from evalkit.stats.paired import paired_interval

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


FEW = 10
NO_HELP = "the judge does not help"
"""What `Estimate.how` says where the labels alone are as exact."""


def ppi_mean(
    human: FloatRows,
    judged: FloatRows,
    unlabelled: FloatRows,
    *,
    clusters: IntArray | None = None,
    unlabelled_clusters: IntArray | None = None,
    power: float | None = 1.0,
    confidence: float = 0.95,
) -> Estimate:
    """The mean that humans would give: mean(ŷ over unlabelled) - mean(ŷ - y over labelled).

    `human` and `judged` are of the same n labelled samples, `unlabelled` the judge's N others (Angelopoulos et al.
    2023, arXiv 2301.09633; its variance is σ_f²/N + σ_r²/n). `power` weighs the judge: λ·mean(ŷ) + mean(y - λŷ); None
    takes the λ of least variance between 0 and 1 (PPI++, arXiv 2311.01453), or the labels alone (λ = 0) where fewer
    than 10 of them are of the rarer kind, and 1 where under 10 labels disagree with the judge: so few choose no λ.

    The interval puts those of the two means together (MOVER, Zou & Donner 2008), each in the form that fits it: so few
    disagreements, shares at the edge and clusters are met as everywhere in evalkit. `Estimate.how` says so where labels
    alone would have been as exact: the judge then helps nothing.
    """
    y, f, g = (np.asarray(part, dtype=np.float64) for part in (human, judged, unlabelled))
    if y.shape != f.shape:
        raise ValueError(f"as many labels as verdicts on them are needed, found {y.shape} and {f.shape}")
    if len(y) < 2 or len(g) < 2:
        return Estimate(math.nan, math.nan, math.nan, len(y), "too few labels", confidence)
    every = np.concatenate([y, f, g])
    bounded = bool(((every >= 0.0) & (every <= 1.0)).all())
    alone = mean_interval(y, clusters, confidence, ends=(0.0, 1.0) if bounded else (None, None))
    weight = 1.0 if power is None else power
    if power is None and int((y != f).sum()) >= FEW:
        weight = tuned_power(y, f, g)
    if power is None and (weight == 0.0 or (bounded and min(y.sum(), (1.0 - y).sum()) < FEW)):
        return replace(alone, how=f"{alone.how}, {len(y)} labels alone: {NO_HELP}")
    value = float(weight * g.mean() + (y - weight * f).mean())
    predicted = mean_interval(g, unlabelled_clusters, confidence, ends=(0.0, 1.0) if bounded else (None, None))
    if weight == 1.0:
        right = paired_interval(f, y, clusters, confidence, ends=(0.0, 1.0) if bounded else (None, None)).estimate
    else:
        ends = (-weight, 1.0) if bounded else (None, None)
        right = mean_interval(y - weight * f, clusters, confidence, ends=ends)
    below = math.hypot(weight * (predicted.value - predicted.low), right.value - right.low)
    above = math.hypot(weight * (predicted.high - predicted.value), right.high - right.value)
    how = f"ppi, λ={weight:.3g}, {len(y)} labels and {len(g)} verdicts, {right.how}"
    if below + above >= alone.high - alone.low:
        how += f": {NO_HELP}"
    return Estimate(value, value - below, value + above, len(y), how, confidence)


def tuned_power(human: FloatRows, judged: FloatRows, unlabelled: FloatRows) -> float:
    """The λ of least variance: cov(y, ŷ) / ((1 + n/N)·var(ŷ)), ŷ over both parts, held between 0 and 1."""
    spread = float(np.concatenate([judged, unlabelled]).var())
    if spread == 0.0:
        return 0.0
    together = float(((human - human.mean()) * (judged - judged.mean())).mean())
    return min(1.0, max(0.0, together / ((1.0 + len(human) / len(unlabelled)) * spread)))


def ppi_error(human: FloatRows, judged: FloatRows, unlabelled: FloatRows, power: float = 1.0) -> float:
    """The standard error √(λ²σ_f²/N + σ_r²/n)."""
    y, f, g = (np.asarray(part, dtype=np.float64) for part in (human, judged, unlabelled))
    return math.hypot(power * standard_error(g), standard_error(y - power * f))
