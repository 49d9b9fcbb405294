"""Edit similarity against nltk's edit distance, and token F1 against torchmetrics' SQuAD and scikit-learn."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Reply, Sample, Score, Validity
from evalkit.scoring.scorers import edit_similarity, token_f1
from evalkit.scoring.scorers.similarity import edit_distance

Scored = Callable[..., dict[str, Score]]
nltk = pytest.importorskip("nltk", reason="nltk is the oracle")

LETTERS = st.text(alphabet="abcAB é\n猫", max_size=40)


@given(LETTERS, LETTERS)
def test_distance_equals_nltk(one: str, other: str) -> None:
    assert edit_distance(one, other) == nltk.edit_distance(one, other)


def test_distance_of_long_texts_equals_nltk() -> None:
    rng = random.Random(0)
    for size in (63, 64, 65, 128, 300):
        one, other = ("".join(rng.choices("abcd", k=size)) for _ in range(2))
        assert edit_distance(one, other) == nltk.edit_distance(one, other)
        assert edit_distance(one, other[: size // 3]) == nltk.edit_distance(one, other[: size // 3])


@given(LETTERS, LETTERS, LETTERS)
def test_distance_is_a_metric(one: str, other: str, third: str) -> None:
    assert edit_distance(one, other) == edit_distance(other, one)
    assert (edit_distance(one, other) == 0) == (one == other)
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)


@pytest.mark.parametrize(
    ("settings", "said", "targets", "value"),
    [
        ({}, "kitten", ("sitting",), 1 - 3 / 7),
        ({}, " kitten\n", ("kitten ",), 1.0),
        ({}, "Kitten", ("kitten",), 1 - 1 / 6),
        ({"ignore_case": True}, "Kitten", ("kitten",), 1.0),
        ({"unit": "word"}, "the cat sat", ("the dog sat down",), 0.5),
        ({}, "abc", ("xyz", "abd"), 1 - 1 / 3),
        ({}, "abc", ("",), 0.0),
    ],
)
def test_similarity(
    scored: Scored, settings: dict[str, Any], said: str, targets: tuple[str, ...], value: float
) -> None:
    found = scored(edit_similarity(**settings), Sample("1", "q", targets=targets), said)
    assert found["edit_similarity"].value == pytest.approx(value)


# ---------------------------------------------------------------- token F1

WORDS = ["the", "The", "a", "cat", "cats", "U.S.", "us", "24-10", "dog,", "é", "“x”", "an"]


def text(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randrange(1, 8)))


def test_f1_equals_torchmetrics_squad(scored: Scored) -> None:
    oracle = pytest.importorskip("torchmetrics.functional.text", reason="torchmetrics is the oracle").squad
    rng = random.Random(4)
    for _ in range(300):
        targets, said = tuple(text(rng) for _ in range(rng.randrange(1, 4))), text(rng)
        answers = {"answer_start": [0] * len(targets), "text": list(targets)}
        expected = oracle([{"prediction_text": said, "id": "1"}], [{"answers": answers, "id": "1"}])["f1"]
        found = scored(token_f1(), Sample("1", "q", targets=targets), said)
        # torchmetrics has version 1.1's rule that two texts without a token have F1 0.
        if found["token_f1"].value == 1.0 and float(expected) == 0.0:
            assert said.lower().split() and not {"cat", "cats"} & set(said.lower().split())
            continue
        assert 100 * found["token_f1"].value == pytest.approx(float(expected), rel=1e-6)


def test_precision_and_recall_equal_scikit_learn_on_sets_of_tokens(scored: Scored) -> None:
    """With every token once, overlap is what scikit-learn computes over the vocabulary as binary labels."""
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng, vocabulary = random.Random(5), [f"w{n}" for n in range(12)]
    for _ in range(200):
        said, wanted = (rng.sample(vocabulary, rng.randrange(1, 12)) for _ in range(2))
        labels = [[word in side for word in vocabulary] for side in (wanted, said)]
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(*labels, average="binary", zero_division=0.0)
        found = scored(token_f1(normalise="none"), Sample("1", "q", targets=(" ".join(wanted),)), " ".join(said))
        assert [score.value for score in found.values()] == pytest.approx([f1, precision, recall])


@pytest.mark.parametrize(
    ("normalise", "said", "target", "f1"),
    [
        ("squad", "The cat!", "cat", 1.0),
        ("lower", "The cat!", "cat", 0.0),
        ("lower", "CAT the", "cat", 2 / 3),
        ("none", "CAT", "cat", 0.0),
        ("squad", "the", "a", 1.0),
        ("none", "cat cat cat", "cat", 0.5),
    ],
)
def test_normal_forms(scored: Scored, normalise: str, said: str, target: str, f1: float) -> None:
    scorer = token_f1(normalise=normalise)  # type: ignore[arg-type]
    assert scored(scorer, Sample("1", "q", targets=(target,)), said)["token_f1"].value == pytest.approx(f1)


def test_no_answer_and_no_targets(scored: Scored) -> None:
    for scorer, name in ((token_f1(), "token_f1"), (edit_similarity(), "edit_similarity")):
        found = scored(scorer, Sample("1", "q", targets=("a",)), "")[name]
        assert (found.value, found.validity) == (0.0, Validity.NO_ANSWER)
        unfinished = scored(scorer, Sample("1", "q", targets=("a",)), Reply(texts=("<think>a",), finish=("length",)))
        assert unfinished[name].validity is Validity.CUT_THOUGHT
        with pytest.raises(ValueError, match="no targets"):
            scored(scorer, Sample("1", "q"), "a")
