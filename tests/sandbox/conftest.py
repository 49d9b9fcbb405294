"""A sandbox for the tests, where this machine can isolate programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evalkit.core import UsageError
from evalkit.sandbox import ResourceLimits, Sandbox, close_all, open_sandbox, usable_engine


@pytest.fixture(scope="session")
def engine() -> str:
    try:
        return usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.wrong}: {error.found}")


@pytest.fixture(scope="session")
def sandbox(engine: str) -> Iterator[Sandbox]:
    """Two workers and short limits."""
    yield open_sandbox(ResourceLimits(cpu=1.0, idle=1.0, wall=30.0, memory=256 << 20), workers=2)
    close_all()
