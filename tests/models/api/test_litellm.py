"""Through litellm, where it is installed: the same flow, the same failures."""

import pytest

from evalkit.core import ModelError, Reply, UsageError
from evalkit.models import resolve
from tests.models.api.faultserver import FaultServer
from tests.models.api.test_client import ask


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"evalkit-harness\[litellm\]"):
        resolve("litellm/openai/m")


def test_a_model_is_asked_through_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litellm", reason="litellm is not installed: pip install 'evalkit-harness[litellm]'")
    monkeypatch.setattr("evalkit.models.api.client._FIRST_WAIT", 0.01)
    monkeypatch.setenv("MY_KEY", "sk-0123456789abcdef")

    def faults(prompt: str, attempt: int) -> str:
        return {"bad one": "400", "late one": "429" if attempt == 1 else ""}.get(prompt, "")

    with FaultServer(faults) as server:
        model = resolve("litellm/openai/m", {"base_url": server.url, "key_env": "MY_KEY"})
        good, bad, late = ask(model, ["good one", "bad one", "late one"])
    assert isinstance(good, Reply)
    assert (good.texts, good.usage.prompt_tokens) == (("one",), 2)
    assert isinstance(bad, ModelError)
    assert "made to fail with 400" in str(bad)
    assert isinstance(late, Reply)
    assert server.answered == {"good one": 1, "late one": 1}
