"""The scorer of a task: its filters, its metrics, and an item of each for every sample."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import Metric, Reply, Sample, Score, Scorer, ScoreSample, Validity
from evalkit.plugins.lm_eval.aggregations import Aggregation, aggregation_of, is_higher_better
from evalkit.plugins.lm_eval.config import Config
from evalkit.plugins.lm_eval.documents import asked
from evalkit.plugins.lm_eval.filters import Chain, chains_of
from evalkit.plugins.lm_eval.measures import Measure, measured, measures_of
from evalkit.plugins.lm_eval.programs import SandboxFailedError
from evalkit.scoring.extraction.replies import final_answer, without_thought
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.whole import over_items

__all__ = ["ITEM", "PROPORTIONS", "metric_of", "named", "score_of", "scorer_of"]

ITEM = "item"
"""Where a score's details keep what its metric is made of."""
PROPORTIONS = frozenset(("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "em", "likelihood"))


@dataclass(frozen=True, slots=True)
class _Score(ScoreSample):
    config: Config
    measures: tuple[Measure, ...]
    chains: tuple[Chain, ...]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        # A task's own Python may take its time, or wait for the sandbox.
        return await asyncio.to_thread(self._guarded, sample, replies)

    def _guarded(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        try:
            return self._scored(sample, replies)
        except SandboxFailedError as error:
            raise RuntimeError(str(error)) from None

    def _scored(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answers, validity, reason = answers_of(replies, self.config)
        doc = dict(sample.data)
        row = asked(self.config, doc)
        found: list[Score] = []
        for chain in self.chains:
            results = chain.apply(answers, doc)
            shown = results[0] if results and isinstance(results[0], str) else None
            items = measured(self.config, self.measures, doc, row, results)
            found += [score_of(named(name, chain.name), item, shown, reason, validity) for name, item in items.items()]
        return tuple(found)


def named(metric: str, chain: str) -> str:
    """What a metric is called: lm-eval's own name with that of the filter, which is left out where it is none."""
    return metric if chain == "none" else f"{metric},{chain}"


def answers_of(replies: Sequence[Reply], config: Config) -> tuple[list[list[Any]], Validity, str]:
    """(for each request its answers, as lm-eval's `resps` has them; how the sample ended; why)."""
    if replies and replies[-1].texts:
        told = final_answer(replies)
        texts = [one.text for one in without_thought(replies[-1])]
        # A greedy text is the same every time, and is asked for once.
        texts = texts * config.repeats if len(texts) == 1 else texts
        validity = told.validity if told.validity is not Validity.NO_ANSWER else Validity.OK
        return [texts], validity, told.reason
    pairs = [pair for reply in replies for pair in zip(reply.loglikelihoods, _greedy(reply), strict=True)]
    if not pairs or any(math.isnan(value) for value, _ in pairs):
        raise ValueError(f"log-likelihoods are not numbers: {pairs}"[:200])
    if config.output_type == "loglikelihood_rolling":
        return [[value] for value, _ in pairs], Validity.OK, ""
    return [[pair] for pair in pairs], Validity.OK, ""


def _greedy(reply: Reply) -> tuple[bool, ...]:
    return reply.greedy or (False,) * len(reply.loglikelihoods)


def score_of(name: str, item: Any, shown: str | None, reason: str, validity: Validity) -> Score:
    """The score of a metric's item; what is not a number is kept in its details."""
    item = _plain(item)
    number = float(item) if isinstance(item, bool | int | float) else math.nan
    if math.isfinite(number):
        return Score(name, number, shown, reason, validity)
    told = reason or ("not a number by itself; its metric is made of all samples" if math.isnan(number) else "")
    return Score(name, 0.0, shown, told, validity, details={ITEM: item})


def _plain(item: Any) -> Any:
    """An item as JSON has it: arrays as lists, numbers of numpy as Python's."""
    if hasattr(item, "tolist"):
        return item.tolist()
    if isinstance(item, Mapping):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(value) for value in item]
    if isinstance(item, set | frozenset):
        return sorted(map(_plain, item), key=str)
    return item if item is None or isinstance(item, str | int | float | bool) else str(item)


def scorer_of(config: Config, at: str) -> Scorer:
    """The scorer of a task with a metric for each of its metrics and filters. Raises UsageError for unknown names."""
    chains = chains_of(config.filter_list, at)
    measures = measures_of(config, at)
    if config.output_type == "loglikelihood_rolling" or any(m.name != "bypass" for m in measures):
        measures = tuple(measure for measure in measures if measure.name != "bypass")
    said = {name: entry for entry in config.metric_list or () for name in _names(entry)}
    metrics: list[Metric] = []
    for chain in chains:
        for measure in measures:
            for name in _expanded(measure):
                metrics.append(metric_of(named(name, chain.name), name, said.get(measure.name, {}), at))
    names = tuple(metric.name for metric in metrics)
    settings = {"metrics": "+".join(names), "kind": config.output_type}
    if any(chain.name != "none" for chain in chains):
        settings["filters"] = "+".join(chain.name for chain in chains)
    return Scorer("lm-eval", _Score(config, measures, chains), names, tuple(metrics), settings)


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    metric = entry["metric"]
    return (metric.__name__ if callable(metric) else str(metric),)


def _expanded(measure: Measure) -> tuple[str, ...]:
    """The names of what a metric gives: one of pass@k gives a value for each k."""
    wanted = measure.arguments.get("k")
    if measure.name == "pass_at_k" and wanted is not None:
        return tuple(f"pass@{one}" for one in (wanted if isinstance(wanted, list) else [wanted]))
    return (measure.name,)


def metric_of(name: str, metric: str, said: Mapping[str, Any], at: str) -> Metric:
    """The metric of that name by what the task says of it: its aggregation, whether more is better."""
    _, aggregation = aggregation_of(said.get("aggregation"), metric, at)
    better = is_higher_better(said.get("higher_is_better"), metric)
    if aggregation is None:
        is_proportion = metric in PROPORTIONS or metric.startswith("pass@")
        return mean(name, scale="proportion" if is_proportion else "number", higher_is_better=better)
    return over_items(name, _item_of(name), _number(aggregation), higher_is_better=better)


def _item_of(name: str) -> Any:
    def item(record: Any) -> Any:
        for score in record.scores:
            if score.name == name and not score.validity.is_measurement_failure:
                return (score.details.get(ITEM, score.value),)
        return None

    return item


def _number(aggregation: Aggregation) -> Any:
    return lambda items: float(aggregation(items))
