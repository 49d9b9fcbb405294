"""Samples whose scores say what they rest on: a judge in both orders, an answer over contexts, programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from evalkit.core import Message, Prompt, Record, Reply, Sample, Score, Usage
from evalkit.runs.store import Run
from tests.reports.made import record, write_run

SENTENCES: tuple[tuple[str, float, str, str, list[str]], ...] = (
    ("The harbour was dredged in 1902.", 0.97, "supported", "Dredging of the harbour ended in 1902.", ["port#4"]),
    ("Its keeper was Ida Holm.", 0.03, "contradicted", "The keeper, Jon Berg, lived in the east tower.", ["port#2"]),
    ("Most ships carried grain.", 0.21, "unsupported", "", []),
)


def call(order: str, reply: str, verdict: str, **more: Any) -> dict[str, Any]:
    asked = [
        {"role": "system", "content": "You compare two answers."},
        {"role": "user", "content": "Question: when was the harbour dredged?\n\n[A]\n1902\n\n[B]\n1920"},
    ]
    told = {"order": order, "messages": asked, "reply": reply, "verdict": verdict, "repaired": False}
    return told | {"model": "judge/one"} | more


def judged() -> Record:
    """A pair that a judge saw in both orders; it disagreed with itself, and one reply had to be asked for again."""
    calls = [
        call("AB", "The first names the year.", "A"),
        call("BA", "Both are fine, I think.", "", problem="no verdict at the end"),
        call("BA", 'B is shorter.\n{"verdict": "A"}', "A", repaired=True),
    ]
    scores = (
        Score("win", 0.5, "A A", details={"transcript": calls}),
        Score("consistent", 0.0, details={"claims": []}),
        Score("acc", 0.0),
    )
    return replace(record(0), sample=replace(record(0).sample, id="judged"), scores=scores)


def answered() -> Record:
    """An answer over three contexts: sentences with evidence, claims, and where what was needed stood."""
    sentences = [
        {"text": text, "support": support, "contexts": ids, "label": label, "evidence": evidence}
        for text, support, label, evidence, ids in SENTENCES
    ]
    claims = [
        {"text": "dredged in 1902", "verdict": "supported", "contexts": ["port#4"], "kind": "", "sentence": 0},
        {
            "text": "the keeper was Ida Holm",
            "verdict": "contradicted",
            "contexts": ["port#2"],
            "kind": "intrinsic",
            "sentence": 1,
            "reason": "the context names Jon Berg",
        },
    ]
    sentences[1]["reason"] = "the name is not Holm"
    wanted = [{"text": "dredging ended", "verdict": "supported", "contexts": [], "sentence": -1, "in_answer": False}]
    diagnosis = {"cause": "generation", "gold_positions": [1], "of": 3}
    contexts = [
        {"id": "port#4", "text": "Dredging of the harbour ended in 1902.", "rank": 1, "score": 0.83},
        {"id": "port#2", "text": "The keeper, Jon Berg, lived in the east tower.", "rank": 2, "score": 0.71},
        {"id": "fish#1", "text": "Herring is landed in March.", "rank": 3, "score": 0.2},
    ]
    data = {"question": "When?", "contexts": contexts, "references": [{"id": "port#4"}]}
    score = Score(
        "faithfulness",
        1 / 3,
        details={"sentences": sentences, "claims": claims, "reference_claims": wanted, "diagnosis": diagnosis},
    )
    reply = Reply(texts=(" ".join(s[0] for s in SENTENCES),), finish=("stop",), usage=Usage(40, 21), seconds=0.4)
    prompt = Prompt(messages=(Message("user", "Answer from the contexts: when was the harbour dredged?"),))
    return Record("t", 1, Sample("answered", "When?", ("1902",), data=data), 0, prompt, (reply,), (score, ACC))


def programmed() -> Record:
    """A program that failed on its third input."""
    programs = [
        {"test": "inputs 1 to 2", "outcome": "passed", "stdout": "", "stderr": "", "seconds": 0.02},
        {
            "test": "input 3",
            "outcome": "exception",
            "stdout": "reading\n",
            "stderr": "Traceback (most recent call last):\nIndexError: list index out of range",
            "seconds": 0.011,
        },
    ]
    code = "def first(values):\n    return values[0]\n"
    passed = Score("passed", 0.0, code, "exception: IndexError", details={"programs": programs, "note": ["other"]})
    sample = Sample("programmed", "Write first().", data={"tests": "assert first([1]) == 1", "entry": ["first"]})
    reply = Reply(texts=(code,), finish=("stop",), usage=Usage(9, 14), seconds=0.2)
    return Record("t", 2, sample, 0, Prompt("Write first()."), (reply,), (passed, Score("acc", 0.0)))


ACC = Score("acc", 0.0, "1902")


def evidence_run(folder: Path) -> Run:
    return write_run(folder, [judged(), answered(), programmed(), record(3)])
