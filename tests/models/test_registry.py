"""From a model's name to its provider."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from evalkit.core import UsageError
from evalkit.models import providers, registry, resolve


def test_the_built_in_providers_are_listed_with_an_example() -> None:
    assert [entry.name for entry in providers()][:2] == ["tiny", "hf"]
    assert all(entry.summary and entry.example.startswith(entry.name) for entry in providers())


def test_a_misspelt_provider_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"no model provider named 'tinny'\n.*\n.*did you mean 'tiny'"):
        resolve("tinny")


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-0.5B", "./folder", "/abs/folder"])
def test_a_model_without_its_provider_is_answered_with_hf(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert f"hf/{name}" in caught.value.fix


def test_an_option_inline_and_beside_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'chat' is given twice"):
        resolve("tiny,chat=on", {"chat": "off"})


def opened(name: str, options: Mapping[str, str]) -> Any:
    return name, dict(options)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package with the provider `mine` were installed."""
    points = EntryPoints([EntryPoint("mine", f"{__name__}:opened", registry.GROUP)])
    monkeypatch.setitem(sys.modules, __name__, sys.modules[opened.__module__])
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: points.select(**wanted))


@pytest.mark.usefixtures("installed")
def test_an_installed_package_brings_a_provider() -> None:
    assert providers()[-1].name == "mine"
    assert resolve("mine/a/b=c,x=1", {"y": "2"}) == ("a/b=c", {"x": "1", "y": "2"})


@pytest.mark.usefixtures("installed")
def test_two_packages_with_one_provider_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("mine", value, registry.GROUP) for value in ("a:f", "b:f")])
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: points.select(**wanted))
    with pytest.raises(UsageError, match="two packages bring a model provider named 'mine'"):
        resolve("mine/x")


def test_listing_providers_imports_nothing_heavy() -> None:
    code = (
        "import sys; from evalkit.models import providers; providers();"
        "print([m for m in ('torch', 'transformers', 'numpy', 'huggingface_hub', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
