"""From a plan to runs: every model of it in a separate session, run or resumed; or counted without asking."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from evalkit.core import Model, Request, Task, UsageError, claims
from evalkit.core.event_loop import run_async
from evalkit.data import huggingface
from evalkit.models.hf import tensor_parallel
from evalkit.models.response_cache import good_since, kept_reply, request_key
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.models.stack import share_cluster
from evalkit.plugins import foreign_code
from evalkit.runs.plan import RUNS, RunPlan, checked_replicas, checked_workers, plan_from_manifest, spending_of
from evalkit.runs.planned_tasks import check_named_once, load_all, prepare_all
from evalkit.runs.runner import Forecast, PreparedTask, Progress, begin, continued, execute, forecast, new_journal
from evalkit.runs.store import Journal, Manifest, Run, SuiteEntry, folder_name, manifest, runs_under, subset_file
from evalkit.runs.store.subset_file import Subset
from evalkit.runs.subsets import with_subsets
from evalkit.sandbox import spread

if TYPE_CHECKING:
    from evalkit.judging.usage import UsageMeter

_log = logging.getLogger(__name__)


__all__ = ["RunInterruptedError", "Session", "forecasts", "resume", "run_plan", "sessions"]


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C during a run. The journal is kept; `folder` is what `--resume` takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


@dataclass(slots=True)
class Session:
    """What one model of a plan is asked, and by which name (`spec`) it was named."""

    model: Model
    tasks: list[PreparedTask]
    suites: list[SuiteEntry]
    spec: str
    judge: UsageMeter | None
    folder: Path = Path()


def run_plan(plan: RunPlan, progress: Progress) -> list[Run]:
    """Run every model of a plan, one after another; all names, data and options are checked before the first."""
    _join_processes(plan)
    if not plan.tasks or not plan.models:
        raise UsageError("nothing to run", fix="evalkit run TASK… --model MODEL")
    with huggingface.offline(plan.settings.data.offline), spread(plan.sandboxes):
        planned = sessions(plan)
        folder = plan.out or claims.new_folder(RUNS)
        runs = []
        for session in planned:
            session.folder = folder if len(planned) == 1 else folder / folder_name(session.model.identity.name)
            runs.append(_run_session(session, plan, folder, progress, resume=False))
        return runs


def resume(
    folder: Path,
    progress: Progress,
    max_cost: float | None = None,
    opened: Mapping[str, Model] | None = None,
    replicas: str | None = None,
    ray: str | None = None,
    sandbox_workers: str | None = None,
) -> list[Run]:
    """Go on with an interrupted run (or with a folder of runs) from what its manifest says was asked; it may cost as
    much as it was allowed to before, or `max_cost`; replicas and workers of sandboxes as before, or those given.
    `opened`: see `RunPlan`."""
    found = runs_under(folder)
    if not found:
        raise UsageError(f"{folder} holds no run to resume", fix="evalkit show (lists the runs)")
    plan = replace(plan_from_manifest(manifest.read(found[0])), opened=opened or {})
    plan = replace(plan, replicas=checked_replicas(replicas or plan.replicas, ray), ray=ray or plan.ray)
    plan = replace(plan, sandbox_workers=checked_workers(sandbox_workers or plan.sandbox_workers))
    if max_cost is not None:
        plan = replace(plan, **spending_of({"max_cost": max_cost, "record": plan.record, "replay": plan.replay}))
    with huggingface.offline(plan.settings.data.offline), spread(plan.sandboxes):
        planned = sessions(plan, subset_file.read(found[0]))
        runs = []
        for session in planned:
            session.folder = folder if len(planned) == 1 else _group(folder) / folder_name(session.model.identity.name)
            begun = (session.folder / manifest.FILE).is_file()
            runs.append(_run_session(session, plan, folder, progress, resume=begun))
        return runs


def forecasts(plan: RunPlan) -> list[tuple[Model, list[Forecast]]]:
    """What every model of a plan would be asked, counted without asking (a server may be asked what it can do)."""
    with huggingface.offline(plan.settings.data.offline):
        return [_forecast_session(session, plan) for session in sessions(plan)]


def _forecast_session(session: Session, plan: RunPlan) -> tuple[Model, list[Forecast]]:
    cache = replace(plan.stack, replay=None).open_cache()
    try:
        known = partial(_is_cached, session.model, cache, good_since(session.model.identity, plan.stack.since))
        return session.model, [run_async(partial(forecast, task, session.model, known)) for task in session.tasks]
    finally:
        if cache is not None:
            cache.close()


def sessions(plan: RunPlan, subsets: Mapping[str, Subset] = MappingProxyType({})) -> list[Session]:
    """What every model of a plan is asked. Raises UsageError for any mistake in names, data and options.

    `subsets` are those that a run which is resumed was begun with.
    """
    models = plan.stack.open(plan.models, plan.opened)
    with foreign_code.allowed(given=plan.allow_code):
        planned, suites = load_all(plan.tasks, plan.project)
    check_named_once("model", [model.identity.name for model in models])
    found, known = [], dict(subsets)
    for named, model in zip(plan.models, models, strict=True):
        judge, tasks = _judged([one.task for one in planned], plan)
        share_cluster(model, judge)
        prepared = prepare_all(planned, tasks, model, plan.settings)
        prepared = [task.of(plan.samples[task.name]) if task.name in plan.samples else task for task in prepared]
        if plan.settings.subset:
            prepared = with_subsets(prepared, plan.settings.subset, RUNS, known)
        found.append(Session(model, prepared, suites, named if isinstance(named, str) else named.identity.name, judge))
    return found


def _judged(tasks: list[Task], plan: RunPlan) -> tuple[UsageMeter | None, list[Task]]:
    """The judge's model and the tasks bound to it. Judging is imported only where a scorer asks for it."""
    if not any(scorer.judged_by for task in tasks for scorer in task.scorers):
        if plan.judge is not None:
            plan.stack.open([plan.judge])  # says what is wrong with a name
            _log.warning("no task here is scored by a judge: --judge is not used")
        return None, tasks
    from evalkit.judging.judge_model import judge_for, judged_by

    # A gate asks its candidate afresh, not its judge: what the judge said of the same answer is still its verdict.
    judge = judge_for(tasks, plan.judge, replace(plan.stack, since=None))
    return judge, [judged_by(task, judge) for task in tasks]


def _run_session(session: Session, plan: RunPlan, group: Path, progress: Progress, *, resume: bool) -> Run:
    run_id = group.name if session.folder == group else f"{group.name}/{session.folder.name}"

    async def work() -> Run:
        with Journal(session.folder) if resume else new_journal(session.folder) as journal:
            if resume:
                written = continued(session.folder, session.model, session.tasks, session.suites)
            else:
                written = begin(session.folder, run_id, session.model, session.tasks, plan.request(), session.suites)
            return await _executed(journal, written, session, plan, progress)

    try:
        return run_async(work)
    except KeyboardInterrupt:
        raise RunInterruptedError(group) from None


async def _executed(journal: Journal, written: Manifest, session: Session, plan: RunPlan, progress: Progress) -> Run:
    cache = plan.stack.open_cache()
    model = plan.stack.around(session.model, cache, session.spec)
    try:
        return await execute(journal, written, model, session.tasks, progress)
    finally:
        await model.close()
        if session.judge is not None:
            computed = dict(session.judge.facts)
            await session.judge.close()
            written.model["judge"] = {
                "name": session.judge.identity.name,
                **session.judge.spent.facts(),
                **({"computed": computed} if computed else {}),
            }
            manifest.write(session.folder, written)
        if cache is not None:
            cache.close()


def _join_processes(plan: RunPlan) -> None:
    """Under torchrun: compute along with the first process until it ends, and end; the first one goes on."""
    named = any("tp_plan=" in model for model in plan.models if isinstance(model, str))
    if tensor_parallel.processes() == 1 and not named:
        return
    models = plan.stack.open(plan.models, plan.opened)
    tensor_parallel.check(any(getattr(model, "is_sharded", False) for model in models))
    if tensor_parallel.is_follower():
        from evalkit.models.hf.follower import follow  # imports what computes

        follow()
        raise SystemExit(0)


def _is_cached(model: Model, cache: SqliteCache | None, since: float, request: Request) -> bool:
    return cache is not None and kept_reply(cache, request_key(model.identity, request), since) is not None


def _group(folder: Path) -> Path:
    """The folder that holds the runs of several models, given it or one of them."""
    return folder.parent if (folder / manifest.FILE).is_file() else folder
