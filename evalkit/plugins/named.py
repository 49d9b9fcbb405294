"""Scorers, metrics and methods by name, for YAML tasks, the command line and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from evalkit.core import Method, Metric, Scorer
from evalkit.core.named import make, offered, settings_of, summary

__all__ = ["Named", "methods", "metrics", "scorers"]

Made = TypeVar("Made", Scorer, Metric, Method)


@dataclass(frozen=True, slots=True)
class Named(Generic[Made]):
    """One kind of function, offered by the packages that are named (see `core.named`)."""

    kind: str
    packages: tuple[str, ...]

    @property
    def table(self) -> Mapping[str, str]:
        """name → "module:function"; nothing is imported."""
        return {name: target for package in self.packages for name, target in offered(package).items()}

    def names(self) -> tuple[str, ...]:
        """What a YAML task can name, in alphabetical order."""
        return tuple(sorted(self.table))

    def summaries(self) -> dict[str, str]:
        """What each of them is, in the words of its docstring."""
        return {name: summary(target) for name, target in sorted(self.table.items())}

    def settings(self, name: str) -> dict[str, Any]:
        """The settings that it takes, with their types."""
        return settings_of(self.table[name])

    def by_name(self, name: str, /, *, base: Path | None = None, **settings: object) -> Made:
        """The one of that name; relative paths among its settings are meant from `base`.

        Raises UsageError for an unknown name and for settings that it does not take.
        """
        made: Made = make(self.kind, name, self.table, settings, base)
        return made


scorers: Named[Scorer] = Named("scorer", ("evalkit.scoring.scorers", "evalkit.judging.rag.scorers"))
metrics: Named[Metric] = Named("metric", ("evalkit.scoring.metrics",))
methods: Named[Method] = Named("method", ("evalkit.prompting.methods",))
