"""Scorers, metrics and methods by name, for YAML tasks, the command line and lists: evalkit's and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from evalkit.core import Method, Metric, Model, Scorer
from evalkit.core.named import call, settings_of
from evalkit.plugins.index import built_in, entries, index
from evalkit.plugins.modules import guarded
from evalkit.plugins.origin import Origin, checked, function_of, origin

__all__ = ["Named", "methods", "metrics", "scorers"]

Made = TypeVar("Made", Scorer, Metric, Method)


@dataclass(frozen=True, slots=True)
class Named(Generic[Made]):
    """One kind of function: those that evalkit's packages offer (see `core.named`), and those of plugin files.

    `project` is everywhere the folder that has the user's own plugins; None is the current folder.
    """

    kind: Literal["scorer", "metric", "method"]

    def names(self, project: Path | None = None) -> tuple[str, ...]:
        """What a YAML task can name, in alphabetical order."""
        return tuple(sorted({entry.name for entry in (*built_in(self.kind), *entries(self.kind, project))}))

    def summaries(self, project: Path | None = None) -> dict[str, str]:
        """What each of them is, in one sentence."""
        return {entry.name: entry.summary for entry in index(self.kind, project)}

    def settings(self, name: str, project: Path | None = None) -> dict[str, Any]:
        """The settings that it takes, with their types."""
        of = origin(self.kind, name, project=project)
        function, _ = function_of(of)
        return guarded(of.path, partial(settings_of, function))

    def by_name(
        self, name: str, /, *, base: Path | None = None, project: Path | None = None, **settings: object
    ) -> Made:
        """The one of that name; relative paths among its settings are meant from `base`.

        Raises UsageError for an unknown name, for settings that it does not take, and for two of one name.
        """
        of = origin(self.kind, name, project=project)
        function, at = function_of(of)
        make = partial(call, self.kind, name, cast(Any, function), settings, base)
        if of.target:
            return cast(Made, make())
        return _from_file(cast(Made, checked(self.kind, guarded(of.path, make), at)), of, settings)


scorers: Named[Scorer] = Named("scorer")
metrics: Named[Metric] = Named("metric")
methods: Named[Method] = Named("method")


def _from_file(made: Made, of: Origin, settings: Mapping[str, object]) -> Made:
    """What a plugin file made, with its options and the digest of its source among the settings.

    So an edit or another option makes another signature, whatever its author thought of.
    """
    if isinstance(made, Metric):
        return replace(made, source=of.digest[:8])
    given = {key: str(tuple(value) if isinstance(value, list) else value) for key, value in settings.items()}
    told = {**given, **made.settings, "source": of.digest[:8]}
    if isinstance(made, Method):
        return replace(made, settings=told)
    ready, judged_by = made.ready, made.judged_by

    def made_ready(unsafe: bool) -> Scorer:
        assert ready is not None
        return _from_file(ready(unsafe), of, settings)

    def with_judge(model: Model) -> Scorer:
        assert judged_by is not None
        return _from_file(judged_by(model), of, settings)

    return replace(
        made,
        settings=told,
        ready=made_ready if ready is not None else None,
        judged_by=with_judge if judged_by is not None else None,
    )
