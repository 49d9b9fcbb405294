"""The manifest of a run: what was measured, exactly, and what came out; written atomically, read by everyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from evalkit.core import Estimate, RunError, UsageError
from evalkit.core.claims import rewrite
from evalkit.runs.store.codec import json_line
from evalkit.runs.store.older_names import entry_today, member_today, result_today, scale_today, settings_today

FILE = "manifest.json"
FORMAT = 1

Status = Literal["running", "interrupted", "failed", "finished"]


@dataclass(slots=True)
class MetricResult:
    """One metric of one task or group, with what a table needs to show it."""

    name: str
    estimate: Estimate
    higher_is_better: bool
    scale: str


@dataclass(slots=True)
class TaskResult:
    """What one task came to. `counts` maps a validity to its number of records; `flags` likewise."""

    primary_metric: str
    metrics: list[MetricResult] = field(default_factory=list)
    groups: dict[str, list[MetricResult]] = field(default_factory=dict)
    samples: int = 0
    failed: int = 0
    cached: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """Of `completion_tokens`, those that were thought."""
    seconds: float = 0.0
    cost: float | None = None
    """US dollars, for what was asked and not found in the cache; None where no price is known."""
    made_first: str = ""
    """When the first and the last answer were made, also those from the cache; "" where that is not known."""
    made_last: str = ""
    signature: str = ""
    prompts_digest: str = ""
    rendered_digest: str = ""
    samples_digest: str = ""
    served: dict[str, int] = field(default_factory=dict)
    """What the server called the model that answered, with its fingerprint, and how many replies were that model's."""
    served_earlier: dict[str, int] = field(default_factory=dict)
    """Of those, the replies that came from the cache."""
    curves: dict[str, list[MetricResult]] = field(default_factory=dict)
    """Where a question has several samples: "maj", "pass", "pass^" or "best" of 1, 2, 4, … and all of them."""
    by_repeat: list[float] = field(default_factory=list)
    """The mean score of the first samples of all questions, of the second ones, and so on."""

    def metric(self, name: str = "") -> MetricResult | None:
        """The named metric, or the primary metric; None where the task has none."""
        wanted = name or self.primary_metric
        return next((m for m in self.metrics if m.name == wanted), None)


@dataclass(slots=True)
class TaskEntry:
    """One task of a run: what was asked (`identity`, which a resumed run must equal) and its result. `toy`: its rows
    are a toy set."""

    name: str
    spec: str
    identity: dict[str, str]
    data: list[dict[str, str]]
    total: int | None = None
    result: TaskResult | None = None
    toy: bool = False


@dataclass(slots=True)
class SuiteMember:
    """One task of a suite, by its name in the run, with what counts of it: the mean of its metrics, above the floor.

    `suite`: it is another suite of the run, whose result counts.
    """

    task: str
    metrics: list[str]
    weight: float = 1.0
    category: str = ""
    floor: float = 0.0
    suite: bool = False


@dataclass(slots=True)
class SuiteEntry:
    """A suite of a run. `result` is its members' mean, `categories` that of each category, where all have a result.

    `metrics` are those that it has a mean of, where it names them; `also` are the means of the second and later ones.
    """

    name: str
    average: str
    members: list[SuiteMember] = field(default_factory=list)
    result: MetricResult | None = None
    categories: dict[str, MetricResult] = field(default_factory=dict)
    metrics: list[str] = field(default_factory=list)
    also: list[MetricResult] = field(default_factory=list)

    @property
    def means(self) -> dict[str, MetricResult | None]:
        """Every mean by the category that it is of; "" is the whole suite, "metric=NAME" its mean of a further one."""
        return {"": self.result, **{f"metric={one.name}": one for one in self.also}, **self.categories}


@dataclass(slots=True)
class Manifest:
    """Everything but the records. `request` is how the run was asked for, so that it can be resumed without words.

    `model` has its name, digest and facts, whether these are `fixed` (`core.Identity`), and what tells no measurement
    from another: how it was `computed`, and `memory`, the most bytes that took ("resident": of the process; "device":
    of torch's tensors on GPUs).
    """

    id: str
    status: Status
    created: str
    model: dict[str, Any]
    settings: dict[str, Any]
    request: dict[str, Any]
    environment: dict[str, str]
    tasks: list[TaskEntry] = field(default_factory=list)
    suites: list[SuiteEntry] = field(default_factory=list)
    finished: str = ""
    evalkit: str = ""
    began: float = 0.0
    """`created` to the millisecond, in seconds since 1970: answers made before came from the cache."""
    format: int = FORMAT

    @property
    def is_fixed(self) -> bool:
        """Whether the model's identity was fixed; an older evalkit wrote the digest of the weights alone."""
        return bool(self.model.get("fixed", "weights" in self.model.get("facts", {})))

    @property
    def started(self) -> float:
        """When the run began, in seconds since 1970; to the second where an older evalkit wrote it, and 0 where that is
        not known, as of another harness's log."""
        try:
            return self.began or datetime.fromisoformat(self.created).timestamp()
        except ValueError:
            return 0.0

    @property
    def mixed_suites(self) -> list[str]:
        """The suites whose mean is over toy sets and other tasks."""
        toys = {entry.name for entry in self.tasks if entry.toy}
        return [one.name for one in self.suites if len({name in toys for name in self.tasks_of(one)}) > 1]

    def tasks_of(self, suite: SuiteEntry, category: str | None = None) -> list[str]:
        """The tasks that a suite's mean, or that of one category, is made of; also those of suites within it."""
        inner = {one.name: one for one in self.suites}
        found: list[str] = []
        for member in suite.members:
            if category is None or member.category == category:
                found += self.tasks_of(inner[member.task]) if member.suite else [member.task]
        return list(dict.fromkeys(found))

    def task(self, name: str) -> TaskEntry:
        """The entry of that task; raises UsageError with the names there are."""
        for entry in self.tasks:
            if entry.name == name:
                return entry
        raise UsageError(
            f"run {self.id} has no task named {name!r}", found=", ".join(entry.name for entry in self.tasks)
        )


def write(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step: a reader or a crash sees the old one or the new one, never half.

    Raises RunError where the disk refuses; the old manifest is then still there.
    """
    data = json_line(asdict(manifest), orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        rewrite(folder / FILE, data)
    except OSError as error:
        raise RunError(
            f"cannot write {folder / FILE}: {error.strerror}. Every record written so far is kept.\n"
            f"  make room, then: evalkit run --resume {folder}"
        ) from error


def read(folder: Path) -> Manifest:
    """The manifest of a run folder; raises UsageError where there is none or it is of another format."""
    path = folder / FILE
    if not path.is_file():
        raise UsageError(f"{folder} is not a run folder", found=_found(folder), fix="evalkit show (lists the runs)")
    try:
        raw = orjson.loads(path.read_bytes())
        if raw.get("format") != FORMAT:
            raise UsageError(f"{path} has format {raw.get('format')!r}", fix=f"this evalkit reads format {FORMAT}")
        tasks = [_entry_in(entry) for entry in raw.pop("tasks")]
        suites = [_suite_in(entry) for entry in raw.pop("suites", [])]
        settings = settings_today(raw.pop("settings"))
        return Manifest(tasks=tasks, suites=suites, settings=settings, **raw)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged", found=str(error)) from error


def _found(folder: Path) -> str:
    if not folder.exists():
        return "no such folder"
    if not folder.is_dir():
        return "a file"
    return ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "an empty folder"


def _entry_in(raw: Mapping[str, Any]) -> TaskEntry:
    values = entry_today(raw)
    result = values.pop("result", None)
    return TaskEntry(result=_result_in(result) if result else None, **values)


def _result_in(raw: Mapping[str, Any]) -> TaskResult:
    values = result_today(raw)
    metrics = [_metric_in(metric) for metric in values.pop("metrics")]
    groups = {name: [_metric_in(m) for m in found] for name, found in values.pop("groups").items()}
    curves = {name: [_metric_in(m) for m in found] for name, found in values.pop("curves", {}).items()}
    return TaskResult(metrics=metrics, groups=groups, curves=curves, **values)


def _suite_in(raw: Mapping[str, Any]) -> SuiteEntry:
    values = dict(raw)
    values["result"] = _metric_in(raw["result"]) if raw["result"] else None
    values["members"] = [SuiteMember(**member_today(member)) for member in raw["members"]]
    values["categories"] = {name: _metric_in(metric) for name, metric in raw["categories"].items()}
    values["also"] = [_metric_in(metric) for metric in raw.get("also", ())]
    return SuiteEntry(**values)


def _metric_in(raw: Mapping[str, Any]) -> MetricResult:
    numbers: dict[str, Any] = {k: float("nan") if v is None else v for k, v in raw["estimate"].items()}
    return MetricResult(raw["name"], Estimate(**numbers), raw["higher_is_better"], scale_today(raw["scale"]))
