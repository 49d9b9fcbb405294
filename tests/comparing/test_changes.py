"""Change points: what is noise is not flagged more often than α says, and a step is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.comparing.changes import _scan, change_points, standard_error_of
from evalkit.stats import mean_interval


def test_without_a_change_at_most_alpha_of_series_are_flagged() -> None:
    rng = np.random.default_rng(5)
    flagged = sum(
        bool(change_points(list(0.7 + 0.02 * rng.standard_normal(12)), [0.02] * 12, alpha=0.05)) for _ in range(400)
    )
    # 400 draws at 5 %: 20 expected, standard deviation 4.4.
    assert flagged <= 34


def test_a_step_is_found_at_its_place_with_both_levels() -> None:
    rng = np.random.default_rng(6)
    series = np.concatenate([np.full(6, 0.8), np.full(5, 0.7)]) + 0.005 * rng.standard_normal(11)
    (point,) = change_points(list(series), [0.01] * 11)
    assert point.place == 6
    assert point.before == pytest.approx(0.8, abs=0.01)
    assert point.after == pytest.approx(0.7, abs=0.01)
    assert point.p_value < 0.001


def test_every_cut_is_weighed_by_what_stands_on_both_sides() -> None:
    """|z| against its definition: weighted means over the root of the sum of their variances."""
    rng = np.random.default_rng(8)
    x, se = rng.standard_normal(9), rng.uniform(0.5, 2.0, 9)
    w = 1.0 / se**2
    wanted = []
    for cut in range(1, 9):
        before, after = np.average(x[:cut], weights=w[:cut]), np.average(x[cut:], weights=w[cut:])
        wanted.append(abs(before - after) / np.sqrt(1.0 / w[:cut].sum() + 1.0 / w[cut:].sum()))
    assert _scan(x[None, :], se)[0] == pytest.approx(np.asarray(wanted), rel=1e-12)


def test_two_steps_are_two_points() -> None:
    series = [0.5] * 4 + [0.9] * 4 + [0.6] * 4
    assert [point.place for point in change_points(series, [0.02] * 12)] == [4, 8]


def test_one_score_with_a_large_error_is_no_change() -> None:
    assert change_points([0.8, 0.8, 0.4, 0.8], [0.01, 0.01, 0.5, 0.01]) == []
    assert change_points([0.8], [0.01]) == []


def test_a_standard_error_must_be_one() -> None:
    with pytest.raises(ValueError, match="standard errors positive"):
        change_points([0.5, 0.6], [0.1, 0.0])


def test_the_standard_error_is_read_back_from_an_interval() -> None:
    values = np.random.default_rng(1).standard_normal(2000)
    found = mean_interval(values)
    error = standard_error_of(found.low, found.high, found.confidence, found.n)
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(2000), rel=1e-3)
