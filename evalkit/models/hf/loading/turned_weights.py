"""Weights of float32 layers laid out by input, where a text is written fastest.

torch keeps a linear layer's weight by output. MKL multiplies a few rows by it slower than by one that lies the other
way round: all products of a step of SmolLM2-135M take 50 instead of 73 ms for 4 texts, 78 instead of 92 ms for 16 and
104 instead of 140 ms for 48, on one thread of an Intel Xeon (Emerald Rapids). Passes over hundreds of tokens take as
long as before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch

from evalkit.models.hf.loading.onednn_linear import is_plain

__all__ = ["turn_weights"]

_ROOM = 2
"""So many times its bytes must be free: a weight that is mapped from a file takes memory that the system may take back,
one that was turned does not."""


def turn_weights(model: Any) -> int:
    """Lay out the weights of a model's plain linear layers on the processor by input; returns how many there are.

    Shapes and numbers stay as they are. A weight that is also an embedding keeps its layout, since that reads it token
    by token. Nothing is left in the file that the weights were mapped from, or its pages would count as memory, too.
    None are turned where free memory is short.
    """
    if not torch.backends.mkl.is_available():
        return 0
    read = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    weights = {
        id(module.weight): module.weight
        for module in model.modules()
        if is_plain(module) and module.weight.is_contiguous() and id(module.weight) not in read
    }
    if not _fits(model.parameters()):
        return 0
    for weight in weights.values():
        weight.data = weight.data.t().contiguous().t()
    for weight in model.parameters() if weights else ():
        if id(weight) not in weights and weight.device.type == "cpu" and type(weight.data) is torch.Tensor:
            weight.data = weight.data.clone()
    return len(weights)


def _fits(weights: Iterable[torch.Tensor]) -> bool:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return True
    return bool(free >= _ROOM * sum(weight.numel() * weight.element_size() for weight in weights))
