"""Texts written by vLLM: what is asked of it for a stream."""

from __future__ import annotations

import json
from typing import Any

from evalkit.core import Generate, ModelError
from evalkit.models.hf.generation.stream import Stream

__all__ = ["schema_of", "text_params"]

_SEEDS = 1 << 63
"""vLLM's seeds are signed numbers of 64 bits."""


def text_params(stream: Stream) -> dict[str, Any]:
    """The fields of vLLM's SamplingParams for the rest of a text, its schema apart.

    evalkit's own stream says where the text ends: it tells a stop string in the answer from one in the thought.
    """
    done = len(stream.written)
    seed = (stream.seed // 2 + done) % _SEEDS
    drawn = {"top_p": stream.top_p, "top_k": stream.top_k, "min_p": stream.min_p, "seed": seed}
    return {
        "temperature": stream.temperature,
        **(drawn if stream.temperature > 0 else {}),
        "repetition_penalty": stream.repetition_penalty,
        "max_tokens": stream.limit - done,
        "stop_token_ids": sorted(stream.eos_ids),
        "ignore_eos": True,
        "detokenize": False,
    }


def schema_of(asked: Generate) -> Any:
    """The JSON schema of a request, None where it has none. Raises ModelError where it is not JSON."""
    if not asked.schema:
        return None
    try:
        return json.loads(asked.schema)
    except ValueError as error:
        raise ModelError(f"the schema is not JSON: {error}") from None
