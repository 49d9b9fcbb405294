"""One attempt from prompt to record. Whatever fails is written on the record with the stage that failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import evalkit
from evalkit.core import (
    Failure,
    Message,
    Model,
    ModelError,
    NoAnswerError,
    Prompt,
    Record,
    Reply,
    RunError,
    Sample,
    Score,
    Scorer,
    Task,
    UsageError,
    Validity,
    digest_of,
    is_number,
)
from evalkit.runs.runner.in_groups import InGroups
from evalkit.runs.runner.prepare import Work

_INSTALLED = ("site-packages", "dist-packages")
_EVALKIT = Path(evalkit.__file__).parent


async def make_record(name: str, task: Task, work: Work, model: Model, groups: InGroups | None = None) -> Record:
    """Ask and score, the latter in one of the `groups`. Raises only UsageError and RunError: what no model could be
    asked, or a model that is gone or may not be asked any more, ends the run."""
    started = time.perf_counter()
    if work.failure is not None:
        return _failed(name, work, (), Validity.DATA_ERROR, work.failure, started)
    try:
        replies = await task.method.ask(work.attempt, model)
    except (UsageError, RunError):
        raise
    except ModelError as error:
        outcome = Validity.NO_ANSWER if isinstance(error, NoAnswerError) else Validity.BACKEND_ERROR
        return _failed(name, work, (), outcome, Failure("model", "ModelError", str(error)), started)
    except Exception as error:  # noqa: BLE001 - a plugin's method or a backend: it fails this sample, not the run
        return _failed(name, work, (), Validity.BACKEND_ERROR, _failure("model", error), started)
    replies = _dated(replies)
    if groups is not None and not all(reply.source == "cache" for reply in replies):
        await groups.join()
    return await score_record(name, task.scorers, work, replies, started)


def _dated(replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
    """Replies that know when they were made: the cache says so of its own, the others were made now."""
    now = time.time()
    return tuple(one if one.made or one.source == "cache" else replace(one, made=now) for one in replies)


async def score_record(
    name: str, scorers: Sequence[Scorer], work: Work, replies: tuple[Reply, ...], started: float
) -> Record:
    """The record of an attempt whose replies are there (just now, or from a stored run)."""
    scores: list[Score] = []
    try:
        for scorer in scorers:
            scores.extend(await scorer.score(work.attempt.sample, replies))
        broken = next((score for score in scores if not is_number(score.value)), None)
        if broken is not None and not broken.validity.is_measurement_failure:
            raise ValueError(f"score {broken.name!r} is {broken.value}")
    except (UsageError, RunError):
        raise
    except Exception as error:  # noqa: BLE001 - a scorer's fault fails this sample, not the run
        return _failed(name, work, replies, Validity.SCORER_ERROR, _failure("score", error), started)
    return _record(name, work, replies, tuple(scores), _worst(scores), None, started)


def _record(
    name: str,
    work: Work,
    replies: tuple[Reply, ...],
    scores: tuple[Score, ...],
    validity: Validity,
    failure: Failure | None,
    started: float,
) -> Record:
    attempt = work.attempt
    return Record(
        task=name,
        index=work.index,
        sample=attempt.sample,
        repeat=attempt.repeat,
        prompt=attempt.prompt,
        replies=replies,
        scores=scores,
        validity=validity,
        failure=failure,
        flags=_flags(replies, scores),
        prompt_digest=prompt_digest(attempt.prompt),
        sample_digest=sample_digest(attempt.sample),
        seconds=time.perf_counter() - started,
        cost=_cost(replies),
    )


def _cost(replies: Sequence[Reply]) -> float | None:
    """What the replies cost now, in US dollars: nothing for those of the cache, None where no price is known."""
    costs = [reply.usage.cost for reply in replies if reply.source == "model" and reply.usage.cost is not None]
    return sum(costs) if costs else None


def _failed(
    name: str, work: Work, replies: tuple[Reply, ...], validity: Validity, failure: Failure, started: float
) -> Record:
    return _record(name, work, replies, (), validity, failure, started)


def _failure(stage: str, error: Exception) -> Failure:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({_short(place.tb_frame.f_code.co_filename)}:{place.tb_lineno})" if place else ""
    return Failure("model" if stage == "model" else "score", type(error).__name__, f"{error}{where}")


def _short(file: str) -> str:
    """A source file as a person names it: of an installed package from the package's name on, of a plugin in full."""
    path = Path(file)
    for root in (*(parent for parent in path.parents if parent.name in _INSTALLED), _EVALKIT.parent):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return file


def _worst(scores: Sequence[Score]) -> Validity:
    """A measurement failure of any score outweighs a model's outcome, which outweighs OK."""
    found = [score.validity for score in scores if score.validity is not Validity.OK]
    return next((v for v in found if v.is_measurement_failure), found[0] if found else Validity.OK)


def _flags(replies: Sequence[Reply], scores: Sequence[Score]) -> tuple[str, ...]:
    flags: set[str] = set()
    for reply in replies:
        flags.update(reply.notes)
        if reply.truncated_tokens:
            flags.add("truncated")
    for score in scores:
        flags.update(score.flags)
    return tuple(sorted(flags)) if flags else ()


def prompt_digest(prompt: Prompt) -> str:
    """Digest of the task prompt: the messages before any chat template."""
    return digest_of(prompt.preamble, prompt.question, *_flat(prompt.messages))


def sample_digest(sample: Sample) -> str:
    """Digest of what was asked and what is right, so that the same rows are known again from another file."""
    asked = (sample.input,) if isinstance(sample.input, str) else _flat(sample.input)
    return digest_of(sample.id, *asked, "→", *sample.targets, "|", *sample.choices, "|", *map(str, sample.gold))


def _flat(messages: tuple[Message, ...]) -> tuple[str, ...]:
    return tuple(
        part
        for message in messages
        for part in (message.role, message.content, *(image.digest for image in message.images))
    )
