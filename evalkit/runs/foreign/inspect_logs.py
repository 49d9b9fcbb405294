"""Inspect's logs: `.eval` (a zip of JSON files, compressed by Zstandard in newer versions) and `.json`."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast
from zipfile import BadZipFile, ZipFile

import orjson

from evalkit.core import Failure, Message, Prompt, Record, Reply, Sample, Score, Usage, UsageError, Validity, digest_of
from evalkit.runs.foreign.archive import read_entry
from evalkit.runs.foreign.run import ForeignRun, entry_of, manifest_of, mean_of

_log = logging.getLogger(__name__)
# What Inspect's value_to_float makes of its letters: correct, incorrect, partial, no answer.
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_LIMITS = {"time": Validity.TIMEOUT, "working": Validity.TIMEOUT}
_FINISH = {"stop": "stop", "max_tokens": "length", "model_length": "length"}


def open_log(path: Path) -> ForeignRun | None:
    """The log, or all logs of a folder, as one run; None where there is none. Raises UsageError for a damaged one."""
    files = [path] if path.is_file() else sorted(path.glob("*.eval")) + sorted(path.glob("*.json"))
    logs: dict[str, dict[str, Any]] = {}
    for file in files:
        log = _read(file)
        if log is None:
            continue
        name = str(log["eval"]["task"])
        if name not in logs or log["eval"].get("created", "") >= logs[name]["eval"].get("created", ""):
            logs[name] = log
    if not logs:
        return None
    for name, log in logs.items():
        _check_status(name, log, path)
    models = sorted({str(log["eval"].get("model", "")) for log in logs.values()})
    if len(models) > 1:
        raise UsageError(f"{path} holds logs of several models", found=", ".join(models), fix="name one of the files")
    records = {name: list(_records(name, log)) for name, log in logs.items()}
    metrics = {name: _metrics(found) for name, found in records.items()}
    entries = []
    for name, log in logs.items():
        primary_metric = (log.get("results") or {}).get("headline") or {}
        wanted = str(primary_metric.get("score") or "")
        names = [metric.name for metric in metrics[name]]
        chosen = wanted if wanted in names else next(iter(names), "")
        entries.append(entry_of(name, _facts(log), chosen, len(records[name])))
    first = next(iter(logs.values()))["eval"]
    version = str(first.get("packages", {}).get("inspect_ai", ""))
    manifest = manifest_of(models[0], str(first.get("created", "")), version, entries, path.name)
    sources = {name: partial(iter, found) for name, found in records.items()}
    return ForeignRun(path, manifest, "inspect", sources, metrics)


def _check_status(name: str, log: Mapping[str, Any], path: Path) -> None:
    """An evaluation that failed is no result: UsageError where it has no sample, a warning where it has some."""
    status = str(log.get("status") or "success")
    if status == "success":
        return
    done = len(log.get("samples") or [])
    dataset = log["eval"].get("dataset") or {}
    epochs = int((log["eval"].get("config") or {}).get("epochs") or 1)
    planned = int(dataset.get("samples") or len(dataset.get("sample_ids") or [])) * epochs
    why = str((log.get("error") or {}).get("message") or "").splitlines()
    told = f"{done:,} of {planned:,} planned samples" + (f"; {why[0][:200]}" if why else "")
    if not done:
        raise UsageError(f"the evaluation of {name} ended with status {status!r}", found=told, at=str(path))
    _log.warning("%s: the evaluation ended with status %r: %s", name, status, told)


def _read(file: Path) -> dict[str, Any] | None:
    """The log's header with its samples; None for a file that is not a log of Inspect's."""
    if file.suffix == ".eval":
        return _read_archive(file)
    if file.suffix != ".json":
        return None
    try:
        log = orjson.loads(file.read_bytes())
    except ValueError:
        return None
    if isinstance(log, dict) and isinstance(log.get("eval"), dict) and "task" in log["eval"]:
        return cast("dict[str, Any]", log)
    return None


def _read_archive(file: Path) -> dict[str, Any]:
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
            head = "header.json" if "header.json" in names else "_journal/start.json"
            if head not in names:
                raise UsageError("this is not a log of Inspect's", found="an archive without a header", at=str(file))
            log: dict[str, Any] = orjson.loads(read_entry(archive, file, head))
            inside = [name for name in names if name.startswith("samples/") and name.endswith(".json")]
            log["samples"] = [orjson.loads(read_entry(archive, file, name)) for name in inside]
    except (BadZipFile, ValueError, OSError) as error:
        raise UsageError("the log is damaged", found=str(error), at=str(file)) from None
    return log


def _facts(log: Mapping[str, Any]) -> dict[str, str]:
    about = log["eval"]
    steps = (log.get("plan") or {}).get("steps") or []
    return {
        "version": str(about.get("task_version", "–")),
        "method": "+".join(str(step.get("solver")) for step in steps),
        "method settings": _words(about.get("model_generate_config")),
        "scorers": "+".join(str(scorer.get("name")) for scorer in about.get("scorers") or []),
        "limit": str((about.get("config") or {}).get("limit") or "–"),
        "repeats": str((about.get("config") or {}).get("epochs") or 1),
        "model": str(about.get("model", "")),
    }


def _records(task: str, log: Mapping[str, Any]) -> Iterator[Record]:
    samples = log.get("samples") or []
    listed = [str(sample) for sample in (log["eval"].get("dataset") or {}).get("sample_ids") or []]
    places = {sample: place for place, sample in enumerate(listed)}
    for raw in samples:
        name = str(raw["id"])
        yield _record(task, raw, places.setdefault(name, len(places)))


def _record(task: str, raw: Mapping[str, Any], index: int) -> Record:
    attachments = raw.get("attachments") or {}
    asked = _messages(raw.get("input", ""), attachments)
    sent = _before_answer(_messages(raw.get("messages") or [], attachments)) or asked
    targets = tuple(map(str, raw["target"] if isinstance(raw.get("target"), list) else [raw.get("target", "")]))
    choices = tuple(map(str, raw.get("choices") or ()))
    prompt = Prompt(sent[0].content) if len(sent) == 1 and sent[0].role == "user" else Prompt(messages=sent)
    scores = tuple(_scores(raw.get("scores") or {}))
    validity, failure = _validity(raw, scores)
    text = raw["input"] if isinstance(raw.get("input"), str) else "\n\n".join(message.content for message in asked)
    return Record(
        task=task,
        index=index,
        sample=Sample(
            str(raw["id"]), text, targets, choices, _gold(targets, choices), data=dict(raw.get("metadata") or {})
        ),
        repeat=int(raw.get("epoch", 1)) - 1,
        prompt=prompt,
        replies=_replies(raw),
        scores=scores,
        validity=validity,
        failure=failure,
        prompt_digest=digest_of(*(part for message in sent for part in (message.role, message.content))),
        sample_digest=digest_of(str(raw["id"]), text, "→", *targets, "|", *choices),
    )


def _messages(raw: str | list[Mapping[str, Any]], attachments: Mapping[str, str]) -> tuple[Message, ...]:
    if isinstance(raw, str):
        return (Message("user", _attached(raw, attachments)),)
    found = []
    for message in raw:
        content = message.get("content", "")
        if isinstance(content, list):  # parts: texts, reasoning, images; only texts are kept
            content = "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
        role = message.get("role", "user")
        kind = cast('Literal["system", "user", "assistant", "tool"]', role if role in _ROLES else "user")
        found.append(Message(kind, _attached(str(content), attachments)))
    return tuple(found)


_ROLES = ("system", "user", "assistant", "tool")


def _attached(text: str, attachments: Mapping[str, str]) -> str:
    """Long texts are in the log once, and are named where they were."""
    if text.startswith("attachment://"):
        return str(attachments.get(text.removeprefix("attachment://"), text))
    return text


def _before_answer(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    first = next((place for place, message in enumerate(messages) if message.role == "assistant"), len(messages))
    return messages[:first]


def _gold(targets: tuple[str, ...], choices: tuple[str, ...]) -> tuple[int, ...]:
    """Targets of a multiple choice are letters."""
    letters = [ord(target) - ord("A") for target in targets if len(target) == 1]
    return tuple(place for place in letters if 0 <= place < len(choices))


def _replies(raw: Mapping[str, Any]) -> tuple[Reply, ...]:
    output = raw.get("output") or {}
    made = output.get("choices") or []
    if not made:
        return ()
    attachments = raw.get("attachments") or {}
    texts = tuple(_messages([choice["message"]], attachments)[0].content for choice in made)
    finish = tuple(_FINISH.get(str(choice.get("stop_reason")), str(choice.get("stop_reason"))) for choice in made)
    used = list((raw.get("model_usage") or {}).values()) or [output.get("usage") or {}]
    usage = Usage(
        sum(int(one.get("input_tokens") or 0) for one in used), sum(int(one.get("output_tokens") or 0) for one in used)
    )
    return (Reply(texts=texts, finish=finish, usage=usage, seconds=float(output.get("time") or 0.0)),)


def _scores(raw: Mapping[str, Any]) -> Iterator[Score]:
    for name, score in raw.items():
        value = score.get("value")
        parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        for key, part in parts.items():
            number = _number(part)
            if number is not None:
                validity = Validity.OK if math.isfinite(number) else Validity.UNJUDGED
                answer = score.get("answer")
                yield Score(
                    key, number, None if answer is None else str(answer), str(score.get("explanation") or ""), validity
                )


def _number(value: Any) -> float | None:
    """The number that Inspect makes of a value; None for what it has no number for (a list, a word)."""
    if value is None:
        return math.nan
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        if value in _LETTERS:
            return _LETTERS[value]
        if value.lower() in ("yes", "true"):
            return 1.0
        if value.lower() in ("no", "false"):
            return 0.0
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _validity(raw: Mapping[str, Any], scores: tuple[Score, ...]) -> tuple[Validity, Failure | None]:
    error = raw.get("error")
    if error:
        return Validity.BACKEND_ERROR, Failure("model", "error", str(error.get("message", error))[:2000])
    if any(score.validity is Validity.UNJUDGED for score in scores):
        return Validity.UNJUDGED, None
    limit = raw.get("limit")
    if limit:
        return _LIMITS.get(str(limit.get("type")), Validity.LENGTH), None
    reasons = {str(choice.get("stop_reason")) for choice in (raw.get("output") or {}).get("choices") or []}
    return (Validity.REFUSED if "content_filter" in reasons else Validity.OK), None


def _metrics(records: list[Record]) -> list[Any]:
    values: dict[str, list[float]] = {}
    for record in records:
        for score in record.scores:
            values.setdefault(score.name, [])
            if math.isfinite(score.value):
                values[score.name].append(score.value)
    return [mean_of(name, found) for name, found in values.items()]


def _words(settings: Any) -> str:
    if not isinstance(settings, dict):
        return ""
    return ",".join(f"{key}={value}" for key, value in sorted(settings.items()))
