"""Where samples come from: rows, the sources that yield them, and the sample that a task makes of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from evalkit.core.messages import Message


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Where data may come from. `mirror` maps a hub id to files: `<mirror>/<owner>/<name>/<config>/<split>.*`.

    `revision` is the branch, tag or commit that a user asks for. Where nobody does and `verified`, data of the hub are
    of the commit that evalkit's task was verified with, where it is known, and rows are compared with those it had.
    """

    mirror: Path | None = None
    offline: bool = False
    skip_bad_rows: bool = False
    revision: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read. `id` is unique within the task's data; `origin` says where a person finds it."""

    id: str
    values: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, kept so that it is counted and named."""

    id: str
    origin: str
    problem: str


class OpenedSource(Protocol):
    """Data that was found: `digest` identifies its content, `count` is its number of rows where that is known."""

    @property
    def digest(self) -> str: ...
    @property
    def count(self) -> int | None: ...
    @property
    def facts(self) -> Mapping[str, str]:
        """What the manifest says of it: hub id, config, split, resolved commit, or the file's path."""
        ...

    def rows(self) -> Iterator[Row | BadRow]: ...


class Source(Protocol):
    """Data that has a name but was not looked for yet. Raises UsageError where it is not available."""

    def open(self, options: DataOptions) -> OpenedSource: ...


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows to ask, the rows few-shot examples are drawn from, and the groups every row counts towards.

    `example`: how a row of the examples becomes a sample, where that is another way than the task's own.
    """

    rows: Source
    examples: Source | None = None
    groups: tuple[str, ...] = ()
    example: Callable[[Row], Sample] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing to ask. `gold` indexes the right `choices`; samples of one `cluster` are not independent."""

    id: str
    input: str | tuple[Message, ...]
    targets: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    gold: tuple[int, ...] = ()
    cluster: str = ""
    groups: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
