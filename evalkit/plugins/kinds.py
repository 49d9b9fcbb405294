"""The kinds of plugin there are, one line each: its folder, what its file defines, and what that returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from evalkit.core import Judge, Method, Metric, Model, Scorer, Suite, Task

__all__ = ["KINDS", "Kind", "PackKind"]

Kind = Literal["task", "judge", "report", "scorer", "metric", "method", "model", "command"]


@dataclass(frozen=True, slots=True)
class PackKind:
    """One kind. `returns`: what its function may return; nothing where its caller looks at that itself."""

    folder: str
    contract: str
    returns: tuple[type, ...] = ()
    yaml: bool = False
    """Whether it may be written in YAML."""
    ships: bool = False
    """Whether evalkit ships such a folder next to the package."""
    packages: tuple[str, ...] = ()
    """The packages of evalkit that bring some of the kind (see `core.named`)."""
    positional: bool = False
    """Whether its function is given something by position; its options then are what can be given by keyword alone."""
    is_common: bool = False
    """Whether other software has folders of that name, so that a file needs META to be taken for a plugin."""


KINDS: Mapping[Kind, PackKind] = MappingProxyType(
    {
        "task": PackKind("tasks", "def task(*, option: str = …) -> Task", (Task, Suite), yaml=True, ships=True),
        "judge": PackKind("judges", "def judge(*, option: str = …) -> Judge", (Judge,), yaml=True, ships=True),
        "report": PackKind(
            "reports",
            "def report(runs, /, *, option: str = …) -> str (or an iterator of strings)",
            (str, Iterator),
            ships=True,
            positional=True,
        ),
        "scorer": PackKind(
            "scorers",
            "def scorer(*, option: str = …) -> Scorer",
            (Scorer,),
            packages=("evalkit.scoring.scorers", "evalkit.judging.rag.scorers"),
        ),
        "metric": PackKind(
            "metrics", "def metric(*, option: str = …) -> Metric", (Metric,), packages=("evalkit.scoring.metrics",)
        ),
        "method": PackKind(
            "methods", "def method(*, option: str = …) -> Method", (Method,), packages=("evalkit.prompting.methods",)
        ),
        "model": PackKind(
            "models",
            "def model(name: str, /, *, option: str = …) -> Model",
            (Model,),
            positional=True,
            is_common=True,
        ),
        "command": PackKind("commands", "@click.command() above def command(…)", is_common=True),
    }
)
