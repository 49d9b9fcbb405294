"""Attention that also returns the log-sum-exp of its scores, so that attention over parts can be put together.

softmax over two sets of keys is a weighted mean of the softmax over each, and the weights follow from the log-sum-exps.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

__all__ = ["Sums", "attend"]

_ops: Any = torch.ops.aten
_CELLS = 1 << 24
"""How many float32 scores the plain computation holds at once: 64 MB."""


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    causal: bool = False,
    seen: torch.Tensor | None = None,
    scale: float | None = None,
    softcap: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of `query` (batch, heads, n, size) to `key` and `value` (batch, key heads, m, size).

    Heads are a multiple of key heads. `causal` (n equal to m): query i sees keys 0…i; `seen`, bool (n, m), says what
    each query sees, which may be nothing. Returns the output, like `query`, and the float32 log-sum-exp of the scaled
    scores, (batch, heads, n); it is -inf, and the output 0, where nothing is seen.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    fast = softcap is None and query.shape[-1] == value.shape[-1]
    device = query.device.type
    if fast and device == "cpu" and query.dtype != torch.float16:
        return _on_cpu(query, key, value, causal, seen, scale)
    if fast and device == "cuda" and seen is None and query.shape[-1] % 8 == 0 and query.shape[-1] <= 256:
        return _on_cuda(query, key, value, causal, scale)
    return _plainly(query, key, value, causal, seen, scale, softcap)


def _on_cpu(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool, seen: torch.Tensor | None, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    if key.shape[1] != query.shape[1] and not _cpu_shares_heads():
        key, value = _repeated(key, query.shape[1]), _repeated(value, query.shape[1])
    mask = None
    if seen is not None:
        mask = torch.zeros(seen.shape, dtype=query.dtype).masked_fill_(~seen, float("-inf"))
    out, lse = _ops._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=mask, scale=scale
    )
    if seen is not None:
        blind = ~seen.any(-1)
        out = out.masked_fill(blind[:, None], 0.0)
        lse = lse.masked_fill(blind, float("-inf"))
    return out, lse


@functools.cache
def _cpu_shares_heads() -> bool:
    """Whether torch's CPU kernel takes fewer key heads than heads; older ones don't."""
    query, key = torch.zeros(1, 2, 1, 8), torch.zeros(1, 1, 1, 8)
    try:
        out, _ = _ops._scaled_dot_product_flash_attention_for_cpu(query, key, key)
    except RuntimeError:
        return False
    return bool(out.shape == query.shape)


def _on_cuda(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    if query.dtype in (torch.float16, torch.bfloat16):
        out, lse, *_ = _ops._scaled_dot_product_flash_attention(query, key, value, 0.0, causal, False, scale=scale)
        return out, lse[..., : query.shape[2]]
    heads = query.shape[1]
    out, lse, *_ = _ops._scaled_dot_product_efficient_attention(
        query, _repeated(key, heads), _repeated(value, heads), None, True, 0.0, causal, scale=scale
    )
    # The kernel rounds the number of queries up.
    return out, lse[..., : query.shape[2]]


def _plainly(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    causal: bool,
    seen: torch.Tensor | None,
    scale: float,
    softcap: float | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """By the definition, for a bounded number of queries at a time."""
    batch, heads, count, size = query.shape
    key_heads, keys = key.shape[1], key.shape[2]
    grouped = query.reshape(batch, key_heads, heads // key_heads, count, size)
    turned, values = key[:, :, None].transpose(-1, -2), value[:, :, None]
    place = torch.arange(max(count, keys), device=query.device)
    out = query.new_empty(batch, key_heads, heads // key_heads, count, value.shape[-1])
    lse = torch.empty(out.shape[:-1], dtype=torch.float32, device=query.device)
    step = max(1, _CELLS // (batch * heads * keys))
    for first in range(0, count, step):
        last = min(first + step, count)
        scores = torch.matmul(grouped[..., first:last, :], turned).float() * scale
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        visible = place[None, :keys] <= place[first:last, None] if causal else None
        visible = seen[first:last] if seen is not None else visible
        if visible is not None:
            scores.masked_fill_(~visible, float("-inf"))
        sums = torch.logsumexp(scores, -1)
        lse[..., first:last] = sums
        weights = torch.exp(scores - sums.clamp(min=-1e30)[..., None])
        out[..., first:last, :] = torch.matmul(weights.to(value.dtype), values)
    return out.reshape(batch, heads, count, -1), lse.reshape(batch, heads, count)


def _repeated(heads: torch.Tensor, count: int) -> torch.Tensor:
    """Key heads, each as often as there are heads that use it."""
    times = count // heads.shape[1]
    return heads if times == 1 else heads.repeat_interleave(times, 1)


class Sums:
    """The outputs of all tokens of a pass, put together from attention over parts of what they see."""

    def __init__(self, query: torch.Tensor, size: int, *, merges: bool) -> None:
        """For `query` (1, heads, tokens, …) and values of `size`; `merges`: whether there is more than one part."""
        _, heads, tokens, _ = query.shape
        # Parts in half precision would be rounded at every merge.
        dtype = torch.float32 if merges else query.dtype
        self._dtype = query.dtype
        self._out = torch.empty(tokens, heads, size, dtype=dtype, device=query.device)
        self._lse = torch.empty(tokens, heads, dtype=torch.float32, device=query.device)

    def put(self, first: int, last: int, part: tuple[torch.Tensor, torch.Tensor]) -> None:
        """Begin with a part of tokens [first, last): output (1, heads, n, size), log-sum-exp (1, heads, n)."""
        self._out[first:last] = part[0][0].transpose(0, 1)
        self._lse[first:last] = part[1][0].T

    def scatter(self, places: torch.Tensor, out: torch.Tensor, lse: torch.Tensor) -> None:
        """Begin with parts of the tokens at `places`: output (n, heads, size), log-sum-exp (n, heads)."""
        self._out[places] = out.to(self._out.dtype)
        self._lse[places] = lse

    def add(self, first: int, last: int, part: tuple[torch.Tensor, torch.Tensor]) -> None:
        """Put another part to those of tokens [first, last)."""
        out, lse = self._out[first:last], self._lse[first:last]
        other = part[1][0].T
        weight = torch.sigmoid(other - lse)[..., None]
        out.lerp_(part[0][0].transpose(0, 1).to(out.dtype), weight)
        torch.logaddexp(lse, other, out=lse)

    def sink(self, scores: torch.Tensor) -> None:
        """Let every head (heads,) also attend to nothing, with a separate score."""
        self._out *= torch.sigmoid(self._lse - scores.float())[..., None]

    def result(self) -> torch.Tensor:
        """(1, tokens, heads, size)."""
        return self._out.to(self._dtype)[None]
