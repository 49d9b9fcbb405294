"""The embedded model written down quantized, in the forms that published checkpoints have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from evalkit.embedded import TINY


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
