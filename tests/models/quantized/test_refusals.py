"""What can't be quantized, or not here, says so in a sentence; what would go wrong without a word is found."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Prompt, UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.hf import provider
from evalkit.models.hf.loading.quantization_methods import METHODS, method_named
from tests.models.oracle import answers
from tests.models.quantized.reference import choices

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

pytestmark = pytest.mark.slow("quantizes models of many families")

NEEDS_GPU = [method.name for method in METHODS.values() if method.capability]


def installed(name: str) -> None:
    """Skip where the packages of a method are not there."""
    for module in METHODS[name].modules:
        pytest.importorskip(module, reason=METHODS[name].install)


@pytest.mark.parametrize("name", NEEDS_GPU)
def test_a_method_for_gpus_says_so_on_a_processor(name: str) -> None:
    installed(name)
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with pytest.raises(UnavailableError) as error:
        answers(resolve(f"tiny,quant={name}"), choices()[:1])
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"quant={name} needs an NVIDIA GPU of compute capability ")


@pytest.mark.parametrize("name", NEEDS_GPU)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_method_for_gpus_scores_there(name: str) -> None:
    method = METHODS[name]
    installed(name)
    if method.capability and torch.cuda.get_device_capability() < method.capability:
        pytest.skip(f"needs compute capability {method.capability}")
    exact = answers(resolve("tiny,device=cuda,dtype=bfloat16"), choices())
    skip = ",quant_skip=down_proj" if name == "torchao-int4-packed" else ""
    coarse = answers(resolve(f"tiny,device=cuda,dtype=bfloat16,quant={name}{skip}"), choices())
    for one, other in zip(exact, coarse, strict=True):
        assert other.loglikelihoods == pytest.approx(one.loglikelihoods, abs=10.0)


def test_the_command_line_ends_with_code_2_and_a_sentence(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    command = [sys.executable, "-m", "evalkit.cli", "run", "toy_mmlu", "--limit", "2", "--no-cache"]
    done = subprocess.run(
        [*command, "--model", "tiny,quant=fp8", "--out", str(tmp_path / "run")], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("evalkit: quant=fp8 needs an NVIDIA GPU")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_whose_package_is_not_installed_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = METHODS[name].modules
    if not modules:
        pytest.skip("it needs no package of its own")
    monkeypatch.setattr(provider, "missing", lambda asked: [asked[0]])
    with pytest.raises(UnavailableError) as error:
        resolve(f"tiny,quant={name}")
    assert str(error.value).startswith(f"quant={name} needs {modules[0]}, which is not installed")
    assert "pip install 'evalkit-harness[quant]'" in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("quant=nf5", r"no quantization named 'nf5'[\s\S]*did you mean 'nf4'"),
        ("compute_dtype=float32", "compute_dtype needs quant="),
        ("quant=int8,group_size=64", "quant=int8 does not use group_size"),
        ("quant=torchao-int8,compute_dtype=float32", "does not use compute_dtype"),
        ("quant=nf4,compute_dtype=float64", "compute_dtype is one of"),
        ("quant=int8,int8_threshold=-1", "0 or more"),
        ("quant=hqq-int4,group_size=0", "1 or more"),
    ],
)
def test_options_that_cannot_be_meant(options: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(f"tiny,{options}")


def test_names_of_the_package_mean_the_same_method() -> None:
    assert method_named("bnb-nf4") is method_named("bitsandbytes-nf4") is method_named("nf4")
    pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    assert resolve("tiny,quant=bnb-nf4").identity == resolve("tiny,quant=nf4").identity


@pytest.mark.parametrize("name", ["torchao-int4", "hqq-int4"])
def test_groups_that_do_not_fit_name_the_layer(name: str) -> None:
    installed(name)
    with pytest.raises(UsageError, match=r"whole groups\n.*down_proj has 352 inputs, group_size=64"):
        answers(resolve(f"tiny,quant={name},group_size=64"), choices()[:1])
    replies = answers(resolve(f"tiny,quant={name},group_size=64,quant_skip=down_proj"), choices()[:1])
    assert len(replies[0].loglikelihoods) == 4
    with pytest.raises(UsageError, match=r"no layer is called 'dawn_proj'[\s\S]*down_proj"):
        answers(resolve(f"tiny,quant={name},quant_skip=dawn_proj"), choices()[:1])


@pytest.mark.parametrize("name", ["nf4", "int8", "torchao-int8", "quanto-int8", "hqq-int8"])
def test_layers_that_are_left_out_stay_as_they_are(name: str) -> None:
    """Four of each kind in four layers, so 28 of 29 matrices without it."""
    installed(name)

    async def facts() -> str:
        size = ",group_size=32" if name.startswith("hqq") else ""
        model: Any = resolve(f"tiny,quant={name},quant_skip=down_proj,model.layers.0.self_attn.q_proj{size}")
        try:
            await model.answer(choices()[0])
            return str(model.facts["quantization"])
        finally:
            await model.close()

    assert asyncio.run(facts()).startswith(f"{name}, 23 of 29 matrices")


def test_a_model_in_which_nothing_is_quantized_is_refused(make_model: Callable[..., Path]) -> None:
    """torchao knows torch's linear layers alone, and would leave GPT-2's as they are without a word."""
    installed("torchao-int8")
    with pytest.raises(UsageError, match="quant=torchao-int8 quantizes no layer"):
        answers(resolve(f"hf/{make_model('gpt2')},quant=torchao-int8"), [Choose(Prompt("a"), ("b",))])


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_other_architectures_can_be_quantized(family: str, make_model: Callable[..., Path]) -> None:
    installed("int8")
    folder = make_model(family)
    request = Choose(Prompt("The quick brown fox"), ("jumps", "dog"))
    exact = answers(resolve(f"hf/{folder}"), [request])[0].loglikelihoods
    coarse = answers(resolve(f"hf/{folder},quant=int8"), [request])[0].loglikelihoods
    assert exact != coarse
    assert coarse == pytest.approx(exact, abs=2.0)
