"""Ranks, strengths and fronts, against other people's arithmetic."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from evalkit.reporting.ranking import bradley_terry, pareto, rank


def matrices(values: list[float], error: float) -> tuple[np.ndarray, np.ndarray]:
    x = np.asarray(values)
    return x[:, None] - x[None, :], np.full((len(x), len(x)), error)


def test_ranks_stay_open_where_the_data_leave_them_open() -> None:
    values = [0.50, 0.90, 0.52, 0.70]
    found = rank(values, *matrices(values, 0.02))
    assert [(r.model, r.low, r.high, r.group) for r in found] == [
        (1, 1, 1, 0),
        (3, 2, 2, 1),
        (2, 3, 4, 2),
        (0, 3, 4, 2),
    ]


def test_rank_intervals_overlap_where_telling_apart_is_not_transitive() -> None:
    values = [0.60, 0.56, 0.52]
    found = rank(values, *matrices(values, 0.028))  # first and last are told apart, neighbours are not
    assert [(r.model, r.low, r.high, r.group) for r in found] == [(0, 1, 2, 0), (1, 1, 3, 0), (2, 2, 3, 1)]


def test_holm_over_all_pairs_is_that_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is the oracle")
    from scipy.stats import norm

    rng = np.random.default_rng(4)
    for _ in range(30):
        values = rng.normal(size=6).round(2).tolist()
        difference, error = matrices(values, 0.35)
        pairs = list(itertools.combinations(range(6), 2))
        p = [2 * norm.sf(abs(difference[i, j]) / error[i, j]) for i, j in pairs]
        told = multitest.multipletests(p, 0.05, "holm")[0]
        for found in rank(values, difference, error):
            own = [
                difference[i, j] * (1 if i == found.model else -1)
                for (i, j), t in zip(pairs, told, strict=True)
                if t and found.model in (i, j)
            ]
            assert found.low == 1 + sum(d < 0 for d in own)
            assert found.high == 6 - sum(d > 0 for d in own)


def test_models_without_a_value_have_no_rank_and_unknown_errors_tell_nothing_apart() -> None:
    values = [0.9, math.nan, 0.1]
    found = rank(values, *matrices(values, math.nan))
    assert [(r.model, r.low, r.high, r.group) for r in found] == [(0, 1, 2, 0), (2, 1, 2, 0)]


def test_strengths_are_those_of_a_logistic_regression() -> None:
    api = pytest.importorskip("statsmodels.api", reason="statsmodels' binomial GLM is the oracle")
    rng = np.random.default_rng(2)
    wins = rng.integers(0, 40, (5, 5)).astype(float)
    np.fill_diagonal(wins, 0)
    rows, ends = [], []
    for i, j in itertools.combinations(range(5), 2):
        row = np.zeros(5)
        row[i], row[j] = 1, -1
        rows.append(row[1:])
        ends.append((wins[i, j] + 0.5, wins[j, i] + 0.5))
    fitted = api.GLM(np.array(ends), np.array(rows), family=api.families.Binomial()).fit(tol=1e-14).params
    expected = np.concatenate([[0.0], fitted])
    assert bradley_terry(wins) == pytest.approx(list(expected - expected.mean()), abs=1e-8)


def test_a_model_that_won_everything_has_a_finite_strength_and_one_that_met_none_has_none() -> None:
    found = bradley_terry(np.array([[0.0, 9.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found[0] == pytest.approx(math.log(19) / 2)
    assert found[1] == pytest.approx(-found[0])
    assert math.isnan(found[2])


def test_the_front_holds_what_nothing_beats() -> None:
    points = [(1.0, 0.5), (2.0, 0.7), (2.0, 0.6), (3.0, 0.7), (0.5, 0.4), (math.nan, 0.9), (9.0, 0.8)]
    assert pareto(points) == [4, 0, 1, 6]
