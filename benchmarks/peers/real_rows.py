"""Rows of the measured forms from real data: questions of MMLU, text of WikiText, paragraphs of SQuAD."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

Rows = list[dict[str, Any]]
_WIKITEXT = "Salesforce/wikitext/wikitext-2-v1/test"
_SQUAD = "rajpurkar/squad/plain_text/validation"
_LONG = 60
"""Words that a paragraph has at least, so that it can be cut into a beginning and an ending."""


def read(mirror: Path, path: str) -> Iterator[dict[str, Any]]:
    """The rows of a split of the mirror. Raises FileNotFoundError."""
    plain, packed = mirror / f"{path}.jsonl", mirror / f"{path}.jsonl.gz"
    data = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    return (json.loads(line) for line in data.decode("utf-8").split("\n") if line)


def has(mirror: Path | None, path: str) -> bool:
    """Whether the mirror has the split."""
    return mirror is not None and any((mirror / f"{path}{end}").is_file() for end in (".jsonl", ".jsonl.gz"))


def mmlu(mirror: Path, subject: str, count: int) -> tuple[Rows, Rows]:
    """Questions of a subject, and its five examples."""
    folder = f"cais/mmlu/{subject}"
    return list(read(mirror, f"{folder}/test"))[:count], list(read(mirror, f"{folder}/dev"))


def stories(mirror: Path, count: int, examples: int) -> tuple[Rows, Rows] | None:
    """Beginnings of WikiText's paragraphs with four endings each, one of them the paragraph's; None without the set.

    HellaSwag's rows have this shape: some 40 words to begin with, endings of some 20 words.
    """
    if not has(mirror, _WIKITEXT):
        return None
    rng = Random(13)
    cut = [words for text in _paragraphs(mirror) if len(words := text.split()) >= _LONG]
    endings = [" ".join(words[40:60]) for words in cut]
    rows: Rows = []
    for number, words in enumerate(cut[: count + examples]):
        others = rng.sample([ending for ending in endings if ending != endings[number]], 3)
        label = rng.randrange(4)
        chosen = [*others[:label], endings[number], *others[label:]]
        rows.append({"query": " ".join(words[:40]), "endings": chosen, "label": label})
    return rows[:count], rows[count:]


def documents(mirror: Path, count: int) -> Rows | None:
    """Pages of WikiText; None without the set."""
    if not has(mirror, _WIKITEXT):
        return None
    text = "".join(row["text"] for row in read(mirror, _WIKITEXT))
    pages = re.split(r"(?m)^(?= = [^=\n]+ = $)", text)
    return [{"text": page.strip()} for page in pages if page.strip()][:count]


def notes(mirror: Path, count: int, examples: int) -> tuple[Rows, Rows] | None:
    """Paragraphs of SQuAD, each with its first question and answer; None without the set."""
    if not has(mirror, _SQUAD):
        return None
    seen: dict[str, dict[str, Any]] = {}
    for row in read(mirror, _SQUAD):
        seen.setdefault(row["context"], row)
    rows: Rows = [
        {
            "note": row["context"],
            "question": row["question"].strip(),
            "length": "a few words",
            "topic": row["title"].replace("_", " "),
            "answer": row["answers"]["text"][0],
        }
        for row in seen.values()
    ]
    return rows[:count], rows[-examples:]


def _paragraphs(mirror: Path) -> Iterator[str]:
    for row in read(mirror, _WIKITEXT):
        text = row["text"].strip()
        if text and not text.startswith("="):
            yield text
