"""Labelled answers in the forms of HaluEval, RAGTruth and SummEval, and what a detector is worth on them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import (
    DataOptions,
    Estimate,
    PromptFormat,
    Reply,
    Row,
    Sample,
    Score,
    Scorer,
    Subset,
    Task,
    UsageError,
    Validity,
)
from evalkit.data import rows
from evalkit.judging.rag.detector_quality import detection
from evalkit.judging.rag.labelled import Form, labelled
from evalkit.runs.store import Run
from tests.judging.rag.metrics.claims_judge import broken, literal
from tests.judging.server import judge_server

KNOWLEDGE = "The Orla dam was finished in 1931. It is 62 metres high."


def answers(
    given: list[dict[str, Any]], form: Form = "auto", sources: list[dict[str, Any]] | None = None
) -> list[Mapping[str, Any]]:
    opened = labelled(rows(given), form, rows(sources) if sources else None).open(DataOptions())
    return [row.values for row in opened.rows() if isinstance(row, Row)]


def short(given: list[Mapping[str, Any]]) -> list[tuple[str, bool, str]]:
    return [(row["answer"], row["hallucinated"], row["kind"]) for row in given]


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("row", "kind", "question"),
    [
        (
            {"knowledge": KNOWLEDGE, "question": "When?", "right_answer": "1931", "hallucinated_answer": "1940"},
            "qa", "When?",
        ),
        (
            {"knowledge": KNOWLEDGE, "dialogue_history": "[Human]: When?", "right_response": "1931",
             "hallucinated_response": "1940"},
            "dialogue", "[Human]: When?",
        ),
        ({"document": KNOWLEDGE, "right_summary": "1931", "hallucinated_summary": "1940"}, "summarization", ""),
    ],
)  # fmt: skip
def test_a_row_of_halueval_is_two_answers_of_one_record(row: dict[str, Any], kind: str, question: str) -> None:
    found = answers([row])
    assert short(found) == [("1931", False, kind), ("1940", True, kind)]
    assert found[0]["contexts"] == [{"id": "source", "text": KNOWLEDGE, "rank": 1}]
    assert found[0]["question"] == question
    assert found[0]["record"] == found[1]["record"]


def test_halueval_as_samples_has_one_answer_and_a_word() -> None:
    row = {"knowledge": KNOWLEDGE, "question": "When?", "answer": "1940", "hallucination": "yes"}
    assert short(answers([row, {**row, "answer": "1931", "hallucination": "no"}])) == [
        ("1940", True, "qa"),
        ("1931", False, "qa"),
    ]


def test_halueval_general_has_nothing_to_be_faithful_to() -> None:
    row = {"ID": "1", "user_query": "?", "chatgpt_response": "!", "hallucination": "no", "hallucination_spans": []}
    with pytest.raises(UsageError, match="no context to be faithful to"):
        answers([row])


def test_ragtruth_joins_responses_with_their_sources() -> None:
    label: dict[str, Any] = {
        "start": 0,
        "end": 4,
        "text": "1940",
        "label_type": "Evident Conflict",
        "implicit_true": False,
    }
    given: list[dict[str, Any]] = [
        {"id": "0", "source_id": "7", "model": "m", "labels": [label], "split": "test", "quality": "good",
         "response": "In 1940."},
        {"id": "1", "source_id": "8", "model": "m", "labels": [], "split": "test", "quality": "good",
         "response": "1931."},
    ]  # fmt: skip
    sources: list[dict[str, Any]] = [
        {"source_id": "7", "task_type": "QA", "source_info": {"question": "When?", "passages": KNOWLEDGE}},
        {"source_id": "8", "task_type": "Data2txt", "source_info": {"name": "Orla", "year": 1931}},
    ]
    found = answers(given, sources=sources)
    assert short(found) == [("In 1940.", True, "QA"), ("1931.", False, "Data2txt")]
    assert found[0]["question"] == "When?"
    assert found[0]["contexts"][0]["text"] == KNOWLEDGE
    assert json.loads(found[1]["contexts"][0]["text"]) == {"name": "Orla", "year": 1931}
    with pytest.raises(UsageError, match="the source '7' of a response is missing"):
        answers(given)


@pytest.mark.parametrize(
    "counts", [{"evident_conflict": 1, "baseless_info": 0}, '{"evident_conflict": 0, "baseless_info": 2}']
)
def test_ragtruth_as_it_is_on_the_hub(counts: object) -> None:
    row = {"query": "When?", "context": KNOWLEDGE, "output": "1940", "task_type": "QA", "quality": "good",
           "hallucination_labels": "[]", "hallucination_labels_processed": counts}  # fmt: skip
    none = {"evident_conflict": 0, "baseless_info": 0}
    found = answers([row, {**row, "hallucination_labels_processed": none}])
    assert [each["hallucinated"] for each in found] == [True, False]


def test_summeval_is_consistent_only_at_the_full_mark() -> None:
    row = {
        "text": KNOWLEDGE,
        "machine_summaries": ["a", "b", "c"],
        "human_summaries": [],
        "consistency": [5.0, 4.67, 1.0],
    }
    assert [each["hallucinated"] for each in answers([row])] == [False, True, True]
    marks = [{"coherence": 1, "consistency": mark, "fluency": 5, "relevance": 3} for mark in (5, 5, 4)]
    aligned = {"id": "x", "decoded": "a", "text": KNOWLEDGE, "expert_annotations": marks, "references": []}
    assert short(answers([aligned])) == [("a", True, "Summary")]
    with pytest.raises(UsageError, match="no article"):
        answers([{key: value for key, value in aligned.items() if key != "text"}])


def test_a_row_of_no_known_form_says_what_it_has() -> None:
    with pytest.raises(UsageError, match="no known form") as caught:
        answers([{"prompt": "?", "completion": "!"}])
    assert "completion, prompt" in str(caught.value)


# ---------------------------------------------------------------- what a detector is worth


def fixed(values: Mapping[str, float | None]) -> Scorer:
    async def score(sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        value = values[replies[0].texts[0]]
        if value is None:
            return (Score("other", 1.0),)
        if math.isnan(value):
            return (Score("support", value, reason="prose", validity=Validity.UNJUDGED),)
        return (Score("support", value),)

    return Scorer("fixed", score, ("support",))


def test_auroc_f1_accuracy_brier_and_ece_agree_with_scikit_learn(tmp_path: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(4)
    labels = [rng.random() < 0.4 for _ in range(120)]
    supports = {f"a{n}": min(1.0, max(0.0, 0.6 - 0.3 * label + rng.gauss(0, 0.25))) for n, label in enumerate(labels)}
    given = [
        {"question": "?", "contexts": [], "faithful": "", "planted": "", "kind": "", "answer": f"a{n}", "label": label}
        for n, label in enumerate(labels)
    ]
    task = Task(
        name="t",
        data=(Subset(rows(given)),),
        sample=lambda row: Sample(
            row.id, "?", data={"answer": row.values["answer"], "hallucinated": row.values["label"]}
        ),
        prompt=PromptFormat(question=lambda s: ""),
        method=_stored(),
        scorers=(detection(fixed(supports), "support", bins=10),),
    )
    run = evalkit.run(task, model="stored/x", out=tmp_path / "run")
    found = {name: estimate.value for name, estimate in estimates(run).items()}
    probabilities = [1 - supports[f"a{n}"] for n in range(len(labels))]
    said = [p >= 0.5 for p in probabilities]
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, said))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, said))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(labels, probabilities))
    # Guo et al.'s bins, counted by hand: each with its upper end.
    gap = 0.0
    for number in range(10):
        inside = [
            n for n, p in enumerate(probabilities) if number / 10 < p <= (number + 1) / 10 or (number == 0 and p == 0)
        ]
        gap += abs(sum(probabilities[n] - labels[n] for n in inside))
    assert found["ece"] == pytest.approx(gap / len(labels))


def _stored() -> Any:
    from evalkit.judging.rag.methods import stored_answers

    return stored_answers()


def estimates(run: Run) -> Mapping[str, Estimate]:
    result = run.manifest.tasks[0].result
    assert result is not None
    return {metric.name: metric.estimate for metric in result.metrics}


def test_an_answer_that_claims_nothing_is_not_hallucinated_and_an_unjudged_one_leaves_n() -> None:
    scorer = detection(fixed({"silent": None, "unread": math.nan}), "support")
    import asyncio

    sample = Sample("q", "?", data={"hallucinated": False})
    silent = asyncio.run(scorer.score(sample, (Reply(("silent",), ("stop",)),)))
    assert silent[0].value == 0.0
    assert silent[0].reason == "claims nothing"
    unread = asyncio.run(scorer.score(sample, (Reply(("unread",), ("stop",)),)))
    assert {score.validity for score in unread} == {Validity.UNJUDGED}
    assert unread[0].reason == "prose"


def test_a_threshold_lies_between_0_and_1() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        detection(fixed({}), "support", threshold=1.0)


# ---------------------------------------------------------------- the tasks


def test_the_embedded_detector_over_the_bundled_answers_with_auroc_by_kind(tmp_path: Path) -> None:
    run = evalkit.run("toy_hallucination_detection", model="stored/embedded", out=tmp_path / "run")
    found = estimates(run)
    assert found["auroc"].n == 168
    assert found["auroc"].value >= 0.9
    result = run.manifest.tasks[0].result
    assert result is not None
    by_kind = {kind: {metric.name: metric.estimate for metric in given} for kind, given in result.groups.items()}
    assert len(by_kind) == 14
    for kind in ("number", "name", "negation"):
        assert by_kind[kind]["auroc"].value >= 0.9
    record = next(iter(run.records()))
    assert record.scores[0].details["sentences"]


def test_an_entailment_model_is_a_detector_too(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.judging.rag.metrics.tiny_nli import write_nli

    folder = write_nli(tmp_path / "nli", ("contradiction", "neutral", "entailment"), positions=128)
    run = evalkit.run(
        f"toy_hallucination_detection,detector=nli,nli={folder}", model="stored/nli", limit=28, out=tmp_path / "run"
    )
    # Random weights know nothing; what counts is that every answer was measured.
    assert estimates(run)["auroc"].n == 28
    assert 0.0 <= estimates(run)["brier"].value <= 1.0


def test_a_judge_is_a_detector_too_and_what_it_garbles_leaves_n(tmp_path: Path) -> None:
    given = tmp_path / "qa.jsonl"
    row = {"knowledge": "Fact 1 is here", "question": "?", "right_answer": "Fact 1 is here.",
           "hallucinated_answer": "Fact 2 is here."}  # fmt: skip
    other = {**row, "hallucinated_answer": "Fact 3 is garbled."}
    given.write_text(json.dumps(row) + "\n" + json.dumps(other) + "\n", encoding="utf-8")

    def says(prompt: str) -> str:
        return broken("prose")(prompt, 0) if "garbled" in prompt else literal(prompt)

    with judge_server(says) as (spec, _):
        run = evalkit.run(
            f"hallucination_detection,detector=judge,files={given}", model="stored/judge", judge=spec,
            out=tmp_path / "run", max_failures=1.0,
        )  # fmt: skip
    assert estimates(run)["auroc"].n == 3
    assert estimates(run)["auroc"].value == 1.0
    assert [record.validity for record in run.records()].count(Validity.UNJUDGED) == 1


def test_rag_faithfulness_scores_planted_answers_far_below_faithful_ones(tmp_path: Path) -> None:
    found = {
        kind: estimates(
            evalkit.run(f"toy_rag_faithfulness,answers={kind}", model=f"stored/{kind}", out=tmp_path / kind)
        )
        for kind in ("faithful", "planted")
    }
    assert found["faithful"]["support"].value > 0.8
    assert found["planted"]["support"].value < 0.4
    assert found["faithful"]["abstention"].value == 1.0
    assert found["planted"]["abstains"].value == 0.0


def test_the_embedded_model_answers_rag_faithfulness(tmp_path: Path) -> None:
    run = evalkit.run("toy_rag_faithfulness,prompt=text,max_tokens=16", model="tiny", limit=13, out=tmp_path / "run")
    assert estimates(run)["abstention"].n == 13
    assert all(record.validity is not Validity.SCORER_ERROR for record in run.records())
