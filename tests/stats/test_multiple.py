"""Corrections for several tests against statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from evalkit.stats.multiple import benjamini_hochberg, holm

P_VALUES = [
    [0.01, 0.04, 0.03, 0.005],
    [0.5],
    [1.0, 1.0, 0.2],
    [0.02, 0.02, 0.02],
    np.random.default_rng(3).random(40).tolist(),
]


@pytest.mark.parametrize("p_values", P_VALUES)
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1], abs=1e-9)


@pytest.mark.parametrize("p_values", P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(scipy.stats.false_discovery_control(p_values), abs=1e-9)


def test_nothing_to_correct() -> None:
    assert (holm([]), benjamini_hochberg([])) == ([], [])
