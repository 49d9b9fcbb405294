"""RAG faithfulness: answers from a few contexts, and whether every sentence rests on them.

Faithfulness as in https://arxiv.org/abs/2309.15217 (Es et al., 2024). The toy set is ours, under the Apache
licence 2.0: 84 questions over made-up passages, each with an answer that keeps to them and one with a planted mistake
of one of fourteen kinds (number, name, negation, date, unit, …). One row:

    {"id": "rag-01-number", "kind": "number", "question": "How tall is …?", "answerable": true,
     "contexts": [{"id": "lighthouse-1", "text": "…", "rank": 1}, …], "faithful": "… 41 metres …", "planted": "… 47 …"}

A model answers from the contexts; its sentences are supported by words, by an entailment model, or by a judge. With
`--model stored/NAME` the rows' own answers are scored instead: the faithful ones, or the planted ones.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Judge, Row, Sample, Scorer, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.judging.rag.detectors import chosen
from evalkit.judging.rag.methods import answer_from_contexts, context_prompt
from evalkit.judging.rag.support import abstention
from evalkit.plugins import load
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "rag_faithfulness",
    "summary": "answers from contexts: how far each sentence is supported, and silence where they hold no answer",
    "tags": ["rag", "hallucination", "english"],
    "toys": {"toy_rag_faithfulness": {"data": "toy", "files": ""}},
}


def task(
    *,
    answers: Literal["faithful", "planted"] = "faithful",
    detector: Literal["auto", "lexical", "nli", "judge"] = "auto",
    embedder: str = "",
    nli: str = "",
    judges: str = "",
    files: str = "",
    data: Literal["files", "toy"] = "files",
    prompt: Literal["chat", "text"] = "chat",
    cite: bool = False,
    max_tokens: int = 256,
) -> Task:
    """`detector` looks for the answer in the contexts: `auto` takes the entailment model `nli` (repo or folder) where
    one is named, else the judge where one is given (`--judge`), else words. `judges` are further judges of the packs;
    `answers` says which of a row's own answers `--model stored/NAME` takes. `prompt=text` is for base models."""
    scorers: list[Scorer] = [chosen(detector, _faithfulness, nli=nli, embedder=embedder), abstention()]
    for name in (part.strip() for part in judges.split(",") if part.strip()):
        found = load("judge", name)
        assert isinstance(found, Judge)
        scorers.append(judged(found))
    return Task(
        name="rag_faithfulness",
        data=(Subset(_source(files, data)),),
        sample=lambda row: _sample(row, answers),
        prompt=context_prompt(cite=cite),
        method=answer_from_contexts(form=prompt, max_tokens=max_tokens, stop=("\n",) if prompt == "text" else ()),
        scorers=tuple(scorers),
        primary_metric="abstention",
    )


def _faithfulness() -> Judge:
    found = load("judge", "faithfulness")
    assert isinstance(found, Judge)
    return found


def _source(files: str, data: str) -> Source:
    if data == "toy":
        return bundled("rag_faithfulness")
    if not files:
        raise UsageError(
            "rag_faithfulness needs questions with contexts",
            fix="rag_faithfulness,files=rows.jsonl, or toy_rag_faithfulness",
        )
    return read_files(files)


def _sample(row: Row, answers: str) -> Sample:
    values = row.values
    return Sample(
        str(values["id"]),
        str(values["question"]),
        targets=(str(values["faithful"]),),
        groups=(str(values["kind"]),),
        data={
            "question": str(values["question"]),
            "contexts": list(values["contexts"]),
            "answerable": bool(values["answerable"]),
            "answer": str(values[answers]),
        },
    )
