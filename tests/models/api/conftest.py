"""No key of the machine's own gets into these tests, and no proxy between them and loopback."""

import pytest


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.models.api.providers import PRESETS

    for preset in PRESETS.values():
        for name in preset.keys:
            monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "AZURE_OPENAI_ENDPOINT", "EVALKIT_PRICES"):
        monkeypatch.delenv(name, raising=False)
