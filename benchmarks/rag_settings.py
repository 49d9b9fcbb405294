"""Which setting of the small retriever finds what: every retriever under every chunking, on questions with references.

    python benchmarks/rag_settings.py docs tests/judging/rag/docs_questions.jsonl --embedder st/PATH

Prints a Markdown table of mean scores over the questions that have references, and how long reading, cutting,
indexing and searching took with nothing cached.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from evalkit.core import DataOptions, Row
from evalkit.data import files
from evalkit.judging.rag.chunking import Chunking
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import RagRecord
from evalkit.judging.rag.retrieval_scores import retrieval_scores
from evalkit.judging.rag.retriever import Retrieval, Retriever

SHOWN = ("hit@1", "hit@5", "recall@5", "ndcg@5", "mrr")


def measured(folder: str, records: list[RagRecord], settings: Retrieval) -> tuple[dict[str, float], int, float]:
    """Mean scores, the number of chunks, and seconds."""
    begun = time.perf_counter()
    retriever = Retriever(folder, settings)
    found = list(retriever.retrieved([record.question for record in records]))
    seconds = time.perf_counter() - begun
    scores = []
    for record, contexts in zip(records, found, strict=True):
        references, held = retriever.documents_index.located(record.references or (), record.id)
        contexts = tuple(replace(context, holds=held.get(context.id, ())) for context in contexts)
        scores.append(retrieval_scores(replace(record, references=references, contexts=contexts), (1, 5)))
    retriever.close()
    applicable = [score for score in scores if score]
    return {name: fmean(score[name] for score in applicable) for name in SHOWN}, len(retriever.chunks), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("questions", type=Path)
    parser.add_argument("--embedder", default="", help="an embedding model of evalkit's; without it, bm25 alone")
    parser.add_argument("--reranker", default="", help="a cross-encoder, tried behind every retriever")
    parser.add_argument("--size", type=int, default=400)
    given = parser.parse_args()
    rows = [row for row in files(given.questions).open(DataOptions()).rows() if isinstance(row, Row)]
    records = [record_of(row) for row in rows]
    print("| retriever | chunks | number | " + " | ".join(SHOWN) + " | seconds |")
    print("|---|---|" + "---:|" * (len(SHOWN) + 2))
    for how in ("bm25", "dense", "hybrid") if given.embedder else ("bm25",):
        for chunks in ("fixed", "sentence", "recursive"):
            for reranker in dict.fromkeys(("", given.reranker)):
                options: dict[str, Any] = {"reranker": reranker, "embedder": "" if how == "bm25" else given.embedder}
                settings = Retrieval(how, Chunking(chunks, given.size, 0), **options)
                with tempfile.TemporaryDirectory() as cache:
                    os.environ["EVALKIT_CACHE"] = cache
                    means, count, seconds = measured(given.folder, records, settings)
                name = how + (" + reranker" if reranker else "")
                cells = " | ".join(f"{means[score]:.3f}" for score in SHOWN)
                print(f"| {name} | {chunks} | {count} | {cells} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
