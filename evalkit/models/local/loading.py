"""Bringing a checkpoint into memory: tokenizer, weights, and what has to be known of them to ask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from evalkit.core import UsageError
from evalkit.models.local.checkpoint import Checkpoint
from evalkit.models.local.options import Options
from evalkit.models.local.weights import stored_dtype, weight_files

__all__ = ["Loaded", "dtype_of", "load"]

_WORTH_SHARING = 4_000_000
"""Parameters from which a forward pass is divided among threads."""

_DTYPES = ("float32", "bfloat16", "float16")
_LONGEST = 2048
"""Where neither config nor tokenizer says how long an input may be; lm-evaluation-harness's value too."""
_NO_LIMIT = 10**9
"""transformers writes about 1e30 as a tokenizer's model_max_length where it has none."""


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
    import transformers

    is_encoder_decoder = checkpoint.is_encoder_decoder
    auto = transformers.AutoModelForSeq2SeqLM if is_encoder_decoder else transformers.AutoModelForCausalLM
    origin: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    if checkpoint.commit is not None and not checkpoint.is_local:
        origin["revision"] = checkpoint.commit
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype_of(checkpoint, options))}
    if options.device_map:
        settings["device_map"] = options.device_map
    if options.attention:
        settings["attn_implementation"] = options.attention
    try:
        with _quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.source, **origin)
            model, report = auto.from_pretrained(checkpoint.source, output_loading_info=True, **origin, **settings)
        if not options.device_map:
            model.to(device)
    except Exception as error:  # readers of every file format raise errors of their own
        lines = str(error).strip().splitlines() or [""]
        raise UsageError(
            f"{checkpoint.name} can't be loaded",
            found=f"{type(error).__name__}: {lines[0]}",
            fix="see the message above; `transformers` must know the architecture and the files must be complete",
        ) from error
    if missing := sorted(report["missing_keys"]):
        # transformers fills them with random numbers, and every score would be noise.
        raise UsageError(
            f"the weights of {checkpoint.name} are not complete",
            found=f"{len(missing)} missing, such as {missing[0]}",
            fix="save the whole model, or name the folder of the right architecture",
        )
    model.eval()
    if device == "cpu":
        _take_threads(model)
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
    )


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
def _quiet() -> Iterator[None]:
    """Keep transformers' own progress bars out of evalkit's."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
