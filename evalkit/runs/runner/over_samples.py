"""What the samples of a question come to together, for 1, 2, 4, … of them, and how far the samples lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.core import Estimate, Metric, Task
from evalkit.runs.store import MetricResult
from evalkit.scoring.metrics import best_at_k, maj_at_k

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["curves", "means_by_repeat", "score_of", "watched"]


def score_of(task: Task, metrics: Sequence[Metric]) -> str:
    """The score that the task's primary metric is the mean of, or the programs that passed; "" where it is neither."""
    primary = task.primary_metric or (metrics[0].name if metrics else "")
    scores = {name for scorer in task.scorers for name in scorer.scores}
    return primary if primary in scores else "passed" if primary.startswith("pass@") and "passed" in scores else ""


def watched(score: str) -> Metric:
    """The metric whose rows the curves are made of: (value, number of the answer, number of the question)."""
    return maj_at_k(1, score=score)


def curves(score: str, rows: NDArray[np.float64], clusters: Any, samples: int) -> dict[str, list[MetricResult]]:
    """Kind → its values for 1, 2, 4, … and all samples: "maj" where there are answers; "pass" and "pass^" of scores
    that are right or wrong, "best" of others."""
    import numpy as np

    found: dict[str, list[MetricResult]] = {}
    if not len(rows):
        return found
    has_answers = bool((rows[:, 1] != 0).any())
    is_binary = bool(np.isin(rows[:, 0], (0.0, 1.0)).all())
    wrong = rows * [-1.0, 1.0, 1.0] + [1.0, 0.0, 0.0]
    for k in sorted({*(2**power for power in range(samples.bit_length())), samples}):
        best = best_at_k(k, score=score)
        values = {"maj": maj_at_k(k, score=score).estimate(rows, clusters)} if has_answers else {}
        if is_binary:
            values["pass"] = best.estimate(rows, clusters)
            values["pass^"] = _turned(best.estimate(wrong, clusters))
        else:
            values["best"] = best.estimate(rows, clusters)
        for kind, value in values.items():
            name = f"{kind}{k}" if kind.endswith("^") else f"{kind}@{k}"
            found.setdefault(kind, []).append(MetricResult(name, value, True, "proportion"))
    return found


def _turned(wrong: Estimate) -> Estimate:
    """All of k are right where not one of them is wrong."""
    return replace(wrong, value=max(0.0, 1 - wrong.value), low=1 - wrong.high, high=1 - wrong.low)


def means_by_repeat(values: NDArray[np.float64], repeats: NDArray[np.int64]) -> list[float]:
    """The mean of the first samples of all questions, of the second ones, and so on."""
    import numpy as np

    return [float(values[repeats == repeat].mean()) for repeat in np.unique(repeats)]
