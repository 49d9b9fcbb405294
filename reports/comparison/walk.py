"""The records of both runs side by side, once: pairs into the blocks of the page, and what is counted on the way."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evalkit import Run
from evalkit.comparing import PairedTask, TaskSide
from evalkit.core import Record, Sample
from evalkit.reporting import Shards
from evalkit.reporting.details import asked, detail, excerpt, packed
from evalkit.reporting.marks import marks_of
from evalkit.reporting.regressions import Regressions
from evalkit.reporting.spending import Paid
from evalkit.runs.foreign import ForeignRun

_SHARED = ("messages", "input", "targets", "choices", "gold", "data", "images")
_ANSWER, _ASKED = 8, 9
"""Columns of a row: a list shows B's reply, since A's is a reply, too; the question is in the details alone, since two
replies are what is looked for here, and it would be a tenth of the page."""


@dataclass(slots=True)
class Walk:
    """What is counted while the records of both runs pass, a place for each task."""

    pairs: list[PairedTask]
    regressions: list[Regressions]
    before: list[Paid] = field(default_factory=list)
    after: list[Paid] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before, self.after = [Paid() for _ in self.pairs], [Paid() for _ in self.pairs]


def fill(a: Run | ForeignRun, b: Run | ForeignRun, walk: Walk, shards: Shards) -> None:
    """Every pair of records into the shards. A's wait in a file, so that memory holds their places alone."""
    pairs = walk.pairs
    matched = [
        {pair.candidate.ids[r[0]]: pair.baseline.ids[le[0]] for le, r in zip(pair.left, pair.right, strict=True)}
        for pair in pairs
    ]
    places: dict[tuple[int, str, int], tuple[int, str]] = {}
    binary = [_binary(pair) for pair in pairs]
    olds = [_values(pair.baseline, pair.primary_metric) for pair in pairs]
    news = [_values(pair.candidate, pair.primary_metric) for pair in pairs]
    with tempfile.TemporaryFile() as file:
        for record in a.records():
            keys = [(number, one, record.repeat) for number, one in _places(record, [pair.baseline for pair in pairs])]
            if keys:
                places |= dict.fromkeys(keys, (file.tell(), record.validity.value))
                line = packed(_side(record))
                file.write(len(line).to_bytes(8, "little") + line)
                for number, *_ in keys:
                    walk.before[number].add(record)
        for record in b.records():
            for number, sample in _places(record, [pair.candidate for pair in pairs]):
                twin = matched[number].get(sample, ""), record.repeat
                if sample not in matched[number] or (number, *twin) not in places:
                    continue
                place, validity = places[number, *twin]
                file.seek(place)
                left = json.loads(file.read(int.from_bytes(file.read(8), "little")))
                right = _side(record)
                old, new = olds[number].get(twin), news[number].get((sample, record.repeat))
                kind = _kind(old, new, pairs[number], binary[number])
                paired = replace(record, sample=_named(record, sample, pairs[number]))
                row = shards.row(1, paired, pairs[number].name, new, marks_of(record))
                before, after = _said(left), _said(right)
                row += [kind, old, validity, before == after, excerpt(before[0] if before else "")]
                row[_ANSWER], row[_ASKED] = excerpt(after[0] if after else ""), ""
                shards.put(row, {"a": _apart(left, right), "b": right})
                walk.after[number].add(record)
                loss = abs(old - new) if old is not None and new is not None else 0.0
                key = sample[:200], record.index, record.repeat
                texts = excerpt(asked(record)), row[-1], row[_ANSWER]
                walk.regressions[number].add(kind, paired.sample.groups, key, loss, texts)


def _places(record: Record, sides: Sequence[TaskSide]) -> list[tuple[int, str]]:
    """The sides that have this record, by number, and what its sample is called there."""
    found = [(number, side.id_of(record.task, record.sample.id)) for number, side in enumerate(sides)]
    return [(number, sample) for number, sample in found if sample is not None]


def _named(record: Record, sample: str, pair: PairedTask) -> Sample:
    """B's sample under the name it is paired by; where tasks were taken as one, its own is the group it lacks."""
    groups = record.sample.groups or ((record.task,) if pair.candidate.merged else ())
    return replace(record.sample, id=sample, groups=groups)


def _apart(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """A's side without the texts that B's has just so, which `shared` names: mostly the prompt, asked of both."""
    shared = [key for key in _SHARED if key in left and key in right and left[key] == _as_list(right[key])]
    return {key: value for key, value in left.items() if key not in shared} | {"shared": shared}


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _side(record: Record) -> dict[str, Any]:
    return detail(record)


def _said(side: dict[str, Any]) -> list[str]:
    """What was answered, as texts: generated ones, or the choice that was taken (as `said` in page.js has it)."""
    texts = [text for reply in side.get("replies", ()) for text in reply.get("texts", ())]
    return texts or [score[2] for score in side.get("scores", ()) if score[2] is not None][:1]


def _values(side: TaskSide, primary_metric: str) -> dict[tuple[str, int], float | None]:
    """The primary metric of every record by (sample, repeat); of a metric that is no mean, its estimate for that
    one."""
    column = side.columns.get(primary_metric)
    if column is None:
        return {}
    found: dict[tuple[str, int], float | None] = {}
    for key, row in zip(zip(side.ids, side.repeats, strict=True), column.rows, strict=True):
        single = column.width == 1
        value = (
            float(row[0])
            if single or not all(map(math.isfinite, row))
            else column.value_of(row[None, :], one_sample=True)
        )
        found[key] = value if math.isfinite(value) else None
    return found


def _binary(pair: PairedTask) -> bool:
    if not pair.primary_metric:
        return False
    columns = (pair.baseline.columns[pair.primary_metric], pair.candidate.columns[pair.primary_metric])
    return all(c.width == 1 and {v for v in c.rows[:, 0].tolist() if v == v} <= {0.0, 1.0} for c in columns)


def _kind(old: float | None, new: float | None, pair: PairedTask, binary: bool) -> str:
    if old is None or new is None:
        return "errored"
    if binary:
        return ("both" if new else "lost") if old else ("gained" if new else "neither")
    if new == old:
        return "same"
    return "better" if (new > old) == pair.candidate.columns[pair.primary_metric].higher_is_better else "worse"
