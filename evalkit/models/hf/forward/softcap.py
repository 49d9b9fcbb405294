"""What some architectures do to logits behind their output layer: a cap or a scale, known from the config.

Knowing it, the output layer can run apart from the model, a few positions at a time. Whether it is so is tried on the
model itself (`Forward`), since a config may hold a number that the model does not use in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

__all__ = ["Tail", "candidates"]

Tail = Callable[[torch.Tensor], torch.Tensor]


def candidates(config: Any) -> Iterator[Tail]:
    """What may come after the output layer of a model with this (text) config; first of all, nothing."""
    yield lambda logits: logits
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma 2 and later
        yield lambda logits: torch.tanh(logits / cap) * cap
    for name in ("logit_scale", "lm_head_multiplier"):  # Cohere, Falcon-H1
        if factor := getattr(config, name, None):
            yield partial(torch.mul, other=factor)
    if divisor := getattr(config, "logits_scaling", None):  # Granite
        yield lambda logits: logits / divisor
