"""The output layer over a part of the positions and of the vocabulary at a time.

Logits of a whole vocabulary are written to memory and read again several times. A part of them stays in the
processor's cache until it is added up: 0.41 instead of 0.60 s for 1,024 positions of 576 numbers and 49,152 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

__all__ = ["is_divisible", "tiles"]

_POSITIONS = 1024
_TOKENS = 2048
"""Of both at most so many at once, 8 MB in float32. Every position block reads the weights once."""

Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]


def is_divisible(head: Any) -> bool:
    """Whether this output layer is a plain product on a processor, of which a part can be computed by itself."""
    if type(head) is not torch.nn.Linear or head._forward_hooks or head._forward_pre_hooks:
        return False
    own = vars(head).get("forward")
    weight = head.weight.data
    is_plain = type(weight) is torch.Tensor and weight.layout is torch.strided and weight.device.type == "cpu"
    return is_plain and (own is None or hasattr(own, "product"))


def tiles(head: Any, hidden: torch.Tensor) -> Iterator[tuple[int, int, torch.Tensor]]:
    """(first position, first token, their logits) for `hidden` (positions, size), all tokens of a position in a row.

    Each overwrites the one before it, and may be written over.
    """
    weight, bias = head.weight, head.bias
    product: Product | None = getattr(vars(head).get("forward"), "product", None)
    room = hidden.new_empty(min(_POSITIONS, len(hidden)) * min(_TOKENS, len(weight)))
    for start in range(0, len(hidden), _POSITIONS):
        block = hidden[start : start + _POSITIONS]
        for first in range(0, len(weight), _TOKENS):
            part = weight[first : first + _TOKENS]
            offset = bias[first : first + _TOKENS] if bias is not None else None
            if product is not None:
                yield start, first, product(block, part, offset)
                continue
            logits = room[: len(block) * len(part)].view(len(block), len(part))
            torch.mm(block, part.t(), out=logits)
            yield start, first, logits.add_(offset) if offset is not None else logits
