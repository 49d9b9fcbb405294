"""The mean of one score, and which records count in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from evalkit.core import Estimate, Metric, Record, UsageError, Validity, is_number

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def mean(
    score: str,
    *,
    name: str | None = None,
    scale: Literal["proportion", "number"] = "proportion",
    higher_is_better: bool = True,
    failure: float = 0.0,
    missing: Literal["left_out", "wrong"] = "left_out",
    ends: tuple[float, ...] = (),
) -> Metric:
    """The mean of the score of that name over the samples it was measured on, called `name` or like the score.

    A sample without a reply, because the model's backend failed, leaves n; with `missing="wrong"` it counts as
    `failure`, as SQuAD's official script counts a question that the predictions lack, and the metric is called
    `<score>_missing_wrong`. It is counted among the failed ones all the same.

    A model's own failure that left no score (refused, timed out) counts as `failure`; a measurement failure leaves
    n, and so does a record that simply has no such score. `ends` are the least and the largest value there can be, such
    as (1, 10) for grades; `scale="proportion"` says that they are 0 and 1. A scale with ends has an interval where all
    values are alike, too; without them nothing then says how much they vary.

    The row is the value (width 1). See `evalkit.stats.mean_interval` for the interval.
    """

    def observe(record: Record) -> tuple[float] | None:
        if record.value(score) is not None:
            value = measured(record, score)
            return None if value is None else (value,)
        if missing == "wrong" and record.validity is Validity.BACKEND_ERROR:
            return (failure,)
        model_failed = record.validity is not Validity.OK and not record.validity.is_measurement_failure
        return (failure,) if model_failed else None

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import mean_interval

        if not len(rows):
            return mean_interval([])
        return mean_interval(rows[:, 0], clusters, ends=metric.ends or (None, None))

    if ends and (len(ends) != 2 or not ends[0] < ends[1]):
        raise UsageError(f"the ends of {score!r} are its least and its largest value", found=str(ends), fix="(1, 10)")
    metric = Metric(
        name or (score if missing == "left_out" else f"{score}_missing_wrong"),
        observe,
        estimate,
        higher_is_better=higher_is_better,
        scale=scale,
        counts_missing=missing == "wrong",
        ends=(ends[0], ends[1]) if ends else None,
    )
    return metric


def measured(record: Record, score: str) -> float | None:
    """The score's value, or None where there is none: no such score, a measurement failure or not a number."""
    found = next((s for s in record.scores if s.name == score), None)
    if found is None or found.validity.is_measurement_failure or not is_number(found.value):
        return None
    return found.value
