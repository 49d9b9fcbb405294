"""One task of a run as a log of Inspect's: an `.eval` archive that `inspect view` and `read_eval_log` open."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from evalkit import Run
from evalkit.core import Record, Sibling, UsageError
from evalkit.runs.store import TaskEntry

META = {
    "name": "inspect",
    "summary": "a run as Inspect's .eval logs, one a task, in a folder",
    "tags": ["json", "inspect", "folder", "binary"],
}


def report(runs: Sequence[Run], /) -> Iterator[bytes | Sibling]:
    """A log a task of exactly one run."""
    if len(runs) != 1:
        raise UsageError("a log of Inspect's holds one model", found=f"{len(runs)} runs", fix="name one run folder")
    (run,) = runs
    for entry in run.manifest.tasks:
        if entry.result is not None:
            yield Sibling(f"{re.sub(r'[^0-9T+-]', '-', run.manifest.created)}_{_word(entry.name)}.eval")
            yield _archive(run, entry)


def _word(text: str) -> str:
    return re.sub(r"[^\w.=+\-]", "-", text)


def _archive(run: Run, entry: TaskEntry) -> bytes:
    records = sorted(run.records(entry.name), key=lambda record: (record.index, record.repeat))
    ids = list(dict.fromkeys(record.sample.id for record in records))
    about = _eval(run, entry, ids)
    plan = {"name": "evalkit", "steps": [], "config": {}}
    kept = io.BytesIO()
    with ZipFile(kept, "w", ZIP_DEFLATED) as archive:

        def put(name: str, value: Any) -> None:
            archive.writestr(name, json.dumps(value, ensure_ascii=False, default=str))

        put("_journal/start.json", {"version": 2, "eval": about, "plan": plan})
        for record in records:
            put(f"samples/{_word(record.sample.id)}_epoch_{record.repeat + 1}.json", _sample(record, run.model))
        put("summaries.json", [_summary(record, run.model) for record in records])
        header = {"version": 2, "status": "success", "eval": about, "plan": plan}
        put("header.json", {**header, "results": _results(entry, len(records)), "stats": _stats(run, entry)})
    return kept.getvalue()


def _eval(run: Run, entry: TaskEntry, ids: Sequence[str]) -> dict[str, Any]:
    repeats = entry.identity.get("repeats", "1")
    return {
        "eval_id": f"{run.manifest.id}-{_word(entry.name)}",
        "run_id": run.manifest.id,
        "created": run.manifest.created,
        "task": entry.name,
        "task_id": f"{run.manifest.id}-{_word(entry.name)}",
        "task_version": _whole_number(entry.identity.get("version", "")),
        "dataset": {"name": entry.name, "samples": len(ids), "sample_ids": list(ids)},
        "model": run.model,
        "config": {"epochs": int(repeats) if repeats.isdigit() else 1},
        "packages": {"evalkit": run.manifest.evalkit},
        "metadata": {"evalkit": entry.identity},
    }


def _whole_number(text: str) -> int | str:
    return int(text) if text.isdigit() else text or 0


def _results(entry: TaskEntry, count: int) -> dict[str, Any]:
    assert entry.result is not None
    scores = [
        {
            "name": metric.name,
            "scorer": metric.name,
            "params": {},
            "metrics": {"mean": {"name": "mean", "value": metric.estimate.value, "params": {}}},
        }
        for metric in entry.result.metrics
        if math.isfinite(metric.estimate.value)
    ]
    return {"total_samples": count, "completed_samples": count - entry.result.failed, "scores": scores}


def _stats(run: Run, entry: TaskEntry) -> dict[str, Any]:
    assert entry.result is not None
    tokens = {"input_tokens": entry.result.prompt_tokens, "output_tokens": entry.result.completion_tokens}
    used = {**tokens, "total_tokens": sum(tokens.values())}
    ended = run.manifest.finished or run.manifest.created
    return {"started_at": run.manifest.created, "completed_at": ended, "model_usage": {run.model: used}}


def _sample(record: Record, model: str) -> dict[str, Any]:
    sample = record.sample
    messages = _messages(record)
    said = _said(record)
    answer = [{"role": "assistant", "content": said, "source": "generate"}] if said else []
    choice = {"message": {"role": "assistant", "content": said, "source": "generate"}, "stop_reason": _stop(record)}
    failure = record.failure.message if record.failure else ""
    return {
        "id": sample.id,
        "epoch": record.repeat + 1,
        "input": messages[0]["content"] if len(messages) == 1 and messages[0]["role"] == "user" else messages,
        "choices": list(sample.choices) or None,
        "target": _target(record),
        "messages": [*messages, *answer],
        "output": {"model": model, "choices": [choice] if record.replies else [], "time": record.seconds},
        "scores": {score.name: _score(score) for score in record.scores},
        "metadata": {"evalkit": {"validity": str(record.validity), "flags": list(record.flags)}},
        "store": {},
        "events": [],
        "attachments": {},
        "model_usage": {},
        **({"error": {"message": failure, "traceback": "", "traceback_ansi": ""}} if failure else {}),
    }


def _messages(record: Record) -> list[dict[str, str]]:
    if record.prompt is None:
        return [{"role": "user", "content": str(record.sample.input)}]
    return [{"role": message.role, "content": message.content} for message in record.prompt.as_messages()]


def _said(record: Record) -> str:
    """What the model wrote; of choices that were weighed, the likeliest."""
    if not record.replies:
        return ""
    reply = record.replies[-1]
    if reply.texts:
        return reply.texts[0]
    answers = [score.answer for score in record.scores if score.answer]
    return answers[0] if answers else ""


def _stop(record: Record) -> str:
    finish = record.replies[-1].finish[:1] if record.replies else ()
    return {"length": "max_tokens", "refused": "content_filter"}.get(finish[0] if finish else "", "stop")


def _target(record: Record) -> str | list[str]:
    """Letters for a choice, as Inspect has them; else the targets."""
    sample = record.sample
    right = [chr(ord("A") + place) for place in sample.gold] if sample.choices else list(sample.targets)
    return right[0] if len(right) == 1 else right


def _score(score: Any) -> dict[str, Any]:
    value = score.value if math.isfinite(score.value) else None
    return {"value": 0.0 if value is None else value, "answer": score.answer, "explanation": score.reason or None}


def _summary(record: Record, model: str) -> dict[str, Any]:
    whole = _sample(record, model)
    kept = {key: whole[key] for key in ("id", "epoch", "input", "target", "scores")}
    return {**kept, "completed": record.failure is None, "model_usage": {}}
