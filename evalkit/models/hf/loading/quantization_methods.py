"""Which ways there are to quantize a model while it is loaded, and what each needs; imports no torch.

What is quantized is the weight of every linear layer but the output layer, as the libraries do it by themselves. A
checkpoint that is stored quantized is loaded as it is: its config says how (`STORED`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from evalkit.core.distribution import pip_install
from evalkit.core.spec import unknown

__all__ = [
    "METHODS",
    "STORED",
    "QuantizationMethod",
    "Stored",
    "method_named",
    "missing",
    "outlier_threshold",
    "skipped",
    "stored_in",
]

INSTALL = pip_install("quant")

Backend = Literal["bitsandbytes", "torchao", "quanto", "hqq", "transformers"]


@dataclass(frozen=True, slots=True)
class QuantizationMethod:
    """One value of `quant=`. `modules` are what Python must be able to import, `takes` the options that it heeds."""

    name: str
    summary: str
    backend: Backend
    modules: tuple[str, ...]
    bits: int
    takes: frozenset[str] = frozenset()
    group_size: int | None = None
    """Weights that share a scale where `group_size` says nothing; None where that is a row of the matrix."""
    capability: tuple[int, int] | None = None
    """The least compute capability of the NVIDIA GPU that it needs; None where it runs on a CPU, too."""
    install: str = INSTALL
    rounds: bool = False
    """Whether activations, too, are rounded to 8 bits."""


def _bitsandbytes(name: str, summary: str, bits: int, *takes: str) -> QuantizationMethod:
    group = 64 if bits == 4 else None
    heeds = frozenset({*takes, "quant_skip"})
    return QuantizationMethod(name, summary, "bitsandbytes", ("bitsandbytes",), bits, heeds, group, rounds=bits == 8)


def _torchao(name: str, summary: str, bits: int, **more: Any) -> QuantizationMethod:
    takes = frozenset({"quant_skip"} | ({"group_size"} if more.get("group_size") else set()))
    return QuantizationMethod(name, summary, "torchao", ("torchao", *more.pop("also", ())), bits, takes, **more)


def _quanto(name: str, summary: str, bits: int) -> QuantizationMethod:
    return QuantizationMethod(name, summary, "quanto", ("optimum.quanto",), bits, frozenset({"quant_skip"}))


def _hqq(bits: int) -> QuantizationMethod:
    summary = f"HQQ: {bits} bits, scales by half-quadratic fits"
    takes = frozenset({"group_size", "compute_dtype", "quant_skip"})
    return QuantizationMethod(f"hqq-int{bits}", summary, "hqq", ("hqq",), bits, takes, group_size=64)


_ALL = (
    _bitsandbytes("int8", "bitsandbytes LLM.int8(): outliers in 16 bits", 8, "int8_threshold"),
    _bitsandbytes("nf4", "bitsandbytes NormalFloat, blocks of 64", 4, "compute_dtype"),
    _bitsandbytes("nf4-double", "bitsandbytes NormalFloat, scales quantized, too", 4, "compute_dtype"),
    _bitsandbytes("fp4", "bitsandbytes 4-bit floats, blocks of 64", 4, "compute_dtype"),
    _bitsandbytes("fp4-double", "bitsandbytes 4-bit floats, scales quantized, too", 4, "compute_dtype"),
    _torchao("torchao-int8", "torchao: weights only, a scale a row", 8),
    _torchao("torchao-int4", "torchao: weights only, groups of 32", 4, group_size=32),
    _torchao("torchao-int8-dynamic", "torchao: weights and each token's activations", 8, rounds=True),
    _torchao("torchao-float8", "torchao: weights only, e4m3", 8),
    _torchao("torchao-float8-dynamic", "torchao: weights and activations, e4m3", 8, capability=(8, 9), rounds=True),
    _torchao(
        "torchao-int4-packed",
        "torchao: weights packed for fused kernels, groups of 128",
        4,
        group_size=128,
        capability=(8, 0),
        also=("mslk",),
        install=f"{INSTALL} mslk",
    ),
    _quanto("quanto-int8", "optimum-quanto: weights only", 8),
    _quanto("quanto-float8", "optimum-quanto: weights only, e4m3", 8),
    _quanto("quanto-int4", "optimum-quanto: weights only; compiles for minutes", 4),
    _hqq(8),
    _hqq(4),
    _hqq(3),
    _hqq(2),
    QuantizationMethod(
        "fp8", "transformers: e4m3 in blocks of 128 × 128", "transformers", (), 8, capability=(8, 9), rounds=True
    ),
)
METHODS: Mapping[str, QuantizationMethod] = MappingProxyType({method.name: method for method in _ALL})
"""Every value of `quant=` by its name."""

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **{f"bnb-{m.name}": m.name for m in _ALL if m.backend == "bitsandbytes"},
        **{f"bitsandbytes-{m.name}": m.name for m in _ALL if m.backend == "bitsandbytes"},
        "hqq": "hqq-int4",
    }
)


def method_named(name: str) -> QuantizationMethod:
    """The method that a value of `quant=` names. Raises UsageError where there is none."""
    found = METHODS.get(_ALIASES.get(name, name))
    if found is None:
        raise unknown("quantization", name, METHODS, found=f"quant={name}", every=True)
    return found


def outlier_threshold(given: float | None) -> float:
    """From which size on LLM.int8() calls an activation an outlier (Dettmers et al. 2022, arXiv:2208.07339: 6)."""
    return 6.0 if given is None else given


def skipped(text: str) -> list[str]:
    """The names in `quant_skip`, sorted."""
    return sorted({name.strip() for name in text.split(",") if name.strip()})


def missing(modules: tuple[str, ...]) -> list[str]:
    """Those of the modules that are not installed; imports none of them."""
    return [name for name in modules if not _is_installed(name)]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


@dataclass(frozen=True, slots=True)
class Stored:
    """A way in which checkpoints are stored quantized; `note` says what a CPU makes of them, "" where it runs them."""

    name: str
    modules: tuple[str, ...] = ()
    install: str = INSTALL
    note: str = ""


_GPTQMODEL = "pip install --no-deps gptqmodel defuser tokenicer logbar device-smi pypcre optimum"
_AS_BFLOAT16 = "without a GPU made for it the weights become 16-bit numbers when they are loaded"

STORED: Mapping[str, Stored] = MappingProxyType(
    {
        one.name: one
        for one in (
            Stored("gptq", ("gptqmodel", "optimum"), _GPTQMODEL),
            Stored("awq", ("gptqmodel",), _GPTQMODEL),
            Stored("compressed-tensors", ("compressed_tensors",)),
            Stored("fp8", ("accelerate",), pip_install("local"), _AS_BFLOAT16),
            Stored("mxfp4", ("accelerate",), pip_install("local"), _AS_BFLOAT16),
            Stored("bitsandbytes", ("bitsandbytes",)),
            Stored("torchao", ("torchao",)),
        )
    }
)
"""The ways evalkit knows by name; another one is left to transformers, which says itself what it lacks."""


def stored_in(config: Mapping[str, Any]) -> Stored | None:
    """How a checkpoint with this config.json is stored quantized, None where it is not."""
    settings = config.get("quantization_config")
    if not isinstance(settings, dict):
        return None
    name = settings.get("quant_method")
    if not isinstance(name, str):
        name = "bitsandbytes" if settings.get("load_in_4bit") or settings.get("load_in_8bit") else "unknown"
    return STORED.get(name, Stored(name))
