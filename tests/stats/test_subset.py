"""Subsets that stand for a whole set: item curves against an independent posterior, nested orders, honest intervals."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special

from evalkit.stats.item_response import item_curves
from evalkit.stats.subset_design import StoredScores, SubsetDesign, in_turn, subset_design
from evalkit.stats.subset_estimate import subset_estimate

SHARED = Path(__file__).parents[3] / "shared" / "data" / "reference"


def drawn(models: int, questions: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(answers, abilities, slopes, levels) of the two-parameter logistic model."""
    rng = np.random.default_rng(seed)
    abilities, slopes = np.linspace(-1.5, 1.5, models), np.exp(rng.normal(0, 0.4, questions))
    levels = rng.normal(0, 1.5, questions) * slopes
    chances = special.expit(abilities[:, None] * slopes + levels)
    return (rng.random(chances.shape) < chances).astype(float), abilities, slopes, levels


def stored(values: np.ndarray, ends: tuple[float | None, float | None] = (0.0, 1.0)) -> StoredScores:
    return StoredScores(tuple(f"q/{place}" for place in range(values.shape[1])), values, ends)


# ---------------------------------------------------------------- item curves


def test_curves_are_the_mode_of_the_posterior_as_it_is_written_down() -> None:
    """An independent density, maximised by another method from another start."""
    answers, *_ = drawn(4, 6, 1)
    answers[0, 0] = math.nan

    def unlikely(free: np.ndarray) -> float:
        total = 0.0
        level = special.logit(np.nanmean(answers))
        for i in range(6):
            total += free[i] ** 2 / (2 * 0.16) + (free[6 + i] - level) ** 2 / 8
            for m in range(4):
                if not math.isnan(answers[m, i]):
                    p = 1 / (1 + math.exp(-(math.exp(free[i]) * free[12 + m] + free[6 + i])))
                    total -= answers[m, i] * math.log(p) + (1 - answers[m, i]) * math.log(1 - p)
        return total + sum(free[12 + m] ** 2 / 2 for m in range(4))

    expected = optimize.minimize(unlikely, np.full(16, 0.1), method="BFGS").x
    found = item_curves(answers)
    assert np.log(found.slopes) == pytest.approx(expected[:6], abs=2e-3)
    assert found.levels == pytest.approx(expected[6:12], abs=5e-3)
    assert found.abilities == pytest.approx(expected[12:], abs=5e-3)


def test_curves_find_difficulty_discrimination_and_ability_again() -> None:
    answers, abilities, slopes, levels = drawn(80, 300, 2)
    found = item_curves(answers)
    assert np.corrcoef(found.levels, levels)[0, 1] > 0.95
    assert np.corrcoef(np.log(found.slopes), np.log(slopes))[0, 1] > 0.6
    assert np.corrcoef(found.abilities, abilities)[0, 1] > 0.98
    assert np.corrcoef(found.difficulty, 1 - answers.mean(axis=0))[0, 1] > 0.98
    places = np.arange(0, 300, 2)
    assert found.ability(places, answers[70, places]) == pytest.approx(found.abilities[70], abs=0.35)


def test_scores_out_of_range_have_no_curves() -> None:
    for bad in (np.full((2, 30), math.nan), np.full((2, 30), 1.5)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            item_curves(bad)


# ---------------------------------------------------------------- which samples


def test_the_order_is_nested_fixed_and_takes_from_every_stratum_alike() -> None:
    answers, *_ = drawn(5, 203, 3)
    first, again = subset_design(stored(answers)), subset_design(stored(answers))
    assert first.order.tolist() == again.order.tolist()
    assert sorted(first.order.tolist()) == list(range(203))
    for n in (20, 61, 150):
        counts = np.bincount(first.strata[first.order[:n]], minlength=5)
        assert counts.max() - counts.min() <= 1
    # The first stratum is the easiest.
    easy = [answers[:, first.strata == stratum].mean() for stratum in range(5)]
    assert easy == sorted(easy, reverse=True)


def test_a_tie_in_difficulty_is_not_broken_by_the_hash_that_draws() -> None:
    """It would put what is drawn first into the same stratum: of one model's right and wrong answers half the
    questions tie, and the mean over all draws would be off."""
    rng = np.random.default_rng(4)
    values = (rng.random((1, 400)) < 0.5).astype(float)
    truth = np.where(rng.random(400) < 0.8, values[0], 1 - values[0])
    design = subset_design(stored(values))
    means = [truth[redrawn(design, seed).order[:50]].mean() for seed in range(400)]
    assert np.mean(means) == pytest.approx(truth.mean(), abs=3 * np.std(means) / 20)


def test_a_set_of_fewer_than_twenty_is_asked_whole() -> None:
    with pytest.raises(ValueError, match="asked whole"):
        subset_design(stored(np.ones((2, 19))))


# ---------------------------------------------------------------- the estimate


def redrawn(design: SubsetDesign, seed: int) -> SubsetDesign:
    """The same strata, drawn by other hashes."""
    return replace(design, order=in_turn(design.strata, [f"{seed}/{place}" for place in range(len(design.strata))]))


def trials(
    known: np.ndarray, new: np.ndarray, n: int, draws: int, ends: tuple[float | None, float | None] = (0.0, 1.0)
) -> tuple[float, float, float]:
    """(coverage, mean squared error over that of random samples, bias in standard deviations)."""
    kept = stored(known, ends)
    design, truth, errors, inside = subset_design(kept), new.mean(), [], 0
    for seed in range(draws):
        places = redrawn(design, seed).order[:n]
        found = subset_estimate(kept, design, places, new[places])
        errors.append(found.value - truth)
        inside += found.low <= truth <= found.high
    even = new.var(ddof=1) / n * (1 - n / len(new))
    return inside / draws, float(np.mean(np.square(errors)) / even), float(np.mean(errors) / np.std(errors))


def least(draws: int) -> float:
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / draws)


@pytest.mark.parametrize("ability", [0, 4, 8])
def test_a_model_of_the_same_kind_needs_fewer_samples(ability: int) -> None:
    answers, *_ = drawn(9, 1000, 5)
    covered, error, bias = trials(np.delete(answers, ability, 0), answers[ability], 100, 150)
    assert covered >= least(150)
    assert error < 1.0
    assert abs(bias) < 3 / math.sqrt(150)


def test_a_model_close_to_a_stored_one_needs_far_fewer() -> None:
    answers, *_ = drawn(5, 1000, 6)
    rng = np.random.default_rng(7)
    new = np.where(rng.random(1000) < 0.03, 1 - answers[2], answers[2])
    covered, error, _ = trials(answers, new, 200, 150)
    assert covered >= least(150)
    assert error < 0.3


@pytest.mark.parametrize("p", [0.5, 0.98, 1.0])
def test_stored_runs_that_say_nothing_cost_little_and_never_coverage(p: float) -> None:
    answers, *_ = drawn(5, 600, 8)
    new = (np.random.default_rng(9).random(600) < p).astype(float)
    kept = stored(answers)
    design = subset_design(kept)
    covered = sum(inside(kept, design, new, 60, seed) for seed in range(150)) / 150
    assert covered >= least(150)
    found = subset_estimate(kept, design, design.order[:60], new[design.order[:60]])
    assert "runs" not in found.how
    assert found.high > found.low


def inside(kept: StoredScores, design: SubsetDesign, new: np.ndarray, n: int, seed: int) -> bool:
    places = redrawn(design, seed).order[:n]
    found = subset_estimate(kept, design, places, new[places])
    return found.low <= new.mean() <= found.high


def test_scores_without_ends_and_scores_of_another_scale() -> None:
    rng = np.random.default_rng(10)
    hard = rng.normal(size=500)
    grades = np.clip(np.rint(6 - hard + rng.normal(size=(4, 500))), 1, 10)
    covered, error, _ = trials(grades[:3], grades[3], 80, 120, (1.0, 10.0))
    assert covered >= least(120)
    assert error < 0.9
    endless = -np.exp(0.3 * (hard + 0.5 * rng.normal(size=(4, 500))))
    covered, error, _ = trials(endless[:3], endless[3], 80, 120, (None, None))
    assert covered >= 0.89
    assert error < 0.9


def test_bounds_hold_what_was_asked_and_all_samples_leave_no_doubt() -> None:
    answers, *_ = drawn(4, 100, 11)
    kept = stored(answers[:3])
    design = subset_design(kept)
    for n in (20, 60, 95, 99):
        places = design.order[:n]
        found = subset_estimate(kept, design, places, answers[3][places])
        right = answers[3][places].sum()
        assert right / 100 - 1e-12 <= found.low <= found.value <= found.high <= (right + 100 - n) / 100 + 1e-12
    whole = subset_estimate(kept, design, design.order, answers[3][design.order])
    assert (whole.low, whole.value, whole.high) == (answers[3].mean(),) * 3


def test_samples_that_were_lost_leave_their_stratum_or_join_the_next() -> None:
    answers, *_ = drawn(4, 200, 12)
    kept = stored(answers[:3])
    design = subset_design(kept)
    places = np.array([place for place in design.order[:60] if design.strata[place] != 2])
    found = subset_estimate(kept, design, places, answers[3][places])
    assert found.n == len(places)
    assert found.low < answers[3].mean() < found.high
    few = subset_estimate(kept, design, places[:3], answers[3][places[:3]])
    assert math.isnan(few.low)


def test_a_score_that_a_stored_run_lacks_is_what_its_curve_says() -> None:
    answers, *_ = drawn(5, 400, 13)
    holes = answers.copy()
    holes[:4][np.random.default_rng(1).random((4, 400)) < 0.2] = math.nan
    covered, error, _ = trials(holes[:4], answers[4], 80, 100)
    assert covered >= least(100)
    assert error < 1.1


@pytest.mark.skipif(not (SHARED / "gsm8k").is_dir(), reason="needs ../shared/data/reference/gsm8k")
@pytest.mark.parametrize("left_out", range(4))
def test_gsm8k_from_one_hundred_problems_without_one_model(left_out: int) -> None:
    """Four models' stored answers to 1,319 problems; a quarter of the variance goes, with honest intervals."""
    lines = (SHARED / "gsm8k" / "example_model_solutions.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    names = [name for name in rows[0] if name not in ("question", "ground_truth")]
    answers = np.array([[float(row[name]["is_correct"]) for row in rows] for name in names])
    covered, error, bias = trials(np.delete(answers, left_out, 0), answers[left_out], 100, 150)
    assert covered >= least(150)
    assert error < 1.0
    assert abs(bias) < 3 / math.sqrt(150)
