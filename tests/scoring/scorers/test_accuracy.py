"""Accuracy over choices; expected values are worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from evalkit.core import Reply, Sample, Score
from evalkit.scoring.scorers import accuracy

Scored = Callable[..., dict[str, Score]]


def choices(*texts: str, gold: tuple[int, ...] = (0,)) -> Sample:
    return Sample("1", "q", choices=texts, gold=gold)


def values(scores: dict[str, Score]) -> dict[str, float]:
    return {name: score.value for name, score in scores.items()}


def test_plain_by_characters_and_by_bytes_can_choose_differently(scored: Scored) -> None:
    # Per character: -6/6 = -1, -4/2 = -2, -3/1 = -3; per byte: -6/6 = -1, -4/8 = -0.5, -3/1 = -3.
    sample = choices("abcdef", "😀😀", "x")
    found = scored(accuracy(), sample, Reply(loglikelihoods=(-6.0, -4.0, -3.0)))
    assert {name: score.answer for name, score in found.items()} == {
        "acc": "x",
        "acc_norm": "abcdef",
        "acc_bytes": "😀😀",
    }
    assert values(found) == {"acc": 0.0, "acc_norm": 1.0, "acc_bytes": 0.0}
    assert found["acc"].reason == "ahead by 1 nats"
    assert found["acc_bytes"].reason == "ahead by 0.5 nats per byte"


def test_the_first_wins_a_tie(scored: Scored) -> None:
    tied = Reply(loglikelihoods=(-1.0, -1.0, -2.0))
    assert values(scored(accuracy(), choices("a", "b", "c", gold=(0,)), tied))["acc"] == 1.0
    assert values(scored(accuracy(), choices("a", "b", "c", gold=(1,)), tied))["acc"] == 0.0
    assert "tied" in scored(accuracy(), choices("a", "b", "c"), tied)["acc"].reason


def test_any_gold_index_will_do(scored: Scored) -> None:
    sample = choices("a", "b", "c", gold=(0, 2))
    assert [
        scored(accuracy(), sample, Reply(loglikelihoods=lls))["acc"].value
        for lls in ((-1.0, -2.0, -3.0), (-2.0, -1.0, -3.0), (-3.0, -2.0, -1.0))
    ] == [1.0, 0.0, 1.0]


def test_mutual_information_takes_off_what_a_choice_has_without_the_question(scored: Scored) -> None:
    # -5 - (-9) = 4 beats -4 - (-5) = 1, although -4 > -5.
    replies = Reply(loglikelihoods=(-5.0, -4.0)), Reply(loglikelihoods=(-9.0, -5.0))
    found = values(scored(accuracy(unconditional=True), choices("a", "b"), *replies))
    assert (found["acc"], found["acc_mutual_info"]) == (0.0, 1.0)
    assert [m.name for m in accuracy(unconditional=True).metrics] == ["acc", "acc_norm", "acc_mutual_info"]


def test_mutual_information_needs_the_second_reply(scored: Scored) -> None:
    with pytest.raises(ValueError, match="2 replies"):
        scored(accuracy(unconditional=True), choices("a", "b"), Reply(loglikelihoods=(-1.0, -2.0)))


def test_an_impossible_choice_is_never_chosen(scored: Scored) -> None:
    found = scored(accuracy(), choices("a", "b"), Reply(loglikelihoods=(-math.inf, -5.0)))
    assert found["acc"].answer == "b"


def test_an_empty_choice_has_no_length_and_loses_by_length(scored: Scored) -> None:
    found = scored(accuracy(), choices("", "b"), Reply(loglikelihoods=(-1.0, -9.0)))
    assert (found["acc"].answer, found["acc_norm"].answer) == ("", "b")


def test_a_single_choice(scored: Scored) -> None:
    assert scored(accuracy(), choices("a"), Reply(loglikelihoods=(-1.0,)))["acc"].reason == "the only choice"


@pytest.mark.parametrize(
    ("lls", "gold", "says"),
    [
        ((math.nan, -1.0), (0,), "not numbers"),
        ((-1.0, math.nan), (0,), "not numbers"),
        ((math.inf, -1.0), (0,), "not numbers"),
        ((-math.inf, -math.inf), (0,), "-infinity"),
        ((-1.0,), (0,), "1 log-likelihoods for 2 choices"),
        ((-1.0, -2.0), (), "no gold"),
        ((-1.0, -2.0), (2,), "does not index"),
        ((-1.0, -2.0), (-1,), "does not index"),
    ],
)
def test_what_cannot_be_scored_raises(scored: Scored, lls: tuple[float, ...], gold: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        scored(accuracy(), choices("a", "b", gold=gold), Reply(loglikelihoods=lls))


def test_no_reply_raises(scored: Scored) -> None:
    with pytest.raises(ValueError, match="choose"):
        scored(accuracy(), choices("a", "b"))
