"""Every metric and way to look of benchmarks/false_pass_matrix.py, a small and seeded part of it."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evalkit.comparing.gates import GateLimits, Pairs
from evalkit.comparing.gates.anytime import anytime_verdict
from evalkit.comparing.gates.decide import decide
from evalkit.scoring import metrics
from evalkit.stats.simulated_answers import Answers, flips

DRAWS = 40
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)


def _matrix() -> ModuleType:
    folder = Path(__file__).parents[3] / "benchmarks"
    if not folder.exists():
        pytest.skip("benchmarks/ is not there", allow_module_level=True)
    for name in ("coverage_matrix", "false_pass_matrix"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules["false_pass_matrix"]


MATRIX = _matrix()
NAMED = {name for name in vars(metrics) if not name.startswith("_") and callable(getattr(metrics, name))}


def test_every_metric_has_a_row() -> None:
    assert sorted(NAMED - {kind.metric for kind in MATRIX.KINDS}) == []


def test_a_metric_that_is_added_without_a_row_is_found() -> None:
    assert NAMED - {kind.metric for kind in MATRIX.KINDS if kind.metric != "bleu"} == {"bleu"}


def test_every_way_to_look_has_a_row() -> None:
    assert {kind.looks for kind in MATRIX.KINDS if kind.metric == "mean"} == set(MATRIX.ALIKE)


@pytest.mark.slow("decides 80 gates a cell")
@pytest.mark.parametrize("metric", sorted({kind.metric for kind in MATRIX.KINDS}))
def test_a_drop_of_the_margin_seldom_passes_and_no_change_seldom_fails(metric: str) -> None:
    kinds = [kind for kind in MATRIX.KINDS if kind.metric == metric]
    found = [MATRIX.measure(kind, kind.sizes[0], DRAWS, 4, resamples=100) for kind in kinds]
    assert [(one.kind.name, one.kind.looks, one.through) for one in found if one.through > MOST] == []
    assert [(one.kind.name, one.kind.looks, one.failed) for one in found if one.failed > MOST] == []


def test_the_matrix_decides_as_a_gate_does() -> None:
    """Its short cuts leave out bounds, p and the samples that would decide, and nothing else."""
    for seed in range(12):
        before, after, clusters = flips(Answers(0.8, 0.05 * (seed % 3), 0.8, 5, 0.2), 200, np.random.default_rng(seed))
        limits = GateLimits(0.05)
        for numbers in (None, clusters):
            pairs = Pairs(before, after, numbers, ends=(0.0, 1.0))
            assert MATRIX.looked("once", pairs, limits, seed) is decide(pairs, limits).outcome
            at_last = MATRIX._at_any_time(pairs, limits, 1.0 if numbers is None else 5.0)
            said = anytime_verdict(pairs, limits, largest=1 if numbers is None else 5).outcome
            assert at_last.value == {"DEGRADED": "PASS", "WORSE": "INCONCLUSIVE"}.get(said.value, said.value)
