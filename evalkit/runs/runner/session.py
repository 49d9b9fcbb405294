"""One model's run in its folder: tasks in order, manifest kept true, resumed where an earlier process stopped."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalkit.core import Model, Record, RunError, UsageError
from evalkit.core.distribution import installed, version
from evalkit.core.signature import signature
from evalkit.models.usage import Watch
from evalkit.runs.runner.collect import Collector, metrics_of
from evalkit.runs.runner.elsewhere import answering
from evalkit.runs.runner.evaluate import Evaluation, Progress, key_hash
from evalkit.runs.runner.prepare import PreparedTask
from evalkit.runs.runner.subset_scores import calibrate
from evalkit.runs.runner.suites import summarise
from evalkit.runs.store import (
    Journal,
    Manifest,
    Run,
    Status,
    SuiteEntry,
    SuiteMember,
    TaskEntry,
    TaskResult,
    manifest,
    read_records,
    subset_file,
)

_REPORTED_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "numpy",
    "scipy",
    "rouge-score",
    "bert-score",
    "sacrebleu",
    "nltk",
    "sentence-transformers",
    "scikit-learn",
    "jsonschema",
)


def begin(
    folder: Path,
    run_id: str,
    model: Model,
    tasks: Sequence[PreparedTask],
    request: dict[str, Any],
    suites: Sequence[SuiteEntry] = (),
) -> Manifest:
    """Write the manifest of a new run into a folder whose journal is open; raises UsageError where it holds a run."""
    refuse_taken(folder)
    identity = model.identity
    plan = Manifest(
        id=run_id,
        status="running",
        created=_now(),
        model={
            "name": identity.name,
            "digest": identity.digest,
            "facts": dict(identity.facts),
            "fixed": identity.fixed,
        },
        settings=_settings(tasks),
        request=request,
        environment=_environment(),
        tasks=[TaskEntry(t.name, t.spec, t.identity, t.facts, t.total, toy=t.toy) for t in tasks],
        # Each model's run fills in its own.
        suites=[replace(suite) for suite in suites],
        evalkit=version(),
        began=round(time.time(), 3),
    )
    subsets = {task.name: task.subset for task in tasks if task.subset is not None}
    if subsets:
        subset_file.write(folder, subsets)
    manifest.write(folder, plan)
    return plan


def new_journal(folder: Path) -> Journal:
    """The journal of a new run, with its folder. Raises UsageError where the folder holds a run, of whichever state."""
    refuse_taken(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the run folder {folder}", found=error.strerror or "", fix="--out DIR") from None
    return Journal(folder)


def refuse_taken(folder: Path) -> None:
    """Raises UsageError where a folder holds a run. It is looked at again once the folder is held."""
    if (folder / manifest.FILE).exists():
        raise UsageError(f"{folder} already holds a run", fix=f"evalkit run --resume {folder}, or another --out")


def continued(folder: Path, model: Model, tasks: Sequence[PreparedTask], suites: Sequence[SuiteEntry] = ()) -> Manifest:
    """The manifest of an interrupted run, once it is sure that the same thing would be measured.

    Raises UsageError that shows every difference in task source, prompt, data, model, scorers, settings or suites.
    """
    plan = manifest.read(folder)
    entries = {entry.name: entry for entry in plan.tasks}
    differences = []
    if model.identity.digest != plan.model["digest"]:
        facts = dict(model.identity.facts)
        differences += [
            f"model {name}: {plan.model['facts'].get(name, '–')} then, {facts.get(name, '–')} now"
            for name in sorted({*facts, *plan.model["facts"]})
            if facts.get(name) != plan.model["facts"].get(name)
        ] or [f"model: {plan.model['name']} then, {model.identity.name} now"]
    for task in tasks:
        then = entries[task.name].identity if task.name in entries else {}
        differences += [
            f"{task.name}: {part}: {then.get(part, '–')} then, {now} now"
            for part, now in task.identity.items()
            if part != "model" and then.get(part) != now
        ]
    differences += _suites_differ(plan.suites, suites)
    if differences:
        raise UsageError(
            f"the run {folder} cannot be resumed: it would not measure the same thing",
            found="\n         ".join(differences),
            fix="start a new run; replies that are still right come from the cache",
        )
    plan.status = "running"
    manifest.write(folder, plan)
    return plan


def _suites_differ(before: Sequence[SuiteEntry], now: Sequence[SuiteEntry]) -> list[str]:
    """A line for every suite that would average its members in another way."""
    then = {suite.name: suite for suite in before}
    lines = []
    for suite in now:
        known = then.get(suite.name)
        if known is not None and known.metrics != suite.metrics:
            lines.append(f"suite {suite.name}: metrics {known.metrics} then, {suite.metrics} now")
        if known is None or known.average != suite.average:
            lines.append(f"suite {suite.name}: average {known.average if known else '–'} then, {suite.average} now")
        elif known.members != suite.members:
            told = [", ".join(map(_member_told, one.members)) for one in (known, suite)]
            lines.append(f"suite {suite.name}: {told[0]} then, {told[1]} now")
    return lines


def _member_told(member: SuiteMember) -> str:
    above = f" above {member.floor:g}" if member.floor else ""
    return f"{member.task} ({' and '.join(member.metrics) or 'suite'}{above} × {member.weight:g})"


async def execute(
    journal: Journal, plan: Manifest, model: Model, tasks: Sequence[PreparedTask], progress: Progress
) -> Run:
    """Evaluate the tasks that have no result yet and close the manifest. A run that stops early says so in it.

    The journal stays open: as long as it is, no other process writes into the folder.
    """
    folder = journal.folder
    status: Status = "failed"
    watch = Watch.begin(model)
    is_elsewhere = ("backend", "api") in model.identity.facts
    try:
        journal.keep_only(_is_settled)
        restored = _restore(folder, tasks)
        for task in tasks:
            entry = plan.task(task.name)
            collector, done = restored[task.name]
            with answering() if is_elsewhere else contextlib.nullcontext():
                entry.result = await Evaluation(
                    task, model, journal.append, collector, done, progress, grouped=is_elsewhere
                ).run()
            entry.result.signature = signature(
                entry.identity, data=entry.result.samples_digest, prompts=entry.result.prompts_digest
            )
            journal.flush()  # a result is in the manifest only after its records
            if task.subset is not None:
                own = (record for record in read_records(folder) if record.task == task.name)
                calibrate(entry.result, metrics_of(task.task), task.subset, own)
            _tell(plan, watch)
            manifest.write(folder, plan)
        summarise(plan)
        status = "finished"
    except BaseException as error:
        status = "failed" if isinstance(error, Exception) else "interrupted"
        raise
    finally:
        plan.status, plan.finished = status, _now()
        _tell(plan, watch)
        # On a full disk the error that says so matters, not that the manifest could not be closed either.
        with contextlib.nullcontext() if status == "finished" else contextlib.suppress(RunError):
            manifest.write(folder, plan)
    return Run(folder, plan, failed=any(too_many_failed(t, e.result) for t, e in zip(tasks, plan.tasks, strict=True)))


def _tell(plan: Manifest, watch: Watch) -> None:
    """How the model was computed, and the most memory that took, in bytes.

    A run that came from the cache computed nothing; what an interrupted one said still holds.
    """
    plan.model["computed"] = dict(getattr(watch.model, "facts", {})) or plan.model.get("computed", {})
    if most := watch.most():
        before: dict[str, int] = plan.model.get("memory", {})
        plan.model["memory"] = before | {name: max(size, before.get(name, 0)) for name, size in most.items()}


def too_many_failed(task: PreparedTask, result: TaskResult | None) -> bool:
    """Whether the proportion of samples that could not be measured is above what the settings allow."""
    return result is not None and result.failed > task.settings.max_failures * max(1, result.samples)


def _restore(folder: Path, tasks: Sequence[PreparedTask]) -> dict[str, tuple[Collector, set[int]]]:
    """What an earlier process left, read in one pass: per task its collector and the keys that are done."""
    found = {task.name: (Collector.of(task.task, task.samples), set[int]()) for task in tasks}
    for record in read_records(folder):
        if record.task in found:
            collector, done = found[record.task]
            key = key_hash(*record.key)
            if key not in done:
                done.add(key)
                collector.add(record)
    return found


def _settings(tasks: Sequence[PreparedTask]) -> dict[str, Any]:
    return asdict(tasks[0].settings) if tasks else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform(), "cpus": str(os.cpu_count())}
    return found | {package: number for package in _REPORTED_PACKAGES if (number := installed(package))}


def _is_settled(record: Record) -> bool:
    """Whether a stored record stands; one that could not be measured is tried again on resume."""
    return not record.validity.is_measurement_failure
