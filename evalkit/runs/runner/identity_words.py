"""What is measured, in words: what a resumed run must share with the run that it continues."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.core import Fewshot, Metric, Model, Scorer, Task, digest_of
from evalkit.runs.runner.settings import Settings

__all__ = ["identity_words", "judge_words", "scorer_words"]


def identity_words(
    task: Task,
    spec: str,
    source: str,
    model: Model,
    fewshot: Fewshot,
    settings: Settings,
    data: list[str],
    *,
    turns: bool,
    samples: int,
) -> dict[str, str]:
    """What is measured, in words: what a resumed run must share, and what the signature is made of."""
    order = "" if fewshot.order == "seeded" or not fewshot.k else f"-{fewshot.order}"
    form = "-turns" if turns and fewshot.k else ""
    return {
        "task": spec,
        "version": str(task.version),
        "source": source,
        "data": digest_of(*data),
        "few-shot": f"{fewshot.k}-shot{order}{form}",
        "method": task.method.name,
        "method settings": _words(task.method.settings),
        "scorers": "+".join([*map(scorer_words, task.scorers), *map(_metric_words, _own_metrics(task))]),
        "sampling": task.method.settings.get("sampling", "–"),
        "seed": str(settings.seed),
        "limit": _limit_words(settings),
        "subset": "–",
        "repeats": str(samples),
        "judge": judge_words(task),
        "model": f"{model.identity.name}@{model.identity.digest[:8]}",
    }


def _own_metrics(task: Task) -> list[Metric]:
    """The metrics that come from files of the user's."""
    every = (*task.metrics, *(metric for scorer in task.scorers for metric in scorer.metrics))
    return [metric for metric in every if metric.source]


def _metric_words(metric: Metric) -> str:
    return f"{metric.name}(source={metric.source})"


def judge_words(task: Task) -> str:
    """The models that judge, by name and digest; a dash where none does."""
    names = (scorer.settings["model"] for scorer in task.scorers if {"judge", "model"} <= scorer.settings.keys())
    return "+".join(dict.fromkeys(names)) or "–"


def _limit_words(settings: Settings) -> str:
    part = "" if settings.proportion == 1.0 else f"{settings.proportion:g} of "
    return part + ("–" if settings.limit is None else str(settings.limit))


def scorer_words(scorer: Scorer) -> str:
    settings = f"({_words(scorer.settings)})" if scorer.settings else ""
    return scorer.name + settings + (f"/v{scorer.version}" if scorer.version != 1 else "")


def _words(settings: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(settings.items()))
