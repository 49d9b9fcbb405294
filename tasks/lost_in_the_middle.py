"""Lost in the middle: the same documents and question, with the document that answers it at every position.

Paper: https://arxiv.org/abs/2307.03172 (Liu et al., 2024). The documents are not the paper's: they are ours (Apache
licence 2.0), written by a script from the seed, about places that are not, so that no model has read them and a
question can only be answered from its document. One row:

    {"question": "How many catalogued pieces does the collection of the Kelfenmouth Archive hold?", "answer": "48213",
     "documents": [["Halzimere Herbarium", "The Halzimere Herbarium was founded in 1822 …"], …], "form": 0}

The groups are the position-of-gold curve; `worst_position` is its lowest point and `position_range` its height. The
positions of one question share a cluster, and their other documents keep one order.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.data import rows
from evalkit.judging.rag.diagnosis_scorer import rag_diagnosis
from evalkit.judging.rag.methods import answer_from_contexts, context_prompt
from evalkit.judging.rag.records import Context, RagRecord, Reference, to_data
from evalkit.judging.rag.synthetic import entries
from evalkit.scoring.metrics import mean, spread
from evalkit.scoring.scorers import includes

META = {
    "name": "lost_in_the_middle",
    "summary": "accuracy by the position of the document that answers, among others; generated from a seed",
    "tags": ["long-context", "rag"],
}


def task(
    *,
    documents: int = 10,
    positions: int = 5,
    questions: int = 20,
    seed: int = 1,
    form: Literal["chat", "text"] = "chat",
) -> Task:
    """`questions` over `documents` each, the right one at `positions` places, evenly from the first to the last."""
    places = _places(documents, positions)
    if questions < 1:
        raise UsageError("there is at least 1 question", found=f"questions={questions}")
    layout: PromptFormat = context_prompt()
    why = rag_diagnosis()
    return Task(
        name="lost_in_the_middle",
        data=(Subset(rows(list(_rows(documents, places, questions, seed)), name="lost")),),
        sample=_sample,
        prompt=layout,
        method=answer_from_contexts(form=form, max_tokens=64, stop=("\n",) if form == "text" else ()),
        scorers=(includes(whole_words=True), why),
        metrics=(
            mean("includes"),
            spread("includes", forms=len(places), of="worst", name="worst_position"),
            spread("includes", forms=len(places), name="position_range"),
            *(metric for metric in why.metrics if metric.name in ("failed_ordering", "failed_generation")),
        ),
        primary_metric="includes",
    )


def _places(documents: int, positions: int) -> list[int]:
    """The positions, from 0, evenly spread."""
    if not 2 <= positions <= documents:
        raise UsageError(
            "there are at least 2 positions, and no more than documents",
            found=f"positions={positions}, documents={documents}",
            fix="documents=10,positions=5",
        )
    return sorted({round(step * (documents - 1) / (positions - 1)) for step in range(positions)})


def _rows(documents: int, places: list[int], questions: int, seed: int) -> Iterator[dict[str, Any]]:
    made = entries(documents * questions, f"lost {seed}")
    for number in range(questions):
        right, *others = made[number * documents : (number + 1) * documents]
        Random(f"order {seed} {number}").shuffle(others)
        for form, place in enumerate(places):
            order = [*others[:place], right, *others[place:]]
            yield {
                "id": f"{number}-at-{place + 1}",
                "question": right.question,
                "answer": right.answer,
                "gold": right.name,
                "documents": [(entry.name, entry.document) for entry in order],
                "form": form,
                "place": f"gold at {place + 1} of {documents}",
                "cluster": str(number),
            }


def _sample(row: Row) -> Sample:
    values = row.values
    contexts = tuple(Context(name, text, rank) for rank, (name, text) in enumerate(values["documents"], 1))
    record = RagRecord(row.id, values["question"], contexts, references=(Reference(values["gold"]),))
    return Sample(
        row.id,
        values["question"],
        targets=(values["answer"],),
        cluster=values["cluster"],
        groups=(values["place"],),
        data={**to_data(record), "form": values["form"]},
    )
