"""N-gram overlap against a plain set of tuples, on random texts."""

from __future__ import annotations

import asyncio
import random
import re
from functools import partial

import pytest

from evalkit.core import Sample, UsageError
from evalkit.scoring.scorers import ngram_overlap

WORDS = ["the", "cat", "sat", "naïve", "東京", "42", "it's", "a-b", "x_y", "END"]


def grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]


def test_equals_a_set_of_tuples() -> None:
    rng = random.Random(9)

    def text(most: int) -> str:
        return rng.choice([" ", ", ", "\n"]).join(rng.choices(WORDS, k=rng.randrange(most)))

    proportions = set()
    for _ in range(60):
        n = rng.choice([1, 2, 3, 5, 8])
        corpus = [text(60) for _ in range(rng.randrange(5))]
        known = {gram for page in corpus for gram in grams(page, n)}
        scorer = ngram_overlap(partial(list, corpus), n=n)
        for _ in range(8):
            asked = text(30)
            overlap, contaminated = asyncio.run(scorer.score(Sample("1", asked.upper()), ()))
            mine = grams(asked, n)
            proportion = sum(gram in known for gram in mine) / len(mine) if mine else 0.0
            assert overlap.value == pytest.approx(proportion)
            assert contaminated.value == float(proportion > 0)
            assert bool(overlap.reason) == (not mine)
            proportions.add(round(proportion, 1))
    assert len(proportions) > 8


def test_n_grams_do_not_run_from_one_text_into_the_next() -> None:
    scorer = ngram_overlap(lambda: ["a b", "c d"], n=2)
    assert [score.value for score in asyncio.run(scorer.score(Sample("1", "b c"), ()))] == [0.0, 0.0]
    assert asyncio.run(scorer.score(Sample("1", "x c d"), ()))[0].value == 0.5


def test_the_corpus_is_read_once_although_many_samples_wait_for_it() -> None:
    read = []

    def corpus():
        read.append(1)
        return ["one two three"] * 100

    scorer = ngram_overlap(corpus, n=2)

    async def many():
        return await asyncio.gather(*(scorer.score(Sample(str(n), "one two"), ()) for n in range(50)))

    assert all(scores[0].value == 1.0 for scores in asyncio.run(many()))
    assert all(scores[0].value == 1.0 for scores in asyncio.run(many()))
    assert len(read) == 1


def test_the_original_is_looked_up_where_there_is_one() -> None:
    scorer = ngram_overlap(lambda: ["one two three"], n=3, name="pages")
    sample = Sample("1", "a prompt", data={"original": "One, two: three!"})
    assert asyncio.run(scorer.score(sample, ()))[0].value == 1.0
    assert scorer.settings == {"n": "3", "corpus": "pages"}
    with pytest.raises(UsageError, match="at least 1"):
        ngram_overlap(list, n=0)
