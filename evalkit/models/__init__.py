"""Models: what `--model` names, and how a local one batches what waits."""

from __future__ import annotations

from evalkit.models.registry import ProviderEntry, providers, resolve
from evalkit.models.response_cache import ResponseCache, cached

__all__ = ["ProviderEntry", "ResponseCache", "cached", "providers", "resolve"]
