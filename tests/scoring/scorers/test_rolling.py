"""Counts for perplexities; expected values are counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from evalkit.core import Message, Reply, Sample, Score, Usage
from evalkit.scoring.scorers import rolling

Scored = Callable[..., dict[str, Score]]


@pytest.mark.parametrize(
    ("text", "words", "size"),
    [
        ("a b c", 3, 5),
        # White space at an end leaves an empty piece, which lm-eval counts as a word, too.
        (" a b\n", 4, 5),
        ("a \n\t b", 2, 6),
        ("naïve 東京", 2, 6 + 1 + 6),
        ("", 1, 0),
    ],
)
def test_words_and_bytes(scored: Scored, text: str, words: int, size: int) -> None:
    found = scored(rolling(), Sample("1", text), Reply(loglikelihoods=(-12.5,), usage=Usage(7, 0)))
    assert {name: score.value for name, score in found.items()} == {
        "loglikelihood": -12.5,
        "words": words,
        "bytes": size,
        "tokens": 7,
    }


def test_counts_are_those_of_the_original_text_where_there_is_one(scored: Scored) -> None:
    sample = Sample("1", "a-b", data={"original": "a @-@ b"})
    found = scored(rolling(), sample, Reply(loglikelihoods=(-1.0,)))
    assert (found["words"].value, found["bytes"].value) == (3, 7)


@pytest.mark.parametrize("lls", [(), (-1.0, -2.0), (math.nan,), (-math.inf,)])
def test_anything_but_one_finite_log_likelihood_raises(scored: Scored, lls: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="log-likelihood"):
        scored(rolling(), Sample("1", "a"), Reply(loglikelihoods=lls))


def test_a_conversation_has_no_text_to_count_on(scored: Scored) -> None:
    with pytest.raises(ValueError, match="counted on a text"):
        scored(rolling(), Sample("1", (Message("user", "a"),)), Reply(loglikelihoods=(-1.0,)))


def test_a_begin_token_can_be_left_out(scored: Scored) -> None:
    """A backend's sum has p(BOS | BOS) in it, and its list of tokens has not: -12.5 = -9 + (-2 - 1.5)."""
    reply = Reply(loglikelihoods=(-12.5,), token_loglikelihoods=(-2.0, -1.5), usage=Usage(3, 0))
    found = scored(rolling(begin_token="left_out"), Sample("1", "a b"), reply)
    assert (found["loglikelihood"].value, found["tokens"].value) == (-3.5, 2)
    assert scored(rolling(), Sample("1", "a b"), reply)["loglikelihood"].value == -12.5
    with pytest.raises(ValueError, match="tokens=True"):
        scored(rolling(begin_token="left_out"), Sample("1", "a b"), Reply(loglikelihoods=(-12.5,)))
