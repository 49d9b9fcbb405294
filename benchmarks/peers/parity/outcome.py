"""What a child process hands back: for every case, what was asked of the model, what it said and what that scored."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """One row: (context, continuation) pairs, or one (prompt, "") for a text to be written or read as a whole."""

    asked: list[list[str]]
    loglikelihoods: list[float] = field(default_factory=list)
    text: str = ""
    scores: dict[str, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """One task at one number of examples. `scores` are its metrics, `page` the original text of each row, if any."""

    rows: list[Row]
    scores: dict[str, float]
    pages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Exact:
    """A log-likelihood in float64, in nats, over so many tokens.

    Of two texts that differ: by how much the token of the first is likelier where they part, and its place.
    """

    value: float
    tokens: int


@dataclass(frozen=True)
class Reference:
    """What float64 says of one task at one number of examples, row by row."""

    rows: list[list[Exact]]
    vocabulary: int


def read(path: Path) -> dict[str, Outcome]:
    """The outcomes by the label of their case."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        label: Outcome([Row(**row) for row in one["rows"]], one["scores"], one["pages"]) for label, one in raw.items()
    }


def write(path: Path, outcomes: dict[str, Outcome]) -> None:
    path.write_text(json.dumps({label: asdict(outcome) for label, outcome in outcomes.items()}), encoding="utf-8")


def read_exact(path: Path) -> dict[str, Reference]:
    """The reference by the label of its case."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        label: Reference([[Exact(*each) for each in row] for row in rows], raw["vocabulary"])
        for label, rows in raw["rows"].items()
    }


def write_exact(path: Path, rows: dict[str, list[list[Exact]]], vocabulary: int) -> None:
    found = {label: [[(one.value, one.tokens) for one in row] for row in each] for label, each in rows.items()}
    path.write_text(json.dumps({"vocabulary": vocabulary, "rows": found}), encoding="utf-8")


def arguments() -> Any:
    """What the parent says on a child's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--only", required=True, help="labels of cases, with commas between them")
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=8, help="lm-eval's batch size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()
