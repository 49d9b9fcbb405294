"""The script that writes GGUF files: its tensors against the folder's, its command, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evalkit.core import UsageError
from evalkit.models.tiny import TINY

gguf = pytest.importorskip("gguf", reason="writing GGUF files needs the package gguf: pip install gguf")
safetensors = pytest.importorskip("safetensors.numpy")

from evalkit.models.llamacpp.header import read_header  # noqa: E402 (beside what needs the package)
from tools.write_gguf import command, write  # noqa: E402


def test_the_tensors_are_the_folders(written: Callable[..., Path]) -> None:
    """Every weight once; rotations are turned into llama.cpp's order and back by the formula of its converter."""
    saved = safetensors.load_file(TINY / "model.safetensors")
    read = {tensor.name: tensor for tensor in gguf.GGUFReader(written("F32")).tensors}
    assert len(read) == len(saved)
    assert np.array_equal(read["token_embd.weight"].data, saved["model.embed_tokens.weight"])
    assert np.array_equal(read["blk.2.ffn_down.weight"].data, saved["model.layers.2.mlp.down_proj.weight"])
    for name, theirs, heads in (("attn_q", "q_proj", 4), ("attn_k", "k_proj", 2)):
        original = saved[f"model.layers.1.self_attn.{theirs}.weight"]
        rows = len(original) // heads
        turned = np.stack(
            [original[h * rows + i + k * rows // 2] for h in range(heads) for i in range(rows // 2) for k in (0, 1)]
        )
        assert np.array_equal(read[f"blk.1.{name}.weight"].data, turned)


@pytest.mark.parametrize(("kind", "bound"), [("F16", 1e-3), ("BF16", 1e-2), ("Q8_0", 2e-2), ("Q4_0", 0.3)])
def test_each_type_is_near_the_folders_numbers(kind: str, bound: float, written: Callable[..., Path]) -> None:
    saved = safetensors.load_file(TINY / "model.safetensors")["model.layers.0.mlp.up_proj.weight"]
    tensor = next(t for t in gguf.GGUFReader(written(kind)).tensors if t.name == "blk.0.ffn_up.weight")
    assert tensor.tensor_type.name == kind
    values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    assert float(np.abs(values - saved).max()) <= bound * float(np.abs(saved).max())
    header = read_header(written(kind))
    assert header.quantization == kind


def test_the_command_writes_the_embedded_model(tmp_path: Path) -> None:
    target = tmp_path / "t.gguf"
    done = CliRunner().invoke(command, ["tiny", str(target), "--type", "q4_0"])
    assert done.exit_code == 0, done.output
    assert f"--model gguf/{target}" in done.output
    assert read_header(target).quantization == "Q4_0"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "qwen2"}, "no plain Llama model"),
        ({"attention_bias": True}, "attention_bias=True"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1.0}}, "scales its positions"),
    ],
)
def test_another_architecture_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(TINY, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **change}), "utf-8")
    with pytest.raises(UsageError, match=said):
        write(folder, tmp_path / "x.gguf")
    assert not list(tmp_path.glob("x.gguf*"))


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("model", {"type": "Unigram", "vocab": []}, "no BPE over bytes or pieces"),
        ("pre_tokenizer", {"type": "Whitespace"}, "splits texts in a way"),
        ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": True}, "splits texts in a way"),
    ],
)
def test_another_tokenizer_is_refused(part: str, value: object, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(TINY, folder)
    saved = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps({**saved, part: value}), "utf-8")
    with pytest.raises(UsageError, match=said):
        write(folder, tmp_path / "x.gguf")
    assert not list(tmp_path.glob("x.gguf*"))
