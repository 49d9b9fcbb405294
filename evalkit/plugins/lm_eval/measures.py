"""What a sample's answers come to by the task's metrics, before anything is aggregated: lm-eval's `process_results`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import UsageError
from evalkit.plugins.lm_eval.config import Config
from evalkit.plugins.lm_eval.documents import Asked, Doc

__all__ = ["DEFAULTS", "Measure", "exact_match", "measured", "measures_of"]

_WHITE_SPACE = re.compile(r"\s+")
Items = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric as a task names it; `function` is what a text and its target are given to, where there is one."""

    name: str
    function: Callable[..., Any] | None
    arguments: Mapping[str, Any]


def measures_of(config: Config, at: str) -> tuple[Measure, ...]:
    """The metrics of a task, or lm-eval's own for its kind of output."""
    if config.metric_list is None:
        return tuple(Measure(name, _function(name), {}) for name in DEFAULTS[config.output_type])
    found = []
    for said in config.metric_list:
        if "metric" not in said:
            raise UsageError("an entry of metric_list needs a metric", found=str(said)[:80], at=at)
        metric, own = said["metric"], frozenset(("metric", "aggregation", "higher_is_better", "hf_evaluate"))
        arguments = {key: value for key, value in said.items() if key not in own}
        if callable(metric):
            found.append(Measure(metric.__name__, metric, arguments))
        elif config.process_results is not None:
            found.append(Measure(str(metric), None, {}))
        else:
            found.append(Measure(str(metric), _function(str(metric)), arguments))
    return tuple(found)


DEFAULTS = {
    "generate_until": ("exact_match",),
    "loglikelihood": ("perplexity", "acc"),
    "loglikelihood_rolling": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    "multiple_choice": ("acc", "acc_norm"),
}
_PASSED_ON = frozenset(
    [
        *("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "perplexity", "word_perplexity", "byte_perplexity"),
        *("likelihood", "bits_per_byte", "brier_score", "mcc", "f1", "bleu", "chrf", "chrf++", "ter", "acc_all"),
    ]
)


def _function(name: str) -> Callable[..., Any]:
    if name == "exact_match":
        return exact_match
    if name == "bypass":
        return lambda *items, **rest: None
    return _pair if name in _PASSED_ON else _of_evaluate(name)


def _pair(items: Sequence[Any]) -> Sequence[Any]:
    return items


def _of_evaluate(name: str) -> Callable[..., Any]:
    """A metric of Hugging Face's `evaluate`, loaded when the first sample is scored."""

    def compute(**given: Any) -> Any:
        try:
            import evaluate
        except ImportError as error:
            raise UsageError("the package `evaluate` is not installed", found=str(error)) from None
        return evaluate.load(name).compute(**given)

    return compute


def exact_match(
    predictions: Sequence[str],
    references: Sequence[str],
    regexes_to_ignore: Sequence[str] | None = None,
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    ignore_numbers: bool = False,
) -> dict[str, float]:
    """The proportion of texts that are their reference, after what is ignored was taken out of both, in this order:
    patterns, case, punctuation (ASCII), digits."""

    def plain(text: Any) -> Any:
        for pattern in regexes_to_ignore or ():
            text = re.sub(pattern, "", text)
        if ignore_case:
            text = text.lower()
        dropped = (string.punctuation if ignore_punctuation else "") + (string.digits if ignore_numbers else "")
        return text.translate(str.maketrans("", "", dropped)) if dropped else text

    same = [plain(said) == plain(right) for said, right in zip(predictions, references, strict=True)]
    return {"exact_match": sum(same) / len(same)}


def measured(config: Config, measures: Sequence[Measure], doc: Doc, row: Asked, results: list[Any]) -> Items:
    """Metric → item of one sample, from its filtered answers."""
    if callable(config.process_results):
        return dict(config.process_results(doc, results))
    names = {measure.name for measure in measures}
    if config.output_type == "loglikelihood":
        value, greedy = results[0]
        return _kept({"perplexity": value, "acc": int(greedy)}, names)
    if config.output_type == "loglikelihood_rolling":
        return _kept(_rolling(float(results[0]), str(row.target)), names)
    if config.output_type == "multiple_choice":
        return _kept(_chosen(row, results, mutual="acc_mutual_info" in names), names)
    return _written(measures, row, results[0])


def _kept(found: Items, names: set[str]) -> Items:
    return {name: value for name, value in found.items() if name in names}


def _rolling(value: float, text: str) -> Items:
    size = len(text.encode("utf-8", "surrogatepass"))
    words = len(_WHITE_SPACE.split(text))
    return {"word_perplexity": (value, words), "byte_perplexity": (value, size), "bits_per_byte": (value, size)}


def _chosen(row: Asked, results: list[Any], *, mutual: bool) -> Items:
    import numpy as np

    choices = row.choices or []
    values = np.array([value for value, _ in results], dtype=np.float64)
    greedy = [bool(one) for _, one in results]
    unconditional = values[len(choices) :]
    values = values[: len(choices)]
    gold = _gold(row)
    right = set(gold)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_length = values / np.array([float(len(choice)) for choice in choices])
        by_bytes = values / np.array([float(len(choice.encode("utf-8", "surrogatepass"))) for choice in choices])
    chosen = int(np.argmax(values))
    weights = np.exp(values - values.max())
    item_gold = gold[0] if len(gold) == 1 and not isinstance(row.target, list) else list(gold)
    found = {
        "acc": float(chosen in right),
        "acc_norm": float(int(np.argmax(by_length)) in right),
        "acc_bytes": float(int(np.argmax(by_bytes)) in right),
        "exact_match": float(any(greedy[place] for place in gold)),
        "f1": (item_gold, chosen),
        "mcc": (item_gold, chosen),
        "brier_score": (item_gold, (weights / weights.sum()).tolist()),
        "likelihood": (item_gold, values.tolist()),
    }
    if mutual:
        found["acc_mutual_info"] = float(int(np.argmax(values - unconditional)) in right)
    return found


def _gold(row: Asked) -> tuple[int, ...]:
    return gold_of(row.text if row.by_contexts else row.target, row.choices or [])


def gold_of(target: Any, choices: Sequence[str]) -> tuple[int, ...]:
    """The places of the right choices. Raises UsageError where the target is none of them: lm-eval warns and counts
    such a sample as wrong, and here it leaves n, because no model could answer it."""
    found = []
    for one in target if isinstance(target, list) else [target]:
        place = choices.index(one) if isinstance(one, str) and one in choices else one
        if isinstance(place, str) or place is None or not -1 < int(place) < len(choices):
            raise UsageError("the target is none of the choices", found=f"{one!r:.60} of {len(choices)} choices")
        found.append(int(place))
    return tuple(found)


def _written(measures: Sequence[Measure], row: Asked, result: Any) -> Items:
    gold = row.target
    if row.choices is not None:
        gold = row.choices[int(gold)]
    several = isinstance(gold, list)
    if not several and not isinstance(result, list) and type(gold) is not type(result):
        gold = type(result)(gold)
    found: Items = {}
    for measure in measures:
        assert measure.function is not None
        value = _of_several(measure, gold, result) if several else _of_one(measure, gold, result)
        if isinstance(value, dict):
            found |= value
        elif value is not None:
            found[measure.name] = value
    return found


def _of_one(measure: Measure, gold: Any, result: Any) -> Any:
    assert measure.function is not None
    try:
        return measure.function(references=[gold], predictions=[result], **measure.arguments)
    except TypeError:
        return measure.function([gold, result])


def _of_several(measure: Measure, gold: list[Any], result: Any) -> Any:
    """1 where any of several targets has a value above 0, as lm-eval counts them."""
    found = []
    for one in gold:
        value = _of_one(measure, one, result)
        found.append(value.get(measure.name, 0.0) if isinstance(value, dict) else value)
    return 1.0 if any(found) else 0.0
