"""DROP's scores against lm-evaluation-harness 0.4.13, whose functions are the official script's, and by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Score, Validity
from evalkit.scoring.scorers.drop import drop, drop_scores

Scored = Callable[..., dict[str, Score]]

WORDS = (
    "the a an The cat Cat. dog-house 1,000 1000 4 4.0 4.00 -3 3 .5 0.50 1e3 nan inf infinity über “x” $5 5% U.S. 10th "
    "Van-Gogh a.m. - -- 2 two 17 May 1980 1980s ' \u00a0 yards 1_000"
)


def text(rng: random.Random, most: int = 5) -> str:
    return rng.choice((" ", " ", "-", "  ", "\n")).join(rng.choices(WORDS.split(" "), k=rng.randrange(most)))


def test_equals_lm_eval_on_random_spans(ask_lm_eval: Callable[[str, object], Any]) -> None:
    rng = random.Random(5)
    pairs = []
    for _ in range(1500):
        gold = [text(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        said = [rng.choice(gold) if rng.random() < 0.3 else text(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        pairs.append((said, gold))
    expected = ask_lm_eval(
        "from lm_eval.tasks.drop.utils import get_metrics\n"
        "found = [[float(value) for value in get_metrics(said, gold)] for said, gold in asked]",
        pairs,
    )
    found = [list(drop_scores(said, gold)) for said, gold in pairs]
    wrong = [(pair, mine, theirs) for pair, mine, theirs in zip(pairs, found, expected, strict=True) if mine != theirs]
    assert wrong == []
    assert len({tuple(values) for values in found}) > 20


# Expected values follow the definitions of the official script.
@pytest.mark.parametrize(
    ("spans", "said", "em", "f1"),
    [
        (("Chaz Schilens",), "the Chaz Schilens", 1.0, 1.0),
        (("Chaz Schilens",), "Schilens", 0.0, 0.67),
        (("4",), "4.0", 1.0, 1.0),
        (("1000",), "1,000", 1.0, 1.0),
        # Without the right number nothing else counts.
        (("4 yards",), "5 yards", 0.0, 0.0),
        (("4 yards",), "4 feet", 0.0, 0.5),
        (("17 May 1980",), "May 1980", 0.0, 0.8),
        # One span can't be two.
        (("Tom", "Ann"), "Tom", 0.0, 0.5),
        (("Tom", "Ann"), "Tom, Ann", 0.0, 0.33),
    ],
)
def test_one_answer(scored: Scored, spans: tuple[str, ...], said: str, em: float, f1: float) -> None:
    found = scored(drop(), Sample("1", "q", data={"answers": (spans,)}), said)
    assert (found["em"].value, found["f1"].value) == (em, f1)


def test_the_best_annotator_counts_for_each_score(scored: Scored) -> None:
    sample = Sample("1", "q", data={"answers": (("3",), ("three points",), ("",))})
    assert scored(drop(), sample, "three points")["em"].value == 1.0
    assert scored(drop(), sample, "3")["f1"].value == 1.0


def test_several_texts_are_several_spans(scored: Scored) -> None:
    sample = Sample("1", "q", data={"answers": (("Tom", "Ann"),)})
    found = scored(drop(), sample, Reply(texts=("Ann", "Tom"), finish=("stop", "stop")))
    assert (found["em"].value, found["f1"].value) == (1.0, 1.0)


def test_an_empty_reply_is_no_answer(scored: Scored) -> None:
    found = scored(drop(), Sample("1", "q", targets=("4",)), "  ")
    assert (found["f1"].value, found["f1"].validity) == (0.0, Validity.NO_ANSWER)
