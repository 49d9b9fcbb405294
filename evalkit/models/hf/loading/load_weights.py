"""Tokenizer and weights from a checkpoint's files to where they are computed with, quantized on the way or not."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

from evalkit.core import UsageError
from evalkit.data.huggingface import as_found
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.gguf_files import LINK
from evalkit.models.hf.loading.quantization_methods import QuantizationMethod, stored_in
from evalkit.models.hf.loading.weight_files import stored_dtype, weight_files
from evalkit.models.hf.options import HfOptions, memory_limits
from evalkit.models.loading_lock import LOADING

__all__ = ["dtype_of", "quiet", "read"]

_DTYPES = ("float32", "bfloat16", "float16")
_NOISY = ("torchao", "torch.utils._pytree", "bitsandbytes.backends.cpu.ops")
"""What they say while they are imported is of other machines' kernels; transformers imports torchao where it is."""


def dtype_of(checkpoint: Checkpoint, options: HfOptions) -> str:
    """The type of numbers that the weights get, decided from files: option, config, weights' header, float32."""
    if options.dtype != "auto":
        return options.dtype
    text = checkpoint.config.get("text_config")
    for config in (checkpoint.config, text if isinstance(text, dict) else {}):
        for key in ("dtype", "torch_dtype"):
            if config.get(key) in _DTYPES:
                return str(config[key])
    return stored_dtype(weight_files(checkpoint.folder)) or "float32"


def read(checkpoint: Checkpoint, options: HfOptions, device: str, method: QuantizationMethod | None) -> tuple[Any, Any]:
    """The tokenizer, and the model with its weights where they belong, quantized by `method`.

    Raises UsageError where that can't be done, or weights are missing.
    """
    import transformers

    origin: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    if checkpoint.commit is not None and not checkpoint.is_local:
        origin["revision"] = checkpoint.commit
    stored = stored_in(checkpoint.config) is not None
    kept: list[str] = []
    try:
        bars = quiet(stored or method is not None, widens=(checkpoint.folder / LINK).exists())
        with LOADING, bars, as_found(checkpoint.source):
            with _uncollected():
                tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.source, **origin)
            if method is not None and options.quant_skip:
                from evalkit.models.hf.loading.quantize import kept_layers

                kept = kept_layers(_skeleton(checkpoint, options), options.quant_skip)
            settings = _settings(checkpoint, options, device, method, kept)
            auto = _class_of(checkpoint)
            model, report = auto.from_pretrained(checkpoint.source, output_loading_info=True, **origin, **settings)
            _finish(model, checkpoint, options, device, method, kept)
            if not settings.keys() & {"device_map", "distributed_config"}:
                model.to(device)
    except UsageError:
        raise
    except Exception as error:  # readers of every file format raise errors of their own
        raise _unreadable(checkpoint, options, method, kept, error) from error
    if missing := sorted(report["missing_keys"]):
        # transformers fills them with random numbers, and every score would be noise.
        raise UsageError(
            f"the weights of {checkpoint.name} are not complete",
            found=f"{len(missing)} missing, such as {missing[0]}",
            fix="save the whole model, or name the folder of the right architecture",
        )
    return tokenizer, model


@contextmanager
def _uncollected() -> Iterator[None]:
    """Within the block, nothing looks for garbage: millions of entries of a vocabulary are made, and none is any.

    A third of the time that a tokenizer of 262,144 tokens takes to load went there.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _settings(
    checkpoint: Checkpoint, options: HfOptions, device: str, method: QuantizationMethod | None, kept: list[str]
) -> dict[str, Any]:
    """What `from_pretrained` is told besides the place of the files."""
    import torch

    dtype = dtype_of(checkpoint, options)
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if options.device_map:
        settings["device_map"] = options.device_map
        if options.max_memory:
            settings["max_memory"] = memory_limits(options.max_memory)
        if options.offload_folder:
            settings["offload_folder"] = options.offload_folder
    elif options.tp_plan:
        from transformers.distributed import DistributedConfig

        settings["distributed_config"] = DistributedConfig(tp_plan=options.tp_plan)
    elif method is not None or stored_in(checkpoint.config):
        settings["device_map"] = {"": device}  # quantized weights are made or read where they are used
    if options.attention:
        settings["attn_implementation"] = options.attention
    if (checkpoint.folder / LINK).exists():
        settings["gguf_file"] = LINK
    if method is not None:
        from evalkit.models.hf.loading.quantize import loading_config

        if (config := loading_config(method, options, dtype, kept)) is not None:
            settings["quantization_config"] = config
    return settings


def _finish(
    model: Any,
    checkpoint: Checkpoint,
    options: HfOptions,
    device: str,
    method: QuantizationMethod | None,
    kept: list[str],
) -> None:
    """What quantizers leave to be done once the weights are there."""
    if method is not None:
        from evalkit.models.hf.loading.quantize import settle

        settle(model, method, options, dtype_of(checkpoint, options), device, kept)
    if stored_in(checkpoint.config):
        from evalkit.models.hf.loading.quantize import unpack

        unpack(model, checkpoint.is_encoder_decoder)


def _class_of(checkpoint: Checkpoint) -> Any:
    import transformers

    return transformers.AutoModelForSeq2SeqLM if checkpoint.is_encoder_decoder else transformers.AutoModelForCausalLM


def _unreadable(
    checkpoint: Checkpoint, options: HfOptions, method: QuantizationMethod | None, kept: list[str], error: Exception
) -> UsageError:
    if method is not None and checkpoint.refusal(error) is None:
        from evalkit.models.hf.loading.quantize import does_not_divide, misfit

        if found := misfit(_skeleton(checkpoint, options), method, options, kept):
            return does_not_divide(method, found)
        return UsageError(
            f"{checkpoint.name} can't be quantized by {method.name}",
            found=f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}",
            fix="another method (evalkit doctor lists those that run here)",
        )
    fix = "see the message above; `transformers` must know the architecture and the files must be complete"
    return checkpoint.unreadable(checkpoint.name, error, fix)


def _skeleton(checkpoint: Checkpoint, options: HfOptions) -> Any:
    """The model without its numbers."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(
        str(checkpoint.folder), trust_remote_code=options.trust_remote_code
    )
    with torch.device("meta"):
        return _class_of(checkpoint).from_config(config, trust_remote_code=options.trust_remote_code)


@contextmanager
def quiet(quantizes: bool = False, *, widens: bool = False) -> Iterator[None]:
    """Keep transformers' own progress bars out of evalkit's, and what quantizers say of kernels that they lack."""
    from transformers.utils import logging as their_logging

    shown = their_logging.is_progress_bar_enabled()
    their_logging.disable_progress_bar()
    from tqdm import tqdm

    begin = tqdm.__init__
    # Where layers can't be quantized transformers prints pages; the error says which and why.
    noisy = [logging.getLogger(name) for name in (*_NOISY, *(("transformers",) if quantizes else ()))]
    levels = [logger.level for logger in noisy]
    for logger in noisy:
        logger.setLevel(logging.ERROR)
    if quantizes or widens:  # compressed-tensors and the reader of GGUF files ask nobody whether they may show bars
        tqdm.__init__ = partialmethod(begin, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = begin
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)
        if shown:
            their_logging.enable_progress_bar()
