"""How many bytes a model's weights take in memory, quantized ones with what is kept next to them to read them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["weight_bytes"]

# bitsandbytes hangs scales on a parameter: `quant_state` of 4 bit (absmax, code, and those of the scales themselves
# where they are quantized, too), `SCB` of int8. HQQ keeps them in `meta`.
_BESIDE = ("quant_state", "SCB", "meta")
_DEEPEST = 4


def weight_bytes(model: Any) -> int:
    """Bytes of all parameters and buffers of a torch module, each piece of memory counted once.

    A tensor subclass (torchao, quanto) says of itself that it has the type and size of what it stands for: its inner
    tensors are counted in its place.
    """
    seen: set[tuple[str, int]] = set()
    total = 0
    for owner in (*model.parameters(), *model.buffers()):
        for tensor in _pieces(owner, _DEEPEST):
            place = (str(tensor.device), tensor.data_ptr())
            if place[1] == 0 or place not in seen:
                seen.add(place)
                total += tensor.numel() * tensor.element_size()
    for module in model.modules():
        for tensor in _held(getattr(module, "meta", None), _DEEPEST):
            place = (str(tensor.device), tensor.data_ptr())
            if place not in seen:
                seen.add(place)
                total += tensor.numel() * tensor.element_size()
    return total


def _pieces(tensor: torch.Tensor, depth: int) -> Iterator[torch.Tensor]:
    inner = getattr(tensor, "__tensor_flatten__", None)
    if inner is not None and depth:
        # A sharded tensor also names the mesh that it lies on.
        for part in (getattr(tensor, name) for name in inner()[0]):
            if isinstance(part, torch.Tensor):
                yield from _pieces(part, depth - 1)
        return
    yield tensor
    for name in _BESIDE:
        yield from _held(getattr(tensor, name, None), depth - 1)


def _held(found: object, depth: int) -> Iterator[torch.Tensor]:
    """The tensors among an object's own values, to a small depth."""
    if isinstance(found, torch.Tensor):
        yield found
        return
    if found is None or depth < 1:
        return
    values = found if isinstance(found, dict) else getattr(found, "__dict__", {})
    for value in values.values():
        yield from _held(value, depth - 1)
