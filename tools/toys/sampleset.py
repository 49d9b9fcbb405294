"""The toy sets: questions, stories and texts that the corpus does not contain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from tools.toys.facts import DEV_FACTS, SUBJECTS, make_quiz, statement
from tools.toys.hallucinations import rag_faithfulness
from tools.toys.languages import token_texts
from tools.toys.programs import programs
from tools.toys.safety import safety_sets
from tools.toys.stories import make_article, make_paragraph, make_questions
from tools.toys.structured import structured_sets
from tools.toys.vectors import vector_sets

SEED = 4711
QUESTIONS, ARTICLES, TEXTS = 100, 80, 60
CROWDED = 0.7
"""So many stories of the question set are about two things, more than in the corpus: it should not be easy."""

Row = Mapping[str, Any]


def multiple_choice(dev: bool) -> list[Row]:
    """A question for each fact, in a phrasing that the corpus does not use; gold positions go round."""
    rng = Random(SEED + dev)
    rows: list[Row] = []
    for subject in SUBJECTS:
        keys = list(subject.facts)
        for number, key in enumerate(keys[-DEV_FACTS:] if dev else keys[:-DEV_FACTS]):
            phrasing = subject.held_out[number % len(subject.held_out)]
            quiz = make_quiz(rng, subject, key, phrasing, answer=len(rows) % 4)
            rows.append(
                {
                    "id": f"mc-{'dev-' if dev else ''}{subject.name}-{number + 1:02d}",
                    "question": quiz.question,
                    "choices": list(quiz.choices),
                    "answer": quiz.answer,
                    "subject": subject.name,
                }
            )
    return rows


def questions() -> list[Row]:
    """Questions about stories in the schema of SQuAD 2: empty lists where there is no answer."""
    rng = Random(SEED + 2)
    rows: list[Row] = []
    for number in range(QUESTIONS):
        proportion = 1.0 if number % 7 == 3 else 0.0
        made = make_questions(rng, held_out=True, unanswerable=proportion, crowded=CROWDED)[0]
        rows.append(
            {
                "id": f"qa-{number + 1:03d}",
                "title": made.title,
                "context": made.context,
                "question": made.question,
                "answers": {
                    "text": list(made.answers),
                    "answer_start": [word_index(made.context, answer) for answer in made.answers],
                },
            }
        )
    return rows


def word_index(text: str, words: str) -> int:
    """The character offset of the first place where the words stand as whole words."""
    found = re.search(rf"\b{re.escape(words)}\b", text)
    if found is None:
        raise ValueError(f"{words!r} is not in {text!r}")
    return found.start()


def articles() -> list[Row]:
    """Articles with summaries of two lengths."""
    rng = Random(SEED + 3)
    rows: list[Row] = []
    for number in range(ARTICLES):
        made = make_article(rng, held_out=True)
        rows.append(
            {
                "id": f"sum-{number + 1:03d}",
                "document": made.document,
                "highlights": made.highlights,
                "summary": made.summary,
            }
        )
    return rows


def long_text(rng: Random) -> str:
    """Several paragraphs, 200 to 400 words together, the last-but-one of facts."""
    goal = rng.randint(210, 330)
    paragraphs: list[str] = []
    while sum(len(paragraph.split()) for paragraph in paragraphs) < goal:
        paragraphs.append(make_paragraph(rng, held_out=True))
    subject = rng.choice(SUBJECTS)
    paragraphs.insert(len(paragraphs) - 1, " ".join(statement(rng, subject) for _ in range(rng.randint(2, 3))))
    return "\n\n".join(paragraphs)


def texts() -> list[Row]:
    """Plain texts to measure perplexity on."""
    rng = Random(SEED + 4)
    return [{"id": f"ppl-{number + 1:03d}", "text": long_text(rng)} for number in range(TEXTS)]


def sample_sets() -> dict[str, list[Row]]:
    """All toy sets by name."""
    return {
        "multiple_choice": multiple_choice(dev=False),
        "multiple_choice_dev": multiple_choice(dev=True),
        "qa": questions(),
        "summarization": articles(),
        "perplexity": texts(),
        "programs": programs(),
        "tokenizers": token_texts(),
        **vector_sets(),
        **structured_sets(),
        **safety_sets(),
        "rag_faithfulness": rag_faithfulness(),
    }


def as_lines(rows: Iterable[Row]) -> str:
    """JSON Lines, one object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_sets(folder: Path) -> None:
    """Write every toy set into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in sample_sets().items():
        (folder / f"{name}.jsonl").write_text(as_lines(rows), encoding="utf-8", newline="\n")
