"""What every protocol shares: the answers of a sample as texts, its questions, and a judge that waits for its model."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from evalkit.core import GiveVerdict, Judge, Message, Model, Reply, Sample, Score, UsageError, Validity, Verdict
from evalkit.judging.ask import JudgeReply
from evalkit.judging.transcripts import transcript
from evalkit.scoring.extraction.replies import without_thought


class Decide(Protocol):
    """How a judge arrives at its verdict by asking a model, a class for each kind of judge."""

    def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...], /) -> Coroutine[Any, Any, Verdict]: ...


@dataclass(frozen=True, slots=True)
class _Unbound(GiveVerdict):
    name: str

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        raise UsageError(f"the judge {self.name!r} has no model", fix="--judge MODEL")


@dataclass(frozen=True, slots=True)
class _Bound(GiveVerdict):
    model: Model
    decide: Decide

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        return await self.decide(self.model, sample, replies)


def judge_of(
    name: str,
    decide: Decide,
    *,
    scores: tuple[str, ...],
    over: Literal["answer", "pair", "list"] = "answer",
    settings: Mapping[str, str],
    version: int = 1,
    scale: Literal["proportion", "number"] = "proportion",
    lower_is_better: frozenset[str] = frozenset(),
    ends: tuple[float, float] | None = None,
) -> Judge:
    """A judge that asks a model by `decide`. Until it is bound to one, a verdict raises UsageError."""

    def bound(model: Model) -> Judge:
        asked = {**settings, "model": f"{model.identity.name}@{model.identity.digest[:8]}"}
        verdict = _Bound(model, decide)
        return Judge(name, verdict, version, over, scores, scale, asked, lower_is_better=lower_is_better, ends=ends)

    return Judge(name, _Unbound(name), version, over, scores, scale, dict(settings), bound, lower_is_better, ends)


def answers_of(replies: Sequence[Reply]) -> tuple[str, ...]:
    """The text of every reply, one a turn, without its reasoning."""
    return tuple(without_thought(reply)[0].text.strip() if reply.texts else "" for reply in replies)


def questions_of(sample: Sample, turns: int) -> tuple[str, ...]:
    """What was asked, one text a turn: the user's messages and the column `turns`, or all of the input."""
    if not isinstance(sample.input, str):
        asked = [m.content for m in sample.input if isinstance(m, Message) and m.role == "user"]
        before = "\n\n".join(f"{m.role}: {m.content}" for m in sample.input)
        first = (before,) if len(asked) < turns or len(sample.input) != len(asked) else tuple(asked)
    else:
        first = (sample.input,)
    listed = sample.data.get("turns")
    if turns > len(first) and isinstance(listed, list | tuple) and len(listed) >= turns:
        return tuple(str(turn) for turn in listed[:turns])
    return first


def reference_of(sample: Sample, *, turns: int = 1) -> str:
    """The reference answer: the sample's targets, or its column `reference` (a text, or one a turn)."""
    listed = sample.data.get("reference")
    if isinstance(listed, str):
        return listed
    if isinstance(listed, list | tuple) and listed:
        return "\n\n".join(str(text) for text in listed[:turns])
    return "\n".join(sample.targets)


def decided(scores: Sequence[Score], asked: Sequence[JudgeReply[Any]]) -> Verdict:
    """The verdict of these scores, with what the judge said and the transcript of what it was asked."""
    calls = [call for one in asked for call in one.calls]
    said = tuple(reply for one in asked for reply in one.replies)
    reason = "\n\n".join(one.text for one in asked)
    return Verdict(tuple(scores), reason, replies=said, details=transcript(calls))


def unjudged(problem: str, asked: Sequence[JudgeReply[Any]] = ()) -> Verdict:
    """A verdict that could not be had: a measurement failure, no score at all. The transcript shows why."""
    return replace(decided((), asked), reason=f"unjudged: {problem}", validity=Validity.UNJUDGED)
