"""Classes that replies name, and whole runs of them against scikit-learn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Score, Validity
from evalkit.scoring.scorers import classification

Scored = Callable[..., dict[str, Score]]
MOODS = ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("said", "value", "counts", "validity"),
    [
        ("positive", 1.0, (2.0, 2.0), Validity.OK),
        ("Positive.", 1.0, (2.0, 2.0), Validity.OK),
        ("I would say it is positive", 1.0, (2.0, 2.0), Validity.OK),
        ("negative", 0.0, (0.0, 2.0), Validity.OK),
        ("positive or negative", 0.0, (-1.0, 2.0), Validity.NO_ANSWER),
        ("good", 0.0, (-1.0, 2.0), Validity.NO_ANSWER),
        ("", 0.0, (-1.0, 2.0), Validity.NO_ANSWER),
        (Reply(texts=("<think>positive",), finish=("length",)), 0.0, (-1.0, 2.0), Validity.CUT_THOUGHT),
        (Reply(loglikelihoods=(-3.0, -2.0, -1.0)), 1.0, (2.0, 2.0), Validity.OK),
        (Reply(loglikelihoods=(-1.0, -2.0, -1.0)), 0.0, (0.0, 2.0), Validity.OK),
    ],
)
def test_the_class_that_a_reply_names(
    scored: Scored, said: Reply | str, value: float, counts: tuple[float, ...], validity: Validity
) -> None:
    [found] = scored(classification(labels=MOODS), Sample("1", "q", targets=("positive",)), said).values()
    assert (found.value, found.counts, found.validity) == (value, counts, validity)


def test_choices_are_classes_where_no_labels_are_named_and_any_gold_will_do(scored: Scored) -> None:
    sample = Sample("1", "q", choices=MOODS, gold=(0, 2))
    assert scored(classification(), sample, "positive")["correct"].counts == (2.0, 2.0)
    assert scored(classification(), sample, "neutral")["correct"].counts == (1.0, 0.0)


def test_what_is_no_class_is_refused(scored: Scored) -> None:
    with pytest.raises(ValueError, match="is none of"):
        scored(classification(labels=MOODS), Sample("1", "q", targets=("good",)), "positive")
    with pytest.raises(ValueError, match="no classes"):
        scored(classification(), Sample("1", "q", targets=("good",)), "positive")
    with pytest.raises(ValueError, match="2 log-likelihoods for 3 classes"):
        scored(classification(labels=MOODS), Sample("1", "q", targets=("neutral",)), Reply(loglikelihoods=(-1, -2)))


@pytest.mark.filterwarnings("ignore")
def test_a_run_equals_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng, scorer = random.Random(8), classification(labels=MOODS)

    async def run() -> tuple[list[str], list[str], list[Record]]:
        right, said, records = [], [], []
        for number in range(300):
            right.append(rng.choices(MOODS, [6, 1, 3])[0])
            said.append(right[-1] if rng.random() < 0.6 else rng.choice([*MOODS, "unsure"]))
            sample = Sample(str(number), "q", targets=(right[-1],))
            scores = await scorer.score(sample, (Reply(texts=(f"It is {said[-1]}.",), finish=("stop",)),))
            records.append(Record("t", number, sample, scores=scores, validity=scores[0].validity))
        return right, said, records

    right, said, records = asyncio.run(run())
    found = {}
    for metric in scorer.metrics:
        rows = np.array([metric.observe(record) for record in records])
        found[metric.name] = metric.estimate(rows, np.arange(300)).value
    assert found == {
        "accuracy": pytest.approx(sklearn.accuracy_score(right, said)),
        "macro_f1": pytest.approx(sklearn.f1_score(right, said, labels=list(MOODS), average="macro"), abs=1e-12),
        "mcc": pytest.approx(sklearn.matthews_corrcoef(right, said), abs=1e-12),
    }
