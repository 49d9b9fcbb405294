"""A model whose numbers this processor is slow with says so when it is loaded, and no other model does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Choose, Prompt
from evalkit.models import resolve

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.loading import half_precision, loaded_model  # noqa: E402 (needs torch)

FASTER = "dtype=float32 is faster"


@pytest.fixture
def slow_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that takes 2.6 times as long for coarser numbers; a model of any size is worth a warning."""
    monkeypatch.setattr(half_precision, "_seconds", lambda dtype: 1.0 if dtype is torch.float32 else 2.6)
    monkeypatch.setattr(loaded_model, "_WORTH_SHARING", 0)


def said_when_loaded(name: str, caplog: pytest.LogCaptureFixture) -> str:
    with caplog.at_level(logging.WARNING, logger="evalkit"):
        asyncio.run(resolve(name).answer(Choose(Prompt("a"), (" b",))))
    return caplog.text


@pytest.mark.slow("loads models")
@pytest.mark.usefixtures("slow_halves")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_slow_numbers_are_named(make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture, dtype: str) -> None:
    said = said_when_loaded(f"hf/{make_model('llama')},dtype={dtype}", caplog)
    assert f"computed in {dtype}, which takes this processor 2.6 times as long" in said
    assert FASTER in said


@pytest.mark.slow("loads a model")
@pytest.mark.usefixtures("slow_halves")
def test_float32_is_not(make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    assert FASTER not in said_when_loaded(f"hf/{make_model('llama')},dtype=float32", caplog)


@pytest.mark.slow("loads a model")
def test_a_small_model_is_not(
    make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half_precision, "slowdown", lambda dtype: 9.0)
    assert FASTER not in said_when_loaded(f"hf/{make_model('llama')},dtype=bfloat16", caplog)


def test_a_small_slowdown_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_precision, "_seconds", lambda dtype: 1.0 if dtype is torch.float32 else 1.4)
    assert not half_precision.warning_for("m", torch.bfloat16)


def test_the_slowdown_is_measured_in_both_kinds_of_numbers() -> None:
    assert 0.2 < half_precision.slowdown(torch.float32) < 5
    assert half_precision.slowdown(torch.bfloat16) > 0
