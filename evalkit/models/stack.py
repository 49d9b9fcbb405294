"""What a model is wrapped in while a run asks it, and in which order: the one place that puts it together.

From the inside out: the model, its cost limit, the response cache, the recording. A replayed run has the cassette
alone, which needs neither a network nor a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from evalkit.core import Model, Reply, Request, paths
from evalkit.models.api.cost_limit import at_most
from evalkit.models.cassette import Cassette, recorded
from evalkit.models.objects import declared
from evalkit.models.registry import resolve
from evalkit.models.replicas.settings import Replicas
from evalkit.models.response_cache import cached
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.models.wrapper import Wrapper

__all__ = ["Stack", "share_cluster"]


@dataclass(frozen=True, slots=True)
class Stack:
    """`cache`: whether replies are kept and reused, those of mutable models only where they were made `since` then
    (seconds since 1970; a week ago by default). `max_cost`: US dollars that each model may cost. `record`,
    `replay`: the cassettes that are written and read. `project`: the folder whose models/ is looked in. `replicas`: how
    many compute each local model, where it is not this process alone."""

    cache: bool = True
    max_cost: float | None = None
    record: Path | None = None
    replay: Path | None = None
    project: Path | None = None
    since: float | None = None
    replicas: Replicas | None = None

    def open(self, models: Sequence[str | Model], opened: Mapping[str, Model] = MappingProxyType({})) -> list[Model]:
        """Every model by its name, limited in cost; those of the cassette where one is replayed.

        `opened` has models that are open already, by the name that they answer to. Raises UsageError for a name that
        does not resolve, that is not on the cassette, or that has no known price where the cost is limited.
        """
        if self.replay is not None:
            cassette = Cassette(self.replay)
            return [cassette.model(_name(model)) for model in models]
        found = [
            self._replicated(model, opened.get(model) or resolve(model, project=self.project))
            if isinstance(model, str)
            else declared(model)
            for model in models
        ]
        return found if self.max_cost is None else [at_most(model, self.max_cost) for model in found]

    def _replicated(self, spec: str, model: Model) -> Model:
        """A named model, computed by replicas where they are wanted and it computes here."""
        model = declared(model)
        if self.replicas is None or getattr(model, "takes", None) is None:
            return model
        from evalkit.models.replicas.model import replicated

        return replicated(model, spec, self.replicas)

    def open_cache(self) -> SqliteCache | None:
        """The response cache, to be closed by the caller; None where none is used."""
        return SqliteCache(paths.cache_dir()) if self.cache and self.replay is None else None

    def around(self, model: Model, cache: SqliteCache | None, spec: str) -> Model:
        """An opened model behind the cache and the recording, on which it is under the name `spec`."""
        # What a function of the user's depends on, nobody can know.
        if cache is not None and getattr(model, "cacheable", True):
            model = cached(model, cache, since=self.since)
        # Outermost: what the cache answers belongs on the cassette as well.
        return model if self.record is None else recorded(model, self.record, spec)

    def lazily(self, model: str | Model) -> Model:
        """A model that opens its own way to the cache in the thread that asks it first, and closes it with itself."""
        (opened,) = self.open([model])
        return opened if self.replay is not None else _Lazy(opened, self, _name(model))


class _Lazy(Wrapper):
    def __init__(self, model: Model, stack: Stack, spec: str) -> None:
        super().__init__(model)
        self._stack, self._spec = stack, spec
        self._cache: SqliteCache | None = None
        self._around: Model | None = None

    async def answer(self, request: Request) -> Reply:
        if self._around is None:
            self._cache = self._stack.open_cache()
            self._around = self._stack.around(self._model, self._cache, self._spec)
        return await self._around.answer(request)

    def forget(self, request: Request) -> None:
        if isinstance(self._around, Wrapper):
            self._around.forget(request)

    async def close(self) -> None:
        await (self._around or self._model).close()
        if self._cache is not None:
            self._cache.close()
        self._cache = self._around = None


def share_cluster(*models: Model | None) -> None:
    """Have those of the models that replicas compute divide the cluster between them."""
    found = [share for model in models if (share := getattr(model, "share_cluster", None)) is not None]
    for share in found:
        share(len(found))


def _name(model: str | Model) -> str:
    return model if isinstance(model, str) else model.identity.name
