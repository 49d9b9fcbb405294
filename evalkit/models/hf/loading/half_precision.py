"""Whether a processor computes coarser numbers than float32 at a fair speed.

Without matrix instructions of their own, bfloat16 products are slower than float32's: 33 against 90 GFLOP/s for 512 ×
1,536 by 1,536 × 576 on an Intel Xeon that has AVX-512's bfloat16 instructions and no AMX. So it is measured.
"""

from __future__ import annotations

import math
import time

import torch

__all__ = ["slowdown", "warning_for"]

_ROWS, _INNER, _COLUMNS = 256, 1024, 512
"""A product of a layer's size: 3 ms at 90 GFLOP/s."""
_TIMES = 3
_WORTH_SAYING = 1.5
"""A smaller slowdown may be another program's doing."""


def slowdown(dtype: torch.dtype) -> float:
    """How many times as long a product of two matrices of `dtype` takes as one of float32, on the processor."""
    return _seconds(dtype) / _seconds(torch.float32)


def warning_for(name: str, dtype: torch.dtype) -> str:
    """What to say of a model called `name` that is computed in `dtype` on the processor; "" where that is well."""
    if dtype is torch.float32 or (times := slowdown(dtype)) < _WORTH_SAYING:
        return ""
    said = str(dtype).removeprefix("torch.")
    return (
        f"{name} is computed in {said}, which takes this processor {times:.1f} times as long as float32: "
        "dtype=float32 is faster and more exact, and takes twice the memory"
    )


def _seconds(dtype: torch.dtype) -> float:
    """The shortest of a few times of one product."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(_ROWS, _INNER, generator=generator).to(dtype)
    weight = torch.randn(_COLUMNS, _INNER, generator=generator).to(dtype)
    shortest = math.inf
    with torch.inference_mode():
        torch.nn.functional.linear(rows, weight)
        for _ in range(_TIMES):
            begun = time.perf_counter()
            torch.nn.functional.linear(rows, weight)
            shortest = min(shortest, time.perf_counter() - begun)
    return shortest
