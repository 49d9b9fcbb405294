"""What several samples of a question come to together, in words."""

from __future__ import annotations

import statistics

from evalkit.core.formatting import number
from evalkit.runs.store import MetricResult, TaskResult

__all__ = ["over_samples_words", "spread_words"]


def over_samples_words(result: TaskResult) -> list[str]:
    """A line for the spread between samples, and one for every curve: `maj@1 61.2 %, maj@2 61.2 %, maj@4 66.0 %`."""
    lines = [", ".join(map(_point, found)) for found in result.curves.values()]
    return [spread_words(result), *lines] if result.by_repeat else lines


def spread_words(result: TaskResult) -> str:
    """`between samples: 58.0 to 63.5 % (4 times all questions), standard deviation 2.3 points`.

    The interval of the score is over questions, for other questions could have been asked; the spread is that of asking
    these questions again.
    """
    low, high = min(result.by_repeat), max(result.by_repeat)
    deviation = statistics.stdev(result.by_repeat) if len(result.by_repeat) > 1 else 0.0
    ends = f"{number(low, 'proportion')} to {number(high, 'proportion')}"
    spread = number(deviation, "proportion")
    return f"between samples: {ends} ({len(result.by_repeat)} times all questions), standard deviation {spread}"


def _point(found: MetricResult) -> str:
    return f"{found.name} {number(found.estimate.value, found.scale)}"
