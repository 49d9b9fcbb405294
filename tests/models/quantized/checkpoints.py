"""The embedded model written down quantized, in the forms that published checkpoints have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from evalkit.models.tiny import TINY


def compressed_tensors(folder: Path, *, bits: int, group: int | None = None, activations: bool = False) -> Path:
    """Whole numbers of `bits` bits by rounding to the nearest, a scale for each row or group of `group` weights."""
    import torch
    import transformers
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationArgs,
        QuantizationConfig,
        QuantizationScheme,
        QuantizationStatus,
        apply_quantization_config,
    )
    from compressed_tensors.quantization.utils import calculate_qparams

    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    weights = QuantizationArgs(
        num_bits=bits, type="int", symmetric=True, strategy="group" if group else "channel", group_size=group
    )
    inputs = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="token", dynamic=True)
    scheme = QuantizationScheme(targets=["Linear"], weights=weights, input_activations=inputs if activations else None)
    config = QuantizationConfig(
        config_groups={"all": scheme},
        ignore=["lm_head"],
        quantization_status="initialized",
        format="int-quantized" if activations else "pack-quantized",
    )
    apply_quantization_config(model, config)
    for module in model.modules():
        if getattr(module, "quantization_scheme", None) is None:
            continue
        rows = module.weight.data.reshape(len(module.weight), -1, group or module.in_features)
        scale, zero = calculate_qparams(rows.amin(-1), rows.amax(-1), weights)
        module.weight_scale.data.copy_(scale.reshape(module.weight_scale.shape))
        if hasattr(module, "weight_zero_point"):
            module.weight_zero_point.data.copy_(zero.reshape(module.weight_zero_point.shape))
        module.quantization_status = QuantizationStatus.FROZEN
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    return _with_tokenizer(folder)


def quantized_while_loading(folder: Path, config: Any) -> Path:
    """As transformers saves a model that it has just quantized."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(
        TINY, dtype=torch.float32, quantization_config=config, device_map="cpu"
    )
    model.save_pretrained(folder)
    return _with_tokenizer(folder)


def fp8(folder: Path, block: int = 32) -> Path:
    """8-bit floats (e4m3) with a scale for each block of weights, as DeepSeek's checkpoints have them."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(TINY, folder)
    written: dict[str, torch.Tensor] = {}
    for name, weight in load_file(TINY / "model.safetensors").items():
        if "proj" not in name:
            written[name] = weight.to(torch.bfloat16)
            continue
        high, wide = weight.shape[0] // block, weight.shape[1] // block
        blocks = weight.reshape(high, block, wide, block)
        scale = blocks.abs().amax((1, 3)) / torch.finfo(torch.float8_e4m3fn).max
        written[name] = (blocks / scale[:, None, :, None]).reshape(weight.shape).to(torch.float8_e4m3fn)
        written[f"{name}_scale_inv"] = scale
    save_file(written, folder / "model.safetensors", metadata={"format": "pt"})
    settings = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [block, block]}
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16", "quantization_config": settings}))
    return folder


def _with_tokenizer(folder: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(TINY / name, folder / name)
    return folder


def gptq(folder: Path, bits: int = 4, group: int = 32) -> Path:
    """Packed as GPTQ's checkpoints are, by rounding to the nearest: 32 // bits weights of a column in each int32."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(TINY, folder)
    half, packed = 1 << (bits - 1), 32 // bits
    shifts = torch.arange(packed, dtype=torch.int64) * bits
    written: dict[str, torch.Tensor] = {}
    for name, weight in load_file(TINY / "model.safetensors").items():
        if "proj" not in name:
            written[name] = weight.to(torch.float16)
            continue
        columns = weight.t().float()  # (inputs, outputs)
        inputs, outputs = columns.shape
        groups = columns.reshape(inputs // group, group, outputs)
        scales = (groups.abs().amax(1) / (half - 1)).to(torch.float16)
        numbers = (groups / scales.float()[:, None]).round().clamp(-half, half - 1) + half
        numbers = numbers.reshape(inputs // packed, packed, outputs).to(torch.int64)
        zeros = torch.full((inputs // group, outputs // packed, packed), half - 1, dtype=torch.int64)
        stem = name.removesuffix(".weight")
        written[f"{stem}.qweight"] = _as_int32((numbers << shifts[None, :, None]).sum(1))
        written[f"{stem}.qzeros"] = _as_int32((zeros << shifts).sum(-1))
        written[f"{stem}.scales"] = scales
        written[f"{stem}.g_idx"] = (torch.arange(inputs) // group).to(torch.int32)
    save_file(written, folder / "model.safetensors", metadata={"format": "pt"})
    settings = {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": False, "sym": True}
    config = json.loads((folder / "config.json").read_text())
    settings |= {"checkpoint_format": "gptq", "lm_head": False}
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "float16", "quantization_config": settings}))
    return folder


def _as_int32(numbers: Any) -> Any:
    """The low 32 bits, which a signed type calls negative from the half on."""
    import torch

    return torch.where(numbers >= 1 << 31, numbers - (1 << 32), numbers).to(torch.int32).contiguous()


def awq(folder: Path, group: int = 32) -> Path:
    """Packed as AWQ's checkpoints are (4 bits, "gemm"): eight outputs of a row in each int32, in the kernels' order."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(TINY, folder)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    shifts = torch.arange(8, dtype=torch.int64) * 4

    def packed(numbers: torch.Tensor) -> torch.Tensor:
        rows = numbers.to(torch.int64).reshape(len(numbers), -1, 8)[:, :, order]
        return _as_int32((rows << shifts).sum(-1))

    written: dict[str, torch.Tensor] = {}
    for name, weight in load_file(TINY / "model.safetensors").items():
        if "proj" not in name:
            written[name] = weight.to(torch.float16)
            continue
        columns = weight.t().float()
        inputs, outputs = columns.shape
        groups = columns.reshape(inputs // group, group, outputs)
        scales = (groups.abs().amax(1) / 7).to(torch.float16)
        numbers = (groups / scales.float()[:, None]).round().clamp(-8, 7) + 8
        stem = name.removesuffix(".weight")
        written[f"{stem}.qweight"] = packed(numbers.reshape(inputs, outputs))
        written[f"{stem}.qzeros"] = packed(torch.full((inputs // group, outputs), 8))
        written[f"{stem}.scales"] = scales
    save_file(written, folder / "model.safetensors", metadata={"format": "pt"})
    settings = {"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": True, "version": "gemm"}
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "float16", "quantization_config": settings}))
    return folder


def mxfp4(folder: Path) -> Path:
    """A small gpt-oss of random numbers whose experts are 4-bit floats, a scale for each 32 of them."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    config = transformers.GptOssConfig(
        vocab_size=1664,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_local_experts=4,
        num_experts_per_tok=2,
        max_position_embeddings=256,
        sliding_window=32,
        layer_types=["sliding_attention", "full_attention"],
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    written: dict[str, torch.Tensor] = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        if not name.endswith(("gate_up_proj", "down_proj")):
            written[name] = weight
            continue
        experts, inputs, outputs = weight.shape
        shape = (experts, outputs, inputs // 32)
        written[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8)
        written[f"{name}_scales"] = torch.randint(119, 123, shape, dtype=torch.uint8)  # powers of two, 127 is 1
    save_file(written, folder / "model.safetensors", metadata={"format": "pt"})
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**saved, "quantization_config": {"quant_method": "mxfp4"}}))
    return _with_tokenizer(folder)
