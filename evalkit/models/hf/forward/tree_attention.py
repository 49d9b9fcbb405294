"""The attention of a packed pass, in place of a transformers model's own while the pass runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from evalkit.models.hf.forward.attend import Sums, attend
from evalkit.models.hf.forward.attention_patch import Swapped, UnsupportedError
from evalkit.models.hf.forward.last_layer import LastLayer, Narrowed
from evalkit.models.hf.forward.layout import Layout
from evalkit.models.hf.scoring.passes import Pass

__all__ = ["Kept", "packed"]


@dataclass(slots=True)
class Kept:
    """A node's keys and values, (1, key heads, tokens, size) a layer, and the positions [start, stop) of its tokens."""

    start: int
    stop: int
    layers: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(t.numel() * t.element_size() for layer in self.layers for t in layer)


@dataclass(slots=True)
class _Running:
    """A pass under way: how many layers it has been through, and what it reads and keeps."""

    layout: Layout
    reads: dict[int, Kept]
    keeps: list[tuple[int, int, Kept]]
    narrowed: Narrowed | None = None
    layer: int = 0


@contextmanager
def packed(
    model: Any,
    step: Pass,
    kept: dict[int, Kept],
    last: LastLayer | None = None,
    narrowed: Narrowed | None = None,
) -> Iterator[dict[int, Kept]]:
    """Within the block `model` computes `step`: one row of its tokens, seeing what the pass says.

    With `last` and `narrowed` its last layer goes on with the wanted tokens alone, and so does what reads it. Yields
    what the pass keeps, complete when the block ends. Raises UnsupportedError where the model did not use the
    attention it was given, or used it for something else.
    """
    new = {node: Kept(step.pieces[number].start, step.pieces[number].stop) for number, node in step.keeps}
    keeps = [
        (step.pieces[number].at, step.pieces[number].at + step.pieces[number].length, new[node])
        for number, node in step.keeps
    ]
    reads = {node: kept[node] for node, _ in step.reads}
    layout = Layout(step, {node: (read.start, read.stop) for node, read in reads.items()})
    running = _Running(layout, reads, keeps, narrowed)
    with ExitStack() as stack:
        stack.enter_context(_PACKED.within(model, running))
        if last is not None and narrowed is not None:
            stack.enter_context(last.within(narrowed))
        yield new
    if not running.layer:
        raise UnsupportedError("its attention can't be replaced")


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
    """What transformers calls: query (1, heads, tokens, size) to output (1, tokens, heads, size)."""
    running = _PACKED.state
    if running.narrowed is not None and (known := running.narrowed.known()) is not None:
        return known, None
    _check(running.layout, module, query, key, attention_mask, position_bias)
    number = running.layer
    running.layer += 1
    for first, last, node in running.keeps:
        node.layers.append((key[:, :, first:last].clone(), value[:, :, first:last].clone()))
    plan = running.layout.parts(sliding_window, query.device)
    sums = Sums(query, value.shape[-1], merges=bool(plan.parts) or s_aux is not None)
    for first, last in plan.singles:
        own = slice(first, last)
        part = attend(query[:, :, own], key[:, :, own], value[:, :, own], causal=True, scale=scaling, softcap=softcap)
        sums.put(first, last, part)
    for group in plan.groups:
        q, k, v = (_gathered(tensor, group.index) for tensor in (query, key, value))
        out, lse = attend(q, k, v, causal=True, scale=scaling, softcap=softcap)
        sums.scatter(group.places, out[group.rows, :, group.columns], lse[group.rows, :, group.columns])
    for other in plan.parts:
        k, v = (key, value) if other.node is None else running.reads[other.node].layers[number]
        keys = slice(other.start, other.stop)
        part = attend(
            query[:, :, other.first : other.last],
            k[:, :, keys],
            v[:, :, keys],
            seen=other.seen,
            scale=scaling,
            softcap=softcap,
        )
        sums.add(other.first, other.last, part)
    if s_aux is not None:
        sums.sink(s_aux)
    if running.narrowed is not None:
        running.narrowed.leave(sums.result())
    return sums.result(), None


def _check(
    layout: Layout,
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    attention_mask: torch.Tensor | None,
    position_bias: torch.Tensor | None,
) -> None:
    if attention_mask is not None or position_bias is not None:
        raise UnsupportedError("its attention has its own mask or bias")
    if not getattr(module, "is_causal", True):
        raise UnsupportedError("its attention looks ahead")
    if query.shape[0] != 1 or query.shape[2] != layout.tokens or key.shape[2] != layout.tokens:
        raise UnsupportedError("its attention is over other tokens than its input")


def _gathered(tensor: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """(1, heads, tokens, size) at index (pieces, longest): (pieces, heads, longest, size)."""
    pieces, longest = index.shape
    # Heads lie next to each other for each token: picking along the heads would copy everything first.
    picked = tensor[0].transpose(0, 1).index_select(0, index.reshape(-1))
    return picked.view(pieces, longest, tensor.shape[1], tensor.shape[3]).transpose(1, 2)


_PACKED: Swapped[_Running] = Swapped("evalkit_packed", _attention)
