"""Where evalkit's time goes in one form, in a process of its own: `python -m peers.profile_side ASKED OUT`."""

from __future__ import annotations

import asyncio
import functools
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from peers.evalkit_side import Timed
from peers.measuring import Asked, arguments, limit_threads

_ONEDNN = "_linear_pointwise"
KINDS = {
    "matrix products": ("mm", "bmm", "addmm", "baddbmm", _ONEDNN, "matmul", "linear"),
    "attention": (
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_efficient_attention",
    ),
}
_LARGEST = 16
"""Shapes of products whose peak is measured, those first that took longest."""
_TRIAL = 0.25
"""Seconds that each of them is tried for, in each way."""

Shape = tuple[int, int, int]
"""(rows, inner, columns) of a product."""
Shape4 = tuple[int, ...]
"""(batch, heads, tokens, size) of what attends or is attended to."""


class _Profiler:
    """Computes a model's batches under torch's profiler, and sums up what it finds."""

    def __init__(self, compute: Callable[[Any], None]) -> None:
        self._compute = compute
        self.seconds = dict.fromkeys([*KINDS, "other operations"], 0.0)
        self.products: dict[Shape, list[float]] = {}
        self.attentions: dict[tuple[Shape4, Shape4], list[float]] = {}
        self.lost = 0.0
        """Seconds of the profiler's own that delayed replies."""
        self._after = 0.0

    def __call__(self, batch: Any) -> None:
        import torch

        activities = [torch.profiler.ProfilerActivity.CPU]
        begun = time.perf_counter()
        with torch.profiler.profile(activities=activities, record_shapes=True) as found:
            self.lost += time.perf_counter() - begun + self._after
            self._compute(batch)
            begun = time.perf_counter()
        for event in found.key_averages(group_by_input_shape=True):
            self._add(event)
        # Replies are there when `compute` ends: what follows delays only another batch.
        self._after = time.perf_counter() - begun

    def _add(self, event: Any) -> None:
        name = event.key.rpartition("::")[2]
        kind = next((kind for kind, names in KINDS.items() if name in names), "other operations")
        spent = event.self_cpu_time_total / 1e6
        self.seconds[kind] += spent
        shapes = [each for each in event.input_shapes if each]
        if kind == "attention":
            _count(self.attentions, (tuple(shapes[0]), tuple(shapes[1])), event.count, spent)
        if (shape := shape_of(name, shapes)) is not None:
            _count(self.products, shape, event.count, spent)


def profile(asked: Asked) -> dict[str, Any]:
    """Seconds of the phase and of each kind of operation in it, by torch's own profiler, and what products reach."""
    import evalkit
    from evalkit.core import Choose, Prompt
    from evalkit.models import resolve

    model: Any = resolve(f"hf/{asked.model}", {"device": asked.device, "dtype": asked.dtype})
    asyncio.run(model.answer(Choose(Prompt("The"), (" first",))))
    seen = model._batcher._compute = _Profiler(model._batcher._compute)
    timed, output = Timed(model), _watch_output_layer()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evalkit.run(asked.tasks, timed, out=Path(folder) / "run", cache=False)
    whole = time.perf_counter() - begun
    phase = timed.last - timed.first - seen.lost
    found = {"phase": phase, "whole": whole, "seconds": seen.seconds, "output layer": output(), **_rates(seen.products)}
    operations = sum(count * 2 * math.prod(shape) for shape, (count, _) in seen.products.items())
    bound = operations / found["peak"] / 1e9 if found["peak"] else 0.0
    return {**found, "bound": bound + _attention_bound(seen.attentions)}


def shape_of(name: str, shapes: list[list[int]]) -> Shape | None:
    """The shape of a product by the operation's name and the shapes of its tensors; None where it is none."""
    if name == "mm" and len(shapes) > 1:
        return shapes[0][0], shapes[0][1], shapes[1][1]
    if name == "addmm" and len(shapes) > 2:
        return shapes[1][0], shapes[1][1], shapes[2][1]
    if name == _ONEDNN and len(shapes) > 1:
        return math.prod(shapes[0][:-1]), shapes[0][-1], shapes[-1 if len(shapes) < 3 else 1][0]
    return None


def _count(totals: dict[Any, list[float]], shape: object, count: int, seconds: float) -> None:
    total = totals.setdefault(shape, [0.0, 0.0])
    total[0] += count
    total[1] += seconds


def _watch_output_layer() -> Callable[[], float]:
    """Sum up the seconds from the first part of an output layer to the last, with what is done with them."""
    from evalkit.models.hf.forward import output_layer

    plain, total = output_layer.tiles, [0.0]

    def tiles(head: Any, hidden: Any) -> Iterator[tuple[int, int, Any]]:
        begun = time.perf_counter()
        yield from plain(head, hidden)
        total[0] += time.perf_counter() - begun

    output_layer.tiles = tiles
    return lambda: total[0]


def _rates(products: dict[Shape, list[float]]) -> dict[str, Any]:
    """GFLOP/s of the largest products, and what these shapes reach at best on this machine, one after another."""
    done = bound = spent = 0.0
    for shape in sorted(products, key=lambda shape: -products[shape][1])[:_LARGEST]:
        count, seconds = products[shape]
        done += 2e-9 * math.prod(shape) * count
        spent += seconds
        bound += count * _best(shape)
    return {"reached": done / spent if spent else 0.0, "peak": done / bound if bound else 0.0}


def _attention_bound(attentions: dict[tuple[Shape4, Shape4], list[float]]) -> float:
    """Seconds of all attention, where that of the largest shapes takes as long as it does alone and repeated.

    Where as many tokens attend as are attended to, none sees those behind it.
    """
    import torch

    attend: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    bound = 0.0
    for number, (shapes, (count, spent)) in enumerate(sorted(attentions.items(), key=lambda item: -item[1][1])):
        if number >= _LARGEST:
            bound += spent
            continue
        query, key = (torch.randn(batch, n, heads, size).transpose(1, 2) for batch, heads, n, size in shapes)
        causal = query.shape[2] == key.shape[2]
        bound += min(spent, count * _shortest([functools.partial(attend, query, key, key, 0.0, causal)]))
    return bound


def _best(shape: Shape) -> float:
    """Seconds of one product in the fastest of the ways that torch has, alone and repeated."""
    import torch

    rows, inner, columns = shape
    given, weight = torch.randn(rows, inner), torch.randn(columns, inner)
    onednn = getattr(torch.ops.mkldnn, _ONEDNN, None) if torch.backends.mkldnn.is_available() else None
    ways: list[Callable[[], Any]] = [lambda: given @ weight.t()]
    if onednn is not None:
        ways.append(lambda: onednn(given, weight, None, "none", [], ""))
    return _shortest(ways)


def _shortest(ways: list[Callable[[], Any]]) -> float:
    """Seconds of the fastest of some ways, each tried for a while."""
    import torch

    best = math.inf
    with torch.inference_mode():
        for way in ways:
            end = time.perf_counter() + _TRIAL
            while time.perf_counter() < end:
                begun = time.perf_counter()
                way()
                best = min(best, time.perf_counter() - begun)
    return best


if __name__ == "__main__":
    question, out = arguments()
    limit_threads(question.threads)
    Path(out).write_text(json.dumps(profile(question)), encoding="utf-8")
