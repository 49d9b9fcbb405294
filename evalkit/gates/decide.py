"""The decision: pairs of scores and limits to a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evalkit.gates.limits import Limits
from evalkit.gates.verdicts import GateVerdict, Outcome, Pairs
from evalkit.stats.exact import mcnemar_exact
from evalkit.stats.intervals import quantile
from evalkit.stats.paired import Difference, paired_interval

if TYPE_CHECKING:
    from evalkit.core import Estimate, FloatRows, IntArray


def decide(pairs: Pairs, limits: Limits) -> GateVerdict:
    """The verdict on a metric that is a mean over samples.

    With L and U the one-sided bounds of the drop's opposite (candidate - baseline, turned so that higher is better)
    and δ the margin: FAIL where U < -δ, or U < 0 and any drop blocks; else DEGRADED where L > -δ and U < 0; PASS
    where L > -δ; else INCONCLUSIVE.
    """
    found = paired_interval(pairs.baseline, pairs.candidate, pairs.clusters, 1.0 - 2.0 * limits.alpha)
    return _verdict(found, float(pairs.baseline.mean()), float(pairs.candidate.mean()), limits, pairs)


def decide_statistic(
    baseline_rows: FloatRows,
    candidate_rows: FloatRows,
    clusters: IntArray | None,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    limits: Limits,
    *,
    higher_is_better: bool = True,
    seed: int = 0,
) -> GateVerdict:
    """The verdict on a metric that is no mean of samples (pass@k, corpus BLEU, perplexity, a win rate).

    Rows of shape (n, width) are the metric's sufficient statistics of the same samples in the same order. Clusters
    are drawn with replacement, the same ones for both runs (the paired cluster bootstrap).
    """
    n = len(baseline_rows)
    numbers = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(numbers == g) for g in range(int(numbers.max()) + 1)]
    before = estimate(baseline_rows, numbers).value
    after = estimate(candidate_rows, numbers).value
    drawn = []
    for _ in range(1000):
        picks = np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        drawn.append(
            estimate(candidate_rows[picks], numbers[picks]).value - estimate(baseline_rows[picks], numbers[picks]).value
        )
    low, high = np.quantile(drawn, [limits.alpha, 1.0 - limits.alpha])
    share = min(np.mean(np.asarray(drawn) <= 0), np.mean(np.asarray(drawn) >= 0))
    found = Difference(
        after - before,
        float(low),
        float(high),
        min(1.0, 2 * float(share)),
        n,
        len(members),
        "bootstrap",
        limits.confidence,
    )
    return _verdict(found, before, after, limits, Pairs(np.zeros(0), np.zeros(0), higher_is_better=higher_is_better))


def _verdict(found: Difference, before: float, after: float, limits: Limits, pairs: Pairs) -> GateVerdict:
    low, high = (found.low, found.high) if pairs.higher_is_better else (-found.high, -found.low)
    if high < -limits.margin or (high < 0.0 and limits.any_drop_blocks):
        outcome, reason = Outcome.FAIL, "the drop is larger than the margin allows"
    elif low > -limits.margin:
        outcome = Outcome.DEGRADED if high < 0.0 else Outcome.PASS
        reason = "any drop lies inside the margin"
    else:
        outcome, reason = Outcome.INCONCLUSIVE, "the samples do not tell"
    exact = None
    if pairs.clusters is None and len(pairs.baseline) and not pairs.repeats:
        d = pairs.candidate - pairs.baseline
        if bool(np.isin(pairs.baseline, (0.0, 1.0)).all() and np.isin(pairs.candidate, (0.0, 1.0)).all()):
            exact = mcnemar_exact(int((d > 0).sum()), int((d < 0).sum()))
    needed = None
    if outcome is Outcome.INCONCLUSIVE and limits.margin > 0.0 and math.isfinite(low):
        error = (high - low) / (2.0 * quantile(1.0 - 2.0 * limits.alpha))
        needed = math.ceil(found.n * ((quantile(1.0 - 2.0 * limits.alpha) + 0.8416) * error / limits.margin) ** 2)
    return GateVerdict(
        outcome,
        before,
        after,
        found.value,
        found.low,
        found.high,
        found.p_value,
        exact,
        found.n,
        found.clusters,
        found.how,
        needed,
        limits.margin,
        reason,
    )
