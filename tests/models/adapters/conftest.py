"""LoRA adapters trained here, by the script that a reader would use, for a few steps."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.models.hf.loading import weight_cache


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two adapters for the embedded model, by what they were taught."""
    pytest.importorskip("torch")
    pytest.importorskip("peft", reason="pip install 'evalkit-harness[adapters]'")
    from train_adapter import train

    folders = {}
    for what in ("rare", "swapped"):
        folders[what] = tmp_path_factory.mktemp(what) / what
        loss = train(what, folders[what], steps=20, rank=4, rows=8)
        assert 0.0 < loss < 10.0
    return folders


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every test closes its models, and then no weights are held."""
    before = set(weight_cache._shelves)
    yield
    gc.collect()  # models that were only named
    assert set(weight_cache._shelves) <= before
