"""Shares as people write them (`2%`, `0.02`), and the bounds beyond which one was surely meant otherwise."""

from __future__ import annotations

import math
import re

from evalkit.core import UsageError

LARGEST_MARGIN = 0.5
"""A margin on a proportion lies below 50 points: half of the right answers lost is not a small drop."""
LARGEST_RISE = 1.0
"""A rise above this is taken for a share only where it is written in per cent: `150%`."""

NUMBER = r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


def read(text: str) -> tuple[float, bool]:
    """(value, whether it was written in per cent) of `0.02`, `2%` or `2 %`; ValueError for anything else."""
    cleaned = text.strip()
    percent = cleaned.endswith("%")
    number = cleaned.removesuffix("%").strip()
    if not re.fullmatch(NUMBER, number):
        raise ValueError(f"{text!r} is not a number")
    value = float(number) / (100.0 if percent else 1.0)
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"{text!r} is not a number of at least 0")
    return value, percent


def proportion(text: str) -> float:
    """A proportion between 0 and 1. Raises UsageError, which asks after per cent where a bare number is above 1."""
    try:
        value, percent = read(text)
    except ValueError:
        raise UsageError("this is a proportion", found=repr(text), fix="0.05 or 5%") from None
    if value > 1.0:
        raise UsageError("a proportion is at most 1", found=text, fix="at most 100%" if percent else asked(value))
    return value


def rise(text: str) -> float:
    """How much more than the baseline: `20%`, `+20%` or `0.2`. Raises UsageError; a bare number is at most 1."""
    try:
        value, percent = read(text.strip().removeprefix("+"))
    except ValueError:
        raise UsageError(
            "this says how much more than the baseline is allowed", found=repr(text), fix="20% or 0.2"
        ) from None
    if not percent and value > LARGEST_RISE:
        raise UsageError(f"{text} is {100 * value:g} % more than the baseline", found=text, fix=asked(value))
    return value


def asked(value: float) -> str:
    """The question for a bare number that is too large: it was meant in per cent."""
    return f"did you mean {value:g}%?"
