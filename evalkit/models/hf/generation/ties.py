"""The most probable token where two are so close that rounding would decide: the text by itself does.

Rounding depends on what is computed next to a text. A text whose two best tokens are closer than that is computed once
more, alone and plainly, so that what it says does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.generation.stream import Stream
from evalkit.models.hf.scoring.plan import TokenRow

__all__ = ["decide"]

_CLOSE = 2e-6
"""Relative to the largest logit: some ten times float32's precision, which is what a model's layers make of it."""

_LONGEST = 8192
"""Tokens of a text that is computed at once without a thought for memory; a longer one goes by rounding."""


def decide(forward: Forward, logits: torch.Tensor, streams: Sequence[Stream], tokens: Sequence[int]) -> list[int]:
    """`tokens`, picked from float32 logits (streams, vocabulary), with the close ones of greedy streams decided alone.

    Only for models in float32: in half precision so much is close that most texts would be computed again.
    """
    best = logits.amax(-1, keepdim=True)
    rivals = (logits >= best - _CLOSE * (1 + best.abs())).sum(-1).tolist()
    decided = list(tokens)
    for number, (stream, count) in enumerate(zip(streams, rivals, strict=True)):
        ids = (*stream.ids, *stream.written) if count > 1 else ()
        if (
            0 < len(ids) <= _LONGEST
            and stream.temperature == 0
            and stream.repetition_penalty == 1
            and stream.due is None
            and not stream.finish
        ):
            decided[number] = int(
                torch.cat([piece for _, piece in forward.logits([TokenRow(ids, (len(ids) - 1,))])]).argmax()
            )
    return decided
