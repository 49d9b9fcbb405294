"""Models: what `--model` names, and how a local one batches what waits."""

from __future__ import annotations

from evalkit.models.cached import ResponseCache, cached
from evalkit.models.registry import ProviderEntry, providers, resolve

__all__ = ["ProviderEntry", "ResponseCache", "cached", "providers", "resolve"]
