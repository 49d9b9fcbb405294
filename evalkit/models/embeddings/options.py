"""What can be set on an embedding model, read from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalkit.models.option_parsing import Device, Tokens, read_options

__all__ = ["CHANGES_ANSWERS", "EmbeddingOptions"]

CHANGES_ANSWERS = ("dtype", "revision", "trust_remote_code", "max_length", "pooling", "query_prompt", "document_prompt")
"""The options that make it another model; the others only say where and how it is run."""


@dataclass(frozen=True, slots=True)
class EmbeddingOptions:
    """The options of `st/…`."""

    device: Device = "auto"
    """auto (cuda, else mps, else cpu), cpu, mps, cuda or cuda:N."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The type of the numbers; auto takes what the checkpoint names."""
    revision: str = ""
    """The branch, tag or commit of a hub model."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    max_length: Tokens | None = None
    """The longest input in tokens, special ones included, if it differs from what the model says."""
    pooling: Literal["auto", "mean", "cls", "max"] = "auto"
    """How a plain encoder's token vectors become one (auto: their mean). A sentence-transformers model has its own."""
    query_prompt: str | None = None
    """Comes before every query, in place of the model's own prompt for queries."""
    document_prompt: str | None = None
    """Comes before every document, in place of the model's own prompt for documents."""
    batch_tokens: Tokens | None = None
    """Tokens in one forward pass: 4,096 on a CPU, 32,768 on a GPU; evalkit halves it if memory runs out."""

    @staticmethod
    def parse(texts: Mapping[str, str]) -> EmbeddingOptions:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        return EmbeddingOptions(**read_options(texts, EmbeddingOptions, of="an embedding model"))
