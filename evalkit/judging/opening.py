"""The model that judges in a run: found before anything is asked, cached like any other, counted apart."""

from __future__ import annotations

from dataclasses import replace

from evalkit import models, places
from evalkit.core import Capabilities, Identity, Model, Reply, Request, Task, UsageError
from evalkit.judging.metering import Metered
from evalkit.models.api.spending import at_most
from evalkit.models.cached import cached
from evalkit.store import SqliteCache


def judge_for(
    tasks: list[Task], judge: str | Model | None, *, cache: bool = True, max_cost: float | None = None
) -> Metered | None:
    """The judge's model, or None where no scorer of the tasks asks one.

    It has a way to the response cache of its own. `max_cost` limits it apart from the model that is judged. Raises
    UsageError where a judge is needed and none is named.
    """
    if not any(scorer.judged_by for task in tasks for scorer in task.scorers):
        return None
    if judge is None:
        raise UsageError("a task is scored by a judge, and no judge is given", fix="--judge MODEL")
    model = models.resolve(judge) if isinstance(judge, str) else judge
    limited = model if max_cost is None else at_most(model, max_cost)
    return Metered(_Kept(limited) if cache else limited)


class _Kept:
    """A model with the response cache, which is opened in the thread that asks and closed with the model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._cache: SqliteCache | None = None
        self._cached: Model | None = None

    @property
    def identity(self) -> Identity:
        return self._model.identity

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    async def answer(self, request: Request) -> Reply:
        if self._cached is None:
            self._cache = SqliteCache(places.cache_dir())
            self._cached = cached(self._model, self._cache)
        return await self._cached.answer(request)

    async def close(self) -> None:
        await self._model.close()
        if self._cache is not None:
            self._cache.close()
        self._cache = self._cached = None


def judged_by(task: Task, judge: Metered | None) -> Task:
    """The task with its judges' scorers bound to the model."""
    if judge is None:
        return task
    return replace(task, scorers=tuple(s.judged_by(judge) if s.judged_by else s for s in task.scorers))
