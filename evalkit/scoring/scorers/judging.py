"""The adapter that makes a judge of single replies a scorer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalkit.core import Judge, Metric, Model, Record, Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _Judged(ScoreSample):
    judge: Judge
    wanted: tuple[str, ...]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        verdict = await self.judge.verdict(sample, replies)
        given = {found.name: found for found in verdict.scores}
        missing = [name for name in self.wanted if name not in given and name not in verdict.inapplicable]
        if missing and verdict.validity is Validity.OK:
            raise ValueError(f"judge {self.judge.name!r} gave no score {missing[0]!r}, only {sorted(given)}")
        absent = 0.0 if not verdict.validity.is_measurement_failure else math.nan
        found = [given.get(name, Score(name, absent)) for name in self.wanted if name not in verdict.inapplicable]
        found += [extra for name, extra in given.items() if name not in self.wanted]
        # The first score holds what the verdict rests on; the others were made of the same calls.
        if found:
            found[0] = replace(found[0], details={**verdict.details, **found[0].details})
        return tuple(_passed_on(each, verdict.validity, verdict.reason) for each in found)


def judged(judge: Judge, *, scores: tuple[str, ...] = ()) -> Scorer:
    """The scores that `judge` gives to a reply; `scores` names them, the judge's own name being the default.

    A verdict whose validity is not OK passes it on to its scores. One without scores, such as UNJUDGED where the
    judge's reply could not be read, gives every named score as NaN under that validity: UNJUDGED is a measurement
    failure and leaves n.

    A score that the verdict calls inapplicable is left out, and its sample leaves the n of its mean.

    Scoring raises ValueError where a valid verdict lacks one of the named scores.
    """
    wanted = scores or judge.scores or (judge.name,)
    if judge.over != "answer":
        raise UsageError(
            f"the judge {judge.name!r} compares several answers, and a sample of a run has one",
            fix=f"evalkit judge pairwise RUN_A RUN_B --using {judge.name}",
        )

    settings = {"judge": judge.name, "judge_version": str(judge.version), **judge.settings}
    less = judge.lower_is_better
    # What a model failed at counts as 0, also where grades begin at 1.
    ends = () if judge.ends is None else (min(0.0, judge.ends[0]), judge.ends[1])
    metrics = tuple(
        _where_given(mean(name, scale=judge.scale, higher_is_better=name not in less, ends=ends), name)
        for name in wanted
    )
    scorer = Scorer(f"judged_{judge.name}", _Judged(judge, wanted), wanted, metrics, settings)
    bound = judge.bound
    if bound is None:
        return scorer

    def judged_by(model: Model) -> Scorer:
        return judged(bound(model), scores=scores)

    return replace(scorer, judged_by=judged_by)


def judged_as(judge: Judge, spec: str) -> Scorer:
    """`judged(judge)` under the words that it was asked for by, options included."""
    scorer = judged(judge)
    bound = scorer.judged_by
    named = replace(scorer, settings={**scorer.settings, "judge": spec})
    if bound is None:
        return named

    def judged_by(model: Model) -> Scorer:
        found = bound(model)
        return replace(found, settings={**found.settings, "judge": spec})

    return replace(named, judged_by=judged_by)


def _where_given(metric: Metric, name: str) -> Metric:
    """The metric over the records that have the score: without one it does not apply, whatever became of the sample."""

    def observe(record: Record) -> Sequence[float] | None:
        return None if record.value(name) is None else metric.observe(record)

    return replace(metric, observe=observe)


def _passed_on(score: Score, validity: Validity, reason: str) -> Score:
    kept = score.validity if validity is Validity.OK else validity
    return replace(score, reason=score.reason or reason, validity=kept)
