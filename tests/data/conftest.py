"""What the data tests share: a cache of their own, the real mirror where there is one, and a hub on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.huggingface.server import LoopbackHub, serving

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EVALKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def real_mirror() -> Path:
    """The folder of real benchmark rows, laid out as a mirror."""
    folder = Path(os.environ.get("EVALKIT_TEST_DATA", REPOSITORY.parent / "shared" / "data" / "hub"))
    if not folder.is_dir():
        pytest.skip(f"no real benchmark rows: {folder} is missing (EVALKIT_TEST_DATA names another folder)")
    return folder


@pytest.fixture(scope="module")
def loopback_hub() -> Iterator[LoopbackHub]:
    with serving() as hub:
        yield hub
