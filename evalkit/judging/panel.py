"""Several judges, or one asked several times: their mean or their majority, with the spread shown."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import (
    Generate,
    GiveVerdict,
    Judge,
    Model,
    Reply,
    Request,
    Sample,
    Score,
    UsageError,
    Validity,
    Verdict,
)
from evalkit.judging.protocols import Decide, judge_of, unjudged
from evalkit.judging.transcripts import bounded


@dataclass(frozen=True, slots=True)
class _Panel(GiveVerdict):
    judges: tuple[Judge, ...]
    by: Literal["mean", "majority"]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        given = [await judge.verdict(sample, replies) for judge in self.judges]
        return _together(given, self.by)


def panel(name: str, judges: Sequence[Judge], *, by: Literal["mean", "majority"] = "mean") -> Judge:
    """What several judges say together (Verga et al. 2024, arXiv 2404.18796).

    Every score is the mean of the judges' or the value that more than half of those that judged gave; without such a
    majority it is their median. `<score>_spread` is the standard deviation between judges (n - 1). The panel is
    unjudged where half of its judges or more are.
    """
    if len(judges) < 2 or len({judge.over for judge in judges}) != 1:
        raise UsageError("a panel has two judges or more, all of the same kind", found=f"{len(judges)}")

    first = judges[0]
    settings = {f"judge_{place}": _words(judge) for place, judge in enumerate(judges, 1)} | {"by": by}
    made = Judge(name, _Panel(tuple(judges), by), 1, first.over, first.scores, first.scale, settings)
    if all(judge.bound is None for judge in judges):
        return made

    def bound(model: Model) -> Judge:
        return panel(name, [judge.bound(model) if judge.bound else judge for judge in judges], by=by)

    return replace(made, bound=bound)


@dataclass(frozen=True, slots=True)
class _Repeat(Decide):
    judge: Judge
    times: int
    temperature: float

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        assert self.judge.bound is not None
        tries = [self.judge.bound(_Sampled(model, self.temperature, number)) for number in range(self.times)]
        return _together([await one.verdict(sample, replies) for one in tries], "majority")


def repeated(judge: Judge, times: int, *, temperature: float = 1.0) -> Judge:
    """One judge asked `times` times with sampled replies: the majority of what it says, with the spread."""
    if times < 2:
        raise UsageError("a judge is repeated two times or more", found=str(times))

    if judge.bound is None:
        raise UsageError(f"the judge {judge.name!r} asks no model, so its verdict never changes")
    settings = {**judge.settings, "times": str(times), "temperature": f"{temperature:g}"}
    decide = _Repeat(judge, times, temperature)
    judged = judge_of(judge.name, decide, scores=judge.scores, over=judge.over, settings=settings, scale=judge.scale)
    return replace(judged, version=judge.version)


def sampled(judge: Judge, number: int, *, temperature: float = 1.0) -> Judge:
    """The judge with sampled replies: another try for every number, and the same one for the same."""
    bound = judge.bound
    if bound is None:
        return judge
    settings = {**judge.settings, "try": str(number), "temperature": f"{temperature:g}"}

    def with_model(model: Model) -> Judge:
        return replace(bound(_Sampled(model, temperature, number)), settings={**settings, **_named(model)})

    return replace(judge, settings=settings, bound=with_model)


def _named(model: Model) -> dict[str, str]:
    return {"model": f"{model.identity.name}@{model.identity.digest[:8]}"}


class _Sampled:
    """A model whose generations are sampled at a temperature, under a repeat's own number."""

    def __init__(self, model: Model, temperature: float, number: int) -> None:
        self._model, self._temperature, self._number = model, temperature, number
        self.identity, self.capabilities = model.identity, model.capabilities

    async def answer(self, request: Request) -> Reply:
        if isinstance(request, Generate):
            request = replace(request, temperature=self._temperature, seed=self._number, repeat=self._number)
        return await self._model.answer(request)

    async def close(self) -> None:
        await self._model.close()


def _together(given: Sequence[Verdict], by: Literal["mean", "majority"]) -> Verdict:
    said = tuple(reply for verdict in given for reply in verdict.replies)
    calls = [call for verdict in given for call in verdict.details.get("transcript", ())]
    details = {"transcript": bounded(calls)} if calls else {}
    judged = [verdict for verdict in given if verdict.validity is Validity.OK]
    if len(judged) * 2 <= len(given):
        why = f"{len(given) - len(judged)} of {len(given)} judges gave no verdict"
        return replace(unjudged(why), replies=said, details=details)
    scores: list[Score] = []
    for name in dict.fromkeys(score.name for verdict in judged for score in verdict.scores):
        found = [score for verdict in judged for score in verdict.scores if score.name == name]
        values = [score.value for score in found]
        value = statistics.fmean(values) if by == "mean" else _majority(values)
        orders = [score.counts for score in found if score.counts]
        counts: tuple[float, ...] = ()
        if orders and len({len(one) for one in orders}) == 1:
            counts = tuple(
                statistics.fmean(column) if by == "mean" else _majority(column) for column in zip(*orders, strict=True)
            )
        scores.append(Score(name, value, answer=" | ".join(f"{v:g}" for v in values), counts=counts))
        if len(values) > 1:
            scores.append(Score(f"{name}_spread", statistics.stdev(values)))
    reason = "\n\n".join(verdict.reason for verdict in judged)
    return Verdict(tuple(scores), reason, replies=said, details=details)


def _majority(values: Sequence[float]) -> float:
    value, count = Counter(values).most_common(1)[0]
    return value if count * 2 > len(values) else statistics.median(values)


def _words(judge: Judge) -> str:
    return ",".join([judge.name, *(f"{key}={value}" for key, value in sorted(judge.settings.items()))])
