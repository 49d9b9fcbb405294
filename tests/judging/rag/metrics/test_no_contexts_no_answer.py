"""Contexts that hold nothing or are there twice, and answers that are empty: what is in n, and what counts once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import evalkit
from evalkit.core import Reply, Row, Sample, Score, UsageError, Validity
from evalkit.judging.rag.detectors import detector
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import of_sample, to_sample
from evalkit.judging.rag.retrieval_scores import retrieval_scores
from evalkit.judging.rag.support import sentence_support
from evalkit.judging.rag.support.entailment import EntailmentModel
from evalkit.plugins import load
from evalkit.scoring.scorers.judging import judged
from tests.judging.rag.metrics.claims_judge import literal, parts
from tests.judging.scripted import Scripted, replies
from tests.judging.server import judge_server

FACT = {"id": "a", "text": "Fact 1 is here and Fact 2 is here", "rank": 1}
AGAIN = {"id": "b", "text": "Fact 1 is here and  Fact 2 is here", "rank": 2}
NOISE = {"id": "c", "text": "Noise 7 is here", "rank": 3}


def scored(name: str, answer: str, contexts: list[dict[str, object]]) -> tuple[dict[str, Score], Scripted]:
    model = Scripted(literal)
    bound = judged(load("judge", name)).judged_by
    assert bound is not None
    sample = Sample("q", "Where is Fact 1?", targets=("Fact 1 is here.",), data={"contexts": contexts})
    return {score.name: score for score in asyncio.run(bound(model).score(sample, replies(answer)))}, model


# ---------------------------------------------------------------- contexts


@pytest.mark.parametrize("text", ["", "  \n", "\u3000\t"])
@pytest.mark.parametrize("name", ["faithfulness", "groundedness", "context_recall"])
def test_blank_contexts_are_no_contexts_and_nobody_is_asked_about_them(text: str, name: str) -> None:
    blank = {"id": "x", "text": text, "rank": 1}
    found, model = scored(name, "Fact 1 is here.", [blank])
    nothing, _ = scored(name, "Fact 1 is here.", [])
    assert {key: score.value for key, score in found.items()} == {key: score.value for key, score in nothing.items()}
    assert found[name].value == 0.0
    assert not any("check claims" in request.prompt.messages[0].content for request in model.asked)


def test_others_keep_their_ranks_beside_a_blank_one() -> None:
    data = {"contexts": [{"id": "x", "text": " ", "rank": 1}, {**NOISE, "rank": 2}, {**FACT, "rank": 3}]}
    record = of_sample(Sample("q", "?", data=data))
    assert [(context.id, context.rank) for context in record.contexts] == [("c", 2), ("a", 3)]
    assert record.depth == 3
    answer = (Reply(("Fact 1 is here [3].",), ("stop",)),)
    found = asyncio.run(sentence_support().score(Sample("q", "?", data=data), answer))
    assert {score.name: score.value for score in found}["support"] == 1.0


def test_a_retriever_known_by_ids_alone_is_scored_by_them() -> None:
    contexts = [{"id": name, "text": "", "rank": rank} for rank, name in enumerate("abc", 1)]
    data = {"contexts": contexts, "references": [{"id": "b"}]}
    record = of_sample(Sample("q", "?", data=data), blank=True)
    assert retrieval_scores(record, (2,))["recall@2"] == 1.0
    assert retrieval_scores(record, (2,))["mrr"] == 0.5


def test_a_context_that_was_retrieved_twice_is_asked_about_once_and_counts_once() -> None:
    found, model = scored("context_precision", "Fact 1 is here.", [FACT, AGAIN, NOISE])
    once, _ = scored("context_precision", "Fact 1 is here.", [FACT, NOISE])
    assert found["context_precision"].value == once["context_precision"].value == 1.0
    shown = [name for name in parts(model.asked[0].prompt.messages[0].content) if name.startswith("context")]
    assert shown == ["context 1", "context 2"]
    # RAGChecker's is a proportion of contexts: one of two, not two of three.
    assert scored("claim_check", "Fact 1 is here.", [FACT, AGAIN, NOISE])[0]["context_precision"].value == 0.5


def test_a_citation_of_the_second_copy_is_a_citation_of_what_it_says() -> None:
    found, _ = scored("groundedness", "Fact 1 is here [2].", [FACT, AGAIN, NOISE])
    assert found["citation_recall"].value == found["citation_precision"].value == 1.0
    data = {"contexts": [FACT, AGAIN, NOISE]}
    answer = (Reply(("Fact 1 is here [2].",), ("stop",)),)
    support = asyncio.run(sentence_support().score(Sample("q", "?", data=data), answer))
    assert {score.name: score.value for score in support}["support"] == 1.0


def test_a_repeated_context_is_no_second_hit() -> None:
    values = {
        "question": "?",
        "contexts": [FACT, {**AGAIN, "text": FACT["text"]}, NOISE],
        "references": [{"id": "r", "text": "Fact 1 is here"}],
    }
    record = of_sample(to_sample(record_of(Row("1", values, "a.jsonl:1"))))
    assert retrieval_scores(record, (2,))["precision@2"] == 0.5


def test_two_rows_of_one_id_are_one_context_where_they_say_the_same() -> None:
    twice = record_of(Row("1", {"question": "?", "contexts": [FACT, FACT, NOISE]}, "a.jsonl:1"))
    assert [context.id for context in twice.contexts] == ["a", "c"]
    with pytest.raises(UsageError, match="one id and different texts"):
        record_of(Row("1", {"question": "?", "contexts": [FACT, {**NOISE, "id": "a"}]}, "a.jsonl:1"))


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("column", ["answer", "response"])
def test_an_empty_answer_is_an_answer_and_null_is_none(column: str) -> None:
    context = "contexts" if column == "answer" else "retrieved_contexts"
    question = "question" if column == "answer" else "user_input"
    row = {question: "?", context: ["Fact 1."]}
    assert record_of(Row("1", {**row, column: ""}, "a.jsonl:1")).answer == ""
    assert record_of(Row("1", {**row, column: None}, "a.jsonl:1")).answer is None
    assert record_of(Row("1", row, "a.jsonl:1")).answer is None


def test_a_stored_empty_answer_stays_in_n_with_nothing_right(tmp_path: Path) -> None:
    rows = [
        {"id": f"{n}", "question": "Who built it?", "contexts": ["Ann built it."], "reference_answer": "Ann built it.",
         "answer": "Ann built it." if n else ""}
        for n in range(4)
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run = evalkit.run(f"rag,data={tmp_path}/a.jsonl", model="stored/bot", out=tmp_path / "run")
    assert not run.failed
    result = run.manifest.tasks[0].result
    assert result is not None
    f1 = next(metric.estimate for metric in result.metrics if metric.name == "token_f1")
    assert (f1.value, f1.n) == (0.75, 4)
    empty = next(record for record in run.records() if record.sample.id == "0")
    assert empty.validity is Validity.NO_ANSWER


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("answer_relevance", {"answer_relevance": 0.0}),
        ("context_refusal", {"context_refusal": 0.0}),
        ("factual_correctness", {"factual_recall": 0.0, "factual_f": 0.0}),
        ("answer_correctness", {"answer_correctness": 0.0, "factual_f1": 0.0, "similarity": 0.0}),
    ],
)
def test_an_empty_answer_is_worth_nothing_to_judged_metrics(name: str, wanted: dict[str, float]) -> None:
    found, model = scored(name, "", [FACT])
    assert {key: score.value for key, score in found.items()} == wanted
    assert not any("what an answer is an answer to" in one.prompt.messages[0].content for one in model.asked)


# ---------------------------------------------------------------- which detector


def test_the_judge_that_a_run_is_given_is_the_detector_and_words_are_without(tmp_path: Path) -> None:
    plain = evalkit.run("toy_rag_faithfulness", model="stored/bot", limit=2, out=tmp_path / "plain")
    assert {"support", "weakest_support"} <= {score.name for score in next(iter(plain.records())).scores}
    with judge_server(lambda text: literal(text)) as (spec, _):
        asked = evalkit.run("toy_rag_faithfulness", model="stored/bot", limit=2, out=tmp_path / "judged",
                            judge=spec)  # fmt: skip
        named = evalkit.run("toy_rag_faithfulness,detector=lexical", model="stored/bot", limit=2,
                            out=tmp_path / "named", judge=spec)  # fmt: skip
    scores = {score.name for score in next(iter(asked.records())).scores}
    assert "faithfulness" in scores
    assert "support" not in scores
    assert "support" in {score.name for score in next(iter(named.records())).scores}


def test_the_task_rag_takes_a_detector_by_name(tmp_path: Path) -> None:
    row = {"id": "1", "question": "Who?", "contexts": ["Ann built it."], "answer": "Ann built it."}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    spec = f"rag,data={tmp_path}/a.jsonl,scorers=,reference_scorers="
    plain = evalkit.run(f"{spec},detector=auto", model="stored/bot", out=tmp_path / "plain")
    assert next(iter(plain.records())).value("support") == 1.0
    with judge_server(literal) as (judge, _):
        asked = evalkit.run(f"{spec},detector=auto", model="stored/bot", judge=judge, out=tmp_path / "asked")
    assert next(iter(asked.records())).value("faithfulness") == 1.0


def test_a_detector_that_needs_a_model_says_which_and_refuses_another() -> None:
    def judge() -> object:
        return load("judge", "faithfulness")

    with pytest.raises(UsageError, match="entailment model is needed"):
        detector("nli", judge)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="asks no entailment model"):
        detector("lexical", judge, nli="x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="asks no embedding model"):
        detector("judge", judge, embedder="x")  # type: ignore[arg-type]


def test_one_sentence_said_twice_is_measured_twice_by_an_entailment_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from evalkit.judging.rag.support import entailment
    from tests.judging.rag.metrics.tiny_nli import write_nli

    folder = write_nli(tmp_path / "nli", ("contradiction", "neutral", "entailment"), positions=128)
    said = ("The dam is high.", "It is old.")
    data = {"contexts": [{"id": "a", "text": "The dam is 62 metres high. It is old.", "rank": 1}]}

    def supports(*sentences: str) -> list[float]:
        scorer = entailment(model=str(folder))
        reply = (Reply((" ".join(sentences),), ("stop",)),)
        found = asyncio.run(scorer.score(Sample("q", "?", data=data), reply))
        return [one["support"] for one in found[0].details["sentences"]]

    first, second = supports(*said)
    assert supports(said[0], said[0], said[1]) == pytest.approx([first, first, second], abs=1e-6)
    assert EntailmentModel(str(folder)).judge([("a", "b")])
