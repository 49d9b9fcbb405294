"""Questions on paragraphs among other paragraphs, of SQuAD and of HotpotQA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

SEED = 42
_ONLY = "Answer the question based on the given documents. Only give me the answer and do not output any other words."
TEMPLATE = f"{_ONLY}\n\nThe following are given documents.\n\n{{context}}\n\n{_ONLY}\n\nQuestion: {{query}}"
PREFIX = " Answer:"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answers, its own documents and those of the same article, by their numbers."""

    query: str
    answers: list[str]
    own: list[int]
    near: list[int]


def of_squad(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Asked], list[str]]:
    """The questions that have an answer, and all paragraphs, of rows as the hub has SQuAD's."""
    rows = list(rows)
    documents = sorted({str(row["context"]) for row in rows})
    number = {text: place for place, text in enumerate(documents)}
    by_title: dict[str, list[int]] = {}
    for row in rows:
        known = by_title.setdefault(str(row["title"]), [])
        if number[row["context"]] not in known:
            known.append(number[row["context"]])
    found = []
    for row in rows:
        texts = [str(text) for text in row["answers"]["text"]]
        if texts:
            own = number[row["context"]]
            near = [place for place in by_title[str(row["title"])] if place != own]
            found.append(Asked(str(row["question"]), texts, [own], near))
    return found, documents


def of_hotpot(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Asked], list[str]]:
    """The questions and all paragraphs of rows as the hub has HotpotQA's."""
    told = []
    for row in rows:
        context = row["context"]
        paragraphs = [
            f"{title}\n{''.join(sentences)}"
            for title, sentences in zip(context["title"], context["sentences"], strict=True)
        ]
        told.append((str(row["question"]), str(row["answer"]), paragraphs))
    documents = sorted({text for _, _, paragraphs in told for text in paragraphs})
    number = {text: place for place, text in enumerate(documents)}
    return [Asked(query, [answer], [number[text] for text in own], []) for query, answer, own in told], documents


def among(rng: Random, one: Asked, documents: Sequence[str], parts: int) -> tuple[str, str, list[str]]:
    """(question, beginning of the answer, answers), drawn as qa.py does. Raises ValueError for fewer documents than the
    question has of its own."""
    if parts < len(documents):
        wanted = parts - len(one.own)
        if wanted > len(one.near):
            taken = {*one.own, *one.near}
            others = [place for place in range(len(documents)) if place not in taken]
            chosen = [*one.own, *one.near, *rng.sample(others, max(0, wanted - len(one.near)))]
        else:
            chosen = [*one.own, *rng.sample(one.near, wanted)]
        shown = [documents[place] for place in chosen]
    else:
        shown = (list(documents) * (-(-parts // len(documents))))[:parts]
    Random(SEED).shuffle(shown)
    context = "\n\n".join(f"Document {number}:\n{text}" for number, text in enumerate(shown, 1))
    return TEMPLATE.format(context=context, query=one.query), PREFIX, one.answers
