"""GGUF files of the embedded model and of random ones, written by the repository's own script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.models.tiny import TINY

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

# llama.cpp is asked for one thread where the machine is shared with other tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """written("Q8_0") is the embedded model as such a file, written("F16", folder) another model; once a session."""
    pytest.importorskip("gguf", reason="writing GGUF files needs the package gguf: pip install gguf")
    from tools.write_gguf import write

    made: dict[tuple[str, Path], Path] = {}

    def make(kind: str, folder: Path = TINY) -> Path:
        if (kind, folder) not in made:
            target = tmp_path_factory.mktemp("gguf") / f"{folder.name}-{kind}.gguf"
            made[kind, folder] = write(folder, target, kind)
        return made[kind, folder]

    return make


@pytest.fixture(scope="session")
def untied(make_model: Callable[..., Path], tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with an output layer of its own and Llama 3's way to split words, which reads 64 tokens."""
    torch = pytest.importorskip("torch")
    import transformers
    from tokenizers import Regex, pre_tokenizers

    folder = tmp_path_factory.mktemp("untied")
    torch.manual_seed(11)
    config = transformers.AutoConfig.from_pretrained(make_model("llama"))
    config.tie_word_embeddings = False
    config.rope_parameters = {"rope_type": "default", "rope_theta": 500000.0}
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(1.0 if name.endswith("norm.weight") else 0.0, 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    other = transformers.AutoTokenizer.from_pretrained(folder)
    other.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    other.save_pretrained(folder)
    return folder
