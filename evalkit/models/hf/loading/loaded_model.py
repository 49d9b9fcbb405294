"""Bringing a checkpoint into memory: tokenizer, weights, and what has to be known of them to ask."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.core import UsageError
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.load_weights import dtype_of, quiet, read
from evalkit.models.hf.loading.quantization_methods import QuantizationMethod, method_named, stored_in
from evalkit.models.hf.options import HfOptions

if TYPE_CHECKING:
    from evalkit.models.hf.loading.quantize import QuantizationAudit

__all__ = ["Loaded", "dtype_of", "load", "quiet"]

_log = logging.getLogger(__name__)

_WORTH_SHARING = 4_000_000
"""Parameters from which a forward pass is divided among threads."""

_LONGEST = 2048
"""Where neither config nor tokenizer says how long an input may be; lm-evaluation-harness's value too."""
_NO_LIMIT = 10**9
"""transformers writes about 1e30 as a tokenizer's model_max_length where it has none."""


def _nothing() -> None:
    """Weights that nobody shares need no switching."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory. `start_id` is what an encoder-decoder's decoder begins with, None for others."""

    model: Any
    tokenizer: Any
    device: str
    max_length: int
    eos_ids: frozenset[int]
    is_encoder_decoder: bool
    start_id: int | None
    products: str = ""
    """What multiplies matrices, where that is not torch's own choice."""
    border: int = 0
    """An input longer than this is computed otherwise (longrope), so that its length must not touch its neighbours'."""
    quantization: str = ""
    """What of it is quantized, in words; "" where nothing is."""
    placement: str = ""
    """How many parts lie on which device, where a device map spread them."""
    alone: str = ""
    """Why every text has to be computed from its beginning and by itself; "" where it needn't."""
    is_exact: bool = True
    """Whether everything is computed in float32: a sum in another order then differs by some 1e-6 of itself."""
    switch: Callable[[], None] = _nothing
    """Called before anything is computed: other models may have been computed with these weights in between."""


def load(checkpoint: Checkpoint, options: HfOptions, device: str) -> Loaded:
    """Load tokenizer and weights onto `device` (or over `device_map`). Raises UsageError where that can't be done."""
    import torch

    method = method_named(options.quant) if options.quant else None
    if method is not None:
        from evalkit.models.hf.loading.quantize import check_device

        check_device(method, device)
    tokenizer, model = read(checkpoint, options, device, method)
    model.eval()
    if device == "cpu":
        _take_threads(model)
        if method is None and stored_in(checkpoint.config) is None:
            _look_at_numbers(checkpoint, model)
    is_encoder_decoder = checkpoint.is_encoder_decoder
    quantization, found = _looked_over(checkpoint, model, method)
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        device=str(model.device) if options.device_map else device,
        max_length=options.max_length or checkpoint.max_length or _longest(model.config, tokenizer),
        eos_ids=_eos_ids(model, tokenizer),
        is_encoder_decoder=is_encoder_decoder,
        start_id=_start_id(model) if is_encoder_decoder else None,
        products=_products(model, options),
        border=_border(checkpoint),
        quantization=quantization,
        placement=_placement(model) if options.device_map else "",
        alone=found.unsteady if found else "",
        is_exact=model.dtype is torch.float32
        and options.compute_dtype in ("", "float32")
        and not (found and found.rounds),
    )


def _placement(model: Any) -> str:
    devices = Counter(str(device) for device in (getattr(model, "hf_device_map", None) or {}).values())
    return ", ".join(f"{count} on {device}" for device, count in sorted(devices.items()))


def _looked_over(
    checkpoint: Checkpoint, model: Any, method: QuantizationMethod | None
) -> tuple[str, QuantizationAudit | None]:
    """What became of the weights, in words and in numbers; "" and None where nothing was to be quantized."""
    stored = stored_in(checkpoint.config)
    if method is None and stored is None:
        return "", None
    from evalkit.models.hf.loading.quantize import audit, quantizer

    found = audit(model, method)
    if method is not None:
        if not found.quantized:
            raise UsageError(
                f"quant={method.name} quantizes no layer of {checkpoint.name}",
                found=f"{found.matrices} matrices, {found.quantized} of them quantized",
                fix="a method of another package: bitsandbytes' (nf4, int8) know more kinds of layers",
            )
        return f"{method.name}, {found} ({quantizer(method.backend)})", found
    assert stored is not None
    return f"stored as {stored.name}, {found}" + (f": {stored.note}" if not found.quantized else ""), found


def _take_threads(model: Any) -> None:
    """Compute a very small model on one thread, unless the environment says how many.

    Its matrices are done before a second thread has woken up; and where other processes want the processors, threads
    that wait for each other made the embedded model several times slower.
    """
    import torch

    if model.num_parameters() < _WORTH_SHARING and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def _look_at_numbers(checkpoint: Checkpoint, model: Any) -> None:
    """Warn where float32 would be faster than the model's own numbers. A small model is too fast for that to matter."""
    from evalkit.models.hf.loading.half_precision import warning_for

    if model.num_parameters() >= _WORTH_SHARING and (warning := warning_for(checkpoint.name, model.dtype)):
        _log.warning(warning)


def _products(model: Any, options: HfOptions) -> str:
    """Take other ways to multiply matrices than torch's own where they are wanted; which ones, in words."""
    if options.compile:
        from evalkit.models.hf.loading.compiling import compile_layers

        return f"torch.compile ({options.compile}) of {compile_layers(model, options.compile)} feed-forward layers"
    from evalkit.models.hf.loading.onednn_linear import take_blocks, take_onednn, worthwhile

    wanted = options.kernels == "onednn" or (options.kernels == "auto" and worthwhile())
    if wanted and take_onednn(model):
        return "oneDNN"
    if options.kernels != "auto":
        return ""
    from evalkit.models.hf.loading.turned_weights import turn_weights

    turn_weights(model)
    if not (count := take_blocks(model)):
        return ""
    from evalkit.models.hf.loading.layer_rows import take_layers

    whole = take_layers(model)
    return f"torch, {whole} layers in blocks of rows" if whole else f"torch, {count} gated layers in blocks of rows"


def _longest(config: Any, tokenizer: Any) -> int:
    """Where the files say nothing: the config class's own default, then the tokenizer's, then 2,048."""
    for key in ("n_positions", "max_position_embeddings", "n_ctx"):
        if isinstance(value := getattr(config, key, None), int) and value > 0:
            return value
    value = getattr(tokenizer, "model_max_length", None)
    return value if isinstance(value, int) and 0 < value < _NO_LIMIT else _LONGEST


def _eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a text, according to the generation config, the config or the tokenizer."""
    ids: set[int] = set()
    for owner in (getattr(model, "generation_config", None), model.config, tokenizer):
        value = getattr(owner, "eos_token_id", None)
        ids.update(value if isinstance(value, list | tuple) else [value] if isinstance(value, int) else [])
    return frozenset(ids)


def _border(checkpoint: Checkpoint) -> int:
    for key in ("rope_parameters", "rope_scaling"):
        rope = checkpoint.config.get(key)
        if isinstance(rope, dict) and "longrope" in (rope.get("rope_type"), rope.get("type")):
            length = rope.get("original_max_position_embeddings") or checkpoint.config.get(
                "original_max_position_embeddings"
            )
            return length if isinstance(length, int) else 0
    return 0


def _start_id(model: Any) -> int:
    for owner in (model.config, getattr(model, "generation_config", None)):
        for key in ("decoder_start_token_id", "bos_token_id"):
            if isinstance(value := getattr(owner, key, None), int):
                return value
    raise UsageError("the model does not say what its decoder begins with", fix="set decoder_start_token_id")
