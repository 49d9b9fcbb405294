"""Tokenizer efficiency: the counts by hand, the ratios of sums against numpy on random texts."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Usage
from evalkit.scoring.scorers import token_counts


@pytest.mark.parametrize(
    ("text", "words", "characters", "size"),
    [("a b", 2, 3, 3), ("  naïve\tcafé\n", 2, 13, 15), ("東京", 1, 2, 6), ("🙂", 1, 1, 4)],
)
def test_what_is_counted(text: str, words: int, characters: int, size: int) -> None:
    reply = Reply(usage=Usage(prompt_tokens=5))
    found = {s.name: s.value for s in asyncio.run(token_counts().score(Sample("1", text), (reply,)))}
    assert found == {"tokens": 5, "words": words, "characters": characters, "bytes": size}


def test_an_empty_text_has_nothing_to_count() -> None:
    with pytest.raises(ValueError, match="not empty"):
        asyncio.run(token_counts().score(Sample("1", " \n"), (Reply(),)))


def test_ratios_are_of_sums() -> None:
    rng = random.Random(1)
    scorer, rows = token_counts(), []
    for number in range(200):
        text = " ".join("é" * rng.randrange(1, 9) for _ in range(rng.randrange(1, 20)))
        tokens = rng.randrange(1, 99)
        scores = asyncio.run(scorer.score(Sample("1", text), (Reply(usage=Usage(prompt_tokens=tokens)),)))
        rows.append((Record("t", number, Sample(str(number), text), scores=scores), tokens, text))
    counted = np.array([row[1] for row in rows])
    expected = {
        "tokens_per_word": counted.sum() / sum(len(text.split()) for *_, text in rows),
        "characters_per_token": sum(len(text) for *_, text in rows) / counted.sum(),
        "bytes_per_token": sum(len(text.encode()) for *_, text in rows) / counted.sum(),
    }
    for metric in scorer.metrics:
        observed = np.array([metric.observe(record) for record, *_ in rows])
        found = metric.estimate(observed, np.arange(200))
        assert found.value == pytest.approx(expected[metric.name])
        assert found.low < found.value < found.high
    assert [metric.higher_is_better for metric in scorer.metrics] == [False, True, True]
