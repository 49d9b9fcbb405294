"""What a task's metric comes to over all samples: lm-eval's aggregations by name, and those that tasks bring."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evalkit.core import UsageError
from evalkit.core.spec import unknown

__all__ = ["DEFAULTS", "Aggregation", "aggregation_of", "is_higher_better"]

Aggregation = Callable[[Sequence[Any]], float]


def _median(items: Sequence[Any]) -> float:
    return float(sorted(items)[len(items) // 2])


def _nanmean(items: Sequence[Any]) -> float:
    known = [value for value in items if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _mean(items: Sequence[Any]) -> float:
    return float(sum(items)) / len(items)


def _weighted(items: Sequence[Any]) -> float:
    values, weights = zip(*items, strict=True)
    return float(sum(values) / sum(weights))


def _f1(items: Sequence[Any]) -> float:
    gold, said = map(list, zip(*items, strict=True))
    return float(_sklearn().f1_score(gold, said))


def _matthews(items: Sequence[Any]) -> float:
    gold, said = map(list, zip(*items, strict=True))
    return float(_sklearn().matthews_corrcoef(gold, said))


def _sklearn() -> Any:
    try:
        from sklearn import metrics
    except ImportError as error:
        raise UsageError(
            "the package scikit-learn is not installed", found=str(error), fix="pip install scikit-learn"
        ) from None
    return metrics


def _brier(items: Sequence[Any]) -> float:
    import numpy as np

    gold, said = zip(*items, strict=True)
    probabilities = np.array(said)
    right = np.eye(probabilities.shape[1])[list(gold)]
    return float(np.mean(np.sum((probabilities - right) ** 2, axis=1)))


def _corpus(compute: str, **options: Any) -> Aggregation:
    def score(items: Sequence[Any]) -> float:
        import sacrebleu

        right, said = zip(*items, strict=True)
        references = [[one] if isinstance(one, str) else list(one) for one in right]
        texts = [one if isinstance(one, str) else one[0] for one in said]
        streams = [list(stream) for stream in zip(*references, strict=False)]
        return float(getattr(sacrebleu, compute)(texts, streams, **options).score)

    return score


def _acc_all(items: Sequence[Any]) -> float:
    right: dict[Any, bool] = {}
    for said, doc in items:
        key = (doc["idx"]["paragraph"], doc["idx"]["question"])
        right[key] = right.get(key, True) and (doc["label"] == 1) == said
    return _mean([int(value) for value in right.values()])


_TABLE: Mapping[str, Aggregation] = {
    "mean": _mean,
    "median": _median,
    "nanmean": _nanmean,
    "perplexity": lambda items: math.exp(-_mean(items)),
    "weighted_perplexity": lambda items: math.exp(-_weighted(items)),
    "bits_per_byte": lambda items: -_weighted(items) / math.log(2),
    "f1": _f1,
    "matthews_corrcoef": _matthews,
    "brier_score": _brier,
    "bleu": _corpus("corpus_bleu"),
    "chrf": _corpus("corpus_chrf"),
    "chrf++": _corpus("corpus_chrf", word_order=2),
    "ter": _corpus("corpus_ter"),
    "acc_all": _acc_all,
}
DEFAULTS: Mapping[str, str] = {
    "brier_score": "brier_score",
    "perplexity": "perplexity",
    "word_perplexity": "weighted_perplexity",
    "byte_perplexity": "weighted_perplexity",
    "bits_per_byte": "bits_per_byte",
    "mcc": "matthews_corrcoef",
    "f1": "f1",
    "bleu": "bleu",
    "chrf": "chrf",
    "chrf++": "chrf++",
    "ter": "ter",
    "acc_all": "acc_all",
}
_LOWER = frozenset({"brier_score", "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ter"})


def aggregation_of(said: Any, metric: str, at: str) -> tuple[str, Aggregation | None]:
    """(its name, the function); None as the function is the plain mean. Raises UsageError for an unknown name."""
    if said is None:
        said = DEFAULTS.get(metric, "mean")
    if callable(said):
        return getattr(said, "__name__", "own"), said
    name = str(said)
    if name == "mean":
        return name, None
    if name in _TABLE:
        return name, _TABLE[name]
    registry = sys.modules.get("lm_eval.api.registry")
    try:
        found = registry.get_aggregation(name) if registry else None
    except (KeyError, AttributeError):
        found = None
    if found is None:
        raise unknown("aggregation", name, _TABLE)
    return name, found


def is_higher_better(said: Any, metric: str) -> bool:
    """Whether more is better: what the task says, else what is known of the metric."""
    return metric not in _LOWER if said is None else bool(said)
