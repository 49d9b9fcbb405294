"""Which column of a file is which part of a record: evalkit's own names, and those of ragas, LangChain, LlamaIndex.

The names were read off ragas 0.1.21 and 0.4.3 (`SingleTurnSample`), langchain-classic 1.0 (`create_retrieval_chain`,
`RetrievalQA`), llama-index-core 0.14 (`Response`, `NodeWithScore`, `EvaluationResult`), LlamaIndex's labelled RAG data
sets and RAGChecker's input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from evalkit.core import UsageError
from evalkit.data.values import suggestion

Form = Literal["auto", "evalkit", "ragas", "langchain", "llamaindex", "ragchecker"]
Part = Literal[
    "id",
    "question",
    "contexts",
    "context_ids",
    "answer",
    "reference_answers",
    "references",
    "reference_ids",
    "citations",
]

Columns = Mapping[Part, tuple[str, ...]]

FORMS: Mapping[str, Columns] = {
    "evalkit": {
        "id": ("id",),
        "question": ("question",),
        "contexts": ("contexts",),
        "answer": ("answer",),
        "reference_answers": ("reference_answer", "reference_answers"),
        "references": ("references", "reference_contexts"),
        "citations": ("citations",),
    },
    "ragas": {
        "id": ("id",),
        "question": ("user_input", "question"),
        "contexts": ("retrieved_contexts", "contexts"),
        "context_ids": ("retrieved_context_ids",),
        "answer": ("response", "answer"),
        "reference_answers": ("reference", "ground_truth", "ground_truths"),
        "references": ("reference_contexts",),
        "reference_ids": ("reference_context_ids",),
    },
    "langchain": {
        "id": ("id",),
        "question": ("input", "query", "question"),
        "contexts": ("context", "source_documents", "documents"),
        "answer": ("answer", "result", "output"),
        "reference_answers": ("reference_answer", "reference", "ground_truth"),
        "references": ("references", "reference_contexts"),
    },
    "llamaindex": {
        "id": ("id",),
        "question": ("query", "query_str"),
        "contexts": ("source_nodes", "contexts"),
        "answer": ("response",),
        "reference_answers": ("reference_answer", "reference"),
        "references": ("reference_contexts",),
    },
    "ragchecker": {
        "id": ("query_id",),
        "question": ("query",),
        "contexts": ("retrieved_context",),
        "answer": ("response",),
        "reference_answers": ("gt_answer",),
    },
}

_TELLING: tuple[Part, ...] = (
    "question",
    "contexts",
    "answer",
    "reference_answers",
    "context_ids",
    "references",
    "reference_ids",
)


def columns_of(names: Iterable[str], form: Form, at: str) -> dict[Part, str]:
    """The column of each part that is there, under the names of `form` (of whichever fits best for "auto").

    Raises UsageError for an unknown form, where no column is a question, and where two columns are the same part.
    """
    there = list(names)
    if form not in get_args(Form):
        raise UsageError(f"no form of records named {form!r}", fix=", ".join(get_args(Form)))
    chosen = _likeliest(there) if form == "auto" else form
    return _mapped(there, chosen, at)


def _likeliest(there: list[str]) -> str:
    """The form that knows most of the columns; among equals the first of FORMS that knows the question."""

    def fit(form: str) -> tuple[bool, int]:
        names = {part: [name for name in FORMS[form].get(part, ()) if name in there] for part in _TELLING}
        return bool(names["question"]), sum(map(bool, names.values()))

    return max(FORMS, key=fit)


def _mapped(there: list[str], form: str, at: str) -> dict[Part, str]:
    found: dict[Part, str] = {}
    for part, names in FORMS[form].items():
        present = [name for name in names if name in there]
        if len(present) > 1:
            raise UsageError(
                f"two columns are the {part.replace('_', ' ')}",
                found=" and ".join(map(repr, present)),
                fix="keep one of them, or name the form: form=" + "|".join(FORMS),
                at=at,
            )
        if present:
            found[part] = present[0]
    if "question" not in found:
        known = dict.fromkeys(name for columns in FORMS.values() for name in columns["question"])
        near = next((hint for name in known if (hint := suggestion(name, there))), "")
        raise UsageError(
            "no column holds the question",
            found=f"columns with a value: {', '.join(there) or 'none'}",
            fix=f"name it {' or '.join(map(repr, known))}" + (f"; {near}" if near else ""),
            at=at,
        )
    return found
