"""The next token of every text in a batch, each by its own temperature, top-p and random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalkit.models.hf.generation.stream import Stream

__all__ = ["next_tokens"]


def next_tokens(logits: torch.Tensor, streams: Sequence[Stream]) -> list[int]:
    """One token a stream from float32 logits of shape (streams, vocabulary).

    temperature 0: the most probable. Else one uniform number of the stream's own picks from the distribution of
    logits / temperature, cut to the top_k likeliest tokens (and those as likely as the last of them), then to its
    nucleus: the fewest most probable tokens that together have top_p (Holtzman et al. 2020,
    https://arxiv.org/abs/1904.09751), then to those that have min_p of the likeliest one's probability (Nguyen et al.
    2024, https://arxiv.org/abs/2407.01082). A repetition penalty (Keskar et al. 2019, https://arxiv.org/abs/1909.05858)
    comes first. The order is that of transformers. A token that is due (`Stream.due`) takes no random number.
    """
    logits = _penalized(logits, streams)
    tokens: list[int] = logits.argmax(-1).tolist()
    for number, stream in enumerate(streams):
        tokens[number] = tokens[number] if stream.due is None else stream.due
    sampled = [number for number, stream in enumerate(streams) if stream.temperature > 0 and stream.due is None]
    if not sampled:
        return tokens
    chosen = [streams[number] for number in sampled]
    device = logits.device
    temperatures = torch.tensor([stream.temperature for stream in chosen], device=device)
    top_p = torch.tensor([stream.top_p for stream in chosen], device=device)
    uniform = torch.tensor([stream.draw() for stream in chosen], device=device)
    kept = torch.softmax(_likeliest(logits[sampled] / temperatures[:, None], chosen), -1)
    narrow = [number for number, stream in enumerate(chosen) if stream.top_p < 1]
    if narrow:
        kept[narrow] = _nucleus(kept[narrow], top_p[narrow])
    if any(stream.min_p > 0 for stream in chosen):
        least = torch.tensor([stream.min_p for stream in chosen], device=device)[:, None] * kept.amax(-1, keepdim=True)
        kept = kept.masked_fill(kept < least, 0.0)
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


def _likeliest(logits: torch.Tensor, streams: Sequence[Stream]) -> torch.Tensor:
    """Rows of logits with those below each row's top_k at minus infinity."""
    for number, stream in enumerate(streams):
        if 0 < stream.top_k < logits.shape[-1]:
            row = logits[number]
            logits[number] = row.masked_fill(row < torch.topk(row, stream.top_k).values[-1], -torch.inf)
    return logits


def _penalized(logits: torch.Tensor, streams: Sequence[Stream]) -> torch.Tensor:
    """The logits with those of tokens that were there before lowered, where a stream has a penalty."""
    numbers = [number for number, stream in enumerate(streams) if stream.repetition_penalty != 1.0]
    if not numbers:
        return logits
    logits = logits.clone()
    for number in numbers:
        penalty = streams[number].repetition_penalty
        seen = torch.tensor(streams[number].seen, device=logits.device)
        values = logits[number, seen]
        logits[number, seen] = torch.where(values < 0, values * penalty, values / penalty)
    return logits
