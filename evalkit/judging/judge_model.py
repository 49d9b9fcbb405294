"""The model that judges in a run: found before anything is asked, cached like any other, counted apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalkit import models
from evalkit.core import Model, Reply, Request, Task, UsageError, paths
from evalkit.judging.usage import UsageMeter
from evalkit.models.api.cost_limit import at_most
from evalkit.models.cassette import Cassette, recorded
from evalkit.models.response_cache import cached
from evalkit.models.wrapper import Wrapper
from evalkit.runs.store import SqliteCache


def judge_for(
    tasks: list[Task],
    judge: str | Model | None,
    *,
    cache: bool = True,
    max_cost: float | None = None,
    tapes: tuple[Path | None, Path | None] = (None, None),
) -> UsageMeter | None:
    """The judge's model, or None where no scorer of the tasks asks one.

    It has a way to the response cache of its own. `max_cost` limits it apart from the model that is judged. Its replies
    are on the run's `tapes` as well: the one that is recorded, or the one that is replayed. Raises UsageError where a
    judge is needed and none is named, or it is not on the tape.
    """
    if not any(scorer.judged_by for task in tasks for scorer in task.scorers):
        return None
    if judge is None:
        raise UsageError("a task is scored by a judge, and no judge is given", fix="--judge MODEL")
    record, replay = tapes
    spec = judge if isinstance(judge, str) else judge.identity.name
    if replay is not None:
        return UsageMeter(Cassette(replay).model(spec))
    model = models.resolve(judge) if isinstance(judge, str) else judge
    limited = model if max_cost is None else at_most(model, max_cost)
    return UsageMeter(_Kept(limited, cache=cache, tape=record, spec=spec))


class _Kept(Wrapper):
    """A model with the response cache and a tape, which are opened in the thread that asks and closed with it."""

    def __init__(self, model: Model, *, cache: bool, tape: Path | None, spec: str) -> None:
        super().__init__(model)
        self._wanted, self._tape, self._spec = cache, tape, spec
        self._cache: SqliteCache | None = None
        self._opened: Model | None = None

    async def answer(self, request: Request) -> Reply:
        if self._opened is None:
            self._opened = self._open()
        return await self._opened.answer(request)

    def _open(self) -> Model:
        model = self._model
        if self._wanted:
            self._cache = SqliteCache(paths.cache_dir())
            model = cached(model, self._cache)
        return model if self._tape is None else recorded(model, self._tape, self._spec)

    async def close(self) -> None:
        await (self._opened or self._model).close()
        if self._cache is not None:
            self._cache.close()
        self._cache = self._opened = None


def judged_by(task: Task, judge: UsageMeter | None) -> Task:
    """The task with its judges' scorers bound to the model."""
    if judge is None:
        return task
    return replace(task, scorers=tuple(s.judged_by(judge) if s.judged_by else s for s in task.scorers))
