"""How often decisions err and intervals cover, by enumeration and seeded simulation (benchmarks/ has all of it)."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from evalkit.stats.difference import beyond
from evalkit.stats.moments import Moments
from evalkit.stats.simulated_answers import Answers, draw_moments


def enumerated(n: int, gain: float, loss: float) -> tuple[Moments, np.ndarray]:
    """Every data set of n independent pairs, as moments, and its probability."""
    gains, losses = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    possible = gains + losses <= n
    gains, losses = gains[possible], losses[possible]
    counts = np.column_stack([gains, losses, n - gains - losses])
    chances = scipy.stats.multinomial.pmf(counts, n, [gain, loss, 1 - gain - loss])
    same = np.ones_like(gains)
    zero = 0.0 * same
    return Moments(same * n, gains, losses, same, same, zero, same, same * n, same * n, 1.0, 1.0, plain=True), chances


@pytest.mark.parametrize("n", [20, 60, 150])
@pytest.mark.parametrize("gain", [0.0, 0.01, 0.1])
def test_strict_bounds_err_no_more_than_they_say(n: int, gain: float) -> None:
    for drop in [0.0, *np.geomspace(0.8 / n, min(0.5, 40 / n), 25)]:
        found, chances = enumerated(n, gain, gain + drop)
        for tail in (0.05, 0.005):
            side = beyond(found, -drop, tail, strict=True)
            assert chances @ (side > 0) <= tail + 1e-6
            assert chances @ (side < 0) <= tail + 1e-6


@pytest.mark.parametrize("n", [60, 150])
def test_intervals_cover_evenly_from_ten_flips_on(n: int) -> None:
    for gain, drop in ((0.1, 0.0), (0.0, 0.2), (0.05, 0.1), (0.15, 0.02)):
        found, chances = enumerated(n, gain, gain + drop)
        covered = chances @ (beyond(found, -drop, 0.025) == 0)
        assert 0.935 <= covered <= 0.97


@pytest.mark.parametrize(
    "answers",
    [
        Answers(0.98, 0.05, 0.95, 20, 0.3),
        Answers(0.1, 0.05, 0.8, 20, 0.05),
        Answers(0.5, 0.05, 0.95, 5, 0.3),
        Answers(0.9, 0.05, 0.5, 2, 0.6),
    ],
)
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_rare_flips_in_clusters_let_no_drop_through(n: int, answers: Answers) -> None:
    found = draw_moments(answers, n, 10_000, np.random.default_rng(1))
    assert (beyond(found, -answers.drop, 0.05, strict=True) > 0).mean() <= 0.055
    assert (beyond(found, -answers.drop, 0.025) == 0).mean() >= 0.93


def test_the_t_interval_would_not_have_kept_it() -> None:
    answers = Answers(0.98, 0.05, 0.95, 20, 0.3)
    found = draw_moments(answers, 200, 10_000, np.random.default_rng(1))
    error = np.sqrt(found.spread) / found.n
    low = found.difference + scipy.stats.t.ppf(0.05, 9) * error
    assert (low > -0.05).mean() > 0.2


@pytest.mark.parametrize("count", [12, 60])
def test_scores_on_another_scale_are_covered(count: int) -> None:
    from evalkit.stats.paired import paired_interval

    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(count), 6)
    inside = 0
    for _ in range(2000):
        before = rng.normal(size=6 * count)
        after = before + rng.normal(size=count)[clusters] + rng.normal(size=6 * count)
        found = paired_interval(before, after, clusters)
        inside += found.low <= 0.0 <= found.high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
