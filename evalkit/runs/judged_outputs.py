"""The answers that a judge decides over: those of a finished run, or of a JSONL file that was made elsewhere."""

from __future__ import annotations

from pathlib import Path

from evalkit.core import UsageError
from evalkit.judging.outputs import JudgedAnswer, Outputs, read_file
from evalkit.runs.store import Run, manifest


def read_outputs(path: Path, task: str = "") -> Outputs:
    """The answers in a run folder, of one task where it is named, or in a JSONL file (see `read_file`).

    Raises UsageError where there is neither, and where a run holds no written answers.
    """
    return _of_run(path, task) if path.is_dir() else read_file(path)


def _of_run(folder: Path, task: str) -> Outputs:
    if not (folder / manifest.FILE).is_file():
        raise UsageError(f"{folder} is not a run folder", fix="evalkit show lists the runs")
    run = Run.open(folder)
    if task:
        run.manifest.task(task)
    answers: dict[str, JudgedAnswer] = {}
    tasks: dict[str, str] = {}
    unusable = 0
    for record in run.records(task):
        if not record.replies or not all(reply.texts for reply in record.replies):
            unusable += 1
            continue
        name = record.sample.id if len(run.tasks) == 1 or task else f"{record.task}/{record.sample.id}"
        key = name if record.repeat == 0 else f"{name}#{record.repeat}"
        answers[key] = JudgedAnswer(record.sample, record.replies)
        if len(run.tasks) > 1 and not task:
            tasks[key] = record.task
    if not answers:
        raise UsageError(f"{folder} holds no written answers", fix="a run of a task that generates text")
    return Outputs(run.model, answers, unusable, str(folder), tasks=tasks)
