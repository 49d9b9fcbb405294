"""What went wrong, counted by hand: marks, causes, categories, lengths; what got worst between two runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from evalkit.comparing.sample_values import SampleValues, span_of
from evalkit.core import Estimate, Failure, Prompt, Record, Score, Validity
from evalkit.core.parts import Ends
from evalkit.reporting.failures import Failures, listed
from evalkit.reporting.marks import cause_of, confidence, marks_of
from evalkit.reporting.regressions import Regressions, sample_link, worst_groups, worst_samples
from evalkit.reporting.spending import Pace, pace_words
from evalkit.runs.store import MetricResult
from evalkit.scoring.metrics import mean
from tests.reports.made import record


def failed(message: str) -> Record:
    return replace(record(1), replies=(), scores=(), failure=Failure("model", "ModelError", message))


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("HTTP 503: the service is overloaded", "HTTP 503"),
        ("POST /v1: HTTP 429 after 5 tries", "HTTP 429"),
        ("ConnectionError: refused", "ConnectionError"),
        ("connection reset by peer\nat 10.0.0.1", "connection reset by peer"),
        ("x" * 100, "ModelError"),
        ("", "ModelError"),
    ],
)
def test_a_cause_is_short_enough_to_count_by(message: str, cause: str) -> None:
    assert cause_of(failed(message)) == cause
    assert cause in marks_of(failed(message))


def said(text: str, *scores: Score) -> Record:
    one = record(1)
    return replace(one, replies=(replace(one.replies[0], texts=(text,)),), scores=scores or one.scores)


def test_marks_tell_refusals_from_answers_and_a_judge_that_takes_back_what_it_said() -> None:
    assert "looks-like-a-refusal" in marks_of(said("I'm sorry, but I can't help with that."))
    assert "looks-like-a-refusal" not in marks_of(said("The treaty could not help the town."))
    # A task that scores refusals says so by itself.
    assert "looks-like-a-refusal" not in marks_of(said("I can't help with that.", Score("refusal", 1.0)))
    assert "judge-unsure" in marks_of(said("x", Score("win", 0.5), Score("consistent", 0.0)))
    assert "judge-unsure" not in marks_of(said("x", Score("win", 1.0), Score("consistent", 1.0)))


def test_confidence_is_the_softmax_of_the_chosen() -> None:
    one = record(1)
    sample, reply = (
        replace(one.sample, choices=("a", "b", "c")),
        replace(one.replies[0], loglikelihoods=(-1.0, -2.0, -3.0)),
    )
    assert confidence(replace(one, sample=sample, replies=(reply,))) == pytest.approx(0.6652, abs=1e-4)
    assert confidence(one) is None


def made(number: int) -> Record:
    """The longest questions are wrong, and those of group b half of the time."""
    one = record(number)
    sample = replace(one.sample, groups=("ab"[number % 2],))
    return replace(one, sample=sample, prompt=Prompt("x" * (10 + number)))


def test_lists_count_by_task_category_and_length() -> None:
    found = Failures("t")
    wrong = [n for n in range(90) if (n >= 60 and n % 4) or (n < 60 and n % 10 == 1)]
    for number in range(90):
        found.add(made(number), float(number not in wrong), wrong=number in wrong)
    lists = dict(listed([found]))
    ((task,),) = [lists["By task"]]
    assert (task.count, task.of) == (len(wrong), 90)
    odd = sum(n % 2 for n in wrong)
    assert [(one.words, one.count, one.of) for one in lists["By category"]] == [("t: b", odd, 45)]
    (length,) = lists["By length of the question"]
    assert (length.count, length.of) == (sum(n >= 60 for n in wrong), 30)
    assert length.words == "t: longest questions (70 to 99 characters)"
    assert "length=70..100" in length.link
    assert "By cause" not in lists


@pytest.mark.parametrize(
    ("scale", "higher", "ends", "wrong"),
    [
        ("proportion", True, None, [0.0, 0.2]),
        ("proportion", False, None, [0.2, 1.0]),
        ("number", True, (1.0, 10.0), [0.0, 0.2, 1.0, 7.0]),
        ("number", True, None, []),
        ("number", False, (0.0, None), [0.2, 1.0, 7.0, 10.0]),
    ],
    ids=["a proportion", "lower is better", "grades from 1 to 10", "a number without ends", "an error without a top"],
)
def test_what_falls_short_of_the_best_value_is_wrong(
    scale: Literal["proportion", "number"], higher: bool, ends: Ends | None, wrong: list[float]
) -> None:
    found = MetricResult("m", Estimate(0.5, 0.4, 0.6, 3, "t"), higher, scale)
    known = [replace(mean("m"), scale=scale, higher_is_better=higher, ends=ends)] if ends else []
    values = SampleValues({"t": known}, {"t": "m"}, {"t": span_of(found, known)})
    tried = (0.0, 0.2, 1.0) if scale == "proportion" else (0.0, 0.2, 1.0, 7.0, 10.0)
    assert [value for value in tried if values.is_wrong("t", value)] == wrong
    assert not values.is_wrong("t", None)


class Span:
    def __init__(self, difference: float) -> None:
        self.difference, self.low, self.high, self.n = difference, difference - 0.1, difference + 0.1, 10


def test_the_worst_are_those_that_lost_most() -> None:
    one, other = Regressions("t"), Regressions("u")
    for number in range(20):
        kind = "lost" if number % 3 == 0 else "gained" if number == 1 else "both"
        one.add(kind, ["law" if number < 10 else "art"], (f"s{number}", number, 0), 1.0, ("q", "a", "b"))
    other.add("worse", ["law"], ("w", 0, 0), 0.25, ("q", "a", "b"))
    groups = worst_groups(
        one.groups([("law", "proportion", Span(-0.3)), ("art", "proportion", Span(-0.4)), ("x", "number", Span(-1))])
    )
    assert [(g.name, g.lost, g.gained, g.of) for g in groups] == [("law", 4, 1, 7), ("art", 3, 0, 7)]
    samples = worst_samples([one, other])
    assert [s.sample for s in samples] == ["s0", "w", "s3", "s6", "s9", "s12", "s15", "s18"]
    assert samples[0].link == "#task=t&kind=lost&sample=t%2Fs0%2F0%2F0"
    assert sample_link("a b", ("x/y", 1, 0), "lost").endswith("sample=a%2520b%2Fx%252Fy%2F1%2F0")


def test_cost_and_time_are_said_as_ratios() -> None:
    told = pace_words(Pace(0.001, 1.0), Pace(0.002, 1.02))
    cost, time = "2 times as much a sample (0.20 ¢ against 0.10 ¢)", "just as long (1.02 s against 1 s, medians)"
    assert told == f"B costs {cost} and takes {time}."
    assert pace_words(Pace(float("nan"), float("nan")), Pace(0.1, 1.0)) == ""


def test_an_ending_is_counted_with_its_words() -> None:
    found = Failures("t")
    found.add(replace(record(1), validity=Validity.LENGTH), 0.0, wrong=True)
    (entry,) = dict(listed([found]))["By how it ended"]
    assert (entry.words, entry.count, entry.link) == ("cut before an answer", 1, "#validity=length")
