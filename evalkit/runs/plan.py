"""What to run: tasks, models and settings, as the command line, a suite file, Python or a manifest says it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypedDict

from evalkit.core import ChoiceForm, DataOptions, FewshotOrder, FewshotTurns, Model, Task, UsageError, paths
from evalkit.models.replicas.joining import address_of
from evalkit.models.replicas.settings import Replicas
from evalkit.models.stack import Stack
from evalkit.plugins.families import with_folder
from evalkit.runs.options import OPTIONS, UnsafeCode, seconds_of
from evalkit.runs.runner import Progress, Settings
from evalkit.runs.store import manifest
from evalkit.sandbox.settings import SandboxWorkers

__all__ = [
    *("RUNS", "RunKeywords", "RunPlan"),
    *("checked_replicas", "checked_workers", "plan_from_manifest", "plan_with", "spending_of"),
]

RUNS = Path("runs")
"""The folder that holds a run's folder where the user names none."""


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
    """A cassette on which every request and its reply are written."""
    replay: Path | None = None
    """A cassette that answers in place of the models."""
    judge: str | Model | None = None
    """The model that judges, where a task is scored by a judge."""
    opened: Mapping[str, Model] = field(default_factory=dict)
    """Models that are open already, by the name among `models` that they answer to."""
    allow_code: bool = False
    """Whether tasks may bring Python of a folder that is not the project's; said for every run anew."""
    samples: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The ids of the samples to ask, by the task's name; of other tasks, all."""
    max_age: float | None = None
    """Seconds that kept answers of a mutable model stay good, before `begun`; a week by default."""
    replicas: str | None = None
    """How many replicas compute each local model (`Replicas.parse`)."""
    ray: str | None = None
    """The address of the Ray cluster that has them."""
    sandbox_workers: str | None = None
    """How many programs of code tasks run at a time (`SandboxWorkers.parse`), on the nodes of the cluster if there is
    one."""
    begun: float = field(default_factory=time.time, compare=False)
    """When the plan was made, in seconds since 1970."""

    @property
    def stack(self) -> Stack:
        """What its models are wrapped in."""
        since = None if self.max_age is None else self.begun - self.max_age
        replicas = Replicas.parse(self.replicas, self.ray or "") if self.replicas else None
        return Stack(self.cache, self.max_cost, self.record, self.replay, self.project, since, replicas)

    @property
    def sandboxes(self) -> SandboxWorkers:
        """Where programs run."""
        if self.sandbox_workers is None:
            return SandboxWorkers()
        return SandboxWorkers.parse(self.sandbox_workers, address_of(self.ray or ""))

    def request(self) -> dict[str, Any]:
        """The plan as a manifest keeps it, for --resume. Objects cannot be kept: they are named only."""
        return {
            "tasks": [t if isinstance(t, str) else None for t in self.tasks],
            "models": [m if isinstance(m, str) else None for m in self.models],
            "cache": self.cache,
            "max_age": self.max_age,
            "samples": {name: sorted(chosen) for name, chosen in self.samples.items()},
            "project": str(self.project.resolve()) if self.project else None,
            "max_cost": self.max_cost,
            "record": str(self.record.resolve()) if self.record else None,
            "replay": str(self.replay.resolve()) if self.replay else None,
            "replicas": self.replicas,
            "ray": self.ray,
            "sandbox_workers": self.sandbox_workers,
            "judge": self.judge if isinstance(self.judge, str) or self.judge is None else "",
        }


class RunKeywords(TypedDict, total=False):
    """The keyword arguments of `evalkit.run`, all optional, for editors and type checkers; `runs.options` has what they
    may be, and a test holds the two together."""

    limit: int | None
    subset: str | None
    seed: int
    num_fewshot: int | None
    fewshot_order: FewshotOrder | None
    fewshot_turns: FewshotTurns
    choice_form: ChoiceForm | None
    shuffle_choices: bool
    samples: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repetition_penalty: float | None
    max_tokens: int | None
    thinking_tokens: int | None
    recommended: bool
    max_failures: float
    unsafe_code: UnsafeCode
    data_dir: Path | str | None
    offline: bool
    skip_bad_rows: bool
    out: Path | str | None
    cache: bool
    max_age: str | None
    project: Path | str | None
    tasks_from: Path | str | None
    allow_code: bool
    max_cost: float | None
    record: Path | str | None
    replay: Path | str | None
    judge: str | Model | None
    replicas: str | None
    ray: str | None
    sandbox_workers: str | None
    progress: Progress | None


def plan_with(tasks: Sequence[str | Task], models: Sequence[str | Model], options: Mapping[str, Any]) -> RunPlan:
    """The plan of tasks, models and the options that are given (see `runs.options`); raises UsageError."""
    out, project = options.get("out"), options.get("project")
    folder = options.get("tasks_from")
    return RunPlan(
        tasks=tuple(with_folder(one, folder) if folder and isinstance(one, str) else one for one in tasks),
        models=tuple(models),
        settings=settings_of(options),
        out=Path(out) if out else None,
        cache=options.get("cache") is not False,
        max_age=seconds_of(options["max_age"]) if options.get("max_age") is not None else None,
        project=Path(project) if project else Path.cwd(),
        judge=options.get("judge"),
        allow_code=bool(options.get("allow_code")),
        replicas=checked_replicas(options.get("replicas"), options.get("ray")),
        ray=options.get("ray"),
        sandbox_workers=checked_workers(options.get("sandbox_workers")),
        **spending_of(options),
    )


def checked_replicas(replicas: str | None, ray: str | None) -> str | None:
    """What --replicas says; as many as fit where a cluster alone is named. Raises UsageError."""
    if replicas is not None:
        Replicas.parse(replicas)
    return replicas or ("auto" if ray else None)


def checked_workers(workers: str | None) -> str | None:
    """What --sandbox-workers says. Raises UsageError."""
    if workers is not None:
        SandboxWorkers.parse(workers)
    return workers


def settings_of(options: Mapping[str, Any]) -> Settings:
    """The settings among the options of `run`, of the command line or of a suite file; raises UsageError."""
    names = {field.name for field in fields(Settings)} & OPTIONS.keys()
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
    """What a run may cost and which cassettes it has, among the options; UsageError for what excludes itself."""
    most, record, replay = (options.get(name) for name in ("max_cost", "record", "replay"))
    OPTIONS["max_cost"].check(most)
    if record and replay:
        raise UsageError("a run is recorded or replayed, not both", found=f"--record {record} --replay {replay}")
    return {"max_cost": most, "record": Path(record) if record else None, "replay": Path(replay) if replay else None}


def plan_from_manifest(written: manifest.Manifest) -> RunPlan:
    """The plan that a manifest's run was started with; raises UsageError where it was made of Python objects."""
    request, settings = written.request, dict(written.settings)
    if None in request["tasks"] or None in request["models"] or request.get("judge") == "":
        raise UsageError(
            f"run {written.id} was started from Python with task or model objects",
            fix="call evalkit.run again with the same arguments: finished replies come from the cache",
        )
    data = settings.pop("data")
    settings.setdefault("samples", settings.pop("repeats", None))  # as it was called
    options = DataOptions(Path(data["mirror"]) if data["mirror"] else None, data["offline"], data["skip_bad_rows"])
    return RunPlan(
        tasks=tuple(request["tasks"]),
        models=tuple(request["models"]),
        settings=Settings(data=options, **settings),
        cache=request["cache"],
        max_age=request.get("max_age"),
        samples={name: frozenset(chosen) for name, chosen in request.get("samples", {}).items()},
        project=Path(request["project"]) if request["project"] else None,
        judge=request.get("judge"),
        replicas=request.get("replicas"),
        ray=request.get("ray"),
        sandbox_workers=request.get("sandbox_workers"),
        **spending_of(request),
    )
