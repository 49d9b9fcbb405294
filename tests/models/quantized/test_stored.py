"""Checkpoints that are stored quantized are loaded as they are, and say what they are."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Reply, UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.hf import provider
from evalkit.models.hf.loading.quantization_methods import STORED as STORED_FORMS
from evalkit.models.tiny import TINY
from tests.models.quantized import checkpoints
from tests.models.quantized.reference import Reference, choices

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.slow("quantizes a model by every method and stores it")


def _compressed(folder: Path, **settings: Any) -> Path:
    pytest.importorskip("compressed_tensors", reason="pip install 'evalkit-harness[quant]'")
    return checkpoints.compressed_tensors(folder, **settings)


def _bitsandbytes(folder: Path) -> Path:
    pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    config = transformers.BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0)
    return checkpoints.quantized_while_loading(folder, config)


def _torchao(folder: Path) -> Path:
    pytest.importorskip("torchao", reason="pip install 'evalkit-harness[quant]'")
    from torchao.quantization import Int8WeightOnlyConfig

    return checkpoints.quantized_while_loading(folder, transformers.TorchAoConfig(Int8WeightOnlyConfig()))


def _gptqmodel(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        pytest.importorskip("gptqmodel", reason=STORED_FORMS["gptq"].install)
        return make(folder)

    return made


STORED: dict[str, tuple[Callable[[Path], Path], str, float]] = {
    "compressed-tensors, 8 bits": (lambda f: _compressed(f, bits=8), "compressed-tensors, 28 of 29", 2e-4),
    "compressed-tensors, 4 bits": (lambda f: _compressed(f, bits=4, group=32), "compressed-tensors, 28 of 29", 2e-4),
    "compressed-tensors, activations, too": (
        lambda f: _compressed(f, bits=8, activations=True),
        "compressed-tensors, 28 of 29",
        0.5,
    ),
    "bitsandbytes": (_bitsandbytes, "bitsandbytes, 28 of 29", 0.5),
    "torchao": (_torchao, "torchao, 28 of 29", 2e-4),
    "gptq": (_gptqmodel(checkpoints.gptq), "gptq, 28 of 29", 0.02),
    "awq": (_gptqmodel(checkpoints.awq), "awq, 28 of 29", 0.02),
    "mxfp4": (checkpoints.mxfp4, "mxfp4, 0 of 9 matrices: without a GPU", 0.1),
    "fp8": (checkpoints.fp8, "fp8, 0 of 29 matrices: without a GPU", 0.6),
}
"""How it is made, what the facts say of it, and how far from the plain pass it may be: 16 bits and rounded activations
leave more than float32."""
_WIDENED = ("fp8", "mxfp4")


def asked(model: Any) -> tuple[list[Reply], dict[str, str]]:
    async def ask() -> tuple[list[Reply], dict[str, str]]:
        try:
            replies = await asyncio.gather(*(model.answer(request) for request in choices()))
            return list(replies), model.facts
        finally:
            await model.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("name", STORED)
def test_a_stored_checkpoint_is_loaded_as_transformers_loads_it(name: str, tmp_path: Path) -> None:
    make, said, bound = STORED[name]
    if name in _WIDENED and torch.cuda.is_available():
        pytest.skip("this says what becomes of it without a GPU")
    folder = make(tmp_path / "stored")
    # Half precision would hide differences; bfloat16 is what those become by themselves that are widened.
    model = resolve(f"hf/{folder}" + ("" if name in _WIDENED else ",dtype=float32"))
    facts = dict(model.identity.facts)
    assert facts["quantization"] == f"stored: {name.partition(',')[0]}"
    replies, computed = asked(model)
    assert computed["quantization"].startswith(f"stored as {said}")
    dtype = torch.bfloat16 if name in _WIDENED else torch.float32
    plain = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map="cpu")
    expected = Reference(plain, transformers.AutoTokenizer.from_pretrained(TINY))
    for request, reply in zip(choices(), replies, strict=True):
        assert isinstance(request, Choose)
        assert reply.loglikelihoods == pytest.approx(expected.loglikelihoods(request), abs=bound)


def test_a_stored_checkpoint_is_not_quantized_again(tmp_path: Path) -> None:
    folder = checkpoints.fp8(tmp_path / "stored")
    with pytest.raises(UsageError, match=r"is stored quantized \(fp8\) and can't be quantized again"):
        resolve(f"hf/{folder},quant=nf4")


@pytest.mark.parametrize(
    ("method", "lacking", "install"),
    [
        ("gptq", "gptqmodel", "pip install --no-deps gptqmodel"),
        ("awq", "gptqmodel", "pip install --no-deps gptqmodel"),
        ("compressed-tensors", "compressed_tensors", r"evalkit-harness\[quant\]"),
    ],
)
def test_a_checkpoint_whose_reader_is_not_installed_says_so_in_a_sentence(
    method: str, lacking: str, install: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stored"
    shutil.copytree(TINY, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": method}}))
    monkeypatch.setattr(provider, "missing", lambda modules: list(modules[:1]))
    with pytest.raises(
        UnavailableError, match=rf"stored \({method}\) needs {lacking}, which is not installed\n.*{install}"
    ):
        resolve(f"hf/{folder}")
