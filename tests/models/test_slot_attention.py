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


def expected(parts: list[Kept], query: Any, new: tuple[Any, Any], window: int | None, cap: float | None) -> list[Any]:
    """By the definition, in float64: (heads, size) of each of one text's newest tokens."""
    end = max(part.stop for part in parts)
    found = []
    for token in range(len(query)):
        last = end + token
        newest = torch.arange(end, last + 1)
        positions = torch.cat([*(torch.arange(part.start, part.stop) for part in parts), newest])
        keys, values = (
            torch.cat([*(part.layers[0][which][0] for part in parts), new[which][:, : token + 1]], 1).double()
            for which in (0, 1)
        )
        grouped = query[token].double().view(KEY_HEADS, HEADS // KEY_HEADS, SIZE)
        scores = SCALE * torch.einsum("hgd,hnd->hgn", grouped, keys)
        if cap is not None:
            scores = cap * torch.tanh(scores / cap)
        if window is not None:
            scores[..., positions <= last - window] = -math.inf
        found.append(torch.einsum("hgn,hnd->hgd", torch.softmax(scores, -1), values).reshape(HEADS, SIZE))
    return found


@pytest.mark.parametrize("counts", [(1,) * 6, (1, 3, 3, 2, 1, 4)], ids=["a token each", "several tokens"])
@pytest.mark.parametrize("call", [0, 2000, 1 << 40], ids=["one by one", "some together", "all together"])
@pytest.mark.parametrize("cap", [None, 2.0], ids=["", "capped"])
@pytest.mark.parametrize("window", [None, 4, 12])
@pytest.mark.parametrize("shares", [False, True], ids=["", "shared"])
def test_every_text_attends_to_its_own_tokens(
    shares: bool,
    window: int | None,
    cap: float | None,
    call: int,
    counts: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
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
    query = torch.randn(sum(counts), HEADS, 1, SIZE)
    keys, values = (torch.randn(sum(counts), KEY_HEADS, 1, SIZE) for _ in range(2))
    # What a step before has written and nobody has counted.
    slots.layers[0][0][:, :, :, 45:] = 99.0
    step = slot_attention._Step(slots, counts)
    got = step.attend(query, keys, values, SCALE, cap, window, None)
    if call == 0:
        runs = step._runs_of(window, slots.layers[0][0], HEADS // KEY_HEADS)
        assert [run.slots for run in runs] == [1] * len(texts)
    row = 0
    for parts, count in zip(texts, counts, strict=True):
        rows = slice(row, row + count)
        new = [tensor[rows, :, 0].transpose(0, 1) for tensor in (keys, values)]
        right = expected(parts, query[rows, :, 0], (new[0], new[1]), window, cap)
        assert torch.allclose(got[rows, 0].double(), torch.stack(right), atol=1e-6), row
        row += count


def test_slots_of_one_length_are_read_together_and_much_longer_ones_apart() -> None:
    first = Kept(0, 1, [(torch.zeros(1, KEY_HEADS, 1, 64), torch.zeros(1, KEY_HEADS, 1, 64))])
    slots = Slots(6, 1000, first)
    for length in (50, 60, 900, 880, 100, 20):
        slots.add([Kept(0, length, [tuple(torch.zeros(1, KEY_HEADS, length, 64) for _ in range(2))])], [])
    runs = slot_attention._Step(slots, [1] * 6)._runs_of(None, slots.layers[0][0], 3)
    assert [(run.slots, run.cells, run.mask is None) for run in runs] == [
        (2, 61, False),
        (2, 901, False),
        (2, 101, False),
    ]
    runs = slot_attention._Step(slots, [1, 1, 2, 1, 3, 3])._runs_of(None, slots.layers[0][0], 3)
    assert [(run.slots, run.tokens, run.cells) for run in runs] == [(2, 1, 61), (1, 2, 902), (1, 1, 881), (2, 3, 103)]
