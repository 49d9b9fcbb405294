"""Where rows come from: the hub, files, text files, toy sets, or memory.

Every function here returns a `core.Source` and touches neither disk nor network; `open(options)` does. A source's rows
stream: a million of them are never held at once. `Row.values` is a dict that explains a missing column.

What a row means to a task is the task's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.core import Source
from evalkit.data.values import RowValues, require

__all__ = [
    "RowValues",
    "bundled",
    "either",
    "files",
    "from_library",
    "hub",
    "made",
    "mapped",
    "paired",
    "parallel",
    "require",
    "rows",
    "sacrebleu_set",
    "selected",
    "texts",
    "where",
]


def hub(
    id: str,  # noqa: A002 (the hub's own word)
    *,
    config: str | None = None,
    split: str,
    revision: str | None = None,
    stream: bool = False,
) -> Source:
    """A split of a Hugging Face data set, from the local mirror where `DataOptions.mirror` has it, else from the hub.

    revision: a branch, tag or commit; the commit it stands for is pinned and recorded in `facts["commit"]`.
    stream: read rows over the network as they are asked for instead of fetching the split first; `count` may be None.
    The hub's digest is of id, config, split and commit; the mirror's is of the file's content.
    Opening raises UsageError: unknown data set, config or split, no access, no network.
    """
    from evalkit.data.remote import HubSource

    return HubSource(id, config, split, revision, stream)


def files(path: str | Path, *, base: Path | None = None) -> Source:
    """Rows of JSONL, JSON (a list, {"data": list}, or one other list of objects), CSV (every value a string), each
    also `.gz`, or Parquet.

    path: a file or a glob, relative to `base` (the folder of the task file) first, then to the working folder.
    Opening raises UsageError: no such file, no rows, a row that cannot be read (unless bad rows are skipped).
    """
    from evalkit.data.local import FileSource

    return FileSource(str(path), base)


def texts(*paths: str | Path, base: Path | None = None) -> Source:
    """A row for each text file: columns `text` (the content as it is) and `name`. A path is a file, glob or folder."""
    from evalkit.data.local import TextSource

    return TextSource(tuple(map(str, paths)), base)


def bundled(name: str) -> Source:
    """A toy set that ships with evalkit (see `evalkit.data.toy.toy_names`)."""
    from evalkit.data.local import BundledSource

    return BundledSource(name)


def rows(values: Sequence[Mapping[str, Any]], name: str = "rows") -> Source:
    """Rows that are already in memory; `name` begins the ids of those that have no id of their own."""
    from evalkit.data.memory import MemorySource

    return MemorySource(values, name)


def parallel(source: str | Path, *targets: str | Path, pair: str) -> Source:
    """A row for each line of a text and its translations; with pair="de-en" its columns are `de` and `en` (a list)."""
    from evalkit.data.parallel_texts import ParallelSource

    return ParallelSource((str(source), *map(str, targets)), pair)


def paired(sources: Mapping[str, Source], *, on: str, column: str) -> Source:
    """The rows of the first source with columns named after all sources, which hold their `column` of the row that has
    the same value in `on`: a text and its translations. Reading raises UsageError for a row without a partner."""
    from evalkit.data.pairing import Paired

    return Paired(dict(sources), on, column)


def sacrebleu_set(name: str, pair: str) -> Source:
    """A test set that sacrebleu has, such as "wmt14" and "de-en": from its cache, else fetched by it; as `parallel`."""
    from evalkit.data.parallel_texts import SacrebleuSource

    return SacrebleuSource(name, pair)


def where(source: Source, column: str, value: str) -> Source:
    """The rows of `source` whose `column` holds `value`, such as one subject of a set that keeps all in one file.

    Opening raises UsageError as the source does; reading, for a row without that column.
    """
    from evalkit.data.filtered import Filtered

    return Filtered(source, column, value)


def selected(source: Source, keep: Callable[[Mapping[str, Any]], bool], words: str) -> Source:
    """The rows of `source` whose columns `keep` says yes to. `words` tell the manifest and the digest which these are.

    Opening raises UsageError as the source does; reading, what `keep` raises.
    """
    from evalkit.data.selecting import Selected

    return Selected(source, keep, words)


def either(*sources: Source) -> Source:
    """One split that is on the hub under several ids: the first that the mirror has, else the first of them.

    Each is what `hub` returned, else TypeError. Opening raises UsageError as the chosen one does.
    """
    from evalkit.data.aliases import Alternatives
    from evalkit.data.remote import HubSource

    found = tuple(source for source in sources if isinstance(source, HubSource))
    if not found or len(found) < len(sources):
        raise TypeError("either() takes sources of the hub")
    return Alternatives(found)


def mapped(source: Source, function: Callable[[Any], Iterable[Mapping[str, Any]]], mark: str) -> Source:
    """The rows that `function` makes of all rows of a source together, which it is given as a `datasets.Dataset`.

    `mark` is the digest of the function's source: with the rows' content it is what the data are known by. All rows are
    held in memory. Opening raises UsageError as the source does, and where the function fails or leaves no row.
    """
    from evalkit.data.whole import MappedSource

    return MappedSource(source, function, mark)


def made(function: Callable[[], Iterable[Mapping[str, Any]]], name: str, mark: str) -> Source:
    """The rows that `function` makes of nothing; `name` begins their ids, `mark` is the digest of its source."""
    from evalkit.data.whole import MadeSource

    return MadeSource(function, name, mark)


def from_library(path: str, config: str | None, split: str, arguments: Mapping[str, Any]) -> Source:
    """A split that `datasets.load_dataset(path, config, split=split, **arguments)` gives, from the mirror where it has
    the data set. Its rows are held in memory. Opening raises UsageError where it cannot be loaded."""
    from evalkit.data.whole import LibrarySource

    return LibrarySource(path, config, split, arguments)
