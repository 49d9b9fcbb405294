"""Today's scorers over the replies in another harness's log: a run folder of evalkit's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from evalkit.core import Record, Row, Task, UsageError
from evalkit.core.distribution import version
from evalkit.core.signature import signature
from evalkit.runs.foreign.run import ForeignRun
from evalkit.runs.runner.identity_words import judge_words, scorer_words
from evalkit.runs.runner.prepare import made_ready
from evalkit.runs.runner.rescore import score_again
from evalkit.runs.runner.settings import Settings
from evalkit.runs.runner.suites import summarise
from evalkit.runs.store import Run, manifest

__all__ = ["rescore_log"]


async def rescore_log(log: ForeignRun, tasks: Mapping[str, Task], specs: Mapping[str, str], out: Path) -> Run:
    """Write a run of the log's replies with the scores of `tasks` into `out`; both mappings go by the log's own names.

    A sample is made of the row that the log holds, by the task; where it holds none, it is what the log says of it.
    Raises UsageError where `out` already holds a run, and for a row that does not fit its task.
    """
    ready = {name: made_ready(task, Settings()) for name, task in tasks.items()}
    started = perf_counter()
    plan = replace(log.manifest, id=out.name, status="running", evalkit=version())
    collectors = await score_again(_records(log, ready), ready, out)
    plan.tasks = [replace(entry, spec=specs[entry.name], identity=dict(entry.identity)) for entry in plan.tasks]
    for entry in plan.tasks:
        entry.identity = {**_UNKNOWN, **entry.identity, **_identity(ready[entry.name]), "replies of": log.harness}
        entry.result = collectors[entry.name].result(perf_counter() - started)
        result = entry.result
        result.signature = signature(entry.identity, data=result.samples_digest, prompts=result.prompts_digest)
    plan.suites = []
    summarise(plan)
    plan.status = "finished"
    manifest.write(out, plan)
    return Run(out, plan)


_UNKNOWN = dict.fromkeys(("version", "few-shot", "sampling", "seed", "limit", "model"), "–") | {"repeats": "1"}
"""What a run says of a task and a log need not."""


def _identity(task: Task) -> dict[str, str]:
    scorers = "+".join(scorer_words(scorer) for scorer in task.scorers)
    return {"method": task.method.name, "scorers": scorers, "judge": judge_words(task)}


def _records(log: ForeignRun, tasks: Mapping[str, Task]) -> Iterator[Record]:
    for record in log.records():
        yield _of_row(record, tasks[record.task], log.folder) if log.harness == "lm-eval" else record


def _of_row(record: Record, task: Task, at: Path) -> Record:
    try:
        sample = task.sample(Row(record.sample.id, record.sample.data, f"{at}, {record.task} {record.sample.id}"))
    # A task of somebody's may raise anything on a row that it was not written for.
    except Exception as error:  # noqa: BLE001
        found = str(error).partition("\n")[0] if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        raise UsageError(
            f"the task {task.name!r} cannot read the rows of this log",
            found=f"{record.task} {record.sample.id}: {found}"[:300],
            fix=f"--as-task {record.task}=TASK, the task whose rows they are",
            at=str(at),
        ) from None
    return replace(record, sample=replace(sample, id=record.sample.id))
