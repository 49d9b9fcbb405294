"""Weights laid out by input keep their shapes and numbers, and whoever else reads a weight keeps it as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

if not torch.backends.mkl.is_available():
    pytest.skip("this torch has no MKL", allow_module_level=True)

from evalkit.models.hf.loading.turned_weights import turn_weights


class Tied(torch.nn.Module):
    """Two layers of which one appears twice, and an output layer that is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = torch.nn.Embedding(40, 16)
        self.inner = torch.nn.Linear(16, 24)
        self.outer = torch.nn.Linear(24, 16, bias=False)
        self.again = self.inner
        self.head = torch.nn.Linear(16, 40, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.outer(torch.tanh(self.inner(self.embedding(ids)))))
        return logits


def test_layers_compute_the_same_with_weights_by_input() -> None:
    """The oracle is the same model before."""
    plain, turned = Tied(), Tied()
    assert turn_weights(turned) == 2
    for layer in (turned.inner, turned.outer):
        assert layer.weight.t().is_contiguous()
    assert turned.head.weight is turned.embedding.weight and turned.head.weight.is_contiguous()
    assert turn_weights(turned) == 0, "turned a second time, they would lie as before"
    for name, weight in plain.named_parameters():
        assert torch.equal(weight, turned.get_parameter(name))
    ids = torch.arange(40)
    for some in (ids[:1], ids[:5], ids):
        assert torch.allclose(turned(some), plain(some), atol=1e-6)
    turned(ids).sum().backward()
    plain(ids).sum().backward()
    assert turned.inner.weight.grad is not None and plain.inner.weight.grad is not None
    assert torch.allclose(turned.inner.weight.grad, plain.inner.weight.grad, atol=1e-5)


def test_weights_of_other_numbers_and_layers_of_other_kinds_are_left() -> None:
    class Own(torch.nn.Linear):
        """A layer that may read its weight in another way."""

    model = torch.nn.ModuleList([torch.nn.Linear(8, 4, dtype=torch.bfloat16), Own(8, 4)])
    assert turn_weights(model) == 0
    assert all(layer.weight.is_contiguous() for layer in model)


def test_no_weight_stays_in_the_file_that_it_was_mapped_from(tmp_path: Path) -> None:
    """Its pages would be counted as this process's memory as long as one weight reads them."""
    file = tmp_path / "weights"
    file.write_bytes(torch.zeros(1 << 12).numpy().tobytes())
    model = Tied()
    for weight in model.parameters():
        mapped = torch.from_file(str(file), shared=False, size=weight.numel())
        weight.data = mapped.view(weight.shape).copy_(weight.data)
    mapped_at = {weight.data_ptr() for weight in model.parameters()}
    assert turn_weights(model) == 2
    assert not mapped_at & {weight.data_ptr() for weight in model.parameters()}


def test_weights_are_left_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 100 if name == "SC_AVPHYS_PAGES" else 64)
    model = Tied()
    assert turn_weights(model) == 0 and model.inner.weight.is_contiguous()
