"""Tasks that are a Python class of lm-eval's, asked and scored by the class's own methods.

The class keeps its texts, requests, metrics and aggregations. Its data are opened by evalkit, and only when rows are
wanted: what `ConfigurableTask.__init__` would fetch at once is left out, by a class between it and the task's own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.core import (
    AskModel,
    Attempt,
    Choose,
    DataOptions,
    Fewshot,
    Generate,
    Method,
    Model,
    OpenedSource,
    Prompt,
    PromptFormat,
    Reply,
    Row,
    Sample,
    Score,
    Scorer,
    ScoreSample,
    Source,
    Subset,
    Task,
    UsageError,
    Validity,
)
from evalkit.data import hub, made, mapped
from evalkit.plugins.lm_eval.config import DEFAULT_TOKENS
from evalkit.plugins.lm_eval.scorer import metric_of, score_of
from evalkit.plugins.lm_eval.turns import answer_of
from evalkit.scoring.extraction.replies import final_answer, without_thought

__all__ = ["task_of_class"]

Given = Callable[[str], Source]


def task_of_class(name: str, values: Mapping[str, Any], at: str, mark: str, given: Given | None = None) -> Task:
    """The task of a class that a YAML file names. `mark` is the digest of its files; `given` gives the rows of a split
    in place of its data set.

    Raises UsageError where the class is none of lm-eval's, and for requests that a model here cannot be asked.
    """
    own = _object(values, at, given)
    asked = "test_docs" if own.has_test_docs() else "validation_docs"
    examples = "training_docs" if own.has_training_docs() else asked
    better = own.higher_is_better()
    aggregations = own.aggregation()
    metrics = tuple(
        metric_of(metric, metric, {"aggregation": function, "higher_is_better": better.get(metric, True)}, at)
        for metric, function in aggregations.items()
    )
    names = tuple(aggregations)
    way = _Requests(own)
    needs = frozenset({Generate, Choose} if "loglikelihood" in _source_of(own.construct_requests) else {Generate})
    return Task(
        name=name,
        data=(Subset(_documents(own, asked, mark, given), _documents(own, examples, mark, given)),),
        sample=lambda row: _sample(own, row),
        prompt=PromptFormat(question=lambda sample: str(sample.input), example=lambda sample: _example(own, sample)),
        method=Method("requests", way, way.gold, needs, {"class": type(own).__name__}),
        scorers=(Scorer("lm-eval", _Score(own), names, metrics, {"metrics": "+".join(names)}),),
        fewshot=Fewshot(int(own.config.num_fewshot or 0), "lm-eval", spare=True, exact=False),
        primary_metric=names[0] if names else "",
        version=1,
    )


def _object(values: Mapping[str, Any], at: str, given: Given | None) -> Any:
    from lm_eval.api.task import ConfigurableTask, TaskConfig

    own = values["class"]
    if not (isinstance(own, type) and issubclass(own, ConfigurableTask)):
        raise UsageError("the task's class is not a ConfigurableTask of lm-eval's", found=str(own)[:120], at=at)

    class Unfetched(ConfigurableTask):  # type: ignore[misc]
        """Has the configuration, and fetches data when they are asked for."""

        def __init__(self, *rest: Any, config: dict[str, Any] | None = None, **more: Any) -> None:
            self._config = TaskConfig(**(config or {}))
            self._splits: Any = _Given(given) if given is not None else None
            if self._config.dataset_path is not None:
                self.DATASET_PATH = self._config.dataset_path
            if self._config.dataset_name is not None:
                self.DATASET_NAME = self._config.dataset_name
            self.prompt = None
            self.features: list[str] = []

        @property
        def dataset(self) -> Any:
            if self._splits is None:
                self.download(self.config.dataset_kwargs)
            return self._splits

        @dataset.setter
        def dataset(self, splits: Any) -> None:
            self._splits = splits

    made_class = type(own.__name__, (own, Unfetched), {"__module__": own.__module__})
    takes_config = "config" in inspect.signature(own).parameters
    found = made_class(config=dict(values)) if takes_config else made_class()
    found.config.task = str(values["task"])
    return found


class _Given:
    """Splits as `datasets` has them, of rows from elsewhere."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def __contains__(self, split: object) -> bool:
        return split == "test"

    def __getitem__(self, split: str) -> Any:
        import datasets

        rows = self._given(split).open(DataOptions()).rows()
        return datasets.Dataset.from_list([dict(row.values) for row in rows if isinstance(row, Row)])


class _WantedError(Exception):
    """Says which split a method reads, by being raised where it does."""


class _Asking:
    def __getitem__(self, split: str) -> Any:
        raise _WantedError(split)


@dataclass(frozen=True, slots=True)
class _Documents:
    """The rows of `test_docs` and the like: of evalkit's own source where the class does not fetch them itself."""

    own: Any
    method: str
    mark: str
    given: Given | None

    def open(self, options: DataOptions) -> OpenedSource:
        return self._source().open(options)

    def _source(self) -> Source:
        own = self.own
        if self.given is None and _fetches_itself(own):
            return made(getattr(own, self.method), f"{own.config.task}/{self.method}", self.mark)
        split = self._split()
        source = self.given(split) if self.given else hub(own.DATASET_PATH, config=own.DATASET_NAME, split=split)
        return mapped(source, lambda dataset: self._of(split, dataset), self.mark)

    def _of(self, split: str, dataset: Any) -> Any:
        self.own.dataset = {split: dataset}
        return getattr(self.own, self.method)()

    def _split(self) -> str:
        before, self.own.dataset = self.own._splits, _Asking()
        try:
            getattr(self.own, self.method)()
        except _WantedError as wanted:
            return str(wanted)
        finally:
            self.own.dataset = before
        raise UsageError(f"the task's {self.method} reads no split", found=type(self.own).__name__)


def _documents(own: Any, method: str, mark: str, given: Given | None) -> Source:
    return _Documents(own, method, mark, given)


def _fetches_itself(own: Any) -> bool:
    from lm_eval.api.task import ConfigurableTask

    return type(own).download is not ConfigurableTask.download


def _sample(own: Any, row: Row) -> Sample:
    doc = dict(row.values)
    text = own.doc_to_text(doc)
    if not isinstance(text, str):
        raise UsageError("doc_to_text gives no text", found=f"{text!r:.60}")
    return Sample(row.id, text, (answer_of(own.doc_to_target(doc), None),), data=doc)


def _example(own: Any, sample: Sample) -> str:
    return f"{sample.input}{own.config.target_delimiter}{sample.targets[0]}{own.config.fewshot_delimiter}"


def _source_of(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return "loglikelihood"


@dataclass(frozen=True, slots=True)
class _Requests(AskModel):
    """What the class would send, one reply a request."""

    own: Any

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        asked = [_request(one, attempt) for one in self._instances(attempt)]
        return tuple([await model.answer(request) for request in asked])

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        written = Reply(texts=attempt.sample.targets[:1], finish=("stop",))
        likely = Reply(loglikelihoods=(0.0,), greedy=(True,))
        kinds = [one.request_type for one in self._instances(attempt)]
        return tuple(written if kind == "generate_until" else likely for kind in kinds)

    def _instances(self, attempt: Attempt) -> Iterator[Any]:
        metadata = (self.own.config.task, 0, 1)
        found = self.own.construct_requests(dict(attempt.sample.data), attempt.prompt.text, metadata=metadata)
        yield from found if isinstance(found, list) else [found]


def _request(instance: Any, attempt: Attempt) -> Generate | Choose:
    context, *rest = instance.args
    prompt = attempt.prompt if context == attempt.prompt.text else Prompt(context)
    if instance.request_type == "loglikelihood":
        return Choose(prompt, (rest[0],), "")
    if instance.request_type != "generate_until" or len(rest) != 1:
        raise UsageError("no model here can answer what the task asks", found=f"{instance.request_type}, {len(rest)}")
    told = rest[0]
    until = told.get("until") or []
    heat = float(told.get("temperature") or 0.0)
    sampled = bool(told.get("do_sample", heat > 0.0))
    return Generate(
        prompt,
        max_tokens=int(told.get("max_gen_toks") or DEFAULT_TOKENS),
        stop=tuple([until] if isinstance(until, str) else until),
        temperature=(heat or 1.0) if sampled else 0.0,
        seed=attempt.seed if sampled else 0,
        repeat=attempt.repeat,
    )


@dataclass(frozen=True, slots=True)
class _Score(ScoreSample):
    own: Any

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return await asyncio.to_thread(self._scored, sample, replies)

    def _scored(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        results = [_result(reply) for reply in replies]
        written = [reply for reply in replies if reply.texts]
        told = final_answer(written) if written else None
        validity = told.validity if told and told.validity is not Validity.NO_ANSWER else Validity.OK
        shown = next((one for one in results if isinstance(one, str)), None)
        items = self.own.process_results(dict(sample.data), results)
        return tuple(score_of(name, item, shown, told.reason if told else "", validity) for name, item in items.items())


def _result(reply: Reply) -> Any:
    if reply.texts:
        return without_thought(reply)[0].text
    return reply.loglikelihoods[0], bool(reply.greedy and reply.greedy[0])
