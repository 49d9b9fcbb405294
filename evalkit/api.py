"""`evalkit.run`: tasks × models to runs, the same for the command line and for Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from evalkit import models, plugins
from evalkit.core import DataOptions, FewshotOrder, Member, Model, Request, Suite, Task, UsageError, paths
from evalkit.core.event_loop import run_async
from evalkit.data import huggingface
from evalkit.models.api.cost_limit import at_most
from evalkit.models.cassette import Cassette, recorded
from evalkit.models.hf import tensor_parallel
from evalkit.models.response_cache import cached, request_key
from evalkit.runs.runner import (
    Forecast,
    PreparedTask,
    Progress,
    Settings,
    Silent,
    begin,
    continued,
    execute,
    forecast,
    prepare,
    suite_entry,
)
from evalkit.runs.store import Run, SqliteCache, SuiteEntry, folder_name, manifest, new_id, runs_under

if TYPE_CHECKING:
    from evalkit.judging.usage import UsageMeter

RUNS = Path("runs")


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C during a run. The journal is kept; `folder` is what `--resume` takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to run. Tasks and models are names with their arguments inline, or objects made in Python."""

    tasks: tuple[str | Task, ...]
    models: tuple[str | Model, ...]
    settings: Settings = field(default_factory=Settings)
    out: Path | None = None
    cache: bool = True
    project: Path | None = None
    max_cost: float | None = None
    """US dollars that this run may cost; a resumed run may cost as much again."""
    record: Path | None = None
    """A tape on which every request and its reply are written."""
    replay: Path | None = None
    """A tape that answers in place of the models."""
    judge: str | Model | None = None
    """The model that judges, where a task is scored by a judge."""
    opened: Mapping[str, Model] = field(default_factory=dict)
    """Models that are open already, by the name among `models` that they answer to."""

    def request(self) -> dict[str, Any]:
        """The plan as a manifest keeps it, for --resume. Objects cannot be kept: they are named only."""
        return {
            "tasks": [t if isinstance(t, str) else None for t in self.tasks],
            "models": [m if isinstance(m, str) else None for m in self.models],
            "cache": self.cache,
            "project": str(self.project.resolve()) if self.project else None,
            "max_cost": self.max_cost,
            "record": str(self.record.resolve()) if self.record else None,
            "replay": str(self.replay.resolve()) if self.replay else None,
            "judge": self.judge if isinstance(self.judge, str) or self.judge is None else "",
        }


class RunOptions(TypedDict, total=False):
    """The keyword arguments of `run`, all optional. Each is what the option of `evalkit run` of that name is."""

    limit: int | None
    seed: int
    num_fewshot: int | None
    fewshot_order: FewshotOrder | None
    repeats: int
    max_failures: float
    unsafe_code: Literal["", "subprocess"]
    data_dir: Path | str | None
    offline: bool
    skip_bad_rows: bool
    out: Path | str | None
    cache: bool
    project: Path | str | None
    max_cost: float | None
    record: Path | str | None
    replay: Path | str | None
    judge: str | Model | None
    progress: Progress | None


Tasks = str | Task | Sequence[str | Task]
Models = list[str | Model] | list[str] | tuple[str | Model, ...]


@overload
def run(tasks: Tasks, model: str | Model, **options: Unpack[RunOptions]) -> Run: ...
@overload
def run(tasks: Tasks, model: Models, **options: Unpack[RunOptions]) -> list[Run]: ...
def run(tasks: Tasks, model: str | Model | Models, **options: Unpack[RunOptions]) -> Run | list[Run]:
    """Evaluate one model, or each of several, on one or more tasks.

    Returns a Run for one model and a list of Runs for a sequence of models. `out` is the run folder (the folder of
    the run folders for several models), `runs/<time>` by default. Raises UsageError for a mistake in what was asked,
    RunError where a run cannot go on; samples that could not be measured are on their records, and `Run.failed` says
    whether they are more than `max_failures` of any task.
    """
    single = not isinstance(model, list | tuple)
    out, project = options.get("out"), options.get("project")
    plan = RunPlan(
        tasks=(tasks,) if isinstance(tasks, str | Task) else tuple(tasks),
        models=tuple(model) if isinstance(model, list | tuple) else (model,),
        settings=settings_of(options),
        out=Path(out) if out else None,
        cache=options.get("cache", True),
        project=Path(project) if project else Path.cwd(),
        judge=options.get("judge"),
        **spending_of(options),
    )
    runs = run_plan(plan, options.get("progress") or Silent())
    return runs[0] if single else runs


def settings_of(options: Mapping[str, Any]) -> Settings:
    """The settings among the options of `run`, of the command line or of a suite file; raises UsageError."""
    names = ("limit", "seed", "num_fewshot", "fewshot_order", "repeats", "max_failures", "unsafe_code")
    given = {name: options[name] for name in names if options.get(name) is not None}
    mirror = Path(options["data_dir"]).resolve() if options.get("data_dir") else paths.data_mirror()
    if mirror is not None and not mirror.is_dir():
        raise UsageError(f"there is no data folder {mirror}", fix="a folder that holds <owner>/<name>/<config>/…")
    data = DataOptions(mirror, bool(options.get("offline")), bool(options.get("skip_bad_rows")))
    return Settings(data=data, **given)


class _Spending(TypedDict):
    max_cost: float | None
    record: Path | None
    replay: Path | None


def spending_of(options: Mapping[str, Any]) -> _Spending:
    """What a run may cost and which tapes it has, among the options; raises UsageError for what excludes itself."""
    most, record, replay = (options.get(name) for name in ("max_cost", "record", "replay"))
    if most is not None and not 0.0 < most < math.inf:
        raise UsageError("--max-cost is a number of US dollars above 0", found=str(most))
    if record and replay:
        raise UsageError("a run is recorded or replayed, not both", found=f"--record {record} --replay {replay}")
    return {"max_cost": most, "record": Path(record) if record else None, "replay": Path(replay) if replay else None}


def forecasts(plan: RunPlan) -> list[tuple[Model, list[Forecast]]]:
    """What every model of a plan would be asked, counted without asking (a server may be asked what it can do)."""
    with huggingface.offline(plan.settings.data.offline):
        return _forecasts(plan)


def _forecasts(plan: RunPlan) -> list[tuple[Model, list[Forecast]]]:
    counted = []
    for session in sessions(plan):
        cache = SqliteCache(paths.cache_dir()) if plan.cache else None
        try:
            known = partial(_is_cached, session.model, cache)
            counted.append(
                (session.model, [run_async(partial(forecast, t, session.model, known)) for t in session.tasks])
            )
        finally:
            if cache is not None:
                cache.close()
    return counted


def _is_cached(model: Model, cache: SqliteCache | None, request: Request) -> bool:
    return cache is not None and cache.get(request_key(model.identity, request)) is not None


def run_plan(plan: RunPlan, progress: Progress) -> list[Run]:
    """Run every model of a plan, one after another; all names, data and options are checked before the first."""
    _join_processes(plan)
    if not plan.tasks or not plan.models:
        raise UsageError("nothing to run", fix="evalkit run TASK… --model MODEL")
    folder = plan.out or RUNS / new_id(path.name for path in RUNS.glob("*"))
    with huggingface.offline(plan.settings.data.offline):
        return _run_all(plan, folder, progress)


def _run_all(plan: RunPlan, folder: Path, progress: Progress) -> list[Run]:
    planned = sessions(plan)
    runs = []
    for session in planned:
        session.folder = folder if len(planned) == 1 else folder / folder_name(session.model.identity.name)
        runs.append(_run_session(session, plan, folder, progress, resume=False))
    return runs


def _join_processes(plan: RunPlan) -> None:
    """Under torchrun: compute along with the first process until it ends, and end; the first one goes on."""
    if tensor_parallel.processes() == 1 and not any(
        "tp_plan=" in model for model in plan.models if isinstance(model, str)
    ):
        return
    tensor_parallel.check(any(getattr(model, "is_sharded", False) for model in _models(plan)))
    if tensor_parallel.is_follower():
        tensor_parallel.follow()
        raise SystemExit(0)


def resume(
    folder: Path, progress: Progress, max_cost: float | None = None, opened: Mapping[str, Model] | None = None
) -> list[Run]:
    """Go on with an interrupted run (or with a folder of runs) from what its manifest says was asked; it may cost as
    much as it was allowed to before, or `max_cost`. `opened`: see `RunPlan`."""
    found = runs_under(folder)
    if not found:
        raise UsageError(f"{folder} holds no run to resume", fix="evalkit show (lists the runs)")
    plan = replace(plan_of(manifest.read(found[0])), opened=opened or {})
    if max_cost is not None:
        plan = replace(plan, **spending_of({"max_cost": max_cost, "record": plan.record, "replay": plan.replay}))
    with huggingface.offline(plan.settings.data.offline):
        return _resume_all(plan, folder, progress)


def _resume_all(plan: RunPlan, folder: Path, progress: Progress) -> list[Run]:
    runs = []
    planned = sessions(plan)
    for session in planned:
        session.folder = folder if len(planned) == 1 else _group(folder) / folder_name(session.model.identity.name)
        begun = (session.folder / manifest.FILE).is_file()
        runs.append(_run_session(session, plan, folder, progress, resume=begun))
    return runs


def _group(folder: Path) -> Path:
    """The folder that holds the runs of several models, given it or one of them."""
    return folder.parent if (folder / manifest.FILE).is_file() else folder


def plan_of(written: manifest.Manifest) -> RunPlan:
    """The plan that a manifest's run was started with; raises UsageError where it was made of Python objects."""
    request, settings = written.request, dict(written.settings)
    if None in request["tasks"] or None in request["models"] or request.get("judge") == "":
        raise UsageError(
            f"run {written.id} was started from Python with task or model objects",
            fix="call evalkit.run again with the same arguments: finished replies come from the cache",
        )
    data = settings.pop("data")
    options = DataOptions(Path(data["mirror"]) if data["mirror"] else None, data["offline"], data["skip_bad_rows"])
    return RunPlan(
        tasks=tuple(request["tasks"]),
        models=tuple(request["models"]),
        settings=Settings(data=options, **settings),
        cache=request["cache"],
        project=Path(request["project"]) if request["project"] else None,
        judge=request.get("judge"),
        **spending_of(request),
    )


@dataclass(slots=True)
class _Session:
    model: Model
    tasks: list[PreparedTask]
    suites: list[SuiteEntry]
    spec: str
    """The name that the model was asked for under."""
    judge: UsageMeter | None
    folder: Path = Path()


def sessions(plan: RunPlan) -> list[_Session]:
    """What every model of a plan is asked. Raises UsageError for any mistake in names, data and options."""
    resolved = _models(plan)
    loaded, suites = _load_all(plan)
    _check_names([name for name, _, _, _ in loaded], [m.identity.name for m in resolved])
    found = []
    for asked, model in zip(plan.models, resolved, strict=True):
        judge, judged = _judged(plan, [task for *_, task in loaded])
        tasks = [
            replace(prepare(task, spec, digest, model, plan.settings), name=name)
            for (name, spec, digest, _), task in zip(loaded, judged, strict=True)
        ]
        found.append(_Session(model, tasks, suites, asked if isinstance(asked, str) else asked.identity.name, judge))
    return found


def _judged(plan: RunPlan, tasks: list[Task]) -> tuple[UsageMeter | None, list[Task]]:
    """The judge's model and the tasks bound to it; judging is imported only where a scorer asks for it."""
    if not any(scorer.judged_by for task in tasks for scorer in task.scorers):
        return None, tasks
    from evalkit.judging.judge_model import judge_for, judged_by

    tapes = (plan.record, plan.replay)
    judge = judge_for(tasks, plan.judge, cache=plan.cache, max_cost=plan.max_cost, tapes=tapes)
    return judge, [judged_by(task, judge) for task in tasks]


def _models(plan: RunPlan) -> list[Model]:
    """The models of a plan, limited in cost; or those of its tape, which need neither a network nor a key."""
    if plan.replay is not None:
        tape = Cassette(plan.replay)
        return [tape.model(m if isinstance(m, str) else m.identity.name) for m in plan.models]
    found = [plan.opened.get(m) or models.resolve(m) if isinstance(m, str) else m for m in plan.models]
    return found if plan.max_cost is None else [at_most(model, plan.max_cost) for model in found]


_Loaded = tuple[str, str, str, Task]
"""(name in the run, spec, digest of its source, task)."""


def _load_all(plan: RunPlan) -> tuple[list[_Loaded], list[SuiteEntry]]:
    """The tasks of a plan, with those of its suites in their places, and what is to be told of the suites."""
    tasks: list[_Loaded] = []
    suites: list[SuiteEntry] = []
    for task in plan.tasks:
        if isinstance(task, Task):
            tasks.append((task.name, task.name, "object", task))
            continue
        found = plugins.load("task", task, project=plan.project)
        if isinstance(found, Suite):
            members = [_load_member(member, found, plan.project) for member in found.members]
            suites.append(
                suite_entry(found, [(m, one[0], one[3]) for m, one in zip(found.members, members, strict=True)])
            )
            tasks += members
        else:
            tasks.append(_load(task, found, plan.project))
    return tasks, suites


def _load(spec: str, found: object, project: Path | None) -> _Loaded:
    if not isinstance(found, Task):
        raise UsageError(f"{spec!r} is not a task", found=type(found).__name__)
    origin = plugins.origin("task", spec, project=project)
    return _run_name(found.name, origin.options), spec, origin.digest, found


def _load_member(member: Member, suite: Suite, project: Path | None) -> _Loaded:
    """A task of a suite, with as many worked examples as the suite says."""
    found = plugins.load("task", member.task, project=project)
    if isinstance(found, Suite):
        raise UsageError(f"{member.task!r} is a suite itself", fix=f"name its tasks in {suite.name!r}")
    name, spec, digest, task = _load(member.task, found, project)
    if member.fewshot is None:
        return name, spec, digest, task
    return name, spec, digest, replace(task, fewshot=replace(task.fewshot, k=member.fewshot))


def _run_name(name: str, options: Mapping[str, str]) -> str:
    """Tasks of one name with different options are different tasks of a run."""
    return ",".join([name, *(f"{key}={value}" for key, value in sorted(options.items()))])


def _check_names(tasks: list[str], names: list[str]) -> None:
    for kind, found in (("task", tasks), ("model", names)):
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise UsageError(f"{kind} {twice[0]!r} is given twice", fix="name each once")


def _run_session(session: _Session, plan: RunPlan, group: Path, progress: Progress, *, resume: bool) -> Run:
    async def work() -> Run:
        if resume:
            written = continued(session.folder, session.model, session.tasks, session.suites)
        else:
            run_id = group.name if session.folder == group else f"{group.name}/{session.folder.name}"
            written = begin(session.folder, run_id, session.model, session.tasks, plan.request(), session.suites)
        cache = SqliteCache(paths.cache_dir()) if plan.cache and plan.replay is None else None
        model = session.model if cache is None else cached(session.model, cache)
        if plan.record is not None:
            # Outermost: what the cache answers belongs on the tape as well.
            model = recorded(model, plan.record, session.spec)
        try:
            return await execute(session.folder, written, model, session.tasks, progress)
        finally:
            await model.close()
            if session.judge is not None:
                await session.judge.close()
                written.model["judge"] = {"name": session.judge.identity.name, **session.judge.spent.facts()}
                manifest.write(session.folder, written)
            if cache is not None:
                cache.close()

    try:
        return run_async(work)
    except KeyboardInterrupt:
        raise RunInterruptedError(group) from None
