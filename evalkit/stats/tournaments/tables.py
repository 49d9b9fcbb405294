"""Files that a length-controlled win rate rests on: how hard instructions are, and rows that a leaderboard shares."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evalkit.core import UsageError
from evalkit.stats.tournaments.anchors import Anchor

_ID = ("id", "index", "instruction", "question", "question_id")
_DIFFICULTY = ("instruction_difficulty", "difficulty")


def read_difficulty(path: Path) -> dict[str, float]:
    """The difficulty of every instruction, by its id (or its text): a CSV with an `id`, `index` or `instruction` and
    an `instruction_difficulty` or `difficulty`. Raises UsageError with the line for what is none."""
    rows = _rows(path)
    key, value = _column(rows[0], _ID, path), _column(rows[0], _DIFFICULTY, path)
    found: dict[str, float] = {}
    for number, row in enumerate(rows, 2):
        if row[key] in found:
            raise UsageError(f"the instruction {row[key]!r:.60} occurs twice", at=f"{path}:{number}")
        found[row[key]] = _number(row[value], value, f"{path}:{number}")
    return found


def aligned(difficulty: Mapping[str, float], keys: Sequence[str], path: Path) -> np.ndarray:
    """The difficulty of every key, by instruction and never by row; UsageError where one has none."""
    missing = [key for key in keys if key not in difficulty]
    if missing:
        raise UsageError(
            f"{len(missing)} of {len(keys)} samples have no difficulty",
            found=f"{missing[0]!r:.60}",
            fix="ids of the answers that are those of the file",
            at=str(path),
        )
    return np.array([difficulty[key] for key in keys])


def read_anchor(path: Path) -> Anchor:
    """The rows that every fit of a leaderboard shares, as AlpacaEval's df_gamed.csv has them: `std_delta_len` (Δ/sd Δ),
    `instruction_difficulty` and `preference` from 0 to 1; each has a weight of 0.1."""
    rows = _rows(path)
    names = ("std_delta_len", "instruction_difficulty", "preference")
    for name in names:
        _column(rows[0], (name,), path)
    gap, difficulty, preference = (
        np.array([_number(row[name], name, f"{path}:{number}") for number, row in enumerate(rows, 2)]) for name in names
    )
    if preference.min() < 0 or preference.max() > 1:
        raise UsageError("a preference must be between 0 and 1", found=f"{preference.max():g}", at=str(path))
    return Anchor.of_rows(gap, difficulty, preference)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the table {path}", found=str(error)) from None
    if not rows:
        raise UsageError("the table has no rows", at=str(path))
    return rows


def _column(row: Mapping[str, str], names: Sequence[str], path: Path) -> str:
    name = next((name for name in names if name in row), None)
    if name is None:
        raise UsageError(
            f"the table has no column {names[0]!r}",
            found=", ".join(map(str, row)),
            fix="one of " + ", ".join(names),
            at=str(path),
        )
    return name


def _number(text: str | None, name: str, at: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"the column {name!r} holds numbers", found=repr(text), at=at)
    return value
