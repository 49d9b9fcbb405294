"""The embedded model under every method that runs on a processor: by evalkit, and by the method's own library."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from evalkit.models.tiny import TINY
from tests.models.quantized.reference import Reference


@dataclass(frozen=True)
class Case:
    """Options of evalkit, the package they need, and how its own interface gives the same model."""

    options: str
    package: str
    plain: Callable[[Any], Any]

    @property
    def spec(self) -> str:
        return f"tiny,{self.options}" if self.options else "tiny"


def _load(t: Any, **settings: Any) -> Any:
    import torch

    return t.AutoModelForCausalLM.from_pretrained(TINY, **{"dtype": torch.float32, "device_map": "cpu", **settings})


def _four_bits(kind: str, double: bool) -> Callable[[Any], Any]:
    def load(t: Any) -> Any:
        import torch

        config = t.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=kind,
            bnb_4bit_use_double_quant=double,
            bnb_4bit_compute_dtype=torch.float32,
        )
        model = _load(t, quantization_config=config)
        for module in model.modules():  # its processor kernel takes no rows of 352 weights
            if hasattr(module, "support_avx512bf16_for_cpu"):
                module.support_avx512bf16_for_cpu = False
        return model

    return load


def _eight_bits(threshold: float) -> Callable[[Any], Any]:
    return lambda t: _load(t, quantization_config=t.BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=threshold))


def _torchao(name: str, **settings: Any) -> Callable[[Any], Any]:
    def load(t: Any) -> Any:
        import torch
        import torchao.quantization as ao

        given = dict(settings)
        if size := given.pop("group_size", None):
            given |= {"weight_dtype": torch.int4, "granularity": ao.PerGroup(size)}
        return _load(t, quantization_config=t.TorchAoConfig(getattr(ao, name)(**given)))

    return load


def _hqq(bits: int, size: int) -> Callable[[Any], Any]:
    def load(t: Any) -> Any:
        import torch
        from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

        model = _load(t)
        config = BaseQuantizeConfig(nbits=bits, group_size=size, axis=1)
        for layer in model.model.layers:
            for part in (layer.self_attn, layer.mlp):
                for name, child in list(part.named_children()):
                    if isinstance(child, torch.nn.Linear):
                        made = HQQLinear(child, config, compute_dtype=torch.float32, device="cpu")
                        setattr(part, name, made)
        return model

    return load


def _quanto(weights: str) -> Callable[[Any], Any]:
    return lambda t: _load(t, quantization_config=t.QuantoConfig(weights=weights))


CASES = {
    "float32": Case("", "torch", _load),
    "int8": Case("quant=int8", "bitsandbytes", _eight_bits(6.0)),
    "int8 without outliers": Case("quant=int8,int8_threshold=0", "bitsandbytes", _eight_bits(0.0)),
    "nf4": Case("quant=nf4", "bitsandbytes", _four_bits("nf4", False)),
    "nf4-double": Case("quant=nf4-double", "bitsandbytes", _four_bits("nf4", True)),
    "fp4": Case("quant=fp4", "bitsandbytes", _four_bits("fp4", False)),
    "torchao-int8": Case("quant=torchao-int8", "torchao", _torchao("Int8WeightOnlyConfig")),
    "torchao-int4": Case("quant=torchao-int4", "torchao", _torchao("IntxWeightOnlyConfig", group_size=32)),
    "torchao-int8-dynamic": Case(
        "quant=torchao-int8-dynamic", "torchao", _torchao("Int8DynamicActivationInt8WeightConfig")
    ),
    "torchao-float8": Case("quant=torchao-float8", "torchao", _torchao("Float8WeightOnlyConfig")),
    "quanto-int8": Case("quant=quanto-int8", "optimum.quanto", _quanto("int8")),
    "quanto-float8": Case("quant=quanto-float8", "optimum.quanto", _quanto("float8")),
    "quanto-int4": Case("quant=quanto-int4", "optimum.quanto", _quanto("int4")),
    "hqq-int4": Case("quant=hqq-int4,group_size=32", "hqq", _hqq(4, 32)),
    "hqq-int8": Case("quant=hqq-int8,group_size=32", "hqq", _hqq(8, 32)),
}


def available(name: str) -> None:
    """Skip, with the reason, where a case can't be run here or takes long."""
    if name == "quanto-int4" and "EVALKIT_TEST_COMPILE" not in os.environ:
        pytest.skip("it compiles C++ for minutes where it never ran; EVALKIT_TEST_COMPILE=1 runs it")
    pytest.importorskip(CASES[name].package, reason="pip install 'evalkit-harness[quant]'")


@pytest.fixture(scope="session")
def plainly() -> Callable[[str], Reference]:
    """plainly("nf4") is the embedded model as the method's own library gives it, made once a session."""
    made: dict[str, Reference] = {}

    def of(name: str) -> Reference:
        import transformers

        if name not in made:
            made[name] = Reference(CASES[name].plain(transformers), transformers.AutoTokenizer.from_pretrained(TINY))
        return made[name]

    return of
