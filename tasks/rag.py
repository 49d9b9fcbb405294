"""Retrieval-augmented answers: from a file of records, or from a folder of documents that is searched first.

Retrieval-augmented generation: https://arxiv.org/abs/2005.11401 (Lewis et al., 2020). Data is your own, under a licence
of your own. A file of records (JSONL, JSON, CSV, Parquet) in evalkit's columns, or in those of ragas, LangChain,
LlamaIndex or RAGChecker, which are known by their names. One row:

    {"question": "When was the Rowan Library built?", "contexts": [{"id": "rowan.md", "text": "… built in 1873. …"}],
     "reference_answer": "In 1873.", "references": [{"id": "rowan.md"}], "answer": "It was built in 1873."}

With `docs` (a folder of text files), the contexts are retrieved from it and only question, reference answer and
references are read. `--model stored/NAME` scores the answers in the rows and asks no model.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Judge, PromptFormat, Row, Sample, Scorer, Source, Subset, Task, UsageError
from evalkit.data import files
from evalkit.judging.rag.chunking import Chunking
from evalkit.judging.rag.columns import Form
from evalkit.judging.rag.detectors import chosen
from evalkit.judging.rag.lexical import Bm25
from evalkit.judging.rag.methods import answer_from_contexts, context_prompt
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import to_sample
from evalkit.judging.rag.retrieval_scores import retrieval, where_referenced
from evalkit.judging.rag.retriever import Retrieval
from evalkit.judging.rag.sources import retrieved
from evalkit.plugins import load
from evalkit.plugins.named import scorers
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "rag",
    "summary": "answers from documents: your own records (data=FILE), or a folder that is searched first (docs=FOLDER)",
    "tags": ["rag", "retrieval"],
}

_OWN: Form = "evalkit"


def task(
    *,
    data: str = "",
    docs: str = "",
    questions: str = "",
    form: Form = "auto",
    retriever: Literal["bm25", "dense", "hybrid"] = "bm25",
    embedder: str = "",
    reranker: str = "",
    chunks: Literal["fixed", "sentence", "recursive"] = "recursive",
    size: int = 800,
    overlap: int = 0,
    top: int = 5,
    candidates: int = 50,
    k1: float = 1.2,
    b: float = 0.75,
    fusion_k: int = 60,
    scorers: str = "retrieval,rag_diagnosis",
    reference_scorers: str = "token_f1",
    judges: str = "",
    detector: Literal["", "auto", "lexical", "nli", "judge"] = "",
    nli: str = "",
    primary_metric: str = "",
    prompt: Literal["chat", "text"] = "chat",
    cite: bool = False,
    max_tokens: int = 256,
) -> Task:
    """Records of `data`, or `questions` for which `docs` is searched.

    `scorers` names scorers that look at question, contexts and answer. `reference_scorers` names those that compare
    with a reference answer, if the row has one. `judges` names judges of the packs, and `nli` an entailment model that
    looks for the answer's sentences in the contexts. `detector` looks for them, too: by words, that model or the judge
    `faithfulness`; `auto` takes the best of these that you gave. `prompt=text` is for base models, whose answer ends
    with its line.
    """
    if docs:
        _refuse("data", data, "with docs= the questions are read from questions=")
        settings = Retrieval(
            retriever, Chunking(chunks, size, overlap), top, candidates, embedder, reranker, Bm25(k1, b), fusion_k
        )
        source, read = retrieved(_file(questions), docs, settings, form), _OWN
    else:
        _refuse("questions", questions, "without docs= records are read from data=")
        _refuse("embedder", embedder, "nothing is retrieved without docs=")
        _refuse("reranker", reranker, "nothing is retrieved without docs=")
        source, read = _file(data), form
    layout: PromptFormat = context_prompt(cite=cite)
    return Task(
        name="rag",
        data=(Subset(source),),
        sample=lambda row: _sample(row, read),
        prompt=layout,
        method=answer_from_contexts(form=prompt, max_tokens=max_tokens, stop=("\n",) if prompt == "text" else ()),
        scorers=_scorers(scorers, reference_scorers, judges, nli, top, detector),
        primary_metric=primary_metric or reference_scorers.partition(",")[0].strip(),
    )


def _file(path: str) -> Source:
    if not path:
        raise UsageError("rag needs records or documents", fix="rag,data=FILE or rag,docs=FOLDER,questions=FILE")
    return files(path)


def _refuse(option: str, value: str, why: str) -> None:
    if value:
        raise UsageError(why, found=f"{option}={value}", fix="evalkit run rag,docs=FOLDER,questions=FILE")


def _sample(row: Row, form: Form) -> Sample:
    return to_sample(record_of(row, form), row)


def _scorers(
    always: str,
    referenced: str,
    judges: str,
    nli: str,
    top: int,
    detector: Literal["", "auto", "lexical", "nli", "judge"],
) -> tuple[Scorer, ...]:
    depths = tuple(sorted({1, top}))
    found = [retrieval(depths=depths) if name == "retrieval" else scorers.by_name(name) for name in _names(always)]
    found += [where_referenced(scorers.by_name(name)) for name in _names(referenced)]
    if detector:
        found.append(chosen(detector, lambda: _judge("faithfulness"), nli=nli))
    elif nli:
        found.append(scorers.by_name("entailment", model=nli))
    found += [judged(_judge(name)) for name in _names(judges)]
    if not found:
        raise UsageError("no scorer is named", fix="scorers=retrieval,reference_scorers=token_f1")
    return tuple(found)


def _names(listed: str) -> list[str]:
    return [name for part in listed.split(",") if (name := part.strip())]


def _judge(name: str) -> Judge:
    found = load("judge", name)
    assert isinstance(found, Judge)
    return found
