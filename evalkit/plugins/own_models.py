"""Models of the user's own: a file in models/ is a provider, `--model NAME/…` opens it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import cast

from evalkit.core import Identity, Model, Reply, Request, UsageError
from evalkit.models.registry import Opener, ProviderEntry
from evalkit.models.wrapper import Wrapper
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
    return _FromFile(opener(name), digest)


class _FromFile(Wrapper):
    """Has its source in its identity, so that an edited file takes no reply of the earlier one from the cache."""

    def __init__(self, model: Model, digest: str) -> None:
        super().__init__(model)
        inner = model.identity
        self._identity = Identity(inner.name, (*inner.facts, ("source", digest)))

    @property
    def identity(self) -> Identity:
        return self._identity

    async def answer(self, request: Request) -> Reply:
        return await self._model.answer(request)
