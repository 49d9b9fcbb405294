"""The attention of one step of writing: every text's newest token attends to its slot and to what it shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from evalkit.models.hf.forward.attend import attend
from evalkit.models.hf.forward.attention_patch import Swapped, UnsupportedError
from evalkit.models.hf.forward.tree_attention import Kept
from evalkit.models.hf.generation.kv_slots import Slots

__all__ = ["step_logits"]


class _Step:
    """A step under way: which cells it writes, and what every layer reads."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.count = slots.used
        self.layer = 0
        device = slots.positions.device
        self._rows = torch.arange(self.count, device=device)
        self._cells = torch.tensor(slots.lengths[: self.count], device=device)
        self.ends = torch.tensor(slots.ends[: self.count], device=device)
        self._width = max(slots.lengths[: self.count]) + 1
        # Known here, so that no layer waits for the device to say.
        self._nearest, self._farthest = min(slots.ends[: self.count]), max(slots.ends[: self.count])
        slots.positions[self._rows, self._cells] = self.ends
        self._masks: dict[tuple[int | None, torch.device, torch.dtype], torch.Tensor] = {}
        everybody = list(range(self.count))
        # Slots that all read the same need no index to pick them.
        self._groups = [
            (part, None if readers == everybody else torch.tensor(readers, device=device))
            for part, readers in slots.groups
        ]

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scale: float,
        softcap: float | None,
        window: int | None,
        sink: torch.Tensor | None,
    ) -> torch.Tensor:
        """One layer: query (texts, heads, 1, size) to output (texts, 1, heads, size)."""
        keys, values = self._slots.layers[self.layer]
        rows, cells = self._rows.to(keys.device), self._cells.to(keys.device)
        keys[rows, :, cells] = key[:, :, 0]
        values[rows, :, cells] = value[:, :, 0]
        own = (keys[: self.count, :, : self._width], values[: self.count, :, : self._width])
        scores = _scores(query, own[0], self._seen(window, query), scale, softcap)
        self.layer += 1
        if not self._groups and sink is None:
            return _weighted(torch.softmax(scores, -1), own[1]).to(query.dtype)[:, None]
        sums = torch.logsumexp(scores, -1, keepdim=True)
        out, lse = _weighted(torch.exp(scores - sums), own[1]), sums.reshape(self.count, -1)
        for part, readers in self._groups:
            self._add(out, lse, query, part, readers, scale, softcap, window)
        if sink is not None:
            out *= torch.sigmoid(lse - sink.float())[..., None]
        return out.to(query.dtype)[:, None]

    def _seen(self, window: int | None, query: torch.Tensor) -> torch.Tensor:
        """(texts, 1, 1, width): 0 where a token sees its slot's cell, else -inf."""
        name = (window, query.device, query.dtype)
        if name not in self._masks:
            positions = self._slots.positions[: self.count, : self._width]
            seen = torch.arange(self._width, device=positions.device)[None, :] <= self._cells[:, None]
            if window is not None:
                seen &= positions > self.ends[:, None] - window
            mask = torch.zeros(seen.shape, dtype=query.dtype, device=positions.device)
            self._masks[name] = mask.masked_fill_(~seen, float("-inf")).to(query.device)[:, None, None]
        return self._masks[name]

    def _add(
        self,
        out: torch.Tensor,
        lse: torch.Tensor,
        query: torch.Tensor,
        part: Kept,
        readers: torch.Tensor | None,
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> None:
        """Put attention over a shared part to that over the slots: output (texts, heads, size), lse (texts, heads)."""
        keys, values = part.layers[self.layer - 1]
        index = slice(None) if readers is None else readers.to(query.device)
        ends = self.ends if readers is None else self.ends[readers]
        seen = None
        if window is not None and self._farthest - window >= part.start:
            if self._nearest - window >= part.stop - 1:
                return
            places = torch.arange(part.start, part.stop, device=ends.device)
            seen = (places[None, :] > ends[:, None] - window).to(query.device)
        together = query[index, :, 0].transpose(0, 1)[None]
        other, sums = attend(together, keys, values, seen=seen, scale=scale, softcap=softcap)
        before, height = lse[index], sums[0].T
        weight = torch.sigmoid(height - before)[..., None]
        out[index] = torch.lerp(out[index], other[0].transpose(0, 1).to(out.dtype), weight)
        lse[index] = torch.logaddexp(before, height)


def _scores(
    query: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    """Float32 scores of single tokens over their own slots, (texts, key heads, heads a key head, cells).

    The heads that share a key head are rows of one product, so keys are not repeated.
    """
    texts, heads, _, size = query.shape
    grouped = query.reshape(texts, keys.shape[1], heads // keys.shape[1], size)
    scores = torch.matmul(grouped, keys.transpose(-1, -2)).float() * scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    return scores.add_(mask)


def _weighted(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The values of the slots by these weights: float32, (texts, heads, size)."""
    return torch.matmul(weights.to(values.dtype), values).float().flatten(1, 2)


def step_logits(model: Any, slots: Slots, tokens: Sequence[int]) -> torch.Tensor:
    """Add one token to every text in `slots`, in their order; float32 logits of the next, (texts, vocabulary).

    Raises UnsupportedError where the model did not use the attention it was given, or used it for something else.
    """
    with _OVER_SLOTS.within(model, _Step(slots)) as running:
        ids = torch.tensor(tokens, device=model.device)[:, None]
        output = model(input_ids=ids, position_ids=running.ends[:, None].to(model.device), use_cache=False)
    if running.layer != len(slots.layers):
        raise UnsupportedError("its attention can't be replaced")
    slots.advance()
    logits: torch.Tensor = output.logits[:, -1].float()
    return logits


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls: query (texts, heads, 1, size) to output (texts, 1, heads, size)."""
    running = _OVER_SLOTS.state
    if attention_mask is not None or position_bias is not None or not getattr(module, "is_causal", True):
        raise UnsupportedError("its attention has its own mask or bias")
    if query.shape[0] != running.count or query.shape[2] != 1 or key.shape[2] != 1:
        raise UnsupportedError("its attention is over other tokens than its input")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return running.attend(query, key, value, scale, softcap, sliding_window, s_aux), None


_OVER_SLOTS: Swapped[_Step] = Swapped("evalkit_slots", _attention)
