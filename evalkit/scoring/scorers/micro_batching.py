"""One batch of what waits: many samples that are scored at the same time share a pass through a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gather(Generic[Item, Result]):
    """Hands items to `compute` in batches of at most `most`, in a worker thread, one batch at a time.

    A batch goes when nothing has joined it for two turns of the event loop. Where a batch fails, its items are
    tried one by one, so that one bad item fails alone. An object may serve one event loop after another.
    """

    def __init__(self, compute: Callable[[list[Item]], list[Result]], most: int) -> None:
        self._compute, self._most = compute, most
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._drain: asyncio.Task[None] | None = None

    async def one(self, item: Item) -> Result:
        """What `compute` makes of this item; raises what it raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # What a closed loop left behind can never be answered.
            self._loop, self._waiting, self._drain = loop, [], None
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            await self._settle()
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            # A sample that was cancelled meanwhile wants no answer.
            await self._answer([entry for entry in batch if not entry[1].done()])

    async def _settle(self) -> None:
        seen, quiet = 0, 0
        while quiet < 2 and len(self._waiting) < self._most:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == seen else 0
            seen = len(self._waiting)

    async def _answer(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        try:
            results = await asyncio.to_thread(self._compute, [item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever fails belongs to the items of this batch
            if len(batch) == 1:
                if not batch[0][1].done():
                    batch[0][1].set_exception(error)
                return
            for entry in batch:
                await self._answer([entry])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
