"""Which variant to take, in a sentence: the smallest that is shown to lose nothing, however the others look."""

from __future__ import annotations

import math

import pytest

from evalkit.comparing.variant_words import recommendation
from evalkit.comparing.variants import Overall, Variant, VariantCost
from evalkit.core import Estimate

FULL = VariantCost(weights=4e9)


def variant(
    name: str, weights: float, points: float = 0.0, reach: float = 0.035, p: float = 1.0, ratio: float = 1.0
) -> Variant:
    difference = Estimate(points, points - reach, points + reach, 100, "t")
    perplexity = Estimate(ratio, ratio - 0.0001, ratio + 0.0001, 60, "t") if ratio != 1.0 else None
    overall = Overall(2, difference, p, p, ratio=perplexity)
    return Variant(name, cost=VariantCost(weights=weights), overall=overall)


INT8 = variant("int8", 4e9 / 2.4)
NF4 = variant("nf4", 1e9, ratio=1.078)


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        (
            [NF4, INT8],
            ["int8: 2.4× smaller, no loss seen (± 3.5 points).", "nf4 raises perplexity by 7.8 % (4× smaller)."],
        ),
        ([variant("bf16", 2e9, ratio=1.0004)], ["bf16: 2× smaller, no loss seen (± 3.5 points, perplexity +0.04 %)."]),
        (
            [variant("q4", 1e9, -0.08, 0.03, 0.01, 1.05), INT8],
            [
                "int8: 2.4× smaller, no loss seen (± 3.5 points).",
                "q4 loses 8.0 points (-11.0 to -5.0) and raises perplexity by 5.0 % (4× smaller).",
            ],
        ),
        # What is not told apart after the correction is not a loss, and what is better is none either.
        ([variant("a", 1e9, -0.08, 0.03, 0.2)], ["a: 4× smaller, no loss seen (± 3.0 points)."]),
        ([variant("b", 1e9, 0.08, 0.03, 0.01)], ["b: 4× smaller, no loss seen (± 3.0 points)."]),
        # The smallest of those that lose nothing; nothing is said of sizes that are not known or alike.
        (
            [variant("big", 3e9), variant("small", 1e9), variant("unknown", math.nan)],
            [
                "small: 4× smaller, no loss seen (± 3.5 points).",
                "big: 1.3× smaller, no loss seen (± 3.5 points).",
                "unknown: no loss seen (± 3.5 points).",
            ],
        ),
        ([variant("fp32", 8e9)], ["fp32: 2× larger, no loss seen (± 3.5 points)."]),
        ([NF4], ["The variant loses something.", "nf4 raises perplexity by 7.8 % (4× smaller)."]),
        (
            [NF4, variant("q2", 5e8, -0.3, 0.05, 1e-6)],
            [
                "Each of the 2 variants loses something.",
                "q2 loses 30.0 points (-35.0 to -25.0) (8× smaller).",
                "nf4 raises perplexity by 7.8 % (4× smaller).",
            ],
        ),
        ([Variant("fp8", problem="it needs a GPU")], []),
    ],
)
def test_the_first_sentence_is_what_to_take(variants: list[Variant], said: list[str]) -> None:
    assert recommendation(variants, FULL) == said
