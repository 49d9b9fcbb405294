"""Models of the user's own: a file in models/ is a provider, `--model NAME/…` opens it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import cast

from evalkit.core import Model, UsageError
from evalkit.models.objects import WithSource
from evalkit.models.registry import Opener, ProviderEntry
from evalkit.plugins.index import PluginEntry, entries
from evalkit.plugins.load import reload
from evalkit.plugins.origin import Origin, source_digest

__all__ = ["own_providers"]


def own_providers(project: Path | None) -> list[ProviderEntry]:
    """The providers in the models/ of a project (None: the current folder) and of installed packs; none is run."""
    return [
        ProviderEntry(
            entry.name,
            f"{entry.summary} [{entry.origin}]",
            f"{entry.name}/NAME",
            cast(Opener, partial(_open, entry)),
            place=f"{entry.path} ({entry.origin})",
            problem=entry.problem,
        )
        for entry in entries("model", project)
    ]


def _open(entry: PluginEntry, name: str, options: Mapping[str, str]) -> Model:
    if entry.problem:
        raise UsageError(f"the model {entry.name!r} cannot be loaded", found=entry.problem, fix="correct its file")
    digest = source_digest(entry.path)
    opener = reload(Origin("model", entry.name, options, entry.path, digest))
    assert callable(opener)
    # An edited file takes no reply of the earlier one from the cache.
    return WithSource(opener(name), digest)
