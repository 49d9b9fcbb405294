"""The next token of every text, as `local.sampling` draws it, without torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.models.hf.generation.stream import Stream

__all__ = ["next_tokens"]


def next_tokens(logits: NDArray[np.float32], streams: Sequence[Stream]) -> list[int]:
    """One token a stream from logits of shape (streams, vocabulary).

    Greedy at temperature 0, else cut by top_k, top_p and min_p as in `hf.generation.sampling`.
    """
    logits = _penalized(logits, streams)
    tokens: list[int] = logits.argmax(-1).tolist()
    for number, stream in enumerate(streams):
        if stream.due is not None:
            tokens[number] = stream.due
        elif stream.temperature > 0:
            tokens[number] = _drawn(logits[number], stream)
    return tokens


def _drawn(logits: NDArray[np.float32], stream: Stream) -> int:
    scaled = logits / np.float32(stream.temperature)
    if 0 < stream.top_k < len(scaled):
        scaled = np.where(scaled < np.partition(scaled, -stream.top_k)[-stream.top_k], np.float32(-np.inf), scaled)
    kept = np.exp(scaled - scaled.max())
    kept /= kept.sum()
    if stream.top_p < 1:
        order = np.argsort(-kept, kind="stable")
        ordered = kept[order]
        outside = np.cumsum(ordered) - ordered >= np.float32(stream.top_p)
        # The most probable token stays, whatever rounding says.
        outside[0] = False
        kept[order[outside]] = 0
    if stream.min_p > 0:
        kept[kept < np.float32(stream.min_p) * kept.max()] = 0
    heights = np.cumsum(kept)
    place = int(np.searchsorted(heights, np.float32(stream.draw()) * heights[-1], side="right"))
    # Rounding may carry the number past the last token that has any probability.
    return min(place, int(np.flatnonzero(kept)[-1]))


def _penalized(logits: NDArray[np.float32], streams: Sequence[Stream]) -> NDArray[np.float32]:
    numbers = [number for number, stream in enumerate(streams) if stream.repetition_penalty != 1.0]
    if not numbers:
        return logits
    logits = logits.copy()
    for number in numbers:
        penalty, seen = np.float32(streams[number].repetition_penalty), streams[number].seen
        values = logits[number, seen]
        logits[number, seen] = np.where(values < 0, values * penalty, values / penalty)
    return logits
