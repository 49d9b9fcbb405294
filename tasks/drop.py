"""DROP: questions about a paragraph that take counting, sorting or arithmetic to answer.

Paper: https://arxiv.org/abs/1903.00161 (Dua et al., 2019). Data: EleutherAI/drop, CC-BY-4.0 licence. One row:

    {"query_id": "f37e81fa-…", "passage": "Hoping to rebound from their loss to the Patriots, the Raiders …",
     "question": "Who scored the first touchdown of the game?",
     "answer": {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": ["Chaz Schilens"]},
     "validated_answers": {"number": [""], "date": [{"day": "", "month": "", "year": ""}], "spans": [["Schilens"]]}}

Prompt, stop and scores are lm-evaluation-harness's. Its few-shot examples show the names of the answer's columns in
place of the answer; ours show the answer, after a blank. Results are grouped by the kind of answer, as in the official
script. Questions about one passage share a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalkit.core import Attempt, Fewshot, PromptFormat, Reply, Row, Sample, Subset, Task, digest_of
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers.drop import drop

META = {
    "name": "drop",
    "summary": "reading with counting, sorting and arithmetic, by DROP's exact match and F1",
    "tags": ["question-answering", "reading", "reasoning", "english"],
}


def task(*, max_tokens: int = 256) -> Task:
    """DROP's validation questions; few-shot examples come from its training set (0 unless asked for)."""
    return Task(
        name="drop",
        data=(
            Subset(
                rows=hub("EleutherAI/drop", split="validation"),
                examples=hub("EleutherAI/drop", split="train"),
            ),
        ),
        sample=_sample,
        prompt=PromptFormat(),
        method=replace(generate(max_tokens=max_tokens, stop=(".",)), gold=_gold),
        scorers=(drop(),),
        fewshot=Fewshot(spare=True),
        primary_metric="f1",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    several = values["validated_answers"]
    validated = [
        {"number": number, "date": date, "spans": spans}
        for number, date, spans in zip(several["number"], several["date"], several["spans"], strict=True)
    ]
    answers = tuple(dict.fromkeys(_spans(found) for found in (values["answer"], *validated)))
    return Sample(
        id=row.id,
        input=f"{values['passage']} {values['question']}",
        targets=tuple(", ".join(spans) for spans in answers),
        cluster=digest_of(values["passage"]),
        groups=(_kind(values["answer"]),),
        data={"answers": answers},
    )


def _spans(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The spans of an answer: its number, else its spans, else its date as "day month year"."""
    if answer["number"] != "":
        return (str(answer["number"]),)
    if answer["spans"]:
        return tuple(answer["spans"])
    date = answer["date"]
    return (" ".join((date["day"], date["month"], date["year"])).strip(),)


def _kind(answer: Mapping[str, Any]) -> str:
    if answer["number"] != "":
        return "number"
    if answer["spans"]:
        return "span" if len(answer["spans"]) == 1 else "spans"
    return "date"


def _gold(attempt: Attempt) -> tuple[Reply, ...]:
    """Every span of the answer as a text of its own: a single text cannot match several spans."""
    spans = attempt.sample.data["answers"][0]
    return (Reply(texts=tuple(spans), finish=("stop",) * len(spans)),)
