"""What to believe where a set is too small to decide: the posterior of the difference, beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import Pairs
from evalkit.stats.bayes import Posterior, difference_posterior, probability_above
from evalkit.stats.difference import design_effect
from evalkit.stats.moments import moments


@dataclass(frozen=True, slots=True)
class GatePosterior:
    """Probabilities given the prior: that any drop lies inside the margin, and that there is a drop at all.

    `difference` is that of candidate - baseline, turned so that higher is better.
    """

    inside: float
    worse: float
    difference: Posterior


def posterior(pairs: Pairs, limits: GateLimits, *, prior: float = 0.5) -> GatePosterior:
    """The posterior of a difference of scores within [0, 1], under a Dirichlet prior on (gain, loss, neither).

    Clusters and averages over repeats count as their effective pairs. It is no verdict: it keeps no error rate, and
    with few samples the prior (worth one and a half samples) speaks. Raises ValueError for other scales and for no
    samples.
    """
    if len(pairs.baseline) == 0:
        raise ValueError("there is no sample that both runs have")
    sides = (pairs.baseline, pairs.candidate) if pairs.higher_is_better else (pairs.candidate, pairs.baseline)
    found = moments(*sides, pairs.clusters)
    if not found.bounded:
        raise ValueError("a posterior is there for scores within [0, 1]")
    deff = found.kish if found.clusters < 2.0 else np.maximum(design_effect(found), 1e-9)
    gains, losses, n = (float(value / deff) for value in (found.gains, found.losses, found.n))
    return GatePosterior(
        inside=probability_above(-limits.margin, gains, losses, n, prior),
        worse=1.0 - probability_above(0.0, gains, losses, n, prior),
        difference=difference_posterior(gains, losses, n, 2.0 * limits.confidence - 1.0, prior),
    )
