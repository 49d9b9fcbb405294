"""The calibration error of Humanity's Last Exam: root mean square over bins of as many answers each."""

from __future__ import annotations

from evalkit.core import Metric, Record
from evalkit.scoring.metrics.corpus import counted
from evalkit.scoring.metrics.whole import over_items

_BIN = 100


def rms_calibration(score: str = "correct", *, name: str = "calibration_error") -> Metric:
    """√(Σ over bins of size/n · (mean confidence - proportion right)²), 0 to 1, as HLE's script has it.

    Source: calib_err of https://github.com/hendrycks/outlier-exposure, with its bins of 100 answers in the order of
    confidence, the last one of 100 to 199. The script leaves the last bin out of the sum, and so does this: published
    figures come from it. The counts of `score` are (confidence, right). Below 200 answers it is not known, where the
    script says 0. The interval is a jackknife over 20 groups.
    """

    def item(record: Record) -> tuple[tuple[float, float]] | None:
        counts = counted(record, score, 2)
        return None if counts is None else ((counts[0], counts[1]),)

    return over_items(name, item, rms_error, higher_is_better=False)


def rms_error(pairs: list[tuple[float, float]]) -> float:
    """The error of (confidence, right) pairs. Raises ValueError for fewer than 200 of them."""
    import numpy as np

    if len(pairs) < 2 * _BIN:
        raise ValueError(f"{len(pairs)} answers make no two bins of {_BIN}")
    values = np.asarray(pairs, dtype=float)
    values = values[np.argsort(values[:, 0])]
    found = 0.0
    for begin in range(0, (len(values) // _BIN - 1) * _BIN, _BIN):
        confidence, right = values[begin : begin + _BIN].mean(axis=0)
        found += _BIN / len(values) * (confidence - right) ** 2
    return float(np.sqrt(found))
