"""A win rate as it would be at equal length (AlpacaEval 2, Dubois et al. 2024, arXiv 2404.04475)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.tournaments.anchors import Anchor
from evalkit.stats.tournaments.logistic import fit, log_loss, sigmoid

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

STRENGTHS = np.logspace(-4, 4, 10)
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class LengthFit:
    """Coefficients of tanh(Δ/sd Δ), of the instruction's difficulty and of the model, and the rate they give."""

    length: float
    difficulty: float
    model: float
    rate: Estimate
    error: float
    """The rate's standard error: the spread over the bootstrap's fits."""
    c: float

    @property
    def coefficients(self) -> tuple[float, float, float]:
        return self.length, self.difficulty, self.model


def controlled_rate(difficulty: FloatRows, difficulty_coefficient: float, model_coefficient: float) -> float:
    """The mean of σ(β₂·d_i + β₃), 0 to 1: the length term at zero. `difficulty` has a value for each instruction."""
    return float(sigmoid(difficulty_coefficient * difficulty + model_coefficient).mean())


def fit_length(
    preference: FloatRows,
    own: FloatRows,
    baseline: FloatRows,
    difficulty: FloatRows | None = None,
    *,
    anchor: Anchor | None = None,
    c: float | None = None,
    resamples: int = 200,
    seed: int = 1,
    confidence: float = 0.95,
) -> LengthFit:
    """Fit logit P(model wins) = β₁·tanh(Δ/sd(Δ)) + β₂·d_i + β₃ to soft preferences (shape (n,), 1 for the model).

    Δ is the baseline's length minus the model's, both in characters. L1 logistic regression without intercept; its
    strength `c`, where none is given, is that of ten with the least log-loss over five groups of rows in turn. The
    interval is a bootstrap over instructions that fits the model again each time (at the strength chosen once),
    percentiles. Without difficulties that term is left out.

    `anchor` are rows that all fits of a leaderboard share (see `Anchor`): AlpacaEval's controlled rates rest on them,
    and differ by up to 2.5 points without. Raises ValueError where arrays differ in shape or hold what is not a number,
    or an anchor is given without difficulties.
    """
    columns = [preference, own, baseline] + ([] if difficulty is None else [difficulty])
    if len({len(column) for column in columns}) != 1 or not all(np.isfinite(column).all() for column in columns):
        raise ValueError("preferences, lengths and difficulties must be as many, and numbers")
    if anchor is not None and difficulty is None:
        raise ValueError("an anchor needs the instructions' difficulties")
    x = features_of(own, baseline, difficulty)
    strength = _chosen(x, preference, anchor) if c is None else c
    extra = None if anchor is None else anchor.loss
    beta = fit(x, preference, strength, None, extra)
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(resamples):
        rows = rng.integers(len(x), size=len(x))
        # The spread of lengths is estimated from the rows, so it is drawn with them.
        drawn = features_of(own[rows], baseline[rows], None if difficulty is None else difficulty[rows])
        rates.append(_rate(drawn, fit(drawn, preference[rows], strength, beta, extra)))
    tails = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    low, high = np.quantile(rates, tails) if len(rates) > 1 else (np.nan, np.nan)
    how = f"bootstrap, refitted {resamples} times"
    rate = Estimate(_rate(x, beta), float(low), float(high), len(x), how, confidence)
    error = float(np.std(rates, ddof=1)) if len(rates) > 1 else math.nan
    middle = 0.0 if difficulty is None else float(beta[1])
    return LengthFit(float(beta[0]), middle, float(beta[-1]), rate, error, strength)


def features_of(own: FloatRows, baseline: FloatRows, difficulty: FloatRows | None) -> FloatRows:
    """Columns tanh(Δ/sd Δ), d where there are difficulties, and 1: shape (n, 3) or (n, 2)."""
    delta = np.asarray(baseline, dtype=np.float64) - own
    spread = float(delta.std(ddof=1)) if len(delta) > 1 else 0.0
    scaled = np.tanh(delta / spread) if spread > 0 else np.zeros(len(delta))
    parts = [scaled, np.ones(len(delta))] if difficulty is None else [scaled, difficulty, np.ones(len(delta))]
    return np.column_stack(parts)


def _rate(features: FloatRows, beta: FloatRows) -> float:
    without = features.copy()
    without[:, 0] = 0.0
    return float(sigmoid(without @ beta).mean())


def _chosen(features: FloatRows, targets: FloatRows, anchor: Anchor | None) -> float:
    """The strength with the least log-loss on what was left out, row i being in group i mod 5 and the anchor's rows
    alike in all five."""
    groups: IntArray = np.arange(len(targets)) % FOLDS
    losses = np.zeros(len(STRENGTHS))
    inside, outside = (None, None) if anchor is None else (anchor.part(1 - 1 / FOLDS).loss, anchor.part(1 / FOLDS).loss)
    for fold in range(min(FOLDS, len(targets))):
        out = groups == fold
        beta = None
        for place, c in enumerate(STRENGTHS):
            beta = fit(features[~out], targets[~out], float(c), beta, inside)
            losses[place] += out.sum() * log_loss(features[out], targets[out], beta)
            losses[place] += 0.0 if outside is None else outside(beta)[0]
    return float(STRENGTHS[int(losses.argmin())])
