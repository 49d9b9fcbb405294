"""Where evalkit's time goes in one form, in a process of its own: `python -m peers.profile_side ASKED OUT`."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.evalkit_side import Timed
from peers.measuring import Asked, arguments, limit_threads

KINDS = {
    "matrix products": ("mm", "bmm", "addmm", "baddbmm", "_linear_pointwise", "matmul", "linear"),
    "attention": (
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_efficient_attention",
    ),
}


def profile(asked: Asked) -> dict[str, Any]:
    """Seconds of the phase, and of each kind of operation within it, by torch's own profiler."""
    import torch

    import evalkit
    from evalkit.core import Choose, Prompt
    from evalkit.models import resolve

    model: Any = resolve(f"hf/{asked.model}", {"device": asked.device, "dtype": asked.dtype})
    asyncio.run(model.answer(Choose(Prompt("The"), (" first",))))
    compute = model._batcher._compute
    seconds = dict.fromkeys([*KINDS, "other operations"], 0.0)

    def profiled(batch: Any) -> None:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
            compute(batch)
        for event in found.key_averages():
            name = event.key.rpartition("::")[2]
            kind = next((kind for kind, names in KINDS.items() if name in names), "other operations")
            seconds[kind] += event.self_cpu_time_total / 1e6

    model._batcher._compute = profiled
    timed = Timed(model)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evalkit.run(asked.tasks, timed, out=Path(folder) / "run", cache=False)
    return {"phase": timed.last - timed.first, "whole": time.perf_counter() - begun, "seconds": seconds}


if __name__ == "__main__":
    question, out = arguments()
    limit_threads(question.threads)
    Path(out).write_text(json.dumps(profile(question)), encoding="utf-8")
