"""Metrics of scikit-learn by name, against scikit-learn called directly; and what is refused."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, UsageError, Validity
from evalkit.scoring.scorers import sklearn

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
LABELS = ("cat", "dog", "bird")


def records(scorer, said: list[str], gold: list[int], *, choices: bool = True) -> list[Record]:
    made = []
    for number, (text, right) in enumerate(zip(said, gold, strict=True)):
        sample = Sample(str(number), "q", targets=(LABELS[right],), choices=LABELS if choices else (), gold=(right,))
        reply = Reply(texts=(text,), finish=("eos",))
        scores = asyncio.run(scorer.score(sample, (reply,)))
        made.append(Record("t", number, sample, replies=(reply,), scores=scores))
    return made


def estimate(scorer, found: list[Record]):
    metric = scorer.metrics[0]
    rows = np.array([metric.observe(record) for record in found], dtype=float)
    return metric.estimate(rows, np.arange(len(rows)))


@pytest.mark.parametrize(
    ("metric", "arguments"),
    [
        ("balanced_accuracy_score", {}),
        ("cohen_kappa_score", {"weights": "linear"}),
        ("f1_score", {"average": "macro"}),
        ("precision_score", {"average": "weighted", "zero_division": 0}),
        ("matthews_corrcoef", {}),
        ("hamming_loss", {}),
    ],
)
@pytest.mark.parametrize("choices", [True, False])
def test_it_is_the_function_of_scikit_learn(metric: str, arguments: dict[str, object], choices: bool) -> None:
    draw = np.random.default_rng(3)
    gold = draw.integers(3, size=120).tolist()
    said = [LABELS[right] if draw.random() < 0.7 else LABELS[draw.integers(3)] for right in gold]
    scorer = sklearn(metric=metric, arguments=arguments)
    found = estimate(scorer, records(scorer, said, gold, choices=choices))
    oracle = getattr(metrics, metric)([LABELS[right] for right in gold], said, **arguments)
    assert found.value == pytest.approx(oracle, abs=1e-12)
    assert found.low < found.value < found.high
    assert found.n == 120


def test_a_reply_that_names_no_label_is_wrong_and_counted() -> None:
    scorer = sklearn(metric="accuracy_score")
    found = records(scorer, ["cat", "It is a dog.", "who knows", ""], [0, 1, 2, 2])
    assert estimate(scorer, found).value == 0.5
    assert [record.value("labelled") for record in found] == [1.0, 1.0, 0.0, 0.0]
    assert [record.scores[0].validity for record in found[2:]] == [Validity.UNREADABLE, Validity.NO_ANSWER]


def test_weighed_choices_are_labels() -> None:
    scorer = sklearn(metric="accuracy_score")
    sample = Sample("1", "q", choices=LABELS, gold=(1,))
    (score,) = asyncio.run(scorer.score(sample, (Reply(loglikelihoods=(-3.0, -1.0, -2.0)),)))
    assert score.answer == "dog"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "f1_scor"}, "did you mean 'f1_score'"),
        ({"metric": "roc_auc_score", "arguments": {"avrage": "macro"}}, "no 'roc_auc_score'"),
        ({"metric": "f1_score", "arguments": {"avrage": "macro"}}, "did you mean 'average'"),
        ({"metric": "f1_score", "arguments": {"y_true": [1]}}, "no argument 'y_true'"),
        ({"metric": "os"}, "over labels"),
    ],
)
def test_what_is_no_such_function_is_refused(settings: dict, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        sklearn(**settings)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("metric", "arguments"),
    [("confusion_matrix", {}), ("mean_absolute_error", {}), ("f1_score", {}), ("f1_score", {"average": "macr"})],
)
def test_what_makes_no_number_of_labels_is_refused_before_a_model_is_asked(metric: str, arguments: dict) -> None:
    with pytest.raises(UsageError, match="makes no number of labels"):
        sklearn(metric=metric, arguments=arguments)


def test_the_positive_label_can_be_named() -> None:
    scorer = sklearn(metric="f1_score", arguments={"pos_label": "cat"})
    found = records(scorer, ["cat", "cat", "dog", "dog"] * 10, [0, 1, 1, 0] * 10)
    assert estimate(scorer, found).value == 0.5
