"""Sides of a comparison made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from evalkit.comparing import Column, TaskSide
from evalkit.core import digest_of
from evalkit.scoring.metrics import mean


def side(values: Sequence[float | None], name: str = "quiz", **more: Any) -> TaskSide:
    """A task whose samples are named 0, 1, … and have these scores; None could not be measured."""
    n = len(values)
    rows = np.asarray([[math.nan if value is None else value] for value in values], dtype=np.float64)
    metric = mean("acc")
    found = TaskSide(
        name=name,
        model="m@1",
        origin="run",
        harness="evalkit",
        version="0.1.0",
        primary_metric="acc",
        facts={"version": "1", "few-shot": "0-shot", "method": "choose", "scorers": "accuracy", "data": "d1"},
        digests={"samples": "s", "prompts": "p", "rendered": "r"},
        ids=[str(i) for i in range(n)],
        repeats=[0] * n,
        asked=[digest_of("asked", str(i)) for i in range(n)],
        prompted=[digest_of("prompted", str(i)) for i in range(n)],
        texts=[digest_of("text", str(i)) for i in range(n)],
        validity=["ok" if value is not None else "backend_error" for value in values],
        clusters=[""] * n,
        groups=[("even" if i % 2 == 0 else "odd",) for i in range(n)],
        columns={"acc": Column("acc", rows, estimate=metric.estimate)},
        costs={name: np.full(n, math.nan) for name in ("seconds", "prompt_tokens", "completion_tokens", "cost")},
    )
    for key, value in more.items():
        setattr(found, key, value)
    return found


def part(whole: TaskSide, places: Sequence[int]) -> TaskSide:
    """The side with only these records, in this order."""
    found = side([])
    for name in ("name", "model", "harness", "version", "primary_metric", "facts", "digests"):
        setattr(found, name, getattr(whole, name))
    for name in ("ids", "repeats", "asked", "prompted", "texts", "validity", "clusters", "groups"):
        setattr(found, name, [getattr(whole, name)[place] for place in places])
    column = whole.columns["acc"]
    found.columns = {"acc": Column("acc", column.rows[list(places)], estimate=column.estimate)}
    found.costs = {name: values[list(places)] for name, values in whole.costs.items()}
    return found
