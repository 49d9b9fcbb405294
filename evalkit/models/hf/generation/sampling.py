"""The next token of every text in a batch, each by its own temperature, top-p and random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalkit.models.hf.generation.stream import Stream

__all__ = ["next_tokens"]


def next_tokens(logits: torch.Tensor, streams: Sequence[Stream]) -> list[int]:
    """One token a stream from float32 logits of shape (streams, vocabulary).

    temperature 0: the most probable. Else one uniform number of the stream's own picks from the distribution of
    logits / temperature, cut to its nucleus: the fewest most probable tokens that together have top_p
    (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
    """
    tokens: list[int] = logits.argmax(-1).tolist()
    sampled = [number for number, stream in enumerate(streams) if stream.temperature > 0]
    if not sampled:
        return tokens
    chosen = [streams[number] for number in sampled]
    device = logits.device
    temperatures = torch.tensor([stream.temperature for stream in chosen], device=device)
    top_p = torch.tensor([stream.top_p for stream in chosen], device=device)
    uniform = torch.tensor([stream.draw() for stream in chosen], device=device)
    kept = torch.softmax(logits[sampled] / temperatures[:, None], -1)
    narrow = [number for number, stream in enumerate(chosen) if stream.top_p < 1]
    if narrow:
        kept[narrow] = _nucleus(kept[narrow], top_p[narrow])
    heights = torch.cumsum(kept, -1)
    place = torch.searchsorted(heights, (uniform * heights[:, -1])[:, None], right=True)[:, 0]
    # Rounding may carry the number past the last token that has any probability.
    last = (kept > 0).long().mul(torch.arange(1, kept.shape[-1] + 1, device=device)).argmax(-1)
    for number, token in zip(sampled, torch.minimum(place, last).tolist(), strict=True):
        tokens[number] = token
    return tokens


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Rows of probabilities with those outside of each row's nucleus set to zero."""
    ordered, ids = torch.sort(probabilities, dim=-1, descending=True, stable=True)
    outside = torch.cumsum(ordered, -1) - ordered >= top_p[:, None]
    # The most probable token stays, whatever rounding says.
    outside[:, 0] = False
    return probabilities.masked_fill(torch.zeros_like(outside).scatter(-1, ids, outside), 0.0)
