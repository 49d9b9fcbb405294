"""What every test shares: a cache folder of its own, and where the real benchmark rows lie."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no failure; and the same examples every time in CI, so that a red run means a change.
settings.register_profile(
    "evalkit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("evalkit")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("EVALKIT_DATA", raising=False)


@pytest.fixture(scope="session")
def hub_mirror() -> Path:
    """The local mirror of real rows (EVALKIT_TEST_DATA, or shared/data/hub beside the checkout)."""
    folder = Path(os.environ.get("EVALKIT_TEST_DATA") or REPOSITORY.parent / "shared" / "data" / "hub")
    if not folder.is_dir():
        pytest.skip(f"no real benchmark rows at {folder}; set EVALKIT_TEST_DATA")
    return folder
