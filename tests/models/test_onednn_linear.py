"""Matrix products by oneDNN equal torch's own, follow the layer as it is, and are left alone where they differ."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Prompt, Reply, Request, UsageError
from evalkit.models import resolve

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

if not torch.backends.mkldnn.is_available():
    pytest.skip("this torch has no oneDNN", allow_module_level=True)

from transformers.pytorch_utils import Conv1D

from evalkit.models.hf.loading import gated, onednn_linear
from evalkit.models.hf.loading.onednn_linear import take_blocks, take_onednn, worthwhile


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], bool]]:
    """Whether oneDNN is worthwhile on a processor of that vendor and capability."""

    def of(name: str, capability: str) -> bool:
        worthwhile.cache_clear()
        monkeypatch.setattr(Path, "read_text", lambda *args, **kwargs: f"processor : 0\nvendor_id\t: {name}\n")
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
        return worthwhile()

    yield of
    monkeypatch.undo()
    worthwhile.cache_clear()


def layers() -> Any:
    torch.manual_seed(0)
    conv = Conv1D(24, 16)
    conv.weight.data.normal_()
    conv.bias.data.normal_()
    return torch.nn.ModuleList([torch.nn.Linear(16, 24), torch.nn.Linear(16, 24, bias=False), conv])


@pytest.mark.parametrize("number", [0, 1, 2], ids=["linear", "without bias", "Conv1D"])
def test_a_layer_gives_torchs_own_numbers(number: int) -> None:
    """The oracle is the same layer before."""
    plain, fast = layers(), layers()
    assert take_onednn(fast) == 3
    given = torch.randn(40, 3, 16)
    with torch.inference_mode():
        for rows in (given, given[0], given[:, 1], given[::2].transpose(0, 1), given[0, 0], given[:0]):
            assert torch.allclose(fast[number](rows), plain[number](rows.contiguous()), atol=1e-5)
        fast[number].weight.mul_(2.0)
        plain[number].weight.mul_(2.0)
        assert torch.allclose(fast[number](given), plain[number](given), atol=1e-5)


class Gated(torch.nn.Module):
    """A feed-forward layer as Llama's, Qwen's, Mistral's and Gemma's are."""

    def __init__(self, activation: Callable[[Any], Any], *, bias: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.gate_proj = torch.nn.Linear(16, 24, bias=bias)
        self.up_proj = torch.nn.Linear(16, 24, bias=bias)
        self.down_proj = torch.nn.Linear(24, 16, bias=bias)
        self.act_fn = activation

    def forward(self, given: Any) -> Any:
        return self.down_proj(self.act_fn(self.gate_proj(given)) * self.up_proj(given))


ACTIVATIONS = {
    "silu": torch.nn.functional.silu,
    "tanh-gelu": functools.partial(torch.nn.functional.gelu, approximate="tanh"),
    "gelu": torch.nn.functional.gelu,
    "relu": torch.relu,
}


@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_gated_layer_gives_torchs_own_numbers(name: str, bias: bool) -> None:
    """The oracle is the same layer before. Products are counted to see that the activation went into one of them."""
    plain, fast = Gated(ACTIVATIONS[name], bias=bias), Gated(ACTIVATIONS[name], bias=bias)
    assert take_onednn(torch.nn.ModuleList([fast])) == 3
    assert "forward" in vars(fast), "it is computed as before"
    given = torch.randn(40, 3, 16)
    with torch.inference_mode():
        for rows in (given, given[0], given[:, 1], given[::2].transpose(0, 1), given[0, 0], given[:0]):
            assert torch.allclose(fast(rows), plain(rows), atol=1e-5)
        fast.up_proj.weight.mul_(2.0)
        plain.up_proj.weight.mul_(2.0)
        assert torch.allclose(fast(given), plain(given), atol=1e-5)


@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_gated_layer_gives_its_numbers_in_blocks_of_rows(
    name: str, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is the same layer before; blocks of 16 rows go through it, the last of them is shorter."""
    monkeypatch.setattr(gated, "_ROWS", 16)
    plain, fast = Gated(ACTIVATIONS[name], bias=bias), Gated(ACTIVATIONS[name], bias=bias)
    assert take_blocks(torch.nn.ModuleList([fast, torch.nn.Linear(4, 4)])) == 1
    given = torch.randn(40, 3, 16)
    before = given.clone()
    with torch.inference_mode():
        for rows in (given, given[0], given[:, 1], given[::2].transpose(0, 1), given[0, 0], given[:0], given[:8]):
            assert torch.allclose(fast(rows), plain(rows), atol=1e-5)
    assert torch.equal(given, before)
    given.requires_grad_()
    fast(given).sum().backward()
    assert given.grad is not None


@pytest.mark.parametrize("take", [take_onednn, take_blocks])
def test_a_gated_layer_is_left_where_its_activation_is_another_or_a_part_was_exchanged(
    take: Callable[[Any], int],
) -> None:
    other = Gated(torch.sin)
    take(torch.nn.ModuleList([other]))
    assert "forward" not in vars(other)
    exchanged, given = Gated(torch.nn.functional.silu), torch.randn(20, 16)
    take(torch.nn.ModuleList([exchanged]))
    assert "forward" in vars(exchanged)
    exchanged.up_proj = torch.nn.Sequential(exchanged.up_proj, torch.nn.Tanh())
    with torch.inference_mode():
        assert torch.allclose(exchanged(given), Gated.forward(exchanged, given))


def test_large_products_are_onednns_and_small_ones_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = layers()
    take_onednn(fast)
    sizes: list[int] = []
    right = onednn_linear._product
    monkeypatch.setattr(onednn_linear, "_product", lambda x, w, b: (sizes.append(len(x)), right(x, w, b))[1])
    with torch.no_grad():
        for rows in (1, 7, 8, 100):
            fast[0](torch.randn(rows, 16))
    fast[0](torch.randn(100, 16)).sum().backward()
    assert sizes == [8, 100]
    assert fast[0].weight.grad is not None


def test_numbers_that_differ_leave_the_layers_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    right = onednn_linear._product
    monkeypatch.setattr(onednn_linear, "_product", lambda x, w, b: right(x, w, b) * 1.001)
    fast, given = layers(), torch.randn(9, 16)
    assert take_onednn(fast) == 0
    assert torch.equal(fast[0](given), layers()[0](given))


def test_a_torch_without_the_operation_leaves_the_layers_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any) -> Any:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    monkeypatch.setattr(onednn_linear, "_product", missing)
    assert take_onednn(layers()) == 0


def test_layers_of_other_types_and_in_half_precision_are_not_touched() -> None:
    class Quantized(torch.nn.Linear):
        pass

    assert take_onednn(torch.nn.ModuleList([Quantized(16, 24), torch.nn.Linear(16, 24).bfloat16()])) == 0


def test_it_is_for_processors_with_avx512_that_are_not_intels(vendor: Callable[[str, str], bool]) -> None:
    assert vendor("AuthenticAMD", "AVX512")
    assert not vendor("GenuineIntel", "AVX512")
    assert not vendor("AuthenticAMD", "AVX2")


def test_a_model_answers_the_same_either_way(make_model: Callable[..., Path]) -> None:
    asked: list[Request] = [
        Choose(Prompt("The quick brown fox jumps over the lazy dog, and then the"), (" cat", " dog sleeps")),
        Generate(Prompt("She sells sea shells by the sea shore; the"), max_tokens=8, stop=()),
    ]

    async def ask(kernels: str) -> tuple[list[Reply], dict[str, str]]:
        model: Any = resolve(f"hf/{make_model('gpt2')}", {"kernels": kernels})
        replies = list(await asyncio.gather(*(model.answer(request) for request in asked)))
        facts = model.facts
        await model.close()
        return replies, facts

    (ours, facts), (theirs, plain) = asyncio.run(ask("onednn")), asyncio.run(ask("torch"))
    assert facts["matrices"] == "oneDNN" and "matrices" not in plain
    assert ours[0].loglikelihoods == pytest.approx(theirs[0].loglikelihoods, abs=1e-4)
    assert ours[1].texts == theirs[1].texts
    with pytest.raises(UsageError, match="kernels is one of auto, torch, onednn"):
        resolve(f"hf/{make_model('gpt2')}", {"kernels": "mkl"})
