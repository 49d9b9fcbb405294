"""What can be set on a local model, read from text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from evalkit.core import UsageError
from evalkit.core.option_values import Range
from evalkit.models.hf.loading.quantization_methods import method_named
from evalkit.models.option_parsing import Count, Device, Reader, Tokens, read_options, typed
from evalkit.models.replies.options import THOUGHT, THOUGHT_READERS, ThoughtOptions

__all__ = ["CHANGES_ANSWERS", "ChatMode", "DType", "HfOptions", "memory_limits"]

_QUANTIZES = ("compute_dtype", "group_size", "int8_threshold", "quant_skip")
CHANGES_ANSWERS = (
    *("dtype", "revision", "trust_remote_code", "chat", "system", "max_length"),
    *THOUGHT,
    *("attention", "device_map", "tp_plan", "compile"),
    *("quant", *_QUANTIZES, "adapter", "adapter_merge"),
)
"""The options that make it another model; the others only say where and how it is run."""

ChatMode = Literal["auto", "on", "off"]
DType = Literal["auto", "float32", "bfloat16", "float16"]
_CompileMode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]


def _compile_mode(key: str, text: str) -> str:
    mode = typed(key, text, bool | _CompileMode)
    return str({True: "default", False: ""}.get(mode, mode))


def _memory(key: str, text: str) -> str:
    if text:
        memory_limits(text)
    return text


def memory_limits(text: str) -> dict[int | str, str]:
    """What `max_memory` says: {0: "10GiB", "cpu": "30GiB"} of "0:10GiB,cpu:30GiB". Raises UsageError."""
    pairs = [part.strip().partition(":") for part in text.split(",")]
    if not all(_PLACE.fullmatch(place) and _SIZE.fullmatch(size) for place, _, size in pairs):
        raise UsageError(
            "max_memory says how much of each device may be used",
            found=f"max_memory={text}",
            fix="max_memory=0:10GiB,cpu:30GiB (GPUs by number)",
        )
    return {int(place) if place.isdigit() else place: size for place, _, size in pairs}


_PLACE = re.compile(r"\d+|cpu|mps")
_SIZE = re.compile(r"\d+(\.\d+)?[KMGT]i?B")
_READERS: Mapping[str, Reader] = {
    **THOUGHT_READERS,
    "quant": lambda key, text: method_named(text).name if text else "",
    "compile": _compile_mode,
    "max_memory": _memory,
}


@dataclass(frozen=True, slots=True)
class HfOptions(ThoughtOptions):
    """The options of `hf/…` and `tiny`."""

    device: Device = "auto"
    """auto (cuda, else mps, else cpu), cpu, mps, cuda or cuda:N."""
    dtype: DType = "auto"
    """The type of the numbers; auto takes what the checkpoint names."""
    device_map: str = ""
    """Passed to transformers ("auto" spreads a model over several devices); replaces `device`."""
    revision: str = ""
    """The branch, tag or commit of a hub model."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    chat: ChatMode = "auto"
    """auto: conversations go through the chat template and plain prompts stay text, as in lm-evaluation-harness; on:
    everything goes through it; off: evalkit refuses a conversation."""
    system: str = ""
    """A system prompt for everything that goes through the chat template."""
    generation_config: bool = False
    """Draw texts as the model's generation_config.json says, unless the run sets a value."""
    max_length: Tokens | None = None
    """The longest input in tokens, if it differs from the config."""
    batch_tokens: Tokens | None = None
    """Tokens in one forward pass: 2,048 on a CPU, 16,384 on a GPU; evalkit halves it if memory runs out."""
    attention: Literal["", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"] = ""
    """The attention implementation; by default, transformers' own choice."""
    kernels: Literal["auto", "torch", "onednn"] = "auto"
    """What multiplies float32 matrices on a CPU: torch's own choice or oneDNN; auto takes the faster one."""
    quant: str = ""
    """The method that quantizes the weights while they load: nf4, int8, …; evalkit doctor --quantization lists them."""
    compute_dtype: Literal["", "float32", "bfloat16", "float16"] = ""
    """The type in which 4-bit weights (bitsandbytes) and HQQ's are multiplied; by default, the model's own."""
    group_size: Count | None = None
    """Weights that share a scale."""
    int8_threshold: Annotated[float, Range("a number, 0 or more", "6.0", least=0)] | None = None
    """The size from which quant=int8 computes activations in 16 bits (6.0); 0 computes none in 16 bits, and is much
    faster."""
    quant_skip: str = ""
    """Names of layers that stay unquantized, separated by commas; the output layer always stays so."""
    compile: str = ""
    """torch.compile's mode for the feed-forward layers: true (default), reduce-overhead, max-autotune, …"""
    tp_plan: Literal["", "auto"] = ""
    """auto shards the layers over the processes that torchrun started."""
    max_memory: str = ""
    """How much of each device `device_map` may fill: 0:10GiB,cpu:30GiB. The rest goes to the disk."""
    offload_folder: str = ""
    """The folder for weights that fit on no device."""
    adapter: str = ""
    """A PEFT adapter over the model: a folder, or a repository of the hub."""
    adapter_merge: bool = False
    """Add the adapter to the weights, which then belong to this model alone."""

    @staticmethod
    def parse(texts: Mapping[str, str], plain: HfOptions | None = None) -> HfOptions:
        """Read options from text; `plain` holds what is not said.

        Raises UsageError for an unknown key or a value that can't be meant.
        """
        values = read_options(texts, HfOptions, _READERS, of="a local model")
        options = replace(plain or HfOptions(), **values)
        if options.system and options.chat == "off":
            raise UsageError("a system prompt needs the chat template", found="system=… with chat=off", fix="chat=on")
        if options.adapter_merge and not options.adapter:
            raise UsageError("there is no adapter to merge", found="adapter_merge=true", fix="adapter=<folder>")
        if (options.max_memory or options.offload_folder) and not options.device_map:
            raise UsageError(
                "max_memory and offload_folder need a device_map",
                fix="device_map=auto",
            )
        if options.tp_plan and (options.device_map or options.quant):
            raise UsageError(
                "tp_plan shards a model as it is stored, over the processes of torchrun", fix="tp_plan alone"
            )
        _check_quantizing(options)
        return options


def _check_quantizing(options: HfOptions) -> None:
    given = [name for name in _QUANTIZES if getattr(options, name) not in ("", None)]
    if not options.quant:
        if given:
            raise UsageError(f"{given[0]} needs quant=", fix=f"quant=nf4,{given[0]}=… or none")
        return
    takes = method_named(options.quant).takes
    for name in given:
        if name not in takes:
            raise UsageError(
                f"quant={options.quant} does not use {name}",
                found=f"{name}={getattr(options, name)}",
                fix=f"it uses {', '.join(sorted(takes))}" if takes else f"leave {name} out",
            )
