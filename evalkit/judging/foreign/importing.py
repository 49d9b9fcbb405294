"""A file of another tool's verdicts, read whole: what repeats is counted and named, and nothing collapses."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalkit.core import BadRow, DataOptions, UsageError, Validity, digest_of
from evalkit.data import files
from evalkit.judging.foreign.layouts import Layout, Name, layout_of
from evalkit.judging.foreign.vote import Graded, Vote
from evalkit.judging.session import Judged

Labelled = tuple[str, str, str, str]
"""(id, model a, model b, a, b or tie), as a CSV of labels has it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """`found`: the verdicts. `rows`: lines of the file. `repeats`: what was there more than once, how often; all of
    it is among the verdicts unless it was to be dropped. `labels`: what is right, where the file says it."""

    found: tuple[Judged, ...]
    layout: Layout
    rows: int
    repeats: Mapping[str, int]
    labels: tuple[Labelled, ...] = ()

    @property
    def unjudged(self) -> int:
        return sum(one.validity is not Validity.OK for one in self.found)

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in self.found for name in one.models))


def import_verdicts(path: Path, layout: Name = "auto", *, judge: str = "", drop_repeats: bool = False) -> Imported:
    """The verdicts of a JSON, JSONL, CSV or Parquet file. `judge` names the judge where the file does not.

    Raises UsageError with the line for a row that is none of the layout.
    """
    rows = list(_rows(path))
    if not rows:
        raise UsageError("the file holds no verdicts", at=str(path))
    chosen = layout_of(rows[0][1], layout)
    read: list[Vote | Graded] = []
    for at, row in rows:
        try:
            read.append(chosen.read(row, at))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            fix = "--layout NAME, where it was guessed wrong"
            raise UsageError(f"the row is none of {chosen.about}", found=f"{type(error).__name__}: {error}", fix=fix,
                             at=at) from None  # fmt: skip
    seen: Counter[tuple[object, ...]] = Counter()
    kept: list[tuple[int, Vote | Graded]] = []
    repeats: Counter[str] = Counter()
    for number, each in enumerate(read):
        seen[each.said] += 1
        if seen[each.said] > 1:
            repeats[_words(each)] += 1
            if drop_repeats:
                continue
        kept.append((number, each))
    votes = [(number, each) for number, each in kept if isinstance(each, Vote)]
    found = [_named(vote, judge).judged(number) for number, vote in votes]
    found += _rankings([each for _, each in kept if isinstance(each, Graded)], judge)
    labels = tuple(_label(vote) for _, vote in votes if vote.gold is not None)
    return Imported(tuple(found), chosen, len(rows), repeats, labels)


def _named(vote: Vote, judge: str) -> Vote:
    return vote if vote.judge or not judge else replace(vote, judge=judge)


def _words(each: Vote | Graded) -> str:
    who = each.model if isinstance(each, Graded) else " and ".join(each.models)
    return f"{each.key:.60}: {who}"


def _label(vote: Vote) -> Labelled:
    word = "tie" if vote.gold == 0.5 else "a" if vote.gold == 1.0 else "b"
    return vote.key, *vote.models, word


def _rankings(grades: Sequence[Graded], judge: str) -> list[Judged]:
    """Grades of single answers as one ranking a question and judge; equal grades share a rank. Where a model has
    several grades, their mean counts."""
    by_question: dict[tuple[str, str, str], dict[str, list[float | None]]] = defaultdict(lambda: defaultdict(list))
    for each in grades:
        by_question[each.key, each.judge or judge, each.group][each.model].append(each.value)
    return [_ranking(key, by, group, models) for (key, by, group), models in by_question.items()]


def _ranking(key: str, judge: str, group: str, graded: Mapping[str, Sequence[float | None]]) -> Judged:
    known = {model: [v for v in values if v is not None] for model, values in graded.items()}
    means = {model: sum(values) / len(values) for model, values in known.items() if values}
    models = tuple(means) or tuple(graded)
    common: dict[str, Any] = {
        "key": key, "models": models, "judge": judge, "groups": (group,) if group else (), "chars": (),
        "asked": digest_of("import", key, judge, *models),
    }  # fmt: skip
    if not means:
        return Judged(**common, validity=Validity.UNJUDGED, scores={}, reason="unjudged: the tool read no grade")
    ranks = {
        f"rank_{n}": 1.0 + sum(other > means[model] for other in means.values()) for n, model in enumerate(models, 1)
    }
    grades = {f"grade_{n}": means[model] for n, model in enumerate(models, 1)}
    return Judged(**common, validity=Validity.OK, scores={**ranks, **grades})


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, row) of a file; a JSON object of columns, as RewardBench writes it, is turned into rows."""
    if path.suffix == ".json" and (columns := _columns(path)) is not None:
        length = max((len(column) for column in columns.values() if isinstance(column, list)), default=0)
        for number in range(length):
            row = {name: c[number] if isinstance(c, list) and number < len(c) else c for name, c in columns.items()}
            yield f"{path}: row {number + 1}", row
        return
    for found in files(str(path)).open(DataOptions()).rows():
        if isinstance(found, BadRow):
            raise UsageError("a line cannot be read", found=found.problem, at=found.origin)
        yield found.origin, dict(found.values)


def _columns(path: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    is_table = isinstance(found, dict) and any(isinstance(column, list) for column in found.values())
    return found if is_table and "results" in found else None
