"""Samples that are scored at the same time share a pass through a model: the models' batcher, for scorers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from evalkit.models.batcher import Batch, Batcher

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Raised:
    """What `compute` raised. It travels as a result, since a batcher makes every exception one of its model's."""

    error: Exception


class Gather(Generic[Item, Result]):
    """Hands items to `compute` in lists of at most `most`, in a worker thread, one list at a time.

    Where a list fails, its items are tried one by one, so that one bad item fails alone. An object may serve one event
    loop after another.
    """

    def __init__(self, compute: Callable[[list[Item]], list[Result]], most: int) -> None:
        self._compute, self._most = compute, most
        worker = ThreadPoolExecutor(1, thread_name_prefix="evalkit-scoring")
        self._batcher: Batcher[Item, Result | _Raised] = Batcher(self._run, executor=worker, budget=most)

    async def one(self, item: Item) -> Result:
        """What `compute` makes of this item; raises what it raises."""
        found = await self._batcher.submit(item)
        if isinstance(found, _Raised):
            raise found.error
        return found

    def _run(self, batch: Batch[Item, Result | _Raised]) -> None:
        # A sample that was cancelled meanwhile wants no answer.
        places = [place for place in range(len(batch.jobs)) if batch.wanted(place)]
        for start in range(0, len(places), self._most):
            self._answer(batch, places[start : start + self._most])

    def _answer(self, batch: Batch[Item, Result | _Raised], places: list[int]) -> None:
        try:
            results = self._compute([batch.jobs[place] for place in places])
        except Exception as error:  # noqa: BLE001 - whatever fails belongs to the items of this list
            if len(places) == 1:
                batch.deliver(places[0], _Raised(error))
            else:
                for place in places:
                    self._answer(batch, [place])
            return
        for place, result in zip(places, results, strict=True):
            batch.deliver(place, result)
