"""Hallucination detection: how well a detector tells hallucinated answers from faithful ones.

Papers: HaluEval (https://arxiv.org/abs/2305.11747), RAGTruth (https://arxiv.org/abs/2401.00396), SummEval
(https://arxiv.org/abs/2007.12626). Files are those that their authors released, or the copies on the hub; the toy
set is evalkit's own, under the Apache licence 2.0. No model answers: use `--model stored/NAME`. A HaluEval row:

    {"knowledge": "…", "question": "…", "right_answer": "…", "hallucinated_answer": "…"}

Detectors: by words (`lexical`), an entailment model (`nli`), or a judge with its model (`--judge`). AUROC is the
primary metric, and F1 is that of the hallucinated class at the threshold. ECE and the Brier score say how far the
probabilities are off.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Judge, PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.judging.rag.detector_quality import detection
from evalkit.judging.rag.detectors import Detector
from evalkit.judging.rag.detectors import detector as by_name
from evalkit.judging.rag.labelled import Form, labelled
from evalkit.judging.rag.methods import stored_answers
from evalkit.plugins import load

META = {
    "name": "hallucination_detection",
    "summary": "AUROC, F1 and calibration of a detector over labelled answers (HaluEval, RAGTruth, SummEval, our own)",
    "tags": ["rag", "hallucination", "detector"],
    "toys": {"toy_hallucination_detection": {"data": "toy", "files": "", "sources": ""}},
}


def task(
    *,
    detector: Detector = "lexical",
    files: str = "",
    sources: str = "",
    form: Form = "auto",
    nli: str = "",
    embedder: str = "",
    judge: str = "faithfulness",
    score: str = "",
    threshold: float = 0.5,
    bins: int = 10,
    data: Literal["files", "toy"] = "files",
) -> Task:
    """`files` are labelled answers (`sources`: RAGTruth's source_info.jsonl).
    `score` of the detector's is taken for the proportion that is faithful."""
    scorer, own = by_name(detector, lambda: _judge(judge), nli=nli, embedder=embedder)
    return Task(
        name="hallucination_detection",
        data=(Subset(_source(files, sources, form, data)),),
        sample=_sample,
        prompt=PromptFormat(answer=lambda s: str(s.data["answer"])),
        method=stored_answers(),
        scorers=(detection(scorer, score or own, threshold=threshold, bins=bins),),
        primary_metric="auroc",
    )


def _judge(name: str) -> Judge:
    found = load("judge", name)
    assert isinstance(found, Judge)
    return found


def _source(files: str, sources: str, form: Form, data: str) -> Source:
    if data == "toy":
        return labelled(bundled("rag_faithfulness"), "planted")
    if not files:
        raise UsageError(
            "hallucination_detection needs labelled answers",
            fix="hallucination_detection,files=PATH, or toy_hallucination_detection",
        )
    return labelled(read_files(files), form, read_files(sources) if sources else None)


def _sample(row: Row) -> Sample:
    values = row.values
    question = str(values["question"])
    return Sample(
        row.id,
        question,
        cluster=str(values["record"]),
        groups=(str(values["kind"]),) if values["kind"] else (),
        data={
            "question": question,
            "contexts": list(values["contexts"]),
            "answer": str(values["answer"]),
            "hallucinated": bool(values["hallucinated"]),
        },
    )
