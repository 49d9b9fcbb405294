"""Perplexity per word, byte and token and bits per byte, ratios of sums over documents; perplexity of whole targets.

Definitions (as lm-evaluation-harness has them): word perplexity = exp(-Σll / Σwords), byte perplexity =
exp(-Σll / Σbytes), bits per byte = -Σll / Σbytes / ln 2, with ll in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def perplexity() -> Metric:
    """Perplexity over samples: exp of the mean of -log-likelihood, as LAMBADA's is.

    Reads the score `loglikelihood` (nats). The row is -log-likelihood (width 1). The interval is made on the mean,
    then carried over by exp.
    """

    def observe(record: Record) -> tuple[float] | None:
        value = measured(record, "loglikelihood")
        return None if value is None else (-value,)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import mean_interval

        found = mean_interval(rows[:, 0] if len(rows) else [], clusters if len(rows) else None)
        return replace(found, value=_exp(found.value), low=_exp(found.low), high=_exp(found.high))

    return Metric("perplexity", observe, estimate, higher_is_better=False, scale="number")


def word_perplexity() -> Metric:
    """Perplexity of a word of whole texts, exp(-Σ log-likelihood / Σ words).

    Reads the scores `loglikelihood` and `words` (see `scorers.rolling`).
    """
    return _ratio("word_perplexity", "words", _exp)


def byte_perplexity() -> Metric:
    """Perplexity of a byte of whole texts, exp(-Σ log-likelihood / Σ bytes).

    Reads the scores `loglikelihood` and `bytes` (see `scorers.rolling`).
    """
    return _ratio("byte_perplexity", "bytes", _exp)


def token_perplexity() -> Metric:
    """Perplexity of a token of whole texts, exp(-Σ log-likelihood / Σ tokens); only models of one tokenizer share it.

    Reads the scores `loglikelihood` and `tokens` (see `scorers.rolling`).
    """
    return _ratio("token_perplexity", "tokens", _exp)


def bits_per_byte() -> Metric:
    """Bits per byte of whole texts, -Σ log-likelihood / Σ bytes / ln 2.

    Reads the scores `loglikelihood` and `bytes` (see `scorers.rolling`).
    """
    return _ratio("bits_per_byte", "bytes", lambda nats: nats / math.log(2.0))


def _exp(nats: float) -> float:
    # Beyond float64 a perplexity is infinite; math.exp would raise.
    return math.exp(nats) if nats < 709.0 else (math.nan if math.isnan(nats) else math.inf)


def _ratio(name: str, unit: str, finish: Callable[[float], float]) -> Metric:
    """A metric whose rows are (-log-likelihood, units). The interval is made on nats per unit, then carried over."""

    def observe(record: Record) -> tuple[float, float] | None:
        nats, units = measured(record, "loglikelihood"), measured(record, unit)
        return None if nats is None or units is None else (-nats, units)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import ratio_interval

        if len(rows) == 0 or float(rows[:, 1].sum()) == 0.0:
            return Estimate(math.nan, math.nan, math.nan, len(rows), f"no {unit}")
        found = ratio_interval(rows[:, 0], rows[:, 1], clusters)
        return replace(found, value=finish(found.value), low=finish(found.low), high=finish(found.high))

    return Metric(name, observe, estimate, width=2, higher_is_better=False, scale="number", weighed_by=1)
