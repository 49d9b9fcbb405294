"""Bytes of weights: transformers' own count where nothing is quantized, and the bits a method says it takes."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

from evalkit.models.hf.loading.footprint import weight_bytes  # noqa: E402
from evalkit.models.tiny import TINY  # noqa: E402


def load(**settings: Any) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(str(TINY), **settings)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_plain_weights_are_what_transformers_counts(dtype: str) -> None:
    model = load(dtype=getattr(torch, dtype))
    assert weight_bytes(model) == model.get_memory_footprint()


def test_int8_of_torchao_is_a_byte_a_weight_and_its_scales() -> None:
    """transformers' own count says 4 bytes a weight here: the tensors claim to be what they stand for."""
    ao = pytest.importorskip("torchao.quantization")
    model = load(dtype=torch.float32, quantization_config=transformers.TorchAoConfig(ao.Int8WeightOnlyConfig()))
    linear = [m for n, m in model.named_modules() if type(m).__name__ == "Linear" and n != "lm_head"]
    plain = load(dtype=torch.float32)
    # A row has a float32 scale and a zero point of one byte.
    saved = sum(3 * m.weight.numel() - 5 * m.weight.shape[0] for m in linear)
    assert weight_bytes(model) == weight_bytes(plain) - saved
    assert model.get_memory_footprint() == weight_bytes(plain)


def test_nf4_of_bitsandbytes_is_half_a_byte_a_weight_and_its_scales() -> None:
    pytest.importorskip("bitsandbytes")
    config = transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    model = load(dtype=torch.float32, quantization_config=config)
    linear = [m for m in model.modules() if type(m).__name__ == "Linear4bit"]
    assert linear
    weights = sum(m.in_features * m.out_features for m in linear)
    plain = weight_bytes(load(dtype=torch.float32))
    # Every 64 weights share a float32 scale, and each layer keeps the 16 values of the code.
    expected = plain - 4 * weights + weights // 2 + 4 * (weights // 64)
    assert 0 <= weight_bytes(model) - expected <= 4 * 16 * len(linear)
