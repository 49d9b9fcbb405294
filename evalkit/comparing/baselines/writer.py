"""A baseline as text: a block a task, a line a sample, always in the same order.

A block begins with `task:`; lines `key: JSON` follow, and then one JSON list a sample, as `columns` names its items.
Blocks are sorted by task and samples keep the order of the data, so that a new baseline differs only where a score,
a sample or a prompt does, and changes to different tasks merge by themselves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalkit.comparing import Column, TaskSide
from evalkit.comparing.pairing import is_mean
from evalkit.comparing.side import COSTS, MeanCost
from evalkit.core import UsageError, Validity
from evalkit.core.claims import rewrite

FIRST_LINE = "# evalkit baseline 1"
_HINT = "# show it: evalkit baseline show FILE · change it: evalkit baseline update FILE RUN"
DIGITS = 8
"""Hex digits kept of a sample's digests; the digest over all samples of a task is kept whole."""


def write(path: Path, sides: Mapping[str, TaskSide]) -> None:
    """Replace the file in one step; raises UsageError where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        rewrite(path, text_of(sides).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}", found=error.strerror or str(error)) from None


def text_of(sides: Mapping[str, TaskSide]) -> str:
    """The whole file."""
    lines = [FIRST_LINE, _HINT]
    for name in sorted(sides):
        lines += ["", *_block(sides[name])]
    return "\n".join(lines) + "\n"


def _block(side: TaskSide) -> Iterator[str]:
    yield _entry("task", side.name)
    yield _entry("model", side.model)
    yield _entry("harness", f"{side.harness} {side.version}".strip())
    yield _entry("measured", side.created)
    if math.isfinite(side.answered):
        yield _entry("answered", datetime.fromtimestamp(side.answered, UTC).isoformat(timespec="seconds"))
    yield _entry("primary_metric", side.primary_metric)
    if side.toy:
        yield _entry("toy", True)
    for name, value in side.digests.items():
        yield _entry(f"digest {name}", value)
    for key, value in sorted(side.facts.items()):
        if key != "model":
            yield _entry(f"asked {key}", value)
    for name in side.metrics:
        column = side.columns[name]
        about: dict[str, Any] = {"scale": column.scale, "higher_is_better": column.higher_is_better}
        if column.ends not in ((None, None), (0.0, 1.0)):
            about["ends"] = column.ends
        over_all = _value(column)
        if over_all is not None:
            about = {"value": over_all, **about}
        yield _entry(f"metric {name}", about)
    for name in COSTS:
        taken = _taken(side, name)
        if taken is not None:
            yield _entry(f"mean {name}", taken.mean)
            if taken.n and math.isfinite(taken.sd):
                yield _entry(f"spread {name}", {"sd": taken.sd, "n": taken.n})
    yield from _samples(side)


def _samples(side: TaskSide) -> Iterator[str]:
    several = any(side.repeats)
    flawed = any(value != Validity.OK for value in side.validity)
    clustered = any(side.clusters)
    columns = ["sample", *(["repeat"] if several else []), "content", "prompt", *(["cluster"] if clustered else [])]
    columns += [*(["validity"] if flawed else []), *side.metrics]
    yield _entry("samples", side.n)
    yield _entry("columns", columns)
    for place, sample in enumerate(side.ids):
        row: list[Any] = [sample]
        if several:
            row.append(side.repeats[place])
        row += [side.asked[place][:DIGITS], side.prompted[place][:DIGITS]]
        if clustered:
            row.append(side.clusters[place])
        if flawed:
            row.append(side.validity[place])
        row += [_cell(side.columns[name], place) for name in side.metrics]
        yield _json(row)


def _cell(column: Column, place: int) -> Any:
    values = [_number(float(value)) for value in column.rows[place]]
    if any(value is None for value in values):
        return None
    return values[0] if column.width == 1 else values


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _value(column: Column) -> float | None:
    """The metric over all samples, for the reader; a gate computes it again."""
    if column.known is not None:
        return column.known
    import numpy as np

    rows = column.rows[np.isfinite(column.rows).all(axis=1)]
    if not len(rows):
        return None
    if column.estimate is not None:
        value = column.value_of(rows)
    elif is_mean(column):
        value = float(rows[:, 0].mean())
    else:
        return None
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _taken(side: TaskSide, name: str) -> MeanCost | None:
    """What a gate needs to know of how much a sample took: the mean, how much it varied, and over how many."""
    import numpy as np

    if name not in side.costs:
        return side.mean_costs.get(name)
    values = side.costs[name][np.isfinite(side.costs[name])]
    if not len(values):
        return None
    sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return MeanCost(float(f"{values.mean():.6g}"), float(f"{sd:.4g}"), len(values))


def _entry(key: str, value: Any) -> str:
    return f"{key}: {_json(value)}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Half of a surrogate pair has no UTF-8; line separators other than \n stay within their line as escapes.
    return text if text.isprintable() else json.dumps(value)
