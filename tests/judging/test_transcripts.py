"""Every call of a judge stands beside the scores that were made of it: on records, and in files of verdicts."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

from evalkit.core import Judge, Sample, Score, Validity, Verdict
from evalkit.judging import SCALES, Grading, PromptText, pairwise, panel, rating
from evalkit.judging.session import JudgingItem, Verdicts, judge_all, read_verdicts
from evalkit.judging.transcripts import MOST, shortened
from evalkit.scoring.scorers.judging import judged
from tests.judging.scripted import QUESTION, Scripted, replies
from tests.judging.test_protocols import ONE, PAIR, decide, longer


def calls(verdict: Verdict) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = verdict.details["transcript"]
    assert json.loads(json.dumps(found)) == found
    return found


def test_both_orders_of_a_pair_are_there_with_what_was_read() -> None:
    verdict = decide(pairwise("p", PAIR), Scripted(longer), "Lima, of course", "Quito")
    one, two = calls(verdict)
    assert (one["order"], two["order"]) == ("AB", "BA")
    assert (one["verdict"], two["verdict"]) == ("A", "B")
    assert (one["reply"], one["repaired"], one["model"]) == ("Verdict: A", False, "scripted")
    assert one["messages"][0]["role"] == "user"
    assert one["messages"][0]["content"].index("Lima, of course") < one["messages"][0]["content"].index("Quito")


def test_a_repair_is_a_call_of_its_own_and_says_so() -> None:
    model = Scripted(lambda p, s: "Rating: 7" if "could not be read" in p else "Fine, I think.")
    first, second = calls(decide(rating("r", ONE), model, "Lima"))
    assert (first["reply"], first["verdict"], first["repaired"]) == ("Fine, I think.", "", False)
    assert first["problem"] == "its last line is not a rating"
    assert (second["verdict"], second["repaired"]) == ("7", True)
    assert "problem" not in second
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]


def test_an_unjudged_pair_shows_what_was_said() -> None:
    verdict = decide(pairwise("p", PAIR, orders="first"), Scripted(lambda p, s: "Both."), "a", "b")
    assert verdict.validity is Validity.UNJUDGED
    assert [call["reply"] for call in calls(verdict)] == ["Both.", "Both."]
    assert all(call["verdict"] == "" and call["problem"] for call in calls(verdict))


def test_a_soft_preference_shows_its_probabilities() -> None:
    model = Scripted(longer, weighs=lambda p, c: (-0.5, -1.5))
    [call] = calls(decide(pairwise("p", PAIR, scale=SCALES["two"], soft=True, orders="first"), model, "a", "b"))
    assert call["verdict"] == "A: 0.7311, B: 0.2689"


def test_a_panel_has_the_calls_of_all_its_judges() -> None:
    made = rating("r", ONE).bound
    assert made is not None
    judges = [made(Scripted(partial(lambda n, p, s: f"Rating: {n}", n), name=f"judge {n}")) for n in (2, 4)]
    found = asyncio.run(panel("p", judges).verdict(QUESTION, replies("x")))
    assert [(call["model"], call["verdict"]) for call in calls(found)] == [("judge 2", "2"), ("judge 4", "4")]


def test_a_score_of_a_record_carries_it_once() -> None:
    model = Scripted(lambda p, s: "Rating: 4" if "turn 2" in p else "Rating: 9")
    scorer = judged(rating("r", ONE, turn="each", turns=2)).judged_by
    assert scorer is not None
    scores: tuple[Score, ...] = asyncio.run(scorer(model).score(QUESTION, replies("one", "two")))
    assert [call["verdict"] for call in scores[0].details["transcript"]] == ["9", "4"]
    assert [dict(score.details) for score in scores[1:]] == [{}, {}]


def test_its_size_is_bounded_and_the_verdict_at_a_replys_end_is_kept() -> None:
    long = "blah " * 40_000
    model = Scripted(lambda p, s: f"{long}\nRating: 7")
    found = calls(decide(rating("r", ONE, Grading(how="samples", samples=10)), model, long))
    assert len(found) == 10
    assert all(call["reply"].endswith("Rating: 7") and "left out" in call["reply"] for call in found)
    assert len(json.dumps(found)) < 1.2 * MOST
    many = calls(decide(rating("r", ONE, Grading(how="samples", samples=100)), model, long))
    assert len(many) == 64


def test_what_is_short_is_whole() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("a" * 50 + "b" * 50, 20) == "a" * 10 + "\n[… 80 characters left out …]\n" + "b" * 10


def test_a_file_of_verdicts_holds_it(tmp_path: Path) -> None:
    bound = pairwise("p", PromptText("{{ answer_a }} {{ answer_b }}")).bound
    assert bound is not None
    judge: Judge = bound(Scripted(longer))
    item = JudgingItem("q", Sample("q", "?"), replies("longer", "short"), ("x", "y"), (6, 5))
    path = tmp_path / "verdicts.jsonl"
    [found] = asyncio.run(judge_all(judge, [item], Verdicts.open(path)))
    assert [call["order"] for call in found.transcript] == ["AB", "BA"]
    [again] = read_verdicts(path)
    assert again == found
