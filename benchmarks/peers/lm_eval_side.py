"""Measures lm-eval, in a process of its own: `python -m peers.lm_eval_side ASKED OUT`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from peers.counting import unique_tokens, watch_loading
from peers.measuring import Asked, Item, Measured, arguments, limit_threads, peak_memory

_PHASES = ("loglikelihood", "loglikelihood_rolling", "generate_until")


class Watch:
    """The time spent in the three calls that lm-eval makes of a model."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        self.requests: list[Any] = []
        for name in _PHASES:
            setattr(model, name, self._timed(getattr(model, name)))

    def _timed(self, call: Any) -> Any:
        def timed(requests: Any, *rest: Any, **options: Any) -> Any:
            self.requests += requests
            begun = time.perf_counter()
            try:
                return call(requests, *rest, **options)
            finally:
                self.seconds += time.perf_counter() - begun

        return timed


def measure(asked: Asked) -> Measured:
    """Load the model with a first small question, then run the tasks. lm-eval's own 14,000 tasks are not indexed."""
    from lm_eval import simple_evaluate
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    counter = watch_loading()
    begun = time.perf_counter()
    model: Any = HFLM(pretrained=asked.model, dtype=asked.dtype, device=asked.device, batch_size=asked.batch)
    model.loglikelihood([Instance("loglikelihood", {}, ("The", " first"), 0)], disable_tqdm=True)
    loading = time.perf_counter() - begun
    counter.reset()
    watch = Watch(model)
    results = simple_evaluate(
        model,
        tasks=asked.tasks,
        task_manager=TaskManager(include_path=asked.task_folder, include_defaults=False),
        bootstrap_iters=0,
    )
    assert results is not None
    items = {sample["doc"]["id"]: _item(sample, asked.kind) for sample in _samples(results)}
    tokens, seconds = counter.tokens, counter.forward_seconds
    sequences = list(_sequences(model, watch.requests, items, asked.kind))
    return Measured(
        phase=watch.seconds,
        loading=loading,
        tokens=tokens,
        forward_seconds=seconds if asked.device == "cpu" else None,
        items=items,
        asked=sum(map(len, sequences)),
        unique=unique_tokens(sequences),
        memory=peak_memory(asked.device),
    )


def _samples(results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for samples in results["samples"].values():
        yield from samples


def _item(sample: dict[str, Any], kind: str) -> Item:
    first = [answers[0] for answers in sample["resps"]]
    prompt = sample["arguments"][0][0]
    if kind == "texts":
        return Item(prompt=prompt, text=first[0])
    if kind == "rolling":
        return Item(prompt=prompt, loglikelihoods=[float(first[0])])
    return Item(
        prompt=prompt,
        loglikelihoods=[float(value) for value, _ in first],
        right={name: float(sample[name]) for name in ("acc", "acc_norm") if name in sample},
    )


def _sequences(model: Any, requests: list[Any], items: dict[str, Item], kind: str) -> Iterator[tuple[int, ...]]:
    """What the model has to read for each request, were it the only one."""
    for request in requests:
        if kind == "choices":
            context, continuation = model._encode_pair(*request.args)
            yield tuple((context + continuation)[-(model.max_length + 1) :][:-1])
        elif kind == "rolling":
            yield from _windows(model, request.args[0])
        else:
            written = items[request.doc["id"]].text
            yield tuple(model.tok_encode(request.args[0] + written))


def _windows(model: Any, text: str) -> Iterator[tuple[int, ...]]:
    """What the definition of the rolling log-likelihood has the model read: every token but the last of each window."""
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    windows = get_rolling_token_windows(model.tok_encode(text), model.prefix_token_id, model.max_length, 1)
    for context, continuation in map(make_disjoint_window, windows):
        yield (*context, *continuation)[:-1]


if __name__ == "__main__":
    question, out = arguments()
    limit_threads(question.threads)
    measure(question).write(out)
