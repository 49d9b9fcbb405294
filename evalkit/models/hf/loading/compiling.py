"""torch.compile for a local model: of what each layer does token by token, its feed-forward part.

Attention is evalkit's own where prompts share beginnings, and differs from pass to pass; a graph of the whole model
would be compiled anew for each of its forms, or rule them out. The feed-forward part is most of the arithmetic, sees
nothing but rows of hidden numbers, and is the same in every layer: it is compiled once, for any number of rows.
"""

from __future__ import annotations

from typing import Any

import torch

from evalkit.core import UsageError

__all__ = ["compile_layers"]

_STATEFUL = ("attn", "attention", "mixer", "mamba")


def compile_layers(model: Any, mode: str) -> int:
    """Compile the feed-forward part of every layer in `mode` (torch.compile's); returns how many there are.

    Raises UsageError where the model has no layers with such a part.
    """
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count]
    parts = [part for layers in lists for layer in layers for part in _feed_forward(layer)]
    if not parts:
        raise UsageError(
            f"compile finds no feed-forward layers in {type(model).__name__}", fix="leave compile out for this model"
        )
    for part in parts:
        part.compile(mode=mode, dynamic=True)
    return len(parts)


def _feed_forward(layer: Any) -> list[Any]:
    """The children of a layer that multiply by matrices and do not attend or keep a state."""
    return [
        child
        for name, child in layer.named_children()
        if not isinstance(child, torch.nn.Linear)
        and any(isinstance(part, torch.nn.Linear) or type(part).__name__ == "Conv1D" for part in child.modules())
        and not any(
            word in f"{name} {type(child).__name__}".lower() for word in ("attn", "attention", "mixer", "mamba")
        )
    ]
