"""Models: what `--model` names, and how a local one batches what waits.

The names below are imported when they are first used, so that whoever only looks for providers loads nothing else.

Prompts are `prompting`'s, scores `scoring`'s.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.models.registry import ProviderEntry, providers, resolve
    from evalkit.models.response_cache import ResponseCache, cached

__all__ = ["ProviderEntry", "ResponseCache", "cached", "providers", "resolve"]

_WHERE = {
    "ProviderEntry": "registry",
    "ResponseCache": "response_cache",
    "cached": "response_cache",
    "providers": "registry",
    "resolve": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
