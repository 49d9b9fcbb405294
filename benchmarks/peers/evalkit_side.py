"""Measures evalkit, in a process of its own: `python -m peers.evalkit_side ASKED OUT`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.counting import Counter, watch_loading
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
    stats = _stats(model)
    before = _read(stats, counter)
    timed = Timed(model)
    with tempfile.TemporaryDirectory() as folder:
        run = evalkit.run(asked.tasks, timed, out=Path(folder) / "run", cache=False)
        items = {record.sample.id: _item(record) for record in run.records()}
    tokens, seconds = (after - earlier for after, earlier in zip(_read(stats, counter), before, strict=True))
    return Measured(
        phase=timed.last - timed.first,
        loading=loading,
        tokens=int(tokens),
        forward_seconds=seconds if asked.device == "cpu" else None,
        items=items,
        memory=peak_memory(asked.device),
    )


def _stats(model: Any) -> Any:
    """The engine's own counters (`tokens_computed`, `forward_seconds`), where it has them."""
    loading = getattr(model, "_loading", None)
    engine = loading.result()[1] if loading is not None else None
    return getattr(engine, "stats", None)


def _read(stats: Any, counter: Counter) -> tuple[float, float]:
    tokens = getattr(stats, "tokens_computed", None)
    seconds = getattr(stats, "forward_seconds", None)
    return (
        counter.tokens if tokens is None else tokens,
        counter.forward_seconds if seconds is None else seconds,
    )


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
