"""Products of float32 matrices by oneDNN, where what torch takes by itself is slow.

torch multiplies float32 matrices by MKL, which keeps its AVX-512 code to Intel's processors. On an AMD EPYC that has
AVX-512, oneDNN (which torch ships, too) needs 0.42 of MKL's time for the layers of a small Llama: 244 against 101
GFLOP/s for 2,048 × 256 by 256 × 768 on one thread, and at most a fifth more where a text is written alone.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from evalkit.models.hf.loading.gated import by_blocks, by_onednn, take_gated

__all__ = ["is_plain", "take_blocks", "take_onednn", "worthwhile"]

_log = logging.getLogger(__name__)

_FEWEST = 8
"""Rows below which a product is too small for oneDNN's preparations."""
_TOLERANCE = 1e-4
"""Relative to the largest number: both sum float32 products in their own order."""


@functools.cache
def worthwhile() -> bool:
    """Whether this processor has AVX-512 and is not Intel's."""
    if not torch.backends.mkldnn.is_available() or "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    try:
        said = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    vendor = next((line for line in said.splitlines() if line.startswith("vendor_id")), "")
    return bool(vendor) and "GenuineIntel" not in vendor


def take_onednn(model: Any) -> int:
    """Have the float32 linear layers of a model on the processor computed by oneDNN; returns how many are.

    None are where the first of them gives other numbers that way, or fails. Weights are read where they lie, so
    nothing is copied. Passes that keep gradients go on as before.
    """
    layers = [(module, turned) for module in model.modules() if (turned := _turned(module)) is not None]
    if not layers or not _agrees(*layers[0]):
        return 0
    for module, turned in layers:
        module.forward = _forward(module, module.forward, turned)
    take_gated(model, {module for module, _ in layers}, _usable, by_onednn())
    return len(layers)


def take_blocks(model: Any) -> int:
    """Have the float32 gated layers of a model on the processor computed in blocks of rows; returns how many are."""
    layers = {module for module in model.modules() if is_plain(module)}
    return take_gated(model, layers, _usable, by_blocks())


def is_plain(module: Any) -> bool:
    """Whether a module is torch's own linear layer with float32 weights on the processor, computed by nobody else."""
    return _turned(module) is False


def _turned(module: Any) -> bool | None:
    """Whether the weight lies (in, out) instead of (out, in); None where the module is no such layer."""
    if type(module) is torch.nn.Linear:
        turned = False
    elif type(module).__name__ == "Conv1D" and hasattr(module, "nf"):  # GPT-2's linear layer
        turned = True
    else:
        return None
    if "forward" in vars(module) or hasattr(module, "quantization_scheme"):
        return None  # somebody else computes it in a way of their own
    weight = module.weight
    is_plain = type(weight.data) is torch.Tensor and weight.layout is torch.strided
    return turned if is_plain and weight.dtype is torch.float32 and weight.device.type == "cpu" else None


def _forward(module: Any, plain: Callable[[torch.Tensor], torch.Tensor], turned: bool) -> Callable[..., torch.Tensor]:
    def forward(given: torch.Tensor) -> torch.Tensor:
        if not _usable(module, given):
            return plain(given)
        weight = module.weight
        return _product(given, weight.t() if turned else weight, module.bias)

    if not turned:
        forward.product = _product  # type: ignore[attr-defined]  # for who computes a part of the layer
    return forward


def _usable(module: Any, given: torch.Tensor) -> bool:
    """As the layer is now: whoever changes its weight or its type is followed."""
    is_large = given.dim() > 1 and given.numel() >= _FEWEST * given.shape[-1]
    is_float32 = given.dtype is torch.float32 and module.weight.dtype is torch.float32
    return is_large and is_float32 and not torch.is_grad_enabled()


def _product(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
    return found


def _agrees(module: Any, turned: bool) -> bool:
    """Whether oneDNN gives a layer's numbers, tried on numbers like those of a normalised text."""
    width = module.weight.shape[0 if turned else 1]
    given = torch.randn(2, _FEWEST, width, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            expected = module(given)
            got = _forward(module, module.forward, turned)(given)
    except (RuntimeError, AttributeError, TypeError) as error:
        _log.info("linear layers stay as they are: %s", str(error).partition("\n")[0])
        return False
    return bool((got - expected).abs().max() <= _TOLERANCE * (1 + expected.abs().max()))
