"""Measures evalkit, in a process of its own: `python -m peers.evalkit_side ASKED OUT`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.counting import watch_loading
from peers.measuring import Asked, Item, Measured, arguments, limit_threads, peak_memory


class Timed:
    """A model as evalkit sees it, with the time of the first question and of the last reply."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.identity = model.identity
        self.capabilities = model.capabilities
        self.first = self.last = 0.0

    async def answer(self, request: Any) -> Any:
        self.first = self.first or time.perf_counter()
        reply = await self._model.answer(request)
        self.last = time.perf_counter()
        return reply

    async def close(self) -> None:
        await self._model.close()


def measure(asked: Asked) -> Measured:
    """Load the model with a first small question, then run the task."""
    import evalkit
    from evalkit.core import Choose, Prompt
    from evalkit.models import resolve

    counter = watch_loading()
    begun = time.perf_counter()
    model: Any = resolve(f"hf/{asked.model}", {"device": asked.device, "dtype": asked.dtype})
    asyncio.run(model.answer(Choose(Prompt("The"), (" first",))))
    loading = time.perf_counter() - begun
    counter.reset()
    own = _counters(model)
    before = (getattr(own, "tokens_computed", 0), getattr(own, "forward_seconds", 0.0))
    timed = Timed(model)
    with tempfile.TemporaryDirectory() as folder:
        run = evalkit.run(asked.tasks, timed, out=Path(folder) / "run", cache=False)
        items = {record.sample.id: _item(record) for record in run.records()}
    # Either may know of less than all: the engine's own counters of scoring alone, the hooks not of the output layer.
    tokens = max(counter.tokens, getattr(own, "tokens_computed", 0) - before[0])
    seconds = max(counter.forward_seconds, getattr(own, "forward_seconds", 0.0) - before[1])
    return Measured(
        phase=timed.last - timed.first,
        loading=loading,
        tokens=tokens,
        forward_seconds=seconds if asked.device == "cpu" else None,
        items=items,
        memory=peak_memory(asked.device),
    )


def _counters(model: Any) -> Any:
    """The engine's own `counters` or `stats`, where it has them; None where it has not."""
    loading = getattr(model, "_loading", None)
    engine = loading.result()[1] if loading is not None else None
    return getattr(engine, "counters", None) or getattr(engine, "stats", None)


def _item(record: Any) -> Item:
    if record.failure is not None:
        raise SystemExit(f"{record.sample.id} failed: {record.failure.message}")
    reply = record.replies[0]
    return Item(
        prompt=record.prompt.text,
        loglikelihoods=list(reply.loglikelihoods),
        right={score.name: score.value for score in record.scores if score.name in ("acc", "acc_norm")},
        text=reply.texts[0] if reply.texts else "",
    )


if __name__ == "__main__":
    question, out = arguments()
    limit_threads(question.threads)
    measure(question).write(out)
