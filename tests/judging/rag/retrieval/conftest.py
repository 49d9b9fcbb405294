"""A tiny encoder and a tiny cross-encoder of random weights, and a small folder of documents; all made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DOCUMENTS = {
    "rowan.md": "# Rowan\n\nThe Rowan Library was built in 1873. It holds maps of the valley.\n\nIts clock was sold.",
    "lake.md": "# The lake\n\nThe lake froze over in 1902. Nobody crossed it that year.\n\nA ferry runs in summer.",
    "notes/bridge.txt": "The old bridge has seven arches. The new bridge has none. Maps of both lie in the library.",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(text)
    return top


def _tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in DOCUMENTS.values() for word in text.replace(".", " .").split()})
    known = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    return len(known)


def _config(words: int, **more: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=words, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=64, **more,
    )  # fmt: skip


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers runs embedding models")
    import torch
    from transformers import BertModel

    made = tmp_path_factory.mktemp("encoder")
    words = _tokenizer(made)
    torch.manual_seed(3)
    BertModel(_config(words)).save_pretrained(made)
    return made


@pytest.fixture(scope="session")
def make_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers runs cross-encoders")
    import torch
    from transformers import BertForSequenceClassification

    def make(labels: int) -> Path:
        made = tmp_path_factory.mktemp("cross")
        words = _tokenizer(made)
        torch.manual_seed(11)
        BertForSequenceClassification(_config(words, num_labels=labels)).save_pretrained(made)
        return made

    return make
