"""One step's attention over slots is what softmax over each text's own tokens gives, however slots are put together."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward import slot_attention  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.tree_attention import Kept  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.kv_slots import Slots  # noqa: E402 (needs torch)

KEY_HEADS, HEADS, SIZE = 2, 6, 8
LENGTHS = (3, 17, 9, 16, 1, 40)
"""Tokens that the texts' slots hold; every other text also reads a part of five tokens that comes before."""
SCALE = 0.3


def kept(start: int, stop: int) -> Kept:
    keys, values = (torch.randn(1, KEY_HEADS, stop - start, SIZE) for _ in range(2))
    return Kept(start, stop, [(keys, values)])


def expected(parts: list[Kept], query: Any, new: tuple[Any, Any], window: int | None, cap: float | None) -> Any:
    """By the definition, in float64: (heads, size) of one text's newest token."""
    end = max(part.stop for part in parts)
    positions = torch.cat([torch.arange(part.start, part.stop) for part in parts] + [torch.tensor([end])])
    keys, values = (
        torch.cat([*(part.layers[0][which][0] for part in parts), new[which]], 1).double() for which in (0, 1)
    )
    grouped = query.double().view(KEY_HEADS, HEADS // KEY_HEADS, SIZE)
    scores = SCALE * torch.einsum("hgd,hnd->hgn", grouped, keys)
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    if window is not None:
        scores[..., positions <= end - window] = -math.inf
    return torch.einsum("hgn,hnd->hgd", torch.softmax(scores, -1), values).reshape(HEADS, SIZE)


@pytest.mark.parametrize("call", [0, 2000, 1 << 40], ids=["one by one", "some together", "all together"])
@pytest.mark.parametrize("cap", [None, 2.0], ids=["", "capped"])
@pytest.mark.parametrize("window", [None, 4, 12])
@pytest.mark.parametrize("shares", [False, True], ids=["", "shared"])
def test_every_text_attends_to_its_own_tokens(
    shares: bool, window: int | None, cap: float | None, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_attention, "_CALL", call)
    torch.manual_seed(0)
    first = kept(0, 5)
    slots = Slots(len(LENGTHS) + 1, 50, first)
    texts: list[list[Kept]] = []
    for number, length in enumerate(LENGTHS):
        before = [first] if shares and number % 2 else []
        start = before[-1].stop if before else 0
        # Pieces do not lie in a slot in their order in the text where they were kept in another.
        own = [kept(start + 1, start + length), kept(start, start + 1)] if length > 1 else [kept(start, start + 1)]
        slots.add(own, before)
        texts.append([*own, *before])
    query = torch.randn(len(texts), HEADS, 1, SIZE)
    new = [torch.randn(len(texts), KEY_HEADS, 1, SIZE) for _ in range(2)]
    step = slot_attention._Step(slots)
    got = step.attend(query, new[0], new[1], SCALE, cap, window, None)
    if call == 0:
        assert [run.slots for run in step._runs_of(window, slots.layers[0][0])] == [1] * len(texts)
    for number, parts in enumerate(texts):
        right = expected(parts, query[number, :, 0], (new[0][number], new[1][number]), window, cap)
        assert torch.allclose(got[number, 0].double(), right, atol=1e-6), number


def test_slots_of_one_length_are_read_together_and_much_longer_ones_apart() -> None:
    first = Kept(0, 1, [(torch.zeros(1, KEY_HEADS, 1, 64), torch.zeros(1, KEY_HEADS, 1, 64))])
    slots = Slots(6, 1000, first)
    for length in (50, 60, 900, 880, 100, 20):
        slots.add([Kept(0, length, [tuple(torch.zeros(1, KEY_HEADS, length, 64) for _ in range(2))])], [])
    runs = slot_attention._Step(slots)._runs_of(None, slots.layers[0][0])
    assert [(run.slots, run.cells, run.mask is None) for run in runs] == [
        (2, 61, False),
        (2, 901, False),
        (2, 101, False),
    ]
