"""The RAG toy set: questions over contexts, an answer that keeps to them and one with a planted mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.toys.planted_last import LAST_PASSAGES
from tools.toys.planted_more import MORE_ROUNDS
from tools.toys.planted_records import FIRST_ROUNDS, Case, Passage


def rag_faithfulness() -> list[Mapping[str, Any]]:
    """A row a case. Contexts keep their order; the one that an answer needs is whichever comes at that place."""
    rows: list[Mapping[str, Any]] = []
    for passage in FIRST_ROUNDS + MORE_ROUNDS + LAST_PASSAGES:
        for case in passage.cases:
            rows.append(_row(len(rows) + 1, passage, case))
    return rows


def _row(number: int, passage: Passage, case: Case) -> Mapping[str, Any]:
    return {
        "id": f"rag-{number:02d}-{case.kind}",
        "kind": case.kind,
        "question": case.question,
        "contexts": [
            {"id": f"{passage.name}-{place}", "text": text, "rank": place}
            for place, text in enumerate(passage.contexts, 1)
        ],
        "answerable": case.kind != "unanswerable",
        "faithful": case.faithful,
        "planted": case.planted,
    }
