"""Records read from the columns of evalkit, ragas, LangChain, LlamaIndex and RAGChecker, and what is wrong in a row."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import DataOptions, Reply, Row, Sample, UsageError
from evalkit.data import files
from evalkit.judging.rag.columns import Form
from evalkit.judging.rag.csv_lists import listed
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import Citation, Context, RagRecord, Reference, gold_ranks, of_sample, to_sample


def read(values: dict[str, Any], form: Form = "auto") -> RagRecord:
    return record_of(Row("row/0", values, "file.jsonl:1"), form)


FULL = {
    "id": "r1",
    "question": "When was the Rowan Library built?",
    "contexts": [
        {"id": "lake.md#0-9", "text": "The lake.", "score": 2.5, "document": "lake.md", "start": 0, "end": 9},
        {"id": "rowan.md#5-29", "text": "Rowan was built in 1873.", "score": 1.5, "document": "rowan.md"},
    ],
    "answer": "In 1873 [2].",
    "reference_answer": "1873",
    "references": [{"id": "rowan.md", "relevance": 2}],
    "citations": [{"context": "rowan.md#5-29", "claim": "In 1873"}],
}  # fmt: skip


def test_evalkits_own_columns_hold_every_part() -> None:
    record = read(FULL)
    assert record == RagRecord(
        "r1",
        "When was the Rowan Library built?",
        (
            Context("lake.md#0-9", "The lake.", 1, 2.5, "lake.md", 0, 9),
            Context("rowan.md#5-29", "Rowan was built in 1873.", 2, 1.5, "rowan.md"),
        ),
        "In 1873 [2].",
        ("1873",),
        (Reference("rowan.md", relevance=2.0),),
        (Citation("rowan.md#5-29", "In 1873"),),
    )
    assert gold_ranks(record) == (2,)


def test_a_sample_gives_back_the_record_it_was_made_of_also_through_json() -> None:
    record = read(FULL)
    sample = to_sample(record)
    stored = Sample(sample.id, sample.input, sample.targets, data=json.loads(json.dumps(dict(sample.data))))
    assert of_sample(stored) == record
    replied = of_sample(stored, (Reply(texts=("<think>hm</think>In 1900.",), finish=("stop",)),))
    assert replied.answer == "In 1900."


def test_a_sample_without_contexts_is_the_tasks_mistake() -> None:
    with pytest.raises(ValueError, match="holds no contexts"):
        of_sample(Sample("a", "q"))


RAGAS_1 = {"question": "Who?", "contexts": ["Ada did.", "Bob slept."], "answer": "Ada.", "ground_truth": "Ada"}
RAGAS_1_OLD = {"question": "Who?", "contexts": ["Ada did.", "Bob slept."], "answer": "Ada.", "ground_truths": ["Ada"]}
RAGAS_2 = {
    "user_input": "Who?",
    "retrieved_contexts": ["Ada did.", "Bob slept."],
    "retrieved_context_ids": ["c7", 8],
    "reference_contexts": ["Ada  DID."],
    "reference_context_ids": ["c7"],
    "response": "Ada.",
    "reference": "Ada",
    "rubrics": None,
}
RETRIEVAL_CHAIN = {
    "input": "Who?",
    "context": [
        {"id": "c7", "metadata": {"source": "a.md", "start_index": 10}, "page_content": "Ada did.", "type": "Document"},
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "document", "Document"],
            "kwargs": {"metadata": {"source": "b.md"}, "page_content": "Bob slept.", "type": "Document"},
        },
    ],
    "answer": "Ada.",
}
RETRIEVAL_QA = {"query": "Who?", "result": "Ada.", "source_documents": RETRIEVAL_CHAIN["context"]}
NODES = [
    {
        "node": {
            "id_": "n1",
            "metadata": {"file_name": "a.md"},
            "relationships": {"1": {"node_id": "docA", "class_name": "RelatedNodeInfo"}},
            "text": "Ada did.",
            "start_char_idx": 5,
            "end_char_idx": 13,
            "class_name": "TextNode",
        },
        "score": 0.7,
        "class_name": "NodeWithScore",
    },
    {
        "node": {"id_": "n2", "relationships": {"1": {"node_id": "docB"}}, "text": "Bob slept.", "metadata": {}},
        "score": None,
    },
]
LLAMA_RESPONSE = {"query": "Who?", "response": {"response": "Ada.", "source_nodes": NODES, "metadata": None}}
LLAMA_FLAT = {"query": "Who?", "response": "Ada.", "source_nodes": NODES, "reference_answer": "Ada"}
LLAMA_EVALUATION = {"query": "Who?", "contexts": ["Ada did.", "Bob slept."], "response": "Ada.", "passing": True}
RAGCHECKER = {
    "query_id": "q9",
    "query": "Who?",
    "gt_answer": "Ada",
    "response": "Ada.",
    "retrieved_context": [{"doc_id": "000", "text": "Ada did."}, {"doc_id": "001", "text": "Bob slept."}],
}


@pytest.mark.parametrize(
    ("values", "ids", "documents", "right"),
    [
        (RAGAS_1, ("1", "2"), ("", ""), ("Ada",)),
        (RAGAS_1_OLD, ("1", "2"), ("", ""), ("Ada",)),
        (RAGAS_2, ("c7", "8"), ("", ""), ("Ada",)),
        (RETRIEVAL_CHAIN, ("c7", "2"), ("a.md", "b.md"), ()),
        (RETRIEVAL_QA, ("c7", "2"), ("a.md", "b.md"), ()),
        (LLAMA_RESPONSE, ("n1", "n2"), ("a.md", "docB"), ()),
        (LLAMA_FLAT, ("n1", "n2"), ("a.md", "docB"), ("Ada",)),
        (LLAMA_EVALUATION, ("1", "2"), ("", ""), ()),
        (RAGCHECKER, ("000", "001"), ("", ""), ("Ada",)),
    ],
)
def test_other_tools_columns_are_known_by_their_names(
    values: dict[str, Any], ids: tuple[str, ...], documents: tuple[str, ...], right: tuple[str, ...]
) -> None:
    record = read(values)
    assert (record.question, record.answer, record.reference_answers) == ("Who?", "Ada.", right)
    assert tuple(context.text for context in record.contexts) == ("Ada did.", "Bob slept.")
    assert tuple(context.rank for context in record.contexts) == (1, 2)
    assert tuple(context.id for context in record.contexts) == ids
    assert tuple(context.document for context in record.contexts) == documents


def test_places_and_scores_of_chunks_are_kept() -> None:
    first, second = read(LLAMA_FLAT).contexts
    assert (first.start, first.end, first.score, second.score) == (5, 13, 0.7, None)
    assert (read(RETRIEVAL_CHAIN).contexts[0].start, read(RETRIEVAL_CHAIN).contexts[0].end) == (10, 18)


def test_reference_contexts_are_found_by_id_and_by_text() -> None:
    assert gold_ranks(read(RAGAS_2)) == (1,)
    by_text = {key: value for key, value in RAGAS_2.items() if not key.endswith("_ids")}
    assert gold_ranks(read(by_text)) == (1,)
    assert gold_ranks(read(RAGAS_1)) is None
    assert gold_ranks(read({**RAGAS_2, "reference_context_ids": None, "reference_contexts": []})) == ()


def test_a_part_of_a_passage_holds_it_from_half_of_it_on() -> None:
    passage = "Ada wrote the first program in 1843."
    values = {"question": "q", "contexts": [passage[:20], passage[20:25], f"Long ago, {passage.upper()} Well."]}
    assert gold_ranks(read({**values, "references": [passage]})) == (1, 3)


def test_real_exports_of_langchain_are_read() -> None:
    documents = pytest.importorskip("langchain_core.documents", reason="langchain-core writes the export")
    dumped = pytest.importorskip("langchain_core.load").dumpd(documents.Document("Ada did.", metadata={"source": "a"}))
    plain = documents.Document(page_content="Bob slept.", metadata={"source": "b"}, id="z").model_dump()
    record = read(json.loads(json.dumps({"input": "Who?", "context": [dumped, plain], "answer": "Ada."})))
    assert [(c.id, c.text, c.document) for c in record.contexts] == [("1", "Ada did.", "a"), ("z", "Bob slept.", "b")]


def test_real_exports_of_llamaindex_are_read() -> None:
    schema = pytest.importorskip("llama_index.core.schema", reason="llama-index-core writes the export")
    node = schema.TextNode(text="Ada did.", id_="n1", start_char_idx=5, end_char_idx=13)
    node.relationships[schema.NodeRelationship.SOURCE] = schema.RelatedNodeInfo(node_id="docA")
    wrapped = schema.NodeWithScore(node=node, score=0.7)
    values = {"query": "Who?", "response": "Ada.", "source_nodes": [wrapped.model_dump()]}
    found = read(json.loads(json.dumps(values))).contexts[0]
    assert (found.id, found.text, found.score, found.document, found.start, found.end) == (
        "n1", "Ada did.", 0.7, "docA", 5, 13,
    )  # fmt: skip


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "parquet"])
def test_the_three_formats_hold_the_same_records(tmp_path: Path, format_name: str) -> None:
    path = tmp_path / f"rows.{format_name}"
    if format_name == "jsonl":
        path.write_text(json.dumps(RAGAS_2) + "\n")
    elif format_name == "csv":
        # As ragas 0.4 writes it: the csv module makes text of a list by str().
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, RAGAS_2)
            writer.writeheader()
            writer.writerow(RAGAS_2)
    else:
        import pandas as pd

        plain = {**RAGAS_2, "retrieved_context_ids": ["c7", "8"]}
        pd.DataFrame([plain]).to_parquet(path)
    rows = [row for row in files(path).open(DataOptions()).rows() if isinstance(row, Row)]
    record = record_of(rows[0])
    assert record == read({**RAGAS_2, "id": "rows/0"})


def test_a_labelled_data_set_of_llamaindex_is_a_file_of_questions(tmp_path: Path) -> None:
    path = tmp_path / "rag_dataset.json"
    by = {"model_name": "", "type": "human"}
    example = {"query": "Who?", "query_by": by, "reference_contexts": ["Ada did."], "reference_answer": "Ada"}
    path.write_text(
        json.dumps({"class_name": "LabelledRagDataset", "examples": [{**example, "reference_answer_by": by}]})
    )
    [row] = [row for row in files(path).open(DataOptions()).rows() if isinstance(row, Row)]
    record = record_of(row)
    assert (record.question, record.reference_answers, record.contexts, record.answer) == ("Who?", ("Ada",), (), None)
    assert record.references == (Reference("passage-1", "Ada did."),)


@pytest.mark.shared_data
def test_ragcheckers_own_file_is_read(hub_mirror: Path) -> None:
    path = hub_mirror.parent / "reference" / "ragchecker" / "checking_inputs.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    raw = json.loads(path.read_text())["results"]
    records = [record_of(row) for row in files(path).open(DataOptions()).rows() if isinstance(row, Row)]
    assert [(r.id, r.question, r.answer) for r in records] == [(x["query_id"], x["query"], x["response"]) for x in raw]
    assert [[(c.id, c.text) for c in r.contexts] for r in records] == [
        [(c["doc_id"], c["text"]) for c in x["retrieved_context"]] for x in raw
    ]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("plain", ["plain"]),
        ('["a, b", "c"]', ["a, b", "c"]),
        ("['a', \"it's\"]", ["a", "it's"]),
        ("['one\\ntwo',\n 'three']", ["one\ntwo", "three"]),
    ],
)
def test_lists_in_cells(text: str, items: list[str]) -> None:
    assert listed(text) == items


def test_a_list_that_numpy_printed_is_refused_instead_of_being_run_together() -> None:
    with pytest.raises(ValueError, match="numpy"):
        listed("['Ada did.' 'Bob slept.']")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"contexts": ["a"], "answer": "b"}, "no column holds the question"),
        ({"qestion": "x", "contexts": ["a"]}, "did you mean 'qestion'"),
        ({"question": None, "contexts": ["a"]}, "no column holds the question"),
        ({"question": ["x"], "contexts": ["a"]}, "the question is not a text"),
        ({"question": "q", "contexts": [{"id": "a"}]}, "context 1 holds no text"),
        ({"question": "q", "contexts": [3]}, "context 1 holds no text"),
        ({"question": "q", "contexts": "[broken"}, "column 'contexts' holds no list"),
        ({"user_input": "q", "retrieved_contexts": "['a' 'b']"}, "column 'retrieved_contexts' holds no list"),
        ({"question": "q", "contexts": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, "contexts have one id"),
        ({"question": "q", "contexts": [{"text": "x", "score": "high"}]}, "score of context 1 is not a number"),
        ({"question": "q", "contexts": ["x"], "answer": 3}, "the answer is not a text"),
        ({"question": "q", "contexts": ["x"], "references": [3]}, "reference 1 is neither"),
        ({"question": "q", "contexts": ["x"], "references": [{"kind": 1}]}, "neither id nor document nor text"),
        ({"user_input": "q", "retrieved_contexts": ["x"], "retrieved_context_ids": ["a", "b"]}, "not as many"),
        ({"user_input": "q", "retrieved_contexts": ["x"], "reference": "a", "ground_truth": "b"}, "two columns are"),
        ({"question": "q", "contexts": ["x"], "citations": [{"claim": "c"}]}, "citation 1 names no context"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_row_is_said_with_its_place(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(values)
    assert said in str(caught.value)
    assert str(caught.value).startswith("file.jsonl:1: ")


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(UsageError, match="no form of records named 'rags'"):
        read(RAGAS_2, "rags")  # type: ignore[arg-type]
