"""A judge as a scorer."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from evalkit.core import Judge, Record, Reply, Sample, Score, Validity, Verdict
from evalkit.scoring.scorers.judging import judged

Scored = Callable[..., dict[str, Score]]
SAMPLE = Sample("1", "q")


def judge_that_says(verdict: Verdict) -> Judge:
    async def decide(sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        assert sample is SAMPLE
        return verdict

    return Judge("fair", decide, version=3)


def test_scores_and_reason_pass_through(scored: Scored) -> None:
    scorer = judged(judge_that_says(Verdict((Score("fair", 0.75),), "mostly fair")))
    assert scored(scorer, SAMPLE, "x") == {"fair": Score("fair", 0.75, None, "mostly fair")}
    assert scorer.settings == {"judge": "fair", "judge_version": "3"}
    assert [metric.name for metric in scorer.metrics] == ["fair"]


def test_an_unjudged_reply_is_no_zero_and_leaves_n(scored: Scored) -> None:
    scorer = judged(judge_that_says(Verdict((), "could not be read", Validity.UNJUDGED)))
    found = scored(scorer, SAMPLE, "x")["fair"]
    assert math.isnan(found.value)
    assert (found.validity, found.reason) == (Validity.UNJUDGED, "could not be read")
    record = Record("t", 0, SAMPLE, scores=(found,), validity=Validity.UNJUDGED)
    assert scorer.metrics[0].observe(record) is None


def test_a_reply_that_the_judge_calls_a_refusal_counts_as_zero(scored: Scored) -> None:
    scorer = judged(judge_that_says(Verdict((), "refused", Validity.REFUSED)))
    found = scored(scorer, SAMPLE, "x")["fair"]
    assert (found.value, found.validity) == (0.0, Validity.REFUSED)


def test_several_named_scores(scored: Scored) -> None:
    verdict = Verdict((Score("b", 1.0), Score("a", 0.0, validity=Validity.NO_ANSWER)))
    found = scored(judged(judge_that_says(verdict), scores=("a", "b")), SAMPLE, "x")
    assert [(s.name, s.value, s.validity) for s in found.values()] == [
        ("a", 0.0, Validity.NO_ANSWER),
        ("b", 1.0, Validity.OK),
    ]


def test_a_valid_verdict_without_the_named_score_raises(scored: Scored) -> None:
    with pytest.raises(ValueError, match=r"'fair'.*no score 'fair'.*other"):
        scored(judged(judge_that_says(Verdict((Score("other", 1.0),)))), SAMPLE, "x")
