"""The matrix of benchmarks/coverage_matrix.py, a small and seeded part of it: a metric without a row fails here."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evalkit.scoring import metrics

DRAWS = 80


def _matrix() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "coverage_matrix.py"
    if not path.exists():
        pytest.skip("benchmarks/ is not there", allow_module_level=True)
    spec = importlib.util.spec_from_file_location("coverage_matrix", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_matrix"] = module
    spec.loader.exec_module(module)
    return module


MATRIX = _matrix()
NAMED = {name for name in vars(metrics) if not name.startswith("_") and callable(getattr(metrics, name))}


def test_every_metric_has_a_row() -> None:
    assert sorted(NAMED - {kind.metric for kind in MATRIX.KINDS}) == []


def test_a_metric_that_is_added_without_a_row_is_found() -> None:
    kept = {kind.metric for kind in MATRIX.KINDS if kind.metric != "bleu"}
    assert NAMED - kept == {"bleu"}


@pytest.mark.slow("estimates up to 80 data sets a cell")
@pytest.mark.parametrize("metric", sorted({kind.metric for kind in MATRIX.KINDS}))
def test_intervals_hold_the_truth(metric: str) -> None:
    """At 93.5 % 80 draws hold it 75 times with a standard deviation of 2.2; three of these below are 68."""
    kinds = [kind for kind in MATRIX.KINDS if kind.metric == metric][::3]
    cells = [cell for kind in kinds for cell in MATRIX.covered([kind], DRAWS, 4, kind.sizes[:2])]
    least = 0.935 - 3 * math.sqrt(0.935 * 0.065 / DRAWS)
    assert [(c.kind.name, c.n, c.covered) for c in cells if c.known and c.covered < least] == []
    # No interval of no width, and none that is far wider than one that knows how much the estimate varies.
    assert all(c.width > 0.5 for c in cells if not math.isnan(c.width))
    # Where the matrix names no reason, 80 draws measure the oracle's width to within a fifth.
    wide = [c for c in cells if c.width > 1.2 * MATRIX.WIDEST and not MATRIX.is_forced(c)]
    assert [(c.kind.name, c.n, c.width) for c in wide] == []


def test_every_width_that_is_excused_is_of_a_row() -> None:
    rows = {(kind.metric, kind.name) for kind in MATRIX.KINDS}
    assert {(metric, name) for metric, names in MATRIX.WIDER.items() for name in names} <= rows


def test_alike_values_have_a_width_or_no_interval() -> None:
    """Every metric on samples that are all alike: never a zero width."""
    import numpy as np

    for kind in MATRIX.KINDS:
        rows, _ = MATRIX.one(kind, 20, np.random.default_rng(1))
        same = np.repeat(rows[:1], 20, axis=0)
        if kind.metric.endswith("_at_k"):
            same[:, 2] = np.arange(20)
        found = kind.make().estimate(same, np.arange(20))
        assert math.isnan(found.low) or found.high > found.low, (kind.metric, kind.name, found)
