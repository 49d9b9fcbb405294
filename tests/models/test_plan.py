"""Which rows are computed together, and what happens to a batch that does not fit or fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import ModelError
from evalkit.models.hf.scoring.plan import TokenRow, by_length, merge
from evalkit.models.oom_backoff import TokenBudget, run_with_oom_backoff


def test_equal_sequences_become_one_row_with_all_their_targets() -> None:
    rows = [
        TokenRow((1, 2), (1,), (7,)),
        TokenRow((1, 2, 3), (1, 2), (3, 9)),
        TokenRow((1, 2), (1,), (8,)),
        TokenRow((1, 2), (1,), (7,), source=(5,)),
    ]
    merged, places = merge(rows)
    assert merged == [TokenRow((1, 2), (1, 1), (7, 8)), rows[1], rows[3]]
    assert places == [(0, 0), (1, 0), (0, 1), (2, 0)]


@given(st.lists(st.integers(1, 50)), st.integers(1, 200), st.booleans(), st.integers(0, 30))
def test_batches_hold_every_row_once_within_the_budget(
    lengths: list[int], budget: int, alone: bool, border: int
) -> None:
    batches = by_length(lengths, budget, alone=alone, border=border)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest, shortest = max(lengths[i] for i in batch), min(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert not (alone and len(batch) > 1)
        assert not shortest <= border < longest


def test_the_longest_rows_come_first() -> None:
    assert by_length([3, 9, 1, 9], 18) == [(1, 3), (0, 2)]


@pytest.fixture(scope="session")
def has_torch() -> None:
    """What tells that memory ran out is torch's own error."""
    pytest.importorskip("torch")


class Device:
    """Runs batches of at most `capacity` tokens; more is out of memory. Items in `broken` raise."""

    def __init__(self, lengths: list[int], capacity: int, broken: tuple[int, ...] = ()) -> None:
        self.lengths, self.capacity, self.broken = lengths, capacity, broken
        self.done: list[int] = []
        self.tried: list[tuple[int, ...]] = []
        self.failed: dict[int, Exception] = {}
        self.released = 0
        self.dropped: set[int] = set()

    def run(self, batch: tuple[int, ...]) -> None:
        import torch

        self.tried.append(batch)
        if any(index in self.broken for index in batch):
            raise ValueError("bad item")
        if len(batch) * max(self.lengths[index] for index in batch) > self.capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.done.extend(batch)

    def release(self) -> None:
        self.released += 1

    def work(self, budget: int) -> TokenBudget:
        shared = TokenBudget(budget)
        run_with_oom_backoff(
            self.lengths,
            shared,
            plan=by_length,
            run=self.run,
            is_open=lambda index: index not in self.done and index not in self.dropped,
            fail=self.failed.__setitem__,
            release=self.release,
        )
        return shared


@pytest.mark.usefixtures("has_torch")
def test_out_of_memory_halves_the_budget_and_goes_on() -> None:
    device = Device([10] * 40, capacity=60)
    budget = device.work(400)
    assert sorted(device.done) == list(range(40))
    assert budget.tokens == 50
    assert [len(batch) for batch in device.tried] == [40, 20, 10, *[5] * 8]
    assert device.released == 3
    assert not device.failed


@pytest.mark.usefixtures("has_torch")
def test_a_row_too_long_by_itself_fails_and_the_others_are_done() -> None:
    device = Device([10, 500, 10, 20], capacity=60)
    device.work(1000)
    assert sorted(device.done) == [0, 2, 3]
    assert list(device.failed) == [1]
    assert isinstance(device.failed[1], ModelError)
    assert "out of memory on a single input of 500 tokens" in str(device.failed[1])


@pytest.mark.usefixtures("has_torch")
def test_a_row_that_breaks_its_batch_fails_alone() -> None:
    device = Device([10] * 5, capacity=100, broken=(2,))
    budget = device.work(100)
    assert sorted(device.done) == [0, 1, 3, 4]
    assert str(device.failed.pop(2)) == "bad item"
    assert not device.failed
    assert budget.tokens == 100


@pytest.mark.usefixtures("has_torch")
def test_rows_that_nobody_waits_for_are_left_out() -> None:
    device = Device([10] * 5, capacity=100)
    device.dropped = {0, 3}
    device.work(30)
    assert sorted(device.done) == [1, 2, 4]


@pytest.mark.usefixtures("has_torch")
@given(
    st.lists(st.integers(1, 60), max_size=25),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sets(st.integers(0, 24), max_size=4),
)
def test_every_row_is_done_or_failed_exactly_once(
    lengths: list[int], budget: int, capacity: int, broken: set[int]
) -> None:
    device = Device(lengths, capacity, tuple(broken))
    device.work(budget)
    expected = {i for i, length in enumerate(lengths) if length <= capacity and i not in broken}
    assert sorted(device.done) == sorted(expected)
    assert set(device.failed) == set(range(len(lengths))) - expected
