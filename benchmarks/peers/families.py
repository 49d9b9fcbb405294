"""Makes small models with random weights, one an architecture, with the tokenizer of the reference model.

python -m peers.families --family gpt2 --out FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from peers.checkpoint import TOKENS, save_tokenizer

POSITIONS = 1024
"""Shorter than the longest prompts, so that what is cut off is compared, too."""

_COMMON = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
}
_GROUPED = {**_COMMON, "num_key_value_heads": 2}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "gpt2": ("GPT2Config", {"n_embd": 128, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}),
    "gpt_neox": ("GPTNeoXConfig", _COMMON),
    "qwen2": ("Qwen2Config", _GROUPED),
    "gemma": ("GemmaConfig", {**_GROUPED, "head_dim": 32}),
    "gemma2": ("Gemma2Config", {**_GROUPED, "head_dim": 32, "sliding_window": 128, "final_logit_softcapping": 5.0}),
    # A window shorter than the texts.
    "mistral": ("MistralConfig", {**_GROUPED, "sliding_window": 128}),
    "t5": (
        "T5Config",
        {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 1},
    ),
}


def make(family: str, folder: Path) -> None:
    """Write a checkpoint of the family and its tokenizer into the folder."""
    import torch
    import transformers

    name, values = FAMILIES[family]
    config = getattr(transformers, name)(
        vocab_size=TOKENS, bos_token_id=0, eos_token_id=1, pad_token_id=1, initializer_range=0.1, **values
    )
    torch.manual_seed(5)
    kind = transformers.AutoModelForSeq2SeqLM if family == "t5" else transformers.AutoModelForCausalLM
    kind.from_config(config).save_pretrained(folder)
    save_tokenizer(folder, positions=POSITIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", required=True, choices=FAMILIES)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    make(given.family, given.out)


if __name__ == "__main__":
    main()
