"""What the scorer tests share: running a scorer, and the stored outputs with published figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Reply, Sample, Score, Scorer

Scored = Callable[..., dict[str, Score]]


@pytest.fixture
def scored() -> Scored:
    """scored(scorer, sample, reply or text) gives the scores by name."""

    def run(scorer: Scorer, sample: Sample, *replies: Reply | str) -> dict[str, Score]:
        full = tuple(Reply(texts=(r,), finish=("stop",)) if isinstance(r, str) else r for r in replies)
        scores = asyncio.run(scorer.score(sample, full))
        assert tuple(score.name for score in scores) == scorer.scores
        return {score.name: score for score in scores}

    return run


@pytest.fixture
def real_rows() -> Path:
    """The folder of real benchmark rows, laid out as a mirror of the hub."""
    fallback = Path(__file__).resolve().parents[4] / "shared" / "data" / "hub"
    folder = Path(os.environ.get("EVALKIT_TEST_DATA", fallback))
    if not folder.is_dir():
        pytest.skip(f"no real benchmark rows: {folder} is missing (EVALKIT_TEST_DATA names another folder)")
    return folder


@pytest.fixture
def stored_outputs(real_rows: Path) -> Path:
    """The folder of stored model outputs with published figures, beside the rows."""
    folder = real_rows.parent / "reference"
    if not folder.is_dir():
        pytest.skip(f"no stored outputs: {folder} is missing")
    return folder
