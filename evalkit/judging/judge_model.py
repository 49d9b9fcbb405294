"""The model that judges in a run: found before anything is asked, cached like any other, counted apart."""

from __future__ import annotations

from dataclasses import replace

from evalkit.core import Model, Task, UsageError
from evalkit.judging.usage import UsageMeter
from evalkit.models.stack import Stack


def judge_for(tasks: list[Task], judge: str | Model | None, stack: Stack | None = None) -> UsageMeter | None:
    """The judge's model, or None where no scorer of the tasks asks one, or none is given and none has to be.

    It has a way to the response cache of its own, its cost is limited apart from the model that is judged, and its
    replies are on the run's cassettes as well. Raises UsageError where a judge is needed and none is named, or it is
    not on the cassette.
    """
    asking = [scorer for task in tasks for scorer in task.scorers if scorer.judged_by]
    if not asking or (judge is None and all(scorer.judge_optional for scorer in asking)):
        return None
    if judge is None:
        raise UsageError("a task is scored by a judge, and no judge is given", fix="--judge MODEL")
    return UsageMeter((stack or Stack()).lazily(judge))


def judged_by(task: Task, judge: UsageMeter | None) -> Task:
    """The task with its judges' scorers bound to the model."""
    if judge is None:
        return task
    return replace(task, scorers=tuple(s.judged_by(judge) if s.judged_by else s for s in task.scorers))
