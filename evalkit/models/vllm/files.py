"""What a checkpoint's files say that an engine of another library has to be told."""

from __future__ import annotations

from typing import Any

from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.model_files import read_json

__all__ = ["eos_ids"]


def eos_ids(checkpoint: Checkpoint, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a text, according to the generation config, the config or the tokenizer, as for hf/."""
    file = checkpoint.folder / "generation_config.json"
    text = checkpoint.config.get("text_config")
    owners = [read_json(file) if file.is_file() else {}, checkpoint.config, text if isinstance(text, dict) else {}]
    found = [owner.get("eos_token_id") for owner in owners] + [tokenizer.eos_token_id]
    ids: set[int] = set()
    for value in found:
        ids.update(value if isinstance(value, list | tuple) else [value] if isinstance(value, int) else [])
    return frozenset(ids)
