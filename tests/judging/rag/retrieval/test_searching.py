"""BM25 against its formula and rank-bm25, FAISS against numpy, fusion against its definition, a real cross-encoder."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import UsageError
from evalkit.judging.rag.dense import DenseIndex, closed, vectors_of
from evalkit.judging.rag.lexical import Bm25, LexicalIndex, words_of
from evalkit.judging.rag.ranking import Hit, best, fused
from evalkit.judging.rag.reranking import Reranker
from evalkit.models import resolve
from tests.examples import examples

WORD = st.sampled_from(["map", "lake", "ferry", "clock", "arch", "Bridge", "1873"])
TEXTS = st.lists(st.lists(WORD, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=8)


def lucene(texts: list[str], query: str, k1: float, b: float) -> list[float]:
    """BM25 as Lucene has it, from the definition."""
    documents = [text.lower().split() for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for word in query.lower().split():
            n = sum(word in other for other in documents)
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
            score += idf * counts[word] / (counts[word] + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


@given(texts=TEXTS, query=st.lists(WORD, min_size=1, max_size=5).map(" ".join), k1=st.sampled_from([0.9, 1.2, 2.0]))
@examples(60)
def test_bm25_is_lucenes_formula_also_for_repeated_words(texts: list[str], query: str, k1: float) -> None:
    pytest.importorskip("bm25s")
    [found] = LexicalIndex.of(texts, Bm25(k1, 0.6)).search([query], len(texts))
    expected = lucene(texts, query, k1, 0.6)
    wanted = sorted((-score, number) for number, score in enumerate(expected) if score > 0)
    assert {hit.chunk for hit in found} == {number for _, number in wanted}
    assert [hit.score for hit in found] == pytest.approx([-score for score, _ in wanted], abs=1e-12)


def test_bm25_is_rank_bm25s_with_lucenes_idf() -> None:
    pytest.importorskip("bm25s")
    oracle = pytest.importorskip("rank_bm25", reason="rank-bm25 is the oracle")
    texts = ["a b c a", "b d", "e f g a b", "c c c", "h"]
    okapi = oracle.BM25Okapi([text.split() for text in texts], k1=1.2, b=0.75)
    for word in okapi.idf:
        n = sum(word in text.split() for text in texts)
        okapi.idf[word] = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
    expected = okapi.get_scores(["a", "c", "b"]) / 2.2
    [found] = LexicalIndex.of(texts, Bm25()).search(["a c b"], 5)
    assert {hit.chunk: hit.score for hit in found} == pytest.approx(
        {number: score for number, score in enumerate(expected) if score > 0}, abs=1e-12
    )


def test_a_query_without_a_known_word_finds_nothing() -> None:
    pytest.importorskip("bm25s")
    index = LexicalIndex.of(["one two", "three"], Bm25())
    assert index.search(["four", "", "three four"], 5) == [[], [], index.search(["three"], 5)[0]]
    with pytest.raises(UsageError, match="no chunk holds a word"):
        LexicalIndex.of(["—", "…"], Bm25())


def test_words_have_no_case_and_keep_umlauts_and_numbers() -> None:
    assert words_of("Größe: 3.5 GROSSE naïve_x, 東京") == ["grösse", "3", "5", "grosse", "naïve_x", "東京"]


def test_the_constants_of_bm25_are_checked() -> None:
    with pytest.raises(UsageError, match="k1=-1"):
        Bm25(k1=-1)
    with pytest.raises(UsageError, match="b=2"):
        Bm25(b=2)


@given(values=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=0, max_size=12), depth=st.integers(1, 12))
def test_the_best_are_those_of_a_full_sort_with_ties_in_order(values: list[float], depth: int) -> None:
    expected = sorted(range(len(values)), key=lambda number: (-values[number], number))[:depth]
    assert [hit.chunk for hit in best(np.array(values), depth)] == expected


def test_fusion_adds_reciprocal_ranks() -> None:
    one, two = [Hit(7, 9.0), Hit(3, 8.0), Hit(5, 1.0)], [Hit(3, 0.9), Hit(8, 0.8)]
    expected = {3: 1 / 62 + 1 / 61, 7: 1 / 61, 8: 1 / 62, 5: 1 / 63}
    found = fused([one, two], 60)
    assert {hit.chunk: hit.score for hit in found} == pytest.approx(expected, abs=1e-15)
    assert [hit.chunk for hit in found] == [3, 7, 8, 5]
    assert [hit.chunk for hit in fused([[Hit(9, 1.0)], [Hit(2, 1.0)]], 60)] == [2, 9]


def test_the_flat_index_finds_what_comparing_with_all_finds() -> None:
    pytest.importorskip("faiss")
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((200, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:9] + 0.1 * rng.standard_normal((9, 16)).astype(np.float32)
    found = DenseIndex.of(vectors).search(queries, 20)
    for row, query in zip(found, queries, strict=True):
        scores = vectors @ query
        assert [hit.chunk for hit in row] == list(np.argsort(-scores, kind="stable")[:20])
        assert [hit.score for hit in row] == pytest.approx(sorted(scores, reverse=True)[:20], abs=1e-6)
    assert len(DenseIndex.of(vectors[:3]).search(queries[:1], 20)[0]) == 3
    with pytest.raises(ValueError, match="dimension 8"):
        DenseIndex.of(vectors).search(queries[:, :8], 3)


def test_vectors_have_length_one_and_come_beside_a_running_loop(encoder: Path) -> None:
    import asyncio

    model = resolve(f"st/{encoder}")

    async def inside() -> Any:
        return vectors_of(model, ["The lake froze over", "Maps"], "document")

    rows = asyncio.run(inside())
    assert rows.shape == (2, 32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0], abs=1e-6)
    assert np.abs(vectors_of(model, ["Maps"], "document")[0] - rows[1]).max() < 1e-6
    closed(model)


def test_a_model_that_embeds_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="not an embedding model"):
        vectors_of(resolve("stored/x"), ["a"], "query")


def test_reranking_orders_by_the_cross_encoders_own_scores(make_cross_encoder: Any) -> None:
    from sentence_transformers import CrossEncoder

    made = make_cross_encoder(1)
    texts = ["The lake froze over in 1902.", "Its clock was sold.", "Maps of both lie in the library."]
    expected = CrossEncoder(str(made)).predict([("The clock was sold", text) for text in texts])
    found = Reranker(str(made)).ranked("The clock was sold", texts, [Hit(4, 3.0), Hit(6, 2.0), Hit(9, 1.0)])
    assert {hit.chunk: hit.score for hit in found} == pytest.approx(
        dict(zip([4, 6, 9], map(float, expected), strict=True)), abs=1e-6
    )
    assert [hit.score for hit in found] == sorted(map(float, expected), reverse=True)
    assert len(set(map(float, expected))) == 3


def test_a_reranker_gives_one_number(make_cross_encoder: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 labels"):
        Reranker(str(make_cross_encoder(3))).ranked("q", ["t"], [Hit(0, 1.0)])
    with pytest.raises(UsageError, match="no model folder"):
        Reranker(str(tmp_path / "no"))
