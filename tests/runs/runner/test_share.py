"""A proportion of the samples: random, nested from share to share, whole clusters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from evalkit.core import Sample, Task, UsageError
from evalkit.data import rows
from evalkit.plugins import load
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel


def asked(proportion: float, *, cluster: int = 0, seed: int = 1, samples: int = 1) -> list[str]:
    """The ids that a proportion of 600 samples asks for; `cluster` samples each proportion one."""
    task = load("task", "toy_mmlu")
    assert isinstance(task, Task)
    values = [{"number": number} for number in range(600)]

    def sample(row: object) -> Sample:
        number = int(row.values["number"])  # type: ignore[attr-defined]
        group = f"page {number // cluster}" if cluster else ""
        return Sample(str(number), "q", ("a",), ("a", "b"), (0,), group, data={"subject": "s"})

    subset = replace(task.data[0], rows=rows(values, name="numbers"), examples=None)
    made = replace(task, data=(subset,), sample=sample)
    prepared = prepare(made, "mmlu", "", GoldModel(), Settings(proportion=proportion, seed=seed))
    prepared = replace(prepared, samples=samples)
    return [work.attempt.sample.id for work in prepared.work()]


def test_shares_are_nested_and_about_their_size() -> None:
    parts = [asked(proportion) for proportion in (0.2, 0.5, 0.8, 1.0)]
    assert [set(a) <= set(b) for a, b in pairwise(parts)] == [True] * 3
    # 600 draws: standard deviations of 9.8, 12.2 and 9.8.
    assert [abs(len(part) - size) < 40 for part, size in zip(parts, (120, 300, 480, 600), strict=True)] == [True] * 4
    assert len(parts[3]) == 600


def test_a_share_is_random_and_not_the_first_rows() -> None:
    numbers = [int(sample) for sample in asked(0.5)]
    assert 250 < sum(numbers) / len(numbers) < 350
    assert set(asked(0.5)) == set(asked(0.5))
    assert set(asked(0.5)) != set(asked(0.5, seed=2))


def test_a_cluster_and_its_repeats_are_asked_whole() -> None:
    chosen = asked(0.3, cluster=10, samples=2)
    pages: dict[int, int] = {}
    for sample in chosen:
        pages[int(sample) // 10] = pages.get(int(sample) // 10, 0) + 1
    assert set(pages.values()) == {20}
    assert 5 < len(pages) < 32


def test_what_is_no_share() -> None:
    for proportion in (0.0, 1.5, -1.0):
        with pytest.raises(UsageError, match="proportion of samples"):
            Settings(proportion=proportion)
