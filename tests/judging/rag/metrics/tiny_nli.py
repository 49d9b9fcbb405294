"""A tiny entailment model, made by a script: BERT with random weights and a vocabulary of words."""

from __future__ import annotations

import json
from pathlib import Path

_LISTED = """
the a of in and was is not by city tower dam engineer river built high metres bought company mayor said never old new
bridge opened closed two three seven lamp war lit keeper barge stone came late
"""
WORDS = _LISTED.split()


def write_nli(folder: Path, labels: tuple[str, ...], *, positions: int = 64, seed: int = 1) -> Path:
    """Write model and tokenizer into `folder`; `labels` are the names of its classes in their order."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *".,;", *"0123456789"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=positions)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        initializer_range=0.6,
        id2label=dict(enumerate(labels)),
        label2id={name: place for place, name in enumerate(labels)},
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rename(folder: Path, labels: tuple[str, ...]) -> None:
    """Other names for a model's classes."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["id2label"] = {str(place): name for place, name in enumerate(labels)}
    config["label2id"] = {name: place for place, name in enumerate(labels)}
    path.write_text(json.dumps(config), encoding="utf-8")
