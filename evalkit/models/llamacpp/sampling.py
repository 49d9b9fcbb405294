"""The next token of every text, as `local.sampling` draws it, without torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.models.hf.generation.stream import Stream

__all__ = ["next_tokens"]


def next_tokens(logits: NDArray[np.float32], streams: Sequence[Stream]) -> list[int]:
    """One token a stream from logits of shape (streams, vocabulary).

    temperature 0: the most probable. Else one uniform number of the stream's own picks from the distribution of
    logits / temperature, cut to its nucleus: the fewest most probable tokens that together have top_p
    (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
    """
    tokens: list[int] = logits.argmax(-1).tolist()
    for number, stream in enumerate(streams):
        if stream.temperature > 0:
            tokens[number] = _drawn(logits[number], stream)
    return tokens


def _drawn(logits: NDArray[np.float32], stream: Stream) -> int:
    scaled = logits / np.float32(stream.temperature)
    kept = np.exp(scaled - scaled.max())
    kept /= kept.sum()
    if stream.top_p < 1:
        order = np.argsort(-kept, kind="stable")
        ordered = kept[order]
        outside = np.cumsum(ordered) - ordered >= np.float32(stream.top_p)
        # The most probable token stays, whatever rounding says.
        outside[0] = False
        kept[order[outside]] = 0
    heights = np.cumsum(kept)
    place = int(np.searchsorted(heights, np.float32(stream.draw()) * heights[-1], side="right"))
    # Rounding may carry the number past the last token that has any probability.
    return min(place, int(np.flatnonzero(kept)[-1]))
