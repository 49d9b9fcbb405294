"""Rankings against trec_eval (pytrec_eval) and nDCG against scikit-learn, on random judgements and rankings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from evalkit.scoring.ranked_documents import ndcg, recall, reciprocal_rank

DEPTHS = (1, 3, 10, 100)


def queries(count: int) -> Iterator[tuple[list[str], dict[str, int]]]:
    rng = random.Random(11)
    for number in range(count):
        documents = [f"d{place}" for place in range(rng.randrange(1, 130))]
        judged = rng.sample(documents, rng.randrange(0, min(len(documents), 40) + 1))
        grades = [0, 1] if number % 2 else [0, 1, 2, 3, -1]
        relevance = {document: rng.choice(grades) for document in judged}
        relevance |= {f"missing{place}": 1 for place in range(rng.choice([0, 0, 3]))}
        rng.shuffle(documents)
        yield documents[: rng.randrange(len(documents) + 1)], relevance


def test_equals_trec_eval() -> None:
    pytrec_eval: Any = pytest.importorskip("pytrec_eval", reason="pytrec_eval-terrier is the oracle")
    measures = {f"{name}.{','.join(map(str, DEPTHS))}" for name in ("ndcg_cut", "recall")} | {"recip_rank"}
    compared = 0
    for ranked, relevance in queries(600):
        if not ranked or not any(value > 0 for value in relevance.values()):
            continue
        run = {document: float(-place) for place, document in enumerate(ranked)}
        found = pytrec_eval.RelevanceEvaluator({"q": relevance}, measures).evaluate({"q": run})["q"]
        for depth in DEPTHS:
            assert ndcg(ranked, relevance, depth) == pytest.approx(found[f"ndcg_cut_{depth}"], abs=1e-12)
            assert recall(ranked, relevance, depth) == pytest.approx(found[f"recall_{depth}"], abs=1e-12)
        assert reciprocal_rank(ranked, relevance, len(ranked)) == pytest.approx(found["recip_rank"], abs=1e-12)
        compared += 1
    assert compared > 400


def test_ndcg_equals_scikit_learn_where_every_document_is_judged() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng = random.Random(3)
    for _ in range(300):
        grades = [rng.randrange(4) for _ in range(rng.randrange(2, 30))]
        if not any(grades):
            continue
        ids = [f"d{place}" for place in range(len(grades))]
        depth = rng.randrange(1, 12)
        scores = [[-float(place) for place in range(len(grades))]]
        expected = metrics.ndcg_score([grades], scores, k=depth)
        assert ndcg(ids, dict(zip(ids, grades, strict=True)), depth) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("ranked", "relevance", "expected"),
    [
        (["a", "b"], {"b": 1}, (1 / 1.584962500721156, 1.0, 0.5)),
        (["a", "b"], {"c": 1}, (0.0, 0.0, 0.0)),
        ([], {"c": 1}, (0.0, 0.0, 0.0)),
        (["a"], {}, (0.0, 0.0, 0.0)),
        (["a"], {"a": 0}, (0.0, 0.0, 0.0)),
        (["a", "b"], {"a": -1, "b": 2}, (1 / 1.584962500721156, 1.0, 0.5)),
    ],
)
def test_by_hand(ranked: list[str], relevance: dict[str, int], expected: tuple[float, ...]) -> None:
    found = (ndcg(ranked, relevance, 10), recall(ranked, relevance, 10), reciprocal_rank(ranked, relevance, 10))
    assert found == pytest.approx(expected)


def test_the_reciprocal_rank_looks_no_deeper_than_asked() -> None:
    assert reciprocal_rank(["a", "b", "c"], {"c": 1}, 3) == pytest.approx(1 / 3)
    assert reciprocal_rank(["a", "b", "c"], {"c": 1}, 2) == 0.0
