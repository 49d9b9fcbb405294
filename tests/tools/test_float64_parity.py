"""The parity benchmark judges by float64: evalkit by its bound, a flipped choice by its margins, lm-eval by nothing."""

from __future__ import annotations

from typing import Any

import pytest
from peers import comparing as pairs
from peers.exact import decide
from peers.measuring import Item, Measured
from peers.parity import comparing
from peers.parity.cases import CASES
from peers.parity.outcome import Exact, Outcome, Reference, Row
from peers.table import Result, block, summary

PIQA = next(case for case in CASES if case.name == "piqa")
MC2 = next(case for case in CASES if case.name == "truthfulqa_mc2")
GSM8K = next(case for case in CASES if case.name == "gsm8k")
ASKED = [["Goal:", " one way"], ["Goal:", " another way"]]


def outcome(values: list[float], chosen: int, text: str = "") -> Outcome:
    score = float(chosen == 0)
    return Outcome([Row(ASKED, values, text, {"acc": score, "acc_norm": score})], {"acc": score, "acc_norm": score})


def compared(ours: list[float], theirs: list[float], exact: list[float]) -> comparing.Compared:
    left, right = (outcome(values, values.index(max(values))) for values in (ours, theirs))
    for side in (left, right):  # normalised lengths would choose otherwise; this is about one score
        side.rows[0].scores.pop("acc_norm")
        side.scores["acc_norm"] = 0.0
    reference = Reference([[Exact(value, 9) for value in exact]], 49_152)
    return comparing.compare(PIQA, 0, True, left, right, reference)


def test_the_rounding_of_lm_eval_decides_nothing() -> None:
    found = compared([-20.00001, -30.0], [-20.01, -30.02], [-20.0, -30.0])
    assert found.holds and not found.flips
    assert [each.theirs for each in found.distances] == pytest.approx([0.01, 0.02])
    assert "1e-5   2e-2" in found.lines()[0]


def test_evalkit_must_be_within_its_bound_of_float64() -> None:
    bound = comparing.bound(9)
    assert compared([-20 - 0.9 * bound, -30.0], [-20.0, -30.0], [-20.0, -30.0]).holds
    found = compared([-20 - 1.1 * bound, -30.0], [-20.0, -30.0], [-20.0, -30.0])
    assert found.too_far == 1 and not found.holds
    assert not compared([float("nan"), -30.0], [-20.0, -30.0], [-20.0, -30.0]).holds


def test_the_bound_grows_with_the_tokens_and_not_with_the_vocabulary() -> None:
    assert comparing.bound(400) == pytest.approx(20 * comparing.bound(1))


def test_a_flip_that_lm_eval_alone_makes_is_listed_with_its_margins() -> None:
    found = compared([-20.0, -20.0002], [-20.0004, -20.0001], [-20.0, -20.0002])
    (flip,) = found.flips
    assert (flip.exact, flip.ours, flip.theirs) == pytest.approx((2e-4, 2e-4, 3e-4))
    assert flip.is_rounding and found.holds
    assert "margins float64 2.0e-04, evalkit 2.0e-04, lm-eval 3.0e-04: within rounding" in found.lines()[2]


def test_a_flip_against_float64_by_more_than_the_bound_is_wrong() -> None:
    found = compared([-20.0, -20.1], [-20.1, -20.0], [-20.1, -20.0])
    assert not found.flips[0].is_rounding and not found.holds
    assert "NOT ROUNDING" in "\n".join(found.lines())


def test_a_score_that_no_choice_explains_is_wrong() -> None:
    left, right = (Outcome([Row(ASKED, [-1.0, -2.0], "", {"gold_probability": p})], {"mc2": 0.5}) for p in (0.5, 0.6))
    found = comparing.compare(MC2, 0, True, left, right, Reference([[Exact(-1.0, 2), Exact(-2.0, 2)]], 49_152))
    assert found.other_scores == 1 and not found.holds


@pytest.mark.parametrize(("margin", "holds"), [(1e-5, True), (-1e-5, True), (-0.5, False)])
def test_texts_may_part_at_a_near_tie_only(margin: float, holds: bool) -> None:
    named: dict[str, Any] = {"strict_match": 0.0, "flexible_extract": 0.0}
    left, right = (Outcome([Row([["Q", ""]], [], text, named)], named) for text in ("a b", "a c"))
    found = comparing.compare(GSM8K, 0, True, left, right, Reference([[Exact(margin, 12)]], 49_152))
    assert found.holds is holds and "texts part at token 12" in found.lines()[2]


@pytest.mark.parametrize(("vocabulary", "apart", "holds"), [(8192, 4.8e-4, False), (49_152, 4.8e-4, True)])
def test_without_float64_two_harnesses_may_differ_by_what_their_vocabulary_explains(
    vocabulary: int, apart: float, holds: bool
) -> None:
    ours, theirs = {"1": Item("p", [-20.0])}, {"1": Item("p", [-20.0 - apart])}
    assert pairs.compare(ours, theirs, "choices", vocabulary).holds is holds


def test_texts_alone_have_no_table_of_distances() -> None:
    named: dict[str, Any] = {"strict_match": 0.0, "flexible_extract": 0.0}
    one = Outcome([Row([["Q", ""]], [], "a", named)], named)
    found = comparing.compare(GSM8K, 0, True, one, one, Reference([[]], 49_152))
    assert "nats from float64" not in comparing.table([found])
    assert "nats from float64" in comparing.table([found, compared([-20.0, -30.0], [-20.0, -30.0], [-20.0, -30.0])])


SUMS = {"document/0": Exact(-9000.0, 2500), "document/1": Exact(-50.0, 16)}


def rolling(*sums: float) -> dict[str, Item]:
    return {key: Item("text", [value]) for key, value in zip(SUMS, sums, strict=True)}


def measured(ours: dict[str, Item], theirs: dict[str, Item]) -> Result:
    one, other = (Measured(1.0, 0.0, 10, 0.5, items, asked=10, unique=10) for items in (ours, theirs))
    parity = pairs.compare(ours, theirs, "rolling", 8192)
    return Result(
        "rolling", "rolling perplexity", 1, [one], {1: [other]}, parity, parity, decide([ours], [theirs], SUMS)
    )


def test_rolling_sums_too_far_from_each_other_are_decided_by_float64() -> None:
    found = measured(rolling(-9000.001, -50.0001), rolling(-9000.2, -50.0))
    assert found.decision is not None and not found.parity.holds and found.holds
    assert (found.decision.ours, found.decision.theirs) == pytest.approx((1e-3, 0.2))
    assert found.decision.share == pytest.approx(1e-4 / (5e-5 * 4))  # of the bound of 16 tokens, not of the worst sum
    assert "float64: evalkit 1.0e-03 nats off (within its bound), lm-eval 2.0e-01" in block(found)
    assert "APART (bound 1e-06)" in block(found) and "DIFFERENT" not in block(found) and "yes" in summary([found])


@pytest.mark.parametrize("far", [-50.0003, float("nan")])
def test_evalkit_beyond_its_bound_of_float64_does_not_hold(far: float) -> None:
    found = measured(rolling(-9000.0, far), rolling(-9000.2, -50.0))
    assert not found.holds and "BEYOND its bound" in block(found) and "NO" in summary([found])


def test_float64_excuses_no_other_prompt_and_no_missing_text() -> None:
    ours, theirs = rolling(-9000.0, -50.0), rolling(-9000.2, -50.0)
    ours["document/1"].prompt = "another text"
    found = measured(ours, theirs)
    assert not found.holds and "DIFFERENT: 0 rows missing, 1 prompts" in block(found)
    del ours["document/1"]
    found = measured(ours, theirs)
    assert found.decision is not None and found.decision.share == float("inf") and not found.holds


def test_every_run_of_evalkit_counts() -> None:
    right, wrong = rolling(-9000.0, -50.0), rolling(-9001.0, -50.0)
    assert not decide([right, wrong], [right], SUMS).holds and not decide([wrong, right], [right], SUMS).holds
    assert not decide([], [right], SUMS).holds


@pytest.mark.parametrize("kind", ["rolling", "choices"])
def test_a_sum_that_is_no_number_is_like_no_other(kind: str) -> None:
    right, wrong = rolling(-9000.0, -50.0), rolling(-9000.0, float("nan"))
    for ours, theirs in ((wrong, right), (right, wrong)):
        found = pairs.compare(ours, theirs, kind, 8192)
        assert found.furthest == float("inf") and not found.holds
    never = rolling(-9000.0, float("-inf"))
    assert pairs.compare(never, never, kind, 8192).holds
