"""Toy sets for embedding models: pairs of sentences, a small collection with questions, sentences of classes."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tools.toys.facts import SUBJECTS, Subject, with_articles
from tools.toys.kinds import KINDS
from tools.toys.stories import make_questions, make_thing, tell

SEED = 52_100
PAIRS, DOCUMENTS, SETS, SENTENCES = 80, 90, 8, 24

Row = Mapping[str, Any]


def _said(subject: Subject, key: str, value: str, phrasing: str) -> str:
    text = with_articles(phrasing.format(k=key, v=value))
    return text[0].upper() + text[1:]


def pairs() -> list[Row]:
    """Two sentences and how alike they are, 0 to 5: 5 says the same, 3 says something else of the same thing, 2 says
    it of another thing, 0 is about something else."""
    rng = Random(SEED)
    rows: list[Row] = []
    for number in range(PAIRS):
        subject = SUBJECTS[number % len(SUBJECTS)]
        key, other = rng.sample(list(subject.facts), 2)
        one, two = rng.sample(subject.statements, 2)
        score = (5.0, 3.0, 2.0, 0.0)[number // len(SUBJECTS) % 4]
        first = _said(subject, key, subject.facts[key], one)
        if score == 5.0:
            second = _said(subject, key, subject.facts[key], two)
        elif score == 3.0:
            second = _said(subject, key, subject.facts[other], two)
        elif score == 2.0:
            second = _said(subject, other, subject.facts[other], two)
        else:
            far = SUBJECTS[(number + 1 + rng.randrange(len(SUBJECTS) - 1)) % len(SUBJECTS)]
            key = rng.choice(list(far.facts))
            second = _said(far, key, far.facts[key], rng.choice(far.statements))
        rows.append({"id": f"sts-{number + 1:03d}", "sentence1": first, "sentence2": second, "score": score})
    return rows


def collection() -> tuple[list[Row], list[Row], list[Row]]:
    """Documents, queries and judgements in BEIR's shape: a question is answered by one document, which is worth 2;
    another document about the same thing would be worth 1."""
    rng = Random(SEED + 1)
    documents: list[Row] = []
    queries: list[Row] = []
    judged: list[Row] = []
    for number in range(DOCUMENTS):
        made = make_questions(rng, held_out=True, unanswerable=0.0, crowded=0.0)[0]
        document = f"doc-{number + 1:03d}"
        documents.append({"_id": document, "title": made.title, "text": made.context})
        if number % 3 != 2:
            query = f"q-{number + 1:03d}"
            queries.append({"_id": query, "text": made.question})
            judged.append({"query-id": query, "corpus-id": document, "score": 2})
            judged += [
                {"query-id": query, "corpus-id": row["_id"], "score": 1}
                for row in documents[:-1]
                if row["title"] == made.title
            ]
    return documents, queries, judged


def classes() -> list[Row]:
    """Sets of sentences, each with the class it is of: a subject of facts or a kind of thing."""
    rng = Random(SEED + 2)
    rows: list[Row] = []
    for number in range(SETS):
        names = rng.sample([subject.name for subject in SUBJECTS] + [kind.name for kind in KINDS], 4)
        found: dict[str, str] = {}
        while len(found) < SENTENCES:
            name = names[len(found) % len(names)]
            found.setdefault(_sentence(rng, name), name)
        rows.append({"id": f"cluster-{number + 1}", "sentences": list(found), "labels": list(found.values())})
    return rows


def _sentence(rng: Random, name: str) -> str:
    for subject in SUBJECTS:
        if subject.name == name:
            key = rng.choice(list(subject.facts))
            return _said(subject, key, subject.facts[key], rng.choice(subject.statements))
    kind = next(kind for kind in KINDS if kind.name == name)
    thing = make_thing(rng, kind, held_out=True)
    return tell(rng, thing, rng.choice(kind.attributes), by_name=True).text


def vector_sets() -> dict[str, list[Row]]:
    """All of them by name."""
    documents, queries, judged = collection()
    return {
        "clustering": classes(),
        "retrieval_corpus": documents,
        "retrieval_qrels": judged,
        "retrieval_queries": queries,
        "sts": pairs(),
    }
