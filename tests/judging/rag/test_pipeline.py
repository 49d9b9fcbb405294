"""From a folder of documents to a report: the repository's own docs, a real server with a real model, real scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit import run
from evalkit.core import Capabilities, Generate, Identity, Prompt, Reply, Request, UsageError
from evalkit.judging.rag.methods import cited
from evalkit.judging.rag.records import Citation, Context, RagRecord
from evalkit.models.tiny import TINY
from evalkit.plugins import load
from evalkit.runs.store import Run
from tests.cli.console import evalkit
from tests.servers import transformers_serve

pytest.importorskip("bm25s", reason="bm25s searches by words: pip install 'evalkit-harness[rag]'")
DOCS = Path(__file__).resolve().parents[3] / "docs"
QUESTIONS = Path(__file__).with_name("docs_questions.jsonl")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """`transformers serve` with the embedded model."""
    with transformers_serve() as address:
        yield f"{address}/v1"


def scores(finished: Run) -> dict[str, float]:
    result = finished.manifest.tasks[0].result
    assert result is not None
    return {metric.name: metric.estimate.value for metric in result.metrics}


def test_the_docs_are_searched_a_served_model_answers_and_a_report_shows_it(server: str, tmp_path: Path) -> None:
    task = f"rag,docs={DOCS},questions={QUESTIONS},chunks=sentence,size=400,top=3,max_tokens=16"
    model = f"openai/{TINY},base_url={server},concurrency=2"
    finished = run(task, model, out=tmp_path / "three")
    records = list(finished.records())
    assert len(records) == 20
    assert all(record.replies and record.replies[0].texts[0] for record in records)
    assert all(len(record.sample.data["contexts"]) == 3 for record in records)
    assert scores(finished)["hit@3"] > 0.6, "three chunks at random hold one of the right documents in one case of six"
    counted = {metric.name: metric.estimate.n for metric in finished.manifest.tasks[0].result.metrics}
    assert (counted["hit@3"], counted["token_f1"]) == (19, 5), "soup is in no document, and most have no answer to it"

    run(task.replace("top=3", "top=1"), model, out=tmp_path / "one")
    compared = evalkit("compare", "three", "one", cwd=tmp_path)
    assert compared.code == 0 and "hit@1" in compared.out, compared
    assert evalkit("report", "three", "--out", "page.html", cwd=tmp_path).code == 0
    page = (tmp_path / "page.html").read_text()
    assert "hit@3" in page and "rag" in page


def test_answers_made_elsewhere_are_scored_and_no_model_is_asked(tmp_path: Path) -> None:
    rows = [
        {"user_input": "When?", "retrieved_contexts": ["In 1873."], "response": "In 1873.", "reference": "1873"},
        {"user_input": "Who?", "retrieved_contexts": ["Nobody knows."], "response": "Ada Lund.", "reference": "nobody"},
    ]
    data = tmp_path / "ragas.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    finished = run(f"rag,data={data}", "stored/gpt-x", out=tmp_path / "run")
    assert scores(finished)["token_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert finished.model.startswith("stored/gpt-x")
    assert "stored_answers" in finished.manifest.tasks[0].result.signature
    ordered = sorted(finished.records(), key=lambda record: record.index)
    assert [record.replies[0].texts[0] for record in ordered] == ["In 1873.", "Ada Lund."]


def test_rows_without_an_answer_are_failures_of_the_measurement(tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text('{"question": "q", "contexts": ["a"], "reference_answer": "b"}\n')
    finished = run(f"rag,data={data}", "stored", out=tmp_path / "run")
    assert finished.failed
    [record] = finished.records()
    assert record.failure is not None and "the row holds no answer" in record.failure.message


@pytest.mark.parametrize("form", ["chat", "text"])
def test_contexts_that_a_row_brings_are_put_before_the_model(tmp_path: Path, form: str) -> None:
    asked: list[Prompt] = []

    class Listening:
        identity = Identity("listening")
        capabilities = Capabilities(requests=frozenset({Generate}))

        async def answer(self, request: Request) -> Reply:
            assert isinstance(request, Generate)
            asked.append(request.prompt)
            return Reply(texts=("Ada [1]",), finish=("stop",))

        async def close(self) -> None: ...

    data = tmp_path / "rows.jsonl"
    data.write_text('{"question": "Who wrote it?", "contexts": ["Ada did.", "Bob slept."], "answer": "Bob."}\n')
    finished = run(f"rag,data={data},prompt={form},cite=true", Listening(), out=tmp_path / "run", cache=False)
    [prompt], [record] = asked, finished.records()
    assert "[1] Ada did.\n\n[2] Bob slept.\n\nQuestion: Who wrote it?\nAnswer:" in prompt.text
    assert "number of the passage" in prompt.text and "Bob.\n" not in prompt.text
    assert bool(prompt.messages) == (form == "chat")
    assert record.replies[0].texts == ("Ada [1]",), "the stored answer is for stored/… alone"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("rag", "rag needs records or documents"),
        ("rag,docs=d", "rag needs records or documents"),
        ("rag,data=d,questions=q", "without docs="),
        ("rag,docs=d,data=x", "with docs="),
        ("rag,data=d,embedder=st/x", "nothing is retrieved without docs="),
        ("rag,data=d,scorers=retrival", "did you mean 'retrieval'"),
        ("rag,data=d,scorers=,reference_scorers=", "no scorer is named"),
        ("rag,docs=d,questions=q,retriever=dense", "needs an embedding model"),
        ("rag,docs=d,questions=q,top=80", "no more than there are candidates"),
    ],
)
def test_options_that_do_not_go_together_are_refused(spec: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load("task", spec)
    assert said in str(caught.value)


def test_a_mistake_in_a_row_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("The archive opened in 1873.")
    (tmp_path / "q.jsonl").write_text('{"question": "When?"}\n{"question": "Who?", "references": [{"id": "b.md"}]}\n')
    done = evalkit("run", "rag,docs=docs,questions=q.jsonl", "--model", "tiny", cwd=tmp_path)
    assert done.code == 2
    assert "q.jsonl:2: a reference is in none of the documents" in done.err
    assert "did you mean 'a.md'" in done.err and "Traceback" not in done.err


def test_citations_are_read_by_rank_and_by_id() -> None:
    record = RagRecord("r", "q", (Context("a.md#0-9", "x", 1), Context("b", "y", 2), Context("c", "z", 3)))
    text = "One [2]. Two [a.md#0-9]; both [1, 3] and none [7] nor [see below] [2]."
    assert cited(text, record) == (Citation("b"), Citation("a.md#0-9"), Citation("c"))
    assert cited("Nothing.", record) == ()
