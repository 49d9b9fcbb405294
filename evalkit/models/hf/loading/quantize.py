"""Quantizing a model while it is loaded, and a look at what came of it. Imports torch and the methods' packages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from evalkit.core import UnavailableError, UsageError
from evalkit.models.hf.loading.quantization_methods import QuantizationMethod, outlier_threshold, skipped
from evalkit.models.hf.options import HfOptions

__all__ = [
    "QuantizationAudit",
    "audit",
    "check_device",
    "does_not_divide",
    "kept_layers",
    "loading_config",
    "misfit",
    "quantizer",
    "settle",
    "unpack",
]

_PACKAGES = frozenset({"bitsandbytes", "torchao", "optimum", "hqq", "gptqmodel", "compressed_tensors"})
"""Where the classes of quantized layers and weights come from."""
_BLOCK = 64
"""bitsandbytes quantizes weights to 4 bits in blocks of so many."""


def check_device(method: QuantizationMethod, device: str) -> None:
    """Raise UnavailableError, in one sentence, where a method does not run on a device."""
    if method.capability is None:
        return
    wanted = ".".join(map(str, method.capability))
    if not device.startswith("cuda"):
        raise UnavailableError(
            f"quant={method.name} needs an NVIDIA GPU of compute capability {wanted} or more, and this runs on {device}"
        )
    has = torch.cuda.get_device_capability(device)
    if has < method.capability:
        raise UnavailableError(
            f"quant={method.name} needs an NVIDIA GPU of compute capability {wanted} or more, and {device} has "
            f"{has[0]}.{has[1]}"
        )


def kept_layers(model: Any, names: str) -> list[str]:
    """The full names of the layers that `quant_skip` means, and the output layer's; [] where it says nothing.

    `model` may lie on torch's meta device. Raises UsageError for a name that no layer has.
    """
    if not names:
        return []
    layers = {name: module for name, module in model.named_modules() if name}
    found = {name for name, module in layers.items() if module is model.get_output_embeddings()}
    for wanted in skipped(names):
        own = {name for name in layers if name == wanted or name.endswith(f".{wanted}")}
        if not own:
            ends = sorted({name.rpartition(".")[2] for name, layer in layers.items() if hasattr(layer, "weight")})
            raise UsageError(f"no layer is called {wanted!r}", found=f"quant_skip={names}", fix=", ".join(ends))
        found |= own
    return sorted(found)


def loading_config(method: QuantizationMethod, options: HfOptions, dtype: str, kept: list[str]) -> Any:
    """What `from_pretrained` takes as `quantization_config`; None for HQQ, whose layers `settle` puts in.

    `kept` are the layers that stay as they are; [] leaves that to the library, which keeps the output layer.
    """
    import transformers

    skip = kept or None
    compute = getattr(torch, options.compute_dtype or dtype)
    if method.backend == "bitsandbytes":
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it says at every layer that it casts
        if method.bits == 8:
            threshold = outlier_threshold(options.int8_threshold)
            return transformers.BitsAndBytesConfig(
                load_in_8bit=True, llm_int8_threshold=threshold, llm_int8_skip_modules=skip
            )
        return transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=method.name.partition("-")[0],
            bnb_4bit_use_double_quant=method.name.endswith("-double"),
            bnb_4bit_compute_dtype=compute,
            llm_int8_skip_modules=skip,
        )
    if method.backend == "torchao":
        return transformers.TorchAoConfig(_torchao(method, options), modules_to_not_convert=skip)
    if method.backend == "quanto":
        return transformers.QuantoConfig(weights=method.name.partition("-")[2], modules_to_not_convert=skip)
    if method.backend == "transformers":
        return transformers.FineGrainedFP8Config(modules_to_not_convert=skip)
    return None


def _torchao(method: QuantizationMethod, options: HfOptions) -> Any:
    import torchao.quantization as ao

    size = options.group_size or method.group_size
    if method.name == "torchao-int8":
        return ao.Int8WeightOnlyConfig()
    if method.name == "torchao-int4":
        return ao.IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=ao.PerGroup(size))
    if method.name == "torchao-int8-dynamic":
        return ao.Int8DynamicActivationInt8WeightConfig()
    if method.name == "torchao-float8":
        return ao.Float8WeightOnlyConfig()
    if method.name == "torchao-float8-dynamic":
        return ao.Float8DynamicActivationFloat8WeightConfig(granularity=ao.PerRow())
    if method.name == "torchao-int4-packed":
        return ao.Int4WeightOnlyConfig(group_size=size)
    raise NotImplementedError(f"{method.name} is in the table and has no configuration of torchao's here")


def settle(
    model: Any, method: QuantizationMethod, options: HfOptions, dtype: str, device: str, kept: list[str]
) -> None:
    """What is left to do once the weights are there, on the device that computes."""
    if method.backend == "hqq":
        if found := misfit(model, method, options, kept):
            raise does_not_divide(method, found)
        _put_hqq(model, method, options, getattr(torch, options.compute_dtype or dtype), device, kept)
    if method.name == "quanto-int4":
        for module in model.modules():
            if type(module).__name__ == "QLinear":
                module.forward = _outside_inference_mode(module.forward)
    for module in model.modules():
        # bitsandbytes' fused kernel for processors multiplies 16-bit numbers whatever the compute dtype is, and takes
        # whole blocks a row only.
        if getattr(module, "support_avx512bf16_for_cpu", False):
            whole = module.in_features % _BLOCK == 0
            module.support_avx512bf16_for_cpu = whole and module.compute_dtype is torch.bfloat16


def _outside_inference_mode(forward: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """quanto's 4-bit weights can't be transposed within torch.inference_mode."""

    def outside(given: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(False), torch.no_grad():
            return forward(given)

    return outside


def _put_hqq(
    model: Any, method: QuantizationMethod, options: HfOptions, dtype: torch.dtype, device: str, kept: list[str]
) -> None:
    """Replace linear layers by HQQ's: transformers 5 has no loader for them."""
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

    config = BaseQuantizeConfig(nbits=method.bits, group_size=options.group_size or method.group_size, axis=1)
    head = model.get_output_embeddings()
    for name, module in list(model.named_modules()):
        for child, layer in list(module.named_children()):
            whole = f"{name}.{child}" if name else child
            if type(layer) is torch.nn.Linear and layer is not head and whole not in kept:
                setattr(module, child, HQQLinear(layer, config, compute_dtype=dtype, device=device))


def unpack(model: Any, is_encoder_decoder: bool) -> None:
    """Have compressed-tensors unpack its weights now, instead of within the first pass that somebody waits for."""
    if not any(hasattr(module, "quantization_scheme") for module in model.modules()):
        return
    start = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    with torch.inference_mode():
        model(input_ids=start, **({"decoder_input_ids": start} if is_encoder_decoder else {}))


@dataclass(frozen=True, slots=True)
class QuantizationAudit:
    """What is quantized in a loaded model."""

    matrices: int
    quantized: int
    unsteady: str = ""
    """Why a text's numbers change with what is computed next to it, "" where they don't."""
    rounds: bool = False
    """Whether activations are rounded to 8 bits, so that a sum in another order can end in the next whole number."""

    def __str__(self) -> str:
        return f"{self.quantized} of {self.matrices} matrices"


def audit(model: Any, method: QuantizationMethod | None) -> QuantizationAudit:
    """Count matrices (linear layers, GPT-2's included) and those that are quantized."""
    matrices = quantized = 0
    unsteady = ""
    rounds = method is not None and method.rounds
    for module in model.modules():
        is_quantized = _is_quantized(module)
        if is_quantized or isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D":
            matrices += 1
            quantized += is_quantized
        scheme = getattr(module, "quantization_scheme", None)
        is_eight = type(module).__name__ in ("Linear8bitLt", "FP8Linear")
        rounds = rounds or is_eight or getattr(scheme, "input_activations", None) is not None
        state = getattr(module, "state", None)
        if getattr(state, "threshold", 0.0) and type(module).__name__ == "Linear8bitLt":
            unsteady = "LLM.int8() looks for outliers in all tokens of a pass (int8_threshold=0 looks for none)"
    return QuantizationAudit(matrices, quantized, unsteady, rounds)


def _is_quantized(module: Any) -> bool:
    if _root(type(module)) in _PACKAGES and hasattr(module, "in_features"):
        return True
    if getattr(module, "quantization_scheme", None) is not None or type(module).__name__ == "FP8Linear":
        return True
    weight = getattr(module, "weight", None)
    return isinstance(module, torch.nn.Linear) and _root(type(getattr(weight, "data", weight))) in _PACKAGES


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def quantizer(backend: str) -> str:
    """The package that quantizes, with its version: "torchao 0.18.0"."""
    name = {"quanto": "optimum-quanto"}.get(backend, backend)
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def misfit(model: Any, method: QuantizationMethod, options: HfOptions, kept: list[str]) -> str:
    """A layer whose inputs are no whole groups of weights, and how many it has; "" where there is none.

    `model` may lie on torch's meta device: only shapes are looked at.
    """
    size = options.group_size or method.group_size
    if size is None or method.backend not in ("torchao", "hqq"):
        return ""
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if (
            isinstance(module, torch.nn.Linear)
            and module is not head
            and name not in kept
            and module.in_features % size
        ):
            return f"{name} has {module.in_features} inputs, group_size={size}"
    return ""


def does_not_divide(method: QuantizationMethod, found: str) -> UsageError:
    """The error to raise for what `misfit` found."""
    layer = found.partition(" ")[0].rpartition(".")[2]
    return UsageError(
        f"quant={method.name} needs inputs that are whole groups",
        found=found,
        fix=f"a smaller group_size, such as 32, or quant_skip={layer}",
    )
