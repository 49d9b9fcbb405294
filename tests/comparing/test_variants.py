"""Several variants against one model: Holm over all of them, all tasks in one number, and what each costs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests

from evalkit.comparing import pair_task
from evalkit.comparing.gates.assess import difference
from evalkit.comparing.variant_file import Listed, VariantList, read_list
from evalkit.comparing.variants import VariantCost, compare_variants
from evalkit.core import UsageError
from tests.comparing.sides import side

FULL = [1.0] * 40 + [0.0] * 20


def told(*tasks: Any) -> Any:
    return SimpleNamespace(sides={one.name: one for one in tasks}, run=None)


def flipped(lost: int, gained: int, name: str) -> Any:
    return side([0.0] * lost + [1.0] * (40 - lost) + [1.0] * gained + [0.0] * (20 - gained), name=name)


def test_each_task_is_what_compare_says_and_p_is_holms_over_variants_and_tasks() -> None:
    full = told(side(FULL, name="a"), side(FULL, name="b"))
    moved = {"x": [(12, 1), (3, 0)], "y": [(6, 2), (0, 0)]}
    others = {v: told(*(flipped(*m, n) for m, n in zip(each, "ab", strict=True))) for v, each in moved.items()}
    found = compare_variants(full, [*others.items(), ("z", "it needs a GPU")])
    assert [variant.name for variant in found] == ["x", "y", "z"]
    assert found[2].problem == "it needs a GPU"
    assert found[2].shifts == []
    shifts = [shift for variant in found for shift in variant.shifts]
    for variant in found[:2]:
        for shift in variant.shifts:
            pair = pair_task(full.sides[shift.task], others[variant.name].sides[shift.task])
            assert shift.verdict == difference(pair, "acc", 0.95)
    expected = multipletests([shift.verdict.p_value for shift in shifts], method="holm")[1]
    assert [shift.adjusted for shift in shifts] == pytest.approx(list(expected))
    assert [round(60 * shift.flips.lost.value) for shift in shifts if shift.flips] == [12, 3, 6, 0]


def test_all_tasks_together_are_the_mean_with_movers_interval_and_the_p_that_belongs_to_it() -> None:
    full = told(side(FULL, name="a"), side(FULL, name="b"))
    (found,) = compare_variants(full, [("x", told(flipped(9, 1, "a"), flipped(5, 0, "b")))])
    whole, (a, b) = found.overall.difference, [shift.verdict for shift in found.shifts]
    assert whole is not None
    assert whole.value == pytest.approx((a.difference + b.difference) / 2)
    below = math.hypot(a.difference - a.low, b.difference - b.low) / 2
    assert whole.low == pytest.approx(whole.value - below)
    p = found.overall.p_value

    def upper(alpha: float) -> float:
        parts = [difference(shift.pair, "acc", 1.0 - alpha) for shift in found.shifts]
        return sum(v.difference for v in parts) / 2 + math.hypot(*(v.high - v.difference for v in parts)) / 2

    assert upper(1.02 * p) < 0.0 < upper(p / 1.02)


def test_one_task_alone_has_its_own_p_and_tasks_that_only_one_has_are_named() -> None:
    full = told(side(FULL, name="a"), side(FULL, name="b"))
    (found,) = compare_variants(full, [("x", told(flipped(9, 1, "a"), side(FULL, name="c")))])
    assert found.overall.p_value == found.shifts[0].verdict.p_value
    assert found.overall.tasks == 1
    assert found.left_out == ["b: not asked of x", "c: asked of x alone"]


def test_what_differs_besides_the_model_is_said() -> None:
    full, other = told(side(FULL)), side(FULL)
    other.prompted[3] = "f" * 16
    (found,) = compare_variants(full, [("x", told(other))])
    assert any("prompt" in note for note in found.shifts[0].notes)


def test_a_cost_is_the_median_of_its_rounds_with_their_range() -> None:
    measured = {"weights": 10, "resident": 100, "device": None, "load_seconds": 1.5, "written": [3.0, 1.0, 2.0]}
    cost = VariantCost.of(measured)
    assert cost.written == (2.0, 1.0, 3.0)
    assert (cost.weights, cost.memory, cost.load_seconds) == (10.0, 100.0, 1.5)
    assert all(map(math.isnan, (*cost.read, cost.device)))
    assert VariantCost.of({**measured, "device": 40}).memory == 40.0
    assert math.isnan(VariantCost.of({}).weights)


def test_the_list_is_read_as_it_was_written_and_damage_is_said(tmp_path: Any) -> None:
    asked = VariantList(Listed("m", "m", "m"), [Listed("quant=x", "m,quant=x", "m-x", "failed", "no")], ["t"], {"a": 1})
    asked.write(tmp_path)
    assert read_list(tmp_path) == asked
    assert read_list(tmp_path / "elsewhere") is None
    (tmp_path / "variants.json").write_text('{"format": 1, "full": 3}')
    with pytest.raises(UsageError, match="damaged"):
        read_list(tmp_path)
