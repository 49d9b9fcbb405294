"""Bringing a checkpoint into memory: tokenizer, weights, and what has to be known of them to ask."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partialmethod
from typing import TYPE_CHECKING, Any

from evalkit.core import UsageError
from evalkit.models.local.checkpoint import Checkpoint
from evalkit.models.local.options import Options
from evalkit.models.local.quantizing import Method, method_named, stored_in
from evalkit.models.local.weights import stored_dtype, weight_files

if TYPE_CHECKING:
    from evalkit.models.local.quantized import Audit

__all__ = ["Loaded", "dtype_of", "load", "quiet"]

_WORTH_SHARING = 4_000_000
"""Parameters from which a forward pass is divided among threads."""

_DTYPES = ("float32", "bfloat16", "float16")
_LONGEST = 2048
"""Where neither config nor tokenizer says how long an input may be; lm-evaluation-harness's value too."""
_NOISY = ("torchao", "torch.utils._pytree", "bitsandbytes.backends.cpu.ops")
"""What they say while they are imported is of other machines' kernels; transformers imports torchao where it is."""
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
    alone: str = ""
    """Why every text has to be computed from its beginning and by itself; "" where it needn't."""
    is_exact: bool = True
    """Whether everything is computed in float32: a sum in another order then differs by some 1e-6 of itself."""
    switch: Callable[[], None] = _nothing
    """Called before anything is computed: other models may have been computed with these weights in between."""


def dtype_of(checkpoint: Checkpoint, options: Options) -> str:
    """The type of numbers that the weights get, decided from files: option, config, weights' header, float32."""
    if options.dtype != "auto":
        return options.dtype
    text = checkpoint.config.get("text_config")
    for config in (checkpoint.config, text if isinstance(text, dict) else {}):
        for key in ("dtype", "torch_dtype"):
            if config.get(key) in _DTYPES:
                return str(config[key])
    return stored_dtype(weight_files(checkpoint.folder)) or "float32"


def load(checkpoint: Checkpoint, options: Options, device: str) -> Loaded:
    """Load tokenizer and weights onto `device` (or over `device_map`). Raises UsageError where that can't be done."""
    import torch

    method = method_named(options.quant) if options.quant else None
    if method is not None:
        from evalkit.models.local.quantized import check_device

        check_device(method, device)
    tokenizer, model = _read(checkpoint, options, device, method)
    model.eval()
    if device == "cpu":
        _take_threads(model)
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
        alone=found.unsteady if found else "",
        is_exact=model.dtype is torch.float32
        and options.compute_dtype in ("", "float32")
        and not (found and found.rounds),
    )


def _read(checkpoint: Checkpoint, options: Options, device: str, method: Method | None) -> tuple[Any, Any]:
    """The tokenizer, and the model with its weights where they belong."""
    import torch
    import transformers

    origin: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    if checkpoint.commit is not None and not checkpoint.is_local:
        origin["revision"] = checkpoint.commit
    dtype, stored = dtype_of(checkpoint, options), stored_in(checkpoint.config)
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if options.device_map:
        settings["device_map"] = options.device_map
    elif method is not None or stored is not None:
        settings["device_map"] = {"": device}  # quantized weights are made or read where they are used
    if options.attention:
        settings["attn_implementation"] = options.attention
    try:
        with quiet(method is not None or stored is not None):
            auto = _class_of(checkpoint)
            tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.source, **origin)
            if method is not None:
                from evalkit.models.local.quantized import loading_config, settle

                if (config := loading_config(method, options, dtype)) is not None:
                    settings["quantization_config"] = config
            model, report = auto.from_pretrained(checkpoint.source, output_loading_info=True, **origin, **settings)
            if method is not None:
                settle(model, method, options, dtype, device)
            if stored is not None:
                from evalkit.models.local.quantized import unpack

                unpack(model, checkpoint.is_encoder_decoder)
        if "device_map" not in settings:
            model.to(device)
    except UsageError:
        raise
    except Exception as error:  # readers of every file format raise errors of their own
        raise _unreadable(checkpoint, options, method, error) from error
    if missing := sorted(report["missing_keys"]):
        # transformers fills them with random numbers, and every score would be noise.
        raise UsageError(
            f"the weights of {checkpoint.name} are not complete",
            found=f"{len(missing)} missing, such as {missing[0]}",
            fix="save the whole model, or name the folder of the right architecture",
        )
    return tokenizer, model


def _class_of(checkpoint: Checkpoint) -> Any:
    import transformers

    return transformers.AutoModelForSeq2SeqLM if checkpoint.is_encoder_decoder else transformers.AutoModelForCausalLM


def _unreadable(checkpoint: Checkpoint, options: Options, method: Method | None, error: Exception) -> UsageError:
    lines = str(error).strip().splitlines() or [""]
    if method is not None:
        from evalkit.models.local.quantized import misfit

        if found := misfit(_skeleton(checkpoint, options), method, options):
            return UsageError(
                f"quant={method.name} needs inputs that are whole groups", found=found, fix="a smaller group_size"
            )
        return UsageError(
            f"{checkpoint.name} can't be quantized by {method.name}",
            found=f"{type(error).__name__}: {lines[-1]}",
            fix="another method (evalkit doctor lists those that run here)",
        )
    return UsageError(
        f"{checkpoint.name} can't be loaded",
        found=f"{type(error).__name__}: {lines[0]}",
        fix="see the message above; `transformers` must know the architecture and the files must be complete",
    )


def _skeleton(checkpoint: Checkpoint, options: Options) -> Any:
    """The model without its numbers."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(
        str(checkpoint.folder), trust_remote_code=options.trust_remote_code
    )
    with torch.device("meta"):
        return _class_of(checkpoint).from_config(config, trust_remote_code=options.trust_remote_code)


def _looked_over(checkpoint: Checkpoint, model: Any, method: Method | None) -> tuple[str, Audit | None]:
    """What became of the weights, in words and in numbers; "" and None where nothing was to be quantized."""
    stored = stored_in(checkpoint.config)
    if method is None and stored is None:
        return "", None
    from evalkit.models.local.quantized import audit, quantizer

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


def _products(model: Any, options: Options) -> str:
    from evalkit.models.local.products import take_onednn, worthwhile

    wanted = options.kernels == "onednn" or (options.kernels == "auto" and worthwhile())
    return "oneDNN" if wanted and take_onednn(model) else ""


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


@contextmanager
def quiet(quantizes: bool = False) -> Iterator[None]:
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
    if quantizes:  # compressed-tensors asks nobody whether it may show bars
        tqdm.__init__ = partialmethod(begin, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = begin
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)
        if shown:
            their_logging.enable_progress_bar()
