"""Gated feed-forward layers (SwiGLU, GeGLU) whose elementwise parts cost little next to their products.

`down(act(gate(x)) * up(x))` writes and reads three tensors of the inner width besides its products. There are two ways
around that. oneDNN applies the activation to the gate's product while that is at hand, and multiplies the other product
by it: 11.7 instead of 16.5 ms for 2,048 tokens of a layer 256 → 768 on one thread of an AMD EPYC. Where torch's own
products are faster, a few hundred rows at a time go through the whole layer and are written over in the processor's
cache: 56 instead of 70 ms for 1,500 tokens of a layer 576 → 1,536 on an Intel Xeon.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch

__all__ = ["by_blocks", "by_onednn", "take_gated"]

_TOLERANCE = 1e-4
"""Relative to the largest number, as for single products."""
_PARTS = ("gate_proj", "up_proj", "down_proj")
_ROWS = 512
"""Rows of a block: many enough for the products to be fast, few enough for the cache to hold them."""

Usable = Callable[[Any, torch.Tensor], bool]
Way = Callable[[torch.Tensor, Any, Any, Any], torch.Tensor]
"""Computes rows (n, size) by the three linear layers gate, up and down."""

_gelu: Any = torch.ops.aten.gelu_
_ACTIVATIONS: tuple[tuple[str, str, Callable[[torch.Tensor], Any]], ...] = (
    ("swish", "", lambda rows: torch.nn.functional.silu(rows, inplace=True)),
    ("gelu", "tanh", lambda rows: _gelu(rows, approximate="tanh")),
    ("gelu", "none", _gelu),
    ("relu", "", torch.relu_),
)
"""oneDNN's names, how it computes them, and torch's function in place. Which a layer has is found by its numbers."""


def by_onednn() -> list[Way]:
    """oneDNN's products with each activation."""
    return [_onednn(name, algorithm) for name, algorithm, _ in _ACTIVATIONS]


def by_blocks() -> list[Way]:
    """torch's products, some rows at a time, with each activation."""
    return [_blocks(function) for _, _, function in _ACTIVATIONS]


def take_gated(model: Any, taken: Collection[Any], usable: Usable, ways: Collection[Way]) -> int:
    """Have the gated layers of a model computed in one of these ways where that gives their numbers; returns how many.

    `taken` are the linear layers that may be computed so; `usable` says of one and its input whether it is to, now.
    """
    layers = [module for module in model.modules() if hasattr(module, "act_fn")]
    return sum(
        _take(layer, usable, ways) for layer in layers if all(getattr(layer, part, None) in taken for part in _PARTS)
    )


def _take(layer: Any, usable: Usable, ways: Collection[Way]) -> bool:
    given = torch.randn(1, 8, layer.gate_proj.in_features, generator=torch.Generator().manual_seed(0))
    for way in ways:
        forward = _forward(layer, layer.forward, way, usable)
        try:
            with torch.inference_mode():
                if not usable(layer.gate_proj, given):
                    return False
                expected, got = layer(given), forward(given)
        except (RuntimeError, AttributeError, TypeError):
            return False
        if bool((got - expected).abs().max() <= _TOLERANCE * expected.abs().max()):
            layer.forward = forward
            return True
    return False


def _forward(
    layer: Any, plain: Callable[[torch.Tensor], torch.Tensor], way: Way, usable: Usable
) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(given: torch.Tensor) -> torch.Tensor:
        # As the layer is now: an adapter may have taken a part's place.
        parts = [getattr(layer, part) for part in _PARTS]
        if not all(type(part) is torch.nn.Linear for part in parts) or not usable(parts[0], given):
            return plain(given)
        return way(given, *parts)

    return forward


def _onednn(name: str, algorithm: str) -> Way:
    def way(given: torch.Tensor, gate: Any, up: Any, down: Any) -> torch.Tensor:
        product = torch.ops.mkldnn._linear_pointwise
        opened = product(given, gate.weight, gate.bias, name, [], algorithm)
        inner = product.binary(given, opened, up.weight, up.bias, "mul")
        found: torch.Tensor = product(inner, down.weight, down.bias, "none", [], "")
        return found

    return way


def _blocks(function: Callable[[torch.Tensor], Any]) -> Way:
    def way(given: torch.Tensor, gate: Any, up: Any, down: Any) -> torch.Tensor:
        rows = given.reshape(-1, given.shape[-1])
        found = rows.new_empty(len(rows), down.out_features)
        count = min(_ROWS, len(rows))
        opened, passed = rows.new_empty(count, gate.out_features), rows.new_empty(count, up.out_features)
        for first in range(0, len(rows), _ROWS):
            block = rows[first : first + _ROWS]
            left, right = opened[: len(block)], passed[: len(block)]
            _product(block, gate, left)
            _product(block, up, right)
            function(left)
            _product(left.mul_(right), down, found[first : first + _ROWS])
        return found.view(*given.shape[:-1], -1)

    return way


def _product(rows: torch.Tensor, layer: Any, out: torch.Tensor) -> None:
    if layer.bias is None:
        torch.mm(rows, layer.weight.t(), out=out)
    else:
        torch.addmm(layer.bias, rows, layer.weight.t(), out=out)
