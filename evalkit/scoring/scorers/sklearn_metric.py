"""Any metric of scikit-learn over labels, by its name in `sklearn.metrics`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.core.distribution import pip_install
from evalkit.core.spec import nearest
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.choices import read_choice
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.whole import whole

_LABELS = (("y_true", "y_pred"), ("y1", "y2"), ("labels_true", "labels_pred"))
UNREAD = "(no label)"
"""The prediction where a reply names no label: it equals none, so that it is wrong for every metric."""


@dataclass(frozen=True, slots=True)
class _Labels(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if replies and replies[-1].loglikelihoods:
            values = replies[-1].loglikelihoods
            return (Score("labelled", 1.0, sample.choices[max(range(len(values)), key=values.__getitem__)]),)
        answer = final_answer(replies)
        label = answer.text
        if sample.choices:
            chosen = read_choice(answer.text, sample.choices) if answer.text else None
            label = sample.choices[chosen] if chosen is not None else ""
        validity = answer.validity if label or answer.validity is not Validity.OK else Validity.UNREADABLE
        return (Score("labelled", float(bool(label)), label or UNREAD, answer.reason, validity),)


def sklearn(
    *, metric: str, name: str = "", arguments: dict[str, object] | None = None, lower_is_better: bool = False
) -> Scorer:
    """A function of `sklearn.metrics` that takes (y_true, y_pred), such as `balanced_accuracy_score`.

    Labels are the choices, or the texts if a sample has none; `arguments` are the function's, such as `{average:
    macro}`. A reply that names no label is a separate prediction, which is wrong. The interval is a jackknife over 20
    random groups; `labelled` is the proportion of replies that named a label.

    Raises UsageError where scikit-learn is not installed, and for what is no such function.
    """
    compute = _function(metric, arguments or {})

    def over_all(pairs: list[tuple[str, Sample]]) -> float:
        return float(compute([_gold(sample) for _, sample in pairs], [said for said, _ in pairs]))

    _try_out(metric, compute, arguments or {})
    label = name or metric.removesuffix("_score")
    settings = {"metric": metric, "arguments": repr(dict(arguments or {}))}
    made = whole(label, "labelled", over_all, higher_is_better=not lower_is_better)
    return Scorer("sklearn", _Labels(), ("labelled",), (made, mean("labelled")), settings)


def _try_out(metric: str, compute: Callable[..., Any], arguments: dict[str, object]) -> None:
    """Ask for the metric of a few labels before a model is asked for thousands of texts."""
    named = arguments.get("labels")
    labels = [*map(str, named)] if isinstance(named, list | tuple) else [str(arguments.get("pos_label", "a")), "b"]
    try:
        value = compute([*labels, *labels], [*labels, *labels[::-1]])
        float(value)
    except (TypeError, ValueError) as error:
        words = f"sklearn.metrics.{metric} makes no number of labels"
        raise UsageError(words, found=str(error).splitlines()[0][:200], fix="arguments: …, or another metric") from None


def _gold(sample: Sample) -> str:
    return sample.choices[sample.gold[0]] if sample.choices and sample.gold else sample.targets[0]


def _function(metric: str, arguments: dict[str, object]) -> Callable[..., Any]:
    try:
        from sklearn import metrics
    except ImportError as error:
        fix = pip_install("embeddings")
        raise UsageError("the package scikit-learn is not installed", found=str(error), fix=fix) from None
    takes = {key: found for key in metrics.__all__ if (found := getattr(metrics, key)) and _is_of_labels(found)}
    if metric not in takes:
        close = nearest(metric, takes)
        fix = f"did you mean {close!r}?" if close else f"one of {', '.join(sorted(takes))}"
        raise UsageError(f"sklearn.metrics has no {metric!r} over labels", found=f"metric: {metric}", fix=fix)
    function: Callable[..., Any] = takes[metric]
    known = inspect.signature(function).parameters
    for key in arguments:
        if key not in known or key in [*known][:2]:
            close = nearest(key, known)
            fix = f"did you mean {close!r}?" if close else ", ".join([*known][2:])
            raise UsageError(f"sklearn.metrics.{metric} has no argument {key!r}", found=f"{key}: …", fix=fix)
    return lambda truth, said: function(truth, said, **arguments)


def _is_of_labels(function: object) -> bool:
    return inspect.isfunction(function) and tuple(inspect.signature(function).parameters)[:2] in _LABELS
