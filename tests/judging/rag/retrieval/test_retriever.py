"""The retriever as a whole: what it finds under each setting, what it keeps on disk, and where evidence stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.core import DataOptions, Row, UsageError, paths
from evalkit.data import rows
from evalkit.judging.rag.chunking import Chunk, Chunking, Document, chunks_of
from evalkit.judging.rag.evidence import DocumentIndex
from evalkit.judging.rag.lexical import Bm25
from evalkit.judging.rag.ranking import fused
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import Reference, gold_ranks
from evalkit.judging.rag.retriever import Retrieval, Retriever
from evalkit.judging.rag.sources import retrieved
from tests.cli.console import evalkit

pytest.importorskip("bm25s", reason="bm25s searches by words: pip install 'evalkit-harness[rag]'")
SMALL = Chunking("sentence", 60)


def found(folder: Path, question: str, **settings: Any) -> list[str]:
    retriever = Retriever(folder, Retrieval(chunking=SMALL, **settings))
    [contexts] = retriever.retrieved([question])
    return [context.text for context in contexts]


def test_words_find_the_chunk_that_has_them_and_it_knows_its_place(folder: Path) -> None:
    retriever = Retriever(folder, Retrieval(chunking=SMALL, top=2))
    [contexts] = retriever.retrieved(["How many arches has the old bridge?"])
    first = contexts[0]
    assert first.text.startswith("The old bridge has seven arches.")
    assert first.document == "notes/bridge.txt"
    text = (folder / first.document).read_text()
    assert (first.start, first.end) == (0, len(first.text))
    assert text[first.start : first.end] == first.text
    assert first.id == f"notes/bridge.txt#0-{first.end}"
    assert [context.rank for context in contexts] == [1, 2]
    assert (contexts[0].score or 0) > (contexts[1].score or 0)


def test_dense_retrieval_is_the_order_of_the_encoders_cosines(folder: Path, encoder: Path) -> None:
    pytest.importorskip("faiss")
    from sentence_transformers import SentenceTransformer

    retriever = Retriever(folder, Retrieval("dense", SMALL, top=5, embedder=f"st/{encoder}"))
    [contexts] = retriever.retrieved(["Nobody crossed the lake"])
    oracle = SentenceTransformer(str(encoder), device="cpu")
    vectors = oracle.encode([chunk.text for chunk in retriever.chunks], normalize_embeddings=True)
    scores = vectors @ oracle.encode("Nobody crossed the lake", normalize_embeddings=True)
    order = np.argsort(-scores)[:5]
    assert [context.id for context in contexts] == [retriever.chunks[number].id for number in order]
    assert [context.score for context in contexts] == pytest.approx([float(scores[n]) for n in order], abs=1e-5)


def test_hybrid_is_the_fusion_of_both_and_reranking_is_last(
    folder: Path, encoder: Path, make_cross_encoder: Any
) -> None:
    question, settings = "The clock of the library", {"chunking": SMALL, "top": 4, "candidates": 5}
    both = {}
    for how in ("bm25", "dense"):
        embedder = f"st/{encoder}" if how == "dense" else ""
        retriever = Retriever(folder, Retrieval(how, SMALL, 5, 5, embedder))
        both[how] = retriever._candidates([question])[0]
    hybrid = Retriever(folder, Retrieval("hybrid", embedder=f"st/{encoder}", **settings))  # type: ignore[arg-type]
    [contexts] = hybrid.retrieved([question])
    expected = fused([both["bm25"], both["dense"]])[:4]
    assert [context.id for context in contexts] == [hybrid.chunks[hit.chunk].id for hit in expected]
    assert [context.score for context in contexts] == pytest.approx([hit.score for hit in expected])

    from sentence_transformers import CrossEncoder

    cross = str(make_cross_encoder(1))
    last = Retriever(folder, Retrieval("hybrid", embedder=f"st/{encoder}", reranker=cross, **settings))  # type: ignore[arg-type]
    [reranked] = last.retrieved([question])
    candidates = fused([both["bm25"], both["dense"]])[:5]
    scores = CrossEncoder(cross).predict([(question, last.chunks[hit.chunk].text) for hit in candidates])
    order = np.argsort(-scores, kind="stable")[:4]
    assert [context.id for context in reranked] == [last.chunks[candidates[n].chunk].id for n in order]


def test_an_index_is_kept_by_what_it_is_made_of_and_made_again_where_it_is_damaged(
    folder: Path, tmp_path: Path
) -> None:
    kept = paths.cache_dir() / "rag"
    expected = found(folder, "maps")
    [index] = list(kept.iterdir())
    moment = index.stat().st_mtime_ns
    assert found(folder, "maps") == expected
    assert [path.stat().st_mtime_ns for path in kept.iterdir()] == [moment]
    for path in index.iterdir():
        path.write_bytes(path.read_bytes()[:20])
    assert found(folder, "maps") == expected
    assert len(list(kept.iterdir())) == 1
    found(folder, "maps", bm25=Bm25(k1=2.0))
    assert len(list(kept.iterdir())) == 2
    (tmp_path / "a.md").write_text("Maps of another land.")
    assert found(tmp_path, "maps") == ["Maps of another land."]
    assert len(list(kept.iterdir())) == 3


def test_kept_indexes_are_shown_and_cleared(folder: Path, tmp_path: Path) -> None:
    found(folder, "maps")
    shown = evalkit("cache", cwd=tmp_path)
    assert "1 document index," in shown.out and "next: evalkit cache --clear" in shown.out
    assert (
        "deleted 0 replies and 0 document indexes" in evalkit("cache", "--clear", "--older-than", "1", cwd=tmp_path).out
    )
    assert "deleted 0 replies and 1 document index\n" in evalkit("cache", "--clear", cwd=tmp_path).out
    assert not list((paths.cache_dir() / "rag").iterdir())


def test_what_a_retriever_is_made_of_decides_its_digest(folder: Path) -> None:
    digests = {
        Retriever(folder, settings).digest
        for settings in (
            Retrieval(),
            Retrieval(top=4),
            Retrieval(candidates=40),
            Retrieval(chunking=Chunking("fixed")),
            Retrieval(chunking=Chunking(overlap=10)),
        )
    }
    assert len(digests) == 5
    assert Retriever(folder, Retrieval()).digest in digests


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"how": "dense"}, "needs an embedding model"),
        ({"how": "bm25", "embedder": "st/x"}, "uses no embedder"),
        ({"how": "sparse"}, "no retriever named 'sparse'"),
        ({"top": 0}, "at least 1 chunk"),
        ({"top": 60}, "no more than there are candidates"),
        ({"fusion_k": -1}, "not negative"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Retrieval(**settings)


TEXT = "Alpha beta gamma.\n\nThe key is made of three parts: task, sample and repeat.\n\nOmega."


def shelf(how: str, size: int) -> tuple[DocumentIndex, tuple[Chunk, ...]]:
    documents = [Document("a.md", TEXT), Document("b.md", "Alpha  BETA gamma. And more.")]
    chunks = chunks_of(documents, Chunking(how, size))  # type: ignore[arg-type]
    return DocumentIndex(documents, chunks, size), chunks


def test_a_passage_is_held_by_the_chunks_with_half_of_it_under_any_chunking() -> None:
    passage = "three parts: task, sample and repeat"
    for how, size in (("fixed", 30), ("fixed", 200), ("sentence", 20), ("recursive", 25)):
        wall, chunks = shelf(how, size)
        [reference], held = wall.located([Reference("passage-1", passage)], "q:1")
        start = TEXT.index(passage)
        assert (reference.id, reference.document) == (f"a.md#{start}-{start + len(passage)}", "a.md")
        shared = {c.id: max(0, min(c.end, start + len(passage)) - max(c.start, start)) for c in chunks}
        shared = {c.id: shared[c.id] if c.document == "a.md" else 0 for c in chunks}
        enough = min(max(shared.values()), min(len(passage), size) / 2)
        assert set(held) == {chunk for chunk, count in shared.items() if count and count >= enough} != set()


def test_a_passage_that_stands_in_two_documents_is_held_where_it_stands() -> None:
    wall, _ = shelf("recursive", 200)
    _, held = wall.located([Reference("passage-1", "alpha beta\ngamma.")], "q:1")
    assert {chunk.partition("#")[0] for chunk in held} == {"a.md", "b.md"}
    _, held = wall.located([Reference("passage-1", "alpha beta gamma.", document="b.md")], "q:1")
    assert {chunk.partition("#")[0] for chunk in held} == {"b.md"}


def test_documents_and_places_are_references_too() -> None:
    wall, _ = shelf("recursive", 40)
    references, held = wall.located([Reference("b.md"), Reference("a.md#0-17")], "q:1")
    assert references == (
        Reference("b.md", document="b.md"),
        Reference("a.md#0-17", "Alpha beta gamma.", "a.md"),
    )
    assert held == {"a.md#0-17": ("a.md#0-17",)}


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (Reference("c.md"), "a reference is in none of the documents"),
        (Reference("a.md#10-9999"), "a reference is in none of the documents"),
        (Reference("passage-1", "Delta epsilon."), "is in none of the documents"),
        (Reference("passage-1", "Omega.", "b.md"), "is in none of the documents"),
        (Reference("passage-1", "Omega.", "amd"), "did you mean 'a.md'"),
    ],
)
def test_a_reference_that_no_document_holds_is_a_mistake_not_a_miss(reference: Reference, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        shelf("fixed", 50)[0].located([reference], "questions.jsonl:3")
    assert said in str(caught.value)
    assert str(caught.value).startswith("questions.jsonl:3: ")


def test_rows_of_questions_become_rows_of_records(folder: Path) -> None:
    questions = rows(
        [
            {
                "id": "one",
                "question": "When did the lake freeze over?",
                "reference_answer": "1902",
                "references": [{"document": "lake.md", "text": "froze over in 1902"}],
            },
            {"id": "two", "question": "zzz", "references": [{"id": "lake.md"}]},
            {"id": "three", "question": "Is there a ferry?"},
        ]
    )
    source = retrieved(questions, str(folder), Retrieval(chunking=SMALL, top=3))
    opened = source.open(DataOptions())
    read = [record_of(row, "evalkit") for row in opened.rows() if isinstance(row, Row)]
    assert [record.id for record in read] == ["one", "two", "three"]
    assert gold_ranks(read[0]) == (1,)
    assert (read[1].contexts, gold_ranks(read[1])) == ((), ())
    assert gold_ranks(read[2]) is None and read[2].contexts[0].document == "lake.md"
    assert opened.count == 3
    assert opened.facts["documents"] == "3"
    assert json.dumps([dict(row.values) for row in opened.rows() if isinstance(row, Row)])
    other = retrieved(questions, str(folder), Retrieval(chunking=SMALL, top=2)).open(DataOptions())
    assert other.digest != opened.digest == source.open(DataOptions()).digest
