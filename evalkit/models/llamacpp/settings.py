"""How llama.cpp is set up for a file: what the options leave open, decided."""

from __future__ import annotations

import os
from typing import Any

from evalkit.core import UnavailableError
from evalkit.models.llamacpp.header import Header
from evalkit.models.llamacpp.options import GgufOptions

__all__ = [
    "border",
    "bytes_per_token",
    "cells_of",
    "flash_attention",
    "gpu_layers",
    "kv_name",
    "kv_type",
    "longest_input",
    "threads",
]

_LONGEST = 2048
"""Where the file does not say how long an input may be; the local backend's value too."""
_SMALL = 4_000_000
"""Weights from which matrices are worth a second thread."""
_KV = {"f32": (0, 32), "f16": (1, 16), "q4_0": (2, 4.5), "q4_1": (3, 5), "q5_0": (6, 5.5), "q5_1": (7, 6)} | {
    "q8_0": (8, 8.5),
    "bf16": (30, 16),
}
"""ggml's number of a type, and its bits a value."""


def kv_name(options: GgufOptions, header: Header) -> str:
    """The type of kept keys and values, "f16" for instance."""
    if options.kv != "auto":
        return options.kv
    return "f32" if header.quantization == "F32" or options.widen else "f16"


def kv_type(options: GgufOptions, header: Header) -> int:
    return int(_KV[kv_name(options, header)][0])


def flash_attention(options: GgufOptions, layers: int) -> int:
    """llama.cpp's number for whether attention is computed in one piece: -1 leaves it to llama.cpp.

    On a CPU that rounds otherwise for one token than for many, so that a number would depend on what is computed
    next to it: by up to 0.3 nats with 8-bit weights, where every rounding is multiplied by the next one.
    """
    if options.flash_attention == "auto" and not layers and not options.kv.startswith("q"):
        return 0
    return {"auto": -1, "off": 0, "on": 1}[options.flash_attention]


def bytes_per_token(header: Header, kv: int) -> int:
    """What a token's keys and values take, at most; a guess where the header says less than usual."""
    name = header.architecture
    layers = header.number(f"{name}.block_count", 32)
    heads = max(1, header.number(f"{name}.attention.head_count", 32))
    width = header.number(f"{name}.embedding_length", 4096)
    # An array (one number a layer) is read as its length, and no architecture has as many heads as layers by chance.
    kv_heads = min(heads, header.number(f"{name}.attention.head_count_kv", heads)) or heads
    key = header.number(f"{name}.attention.key_length", width // heads)
    value = header.number(f"{name}.attention.value_length", width // heads)
    bits = next(bits for number, bits in _KV.values() if number == kv)
    return max(1, int(layers * kv_heads * (key + value) * bits / 8))


def border(header: Header) -> int:
    """Where a model turns positions by other factors for longer inputs (longrope), the length up to which; 0: nowhere.

    llama.cpp chooses the factors by the size of its cache, so that must stay on one side of it.
    """
    if "rope_factors_long.weight" not in header.tensors:
        return 0
    return header.number(f"{header.architecture}.rope.scaling.original_context_length", 0)


def longest_input(options: GgufOptions, header: Header) -> int:
    """The longest input in tokens; up to the border, where there is one, unless the option says more."""
    return options.max_length or border(header) or header.max_length or _LONGEST


def cells_of(wanted: int, longest: int, header: Header) -> int:
    """How large a cache is made where `wanted` tokens are to fit into it, and inputs have up to `longest`."""
    edge = border(header)
    if not edge:
        return wanted
    return min(wanted, edge) if longest <= edge else max(wanted, edge + 1)


def threads(options: GgufOptions, header: Header) -> int:
    """Threads on the CPU."""
    if options.threads is not None:
        return options.threads
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    # A very small matrix is done before a second thread has woken up.
    return len(os.sched_getaffinity(0)) if header.weights >= _SMALL else 1


def gpu_layers(options: GgufOptions, llama: Any) -> int:
    """Layers on the GPU; -1 for all. Raises UnavailableError where llama.cpp was built without one."""
    can = bool(llama.llama_supports_gpu_offload())
    if options.gpu_layers == "auto":
        return -1 if can else 0
    wanted = -1 if options.gpu_layers == "all" else int(options.gpu_layers)
    if wanted and not can:
        raise UnavailableError(
            "llama-cpp-python was built without a GPU here",
            found=f"gpu_layers={options.gpu_layers}",
            fix="CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir llama-cpp-python",
        )
    return wanted
