"""Perplexities: ratios of sums, computed directly here; the interval against a bootstrap over documents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.core import Metric, Record, Sample, Score, Validity
from evalkit.scoring.metrics import bits_per_byte, byte_perplexity, word_perplexity
from evalkit.stats import bootstrap_interval


def document(nats: float, words: float, size: float, validity: Validity = Validity.OK) -> Record:
    scores = (Score("loglikelihood", nats, validity=validity), Score("words", words), Score("bytes", size))
    return Record("t", 0, Sample("1", "q"), scores=scores)


DOCUMENTS = [document(-30.0, 10, 50), document(-500.0, 100, 560), document(-9.0, 5, 20)]


def estimate(metric: Metric, documents: list[Record]):
    rows = [row for seen in documents if (row := metric.observe(seen)) is not None]
    return metric.estimate(np.array(rows, dtype=np.float64).reshape(-1, 2), np.arange(len(rows)))


def test_the_family_is_computed_from_sums_over_all_documents() -> None:
    nats, words, size = 539.0, 115.0, 630.0
    assert estimate(word_perplexity(), DOCUMENTS).value == pytest.approx(math.exp(nats / words), rel=1e-12)
    assert estimate(byte_perplexity(), DOCUMENTS).value == pytest.approx(math.exp(nats / size), rel=1e-12)
    assert estimate(bits_per_byte(), DOCUMENTS).value == pytest.approx(nats / size / math.log(2), rel=1e-12)


def test_bits_per_byte_is_the_binary_logarithm_of_byte_perplexity() -> None:
    bits, perplexity = estimate(bits_per_byte(), DOCUMENTS), estimate(byte_perplexity(), DOCUMENTS)
    for name in ("value", "low", "high"):
        assert getattr(bits, name) == pytest.approx(math.log2(getattr(perplexity, name)), rel=1e-12)


def test_failed_documents_leave_the_sums() -> None:
    broken = document(-1e9, 1, 1, Validity.SCORER_ERROR)
    assert estimate(word_perplexity(), [*DOCUMENTS, broken]) == estimate(word_perplexity(), DOCUMENTS)
    assert word_perplexity().observe(Record("t", 0, Sample("1", "q"), validity=Validity.REFUSED)) is None


def test_lower_is_better_and_no_share() -> None:
    for metric in (word_perplexity(), byte_perplexity(), bits_per_byte()):
        assert (metric.higher_is_better, metric.scale, metric.width) == (False, "number", 2)


def test_one_document_has_a_value_without_bounds() -> None:
    found = estimate(word_perplexity(), DOCUMENTS[:1])
    assert found.value == pytest.approx(math.exp(3.0))
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_no_document_and_no_words_have_no_value() -> None:
    assert math.isnan(estimate(word_perplexity(), []).value)
    assert math.isnan(estimate(byte_perplexity(), [document(0.0, 1, 0)]).value)


def test_a_perplexity_beyond_floats_is_infinite() -> None:
    assert estimate(word_perplexity(), [document(-1e6, 1, 1), document(-1e6, 1, 1)]).value == math.inf


def test_the_interval_agrees_with_a_bootstrap_over_documents() -> None:
    rng = np.random.default_rng(4)
    words = rng.integers(50, 500, size=400).astype(float)
    nats = words * rng.normal(3.0, 0.4, size=400)
    rows = np.column_stack([nats, words])
    found = word_perplexity().estimate(rows, np.arange(400))
    drawn = bootstrap_interval(rows, lambda sums, counts: np.exp(sums[:, 0] / sums[:, 1]), seed=1, resamples=4000)
    assert found.value == pytest.approx(drawn.value, rel=1e-12)
    width = found.high - found.low
    assert found.low == pytest.approx(drawn.low, abs=0.08 * width)
    assert found.high == pytest.approx(drawn.high, abs=0.08 * width)
