"""Counts what a transformers model computes, the same way under every harness, and what it would have to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Counter:
    """Positions that went through the model's first linear layer, padding included, and the time inside the model.

    `forward_seconds` means little where the device computes on after a call returns (CUDA).
    """

    tokens: int = 0
    forward_seconds: float = 0.0
    begun: float = 0.0

    def reset(self) -> None:
        self.tokens, self.forward_seconds = 0, 0.0

    def watch(self, model: Any) -> None:
        """Count from now on; a layer is watched and not the model, which an engine may go around."""

        inner = model.get_decoder() if hasattr(model, "get_decoder") else model
        first = next(module for module in inner.modules() if _is_linear(module))
        first.register_forward_pre_hook(self._positions)
        model.register_forward_pre_hook(self._enter)
        model.register_forward_hook(self._leave)

    def _positions(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self.tokens += inputs[0].numel() // inputs[0].shape[-1]

    def _enter(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self.begun = time.perf_counter()

    def _leave(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        self.forward_seconds += time.perf_counter() - self.begun


def watch_loading() -> Counter:
    """A counter of the next model that transformers loads in this process, whoever asks for it."""
    import transformers

    counter = Counter()
    plain = transformers.PreTrainedModel.from_pretrained.__func__

    def from_pretrained(cls: Any, *names: Any, **options: Any) -> Any:
        loaded = plain(cls, *names, **options)
        counter.watch(loaded[0] if isinstance(loaded, tuple) else loaded)
        return loaded

    transformers.PreTrainedModel.from_pretrained = classmethod(from_pretrained)
    return counter


def unique_tokens(sequences: Iterable[Sequence[int]]) -> int:
    """Nodes of the prefix tree over the sequences: what is left to compute when nothing is computed twice."""
    found, before = 0, tuple[int, ...]()
    for sequence in sorted(tuple(sequence) for sequence in sequences):
        found += len(sequence) - _shared(before, sequence)
        before = sequence
    return found


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _is_linear(module: Any) -> bool:
    import torch

    # GPT-2's linear layers have a class of their own.
    return isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"
