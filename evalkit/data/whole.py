"""Rows that a function makes, of a whole data set at once or of nothing, and those that `datasets` loads as it will."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, UsageError, digest_of
from evalkit.data.memory import MemorySource, OpenedMemory

__all__ = ["LibrarySource", "MadeSource", "MappedSource"]

Rows = Iterable[Mapping[str, Any]]


@dataclass(slots=True, eq=False)
class MappedSource:
    """A source whose rows go through a function all together, as a `datasets.Dataset`. `mark` is the digest of the
    function's source."""

    source: Source
    function: Callable[[Any], Rows]
    mark: str
    _opened: tuple[DataOptions, OpenedMade] | None = field(default=None, repr=False)

    def open(self, options: DataOptions) -> OpenedMade:
        """Reads all rows. Raises UsageError where the source cannot be opened, or the function fails or drops all."""
        if self._opened is None or self._opened[0] != options:
            self._opened = options, self._read(options)
        return self._opened[1]

    def _read(self, options: DataOptions) -> OpenedMade:
        opened = self.source.open(options)
        good: list[Row] = []
        bad: list[BadRow] = []
        dataset = getattr(opened, "dataset", None)
        if dataset is None or not hasattr(dataset, "column_names"):
            for row in opened.rows():
                bad.append(row) if isinstance(row, BadRow) else good.append(row)
            dataset = _dataset([dict(row.values) for row in good])
        label = _label(opened)
        kept = _kept(label, lambda: self.function(dataset))
        return OpenedMade(
            replace(kept, facts={**opened.facts, "rows": f"by a function ({self.mark[:8]})"}), self.mark, bad
        )


@dataclass(frozen=True, slots=True)
class MadeSource:
    """Rows that a function makes of nothing; `mark` is the digest of its source."""

    function: Callable[[], Rows]
    name: str
    mark: str

    def open(self, options: DataOptions) -> OpenedMade:
        """Raises UsageError where the function fails or gives no rows."""
        return OpenedMade(_kept(self.name, self.function), self.mark, [])


@dataclass(frozen=True, slots=True)
class LibrarySource:
    """A split as `datasets.load_dataset` gives it, with further arguments (`data_files`, `data_dir`, …)."""

    path: str
    config: str | None
    split: str
    arguments: Mapping[str, Any]

    def open(self, options: DataOptions) -> OpenedSource:
        """From the mirror where it has the data set, else by `datasets`. Raises UsageError where that fails."""
        from evalkit.data import mirror
        from evalkit.data.remote import HubSource

        if options.mirror is not None and mirror.look_up(options.mirror, self.path, self.config, self.split):
            return HubSource(self.path, self.config, self.split, None, False).open(options)
        name = "/".join(part for part in (self.path, self.config, self.split) if part)
        opened = _kept(name, lambda: self._loaded(options))
        return OpenedMade(replace(opened, facts={"hub": self.path, "split": self.split}), "", [])

    def _loaded(self, options: DataOptions) -> Rows:
        import datasets

        from evalkit.data.huggingface import is_offline, offline

        if options.offline or is_offline():
            with offline():
                found: Rows = datasets.load_dataset(self.path, self.config, split=self.split, **self.arguments)
            return found
        rows: Rows = datasets.load_dataset(self.path, self.config, split=self.split, **self.arguments)
        return rows


@dataclass(frozen=True, slots=True)
class OpenedMade:
    """Rows in memory, with those that could not be read."""

    opened: OpenedMemory
    mark: str
    bad: list[BadRow]

    @property
    def digest(self) -> str:
        """Of the rows' content and of what made them."""
        return digest_of(self.opened.digest, self.mark)

    @property
    def facts(self) -> Mapping[str, str]:
        return self.opened.facts

    @property
    def count(self) -> int:
        return self.opened.count + len(self.bad)

    def rows(self) -> Iterator[Row | BadRow]:
        yield from self.opened.rows()
        yield from self.bad


def _dataset(values: list[dict[str, Any]]) -> Any:
    import datasets

    return datasets.Dataset.from_list(values)


def _label(opened: OpenedSource) -> str:
    facts = opened.facts
    return facts.get("config") or facts.get("rows") or facts.get("split") or "rows"


def _kept(label: str, make: Callable[[], Rows]) -> OpenedMemory:
    """The rows that a function gives, in memory. It is somebody's code: whatever it raises is told in one sentence."""
    try:
        found = [dict(row) for row in make()]
    except UsageError:
        raise
    except Exception as error:
        shown = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise UsageError("the function that makes the rows failed", found=shown, at=label) from error
    return MemorySource(found, label).open(DataOptions())
