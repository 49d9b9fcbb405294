"""Retrieval scores against scikit-learn and plain counting, and where they do not apply."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from evalkit.core import Record, Reply, Sample, UsageError, Validity
from evalkit.judging.rag.records import Context, RagRecord, Reference, to_sample
from evalkit.judging.rag.retrieval_scores import retrieval, retrieval_scores, where_referenced
from evalkit.plugins.named import scorers
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers import token_f1

ALL = [f"c{n}" for n in range(12)]


def record(ids: list[str], relevance: dict[str, float] | None, **held: tuple[str, ...]) -> RagRecord:
    contexts = tuple(Context(name, name, rank, holds=held.get(name, ())) for rank, name in enumerate(ids, 1))
    references = None if relevance is None else tuple(Reference(k, relevance=v) for k, v in relevance.items())
    return RagRecord("r", "q", contexts, references=references)


@given(
    order=st.permutations(ALL),
    kept=st.integers(0, 12),
    gains=st.dictionaries(st.sampled_from(ALL), st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=1),
    k=st.integers(1, 12),
)
def test_ndcg_is_scikit_learns_and_the_others_are_what_counting_gives(
    order: list[str], kept: int, gains: dict[str, float], k: int
) -> None:
    ranked = order[:kept]
    found = retrieval_scores(record(ranked, gains), (k,))
    truth = np.array([[gains.get(name, 0.0) for name in ALL]])
    # scikit-learn ranks all documents: those that were not retrieved gain nothing, in either place.
    scores = np.array([[1.0 / (1 + ranked.index(name)) if name in ranked else 0.0 for name in ALL]])
    reached = truth * (scores > 0)
    ideal = float(np.sort(truth[0])[::-1][:k] @ (1 / np.log2(np.arange(2, 2 + min(k, 12)))))
    full = ndcg_score(reached, scores, k=k) if reached.any() else 0.0
    best_reached = float(np.sort(reached[0])[::-1][:k] @ (1 / np.log2(np.arange(2, 2 + min(k, 12)))))
    assert found[f"ndcg@{k}"] == pytest.approx(full * best_reached / ideal, abs=1e-9)
    if set(gains) <= set(ranked):
        assert found[f"ndcg@{k}"] == pytest.approx(ndcg_score(truth, scores, k=k), abs=1e-9)
    hits = [name in gains for name in ranked]
    assert found[f"recall@{k}"] == pytest.approx(sum(hits[:k]) / len(gains))
    assert found[f"precision@{k}"] == pytest.approx(sum(hits[:k]) / k)
    assert found[f"hit@{k}"] == float(any(hits[:k]))
    assert found["mrr"] == pytest.approx(1 / (1 + hits.index(True)) if any(hits) else 0.0)


def test_a_reference_gains_once_however_many_contexts_hold_it() -> None:
    found = retrieval_scores(
        record(["a1", "a2", "b1", "x"], {"a": 1.0, "b": 1.0}, a1=("a",), a2=("a",), b1=("b",)), (1, 2, 3)
    )
    assert (found["recall@1"], found["recall@2"], found["recall@3"]) == (0.5, 0.5, 1.0)
    assert (found["precision@2"], found["precision@3"]) == (1.0, 1.0)
    assert found["ndcg@3"] == 1.0
    both = retrieval_scores(record(["x", "ab"], {"a": 1.0, "b": 1.0}, ab=("a", "b")), (2,))
    assert (both["recall@2"], both["precision@2"], both["mrr"]) == (1.0, 0.5, 0.5)
    assert 0 < both["ndcg@2"] < 1


def test_a_document_is_found_through_any_of_its_chunks() -> None:
    contexts = (Context("a#0-5", "x", 1, document="a"), Context("b#0-5", "y", 2, document="b"))
    found = retrieval_scores(RagRecord("r", "q", contexts, references=(Reference("b"),)), (1, 2))
    assert (found["hit@1"], found["hit@2"], found["mrr"]) == (0.0, 1.0, 0.5)


@pytest.mark.parametrize("relevance", [None, {}, {"a": 0.0}])
def test_where_nothing_is_to_be_found_no_score_applies(relevance: dict[str, float] | None) -> None:
    assert retrieval_scores(record(["a", "b"], relevance), (1, 5)) == {}


def test_nothing_retrieved_where_something_was_to_be_found_is_a_miss() -> None:
    assert set(retrieval_scores(record([], {"a": 1.0}), (5,)).values()) == {0.0}


def recorded(found: RagRecord, validity: Validity = Validity.OK) -> Record:
    sample = to_sample(found)
    scores = asyncio.run(retrieval(depths=(1,)).score(sample, (Reply(texts=("",)),)))
    return Record("t", 0, sample, scores=scores, validity=validity)


def test_what_does_not_apply_leaves_n_even_where_the_model_failed() -> None:
    metric = next(metric for metric in retrieval(depths=(1,)).metrics if metric.name == "recall@1")
    records = [
        recorded(record(["a"], {"a": 1.0})),
        recorded(record(["a"], None), Validity.NO_ANSWER),
        recorded(record(["b"], {"a": 1.0}), Validity.NO_ANSWER),
    ]
    rows = [metric.observe(one) for one in records]
    assert rows == [(1.0,), None, (0.0,)]
    assert mean("recall@1").observe(records[1]) == (0.0,), "a plain mean would have counted it as a miss"
    estimate = metric.estimate(np.array([row for row in rows if row is not None]), np.arange(2))
    assert (estimate.value, estimate.n) == (0.5, 2)


def test_scorers_with_a_reference_answer_do_not_apply_without_one() -> None:
    scorer = where_referenced(token_f1())
    reply = (Reply(texts=("in 1873",), finish=("stop",)),)
    assert asyncio.run(scorer.score(Sample("a", "q"), reply)) == ()
    given_: Any = asyncio.run(scorer.score(Sample("a", "q", ("1873",)), reply))
    assert given_[0].value == pytest.approx(2 / 3)
    refused = Record("t", 0, Sample("a", "q"), validity=Validity.REFUSED)
    assert [metric.observe(refused) for metric in scorer.metrics] == [None, None, None]


def test_the_scorer_is_known_by_its_name_and_checks_its_depths() -> None:
    assert scorers.by_name("retrieval", depths=[3, 1]).settings == {"depths": "1,3"}
    with pytest.raises(UsageError, match="a depth is at least 1"):
        retrieval(depths=(0,))
