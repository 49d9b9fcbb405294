"""Scores again what a run's model replied: stored replies, today's scorers, no model call."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from evalkit.core import Attempt, Capabilities, Generate, Prompt, Record, Task, Validity
from evalkit.core.distribution import version
from evalkit.core.signature import signature
from evalkit.runs.runner.attempt import score_record
from evalkit.runs.runner.collect import Collector, metrics_of
from evalkit.runs.runner.identity_words import judge_words, scorer_words
from evalkit.runs.runner.prepare import Work, made_ready
from evalkit.runs.runner.session import new_journal
from evalkit.runs.runner.settings import Settings
from evalkit.runs.runner.subset_scores import calibrate
from evalkit.runs.runner.suites import summarise
from evalkit.runs.store import Run, manifest, read_records, subset_file

_WINDOW = 32
"""As many records are scored side by side, so that a judge behind an API is not waited for one by one."""


async def rescore(run: Run, tasks: Mapping[str, Task], out: Path) -> Run:
    """Write a run of the same replies with new scores into `out`; the old run stays as it is.

    Samples are those of the stored records: a task whose questions or targets changed must be run again (replies that
    are still right come from the cache). Raises UsageError where `out` already holds a run.
    """
    settings = Settings(unsafe_code=run.manifest.settings.get("unsafe_code") or "")
    asked = {entry.name: entry.identity["method"] for entry in run.manifest.tasks}
    tasks = {name: _as_asked(made_ready(task, settings), asked[name]) for name, task in tasks.items()}
    started = time.perf_counter()
    plan, subsets = manifest.read(run.folder), subset_file.read(run.folder)
    plan.id, plan.status, plan.evalkit = out.name, "running", version()
    samples = {entry.name: int(entry.identity.get("repeats", 1)) for entry in run.manifest.tasks}
    collectors = await score_again(run.records(), tasks, out, samples)
    for entry in plan.tasks:
        entry.identity["scorers"] = "+".join(scorer_words(scorer) for scorer in tasks[entry.name].scorers)
        entry.identity["judge"] = judge_words(tasks[entry.name])
        result = collectors[entry.name].result(time.perf_counter() - started)
        if entry.name in subsets:
            own = (record for record in read_records(out) if record.task == entry.name)
            calibrate(result, metrics_of(tasks[entry.name]), subsets[entry.name], own)
        result.signature = signature(entry.identity, data=result.samples_digest, prompts=result.prompts_digest)
        entry.result = result
    summarise(plan)
    plan.status = "finished"
    if subsets:
        subset_file.write(out, subsets)
    manifest.write(out, plan)
    allowed = float(run.manifest.settings.get("max_failures", settings.max_failures))
    results = [entry.result for entry in plan.tasks if entry.result is not None]
    return Run(out, plan, failed=any(result.failed > allowed * max(1, result.samples) for result in results))


async def score_again(
    records: Iterable[Record], tasks: Mapping[str, Task], out: Path, samples: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Collector]:
    """Score every record by its task, write it into a new run folder, and keep what its metrics need. `samples`: how
    many each question of a task has, 1 where nothing is said."""
    collectors = {name: Collector.of(task, samples.get(name, 1)) for name, task in tasks.items()}
    with new_journal(out) as journal:
        for window in _windows(records):
            for new in await asyncio.gather(*(_score_again(record, tasks[record.task]) for record in window)):
                journal.append(new)
                collectors[new.task].add(new)
    return collectors


def _windows(records: Iterable[Record]) -> Iterator[list[Record]]:
    rest = iter(records)
    while window := list(itertools.islice(rest, _WINDOW)):
        yield window


def _as_asked(task: Task, method: str) -> Task:
    """The task as the run's model was asked, where it could not be asked as the task says."""
    if task.method.name == method or task.method.adapt is None:
        return task
    return task.method.adapt(task, Capabilities(requests=frozenset({Generate})))


async def _score_again(record: Record, task: Task) -> Record:
    if not record.replies or record.validity in (Validity.DATA_ERROR, Validity.BACKEND_ERROR):
        return record
    work = Work(record.index, Attempt(record.sample, record.prompt or Prompt(), record.repeat))
    new = await score_record(record.task, task.scorers, work, record.replies, time.perf_counter())
    return replace(new, seconds=record.seconds, prompt_digest=record.prompt_digest, sample_digest=record.sample_digest)
