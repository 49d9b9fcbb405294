"""METAs that were read before, kept by path, size and modification time, so that a listing parses what changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalkit.core import named
from evalkit.core.paths import cache_dir
from evalkit.plugins import meta
from evalkit.plugins.kinds import Kind
from evalkit.plugins.meta import Meta
from evalkit.plugins.toys import toys_of

# Grows when a reader finds something else in the same bytes.
_FORMAT = 2
_MOST_FILES = 2_000
_TEXTS = ("name", "summary", "problem")
_LISTS = ("tags", "variants")


def read_all(kind: Kind, paths: Iterable[Path]) -> dict[Path, Meta | None]:
    """What `meta.read` says of each path; the cache file is a help, never a reason to fail."""
    found = _through(kind, paths, lambda path: _as_json(meta.read(path, kind)), _is_meta)
    return {path: _as_meta(value) if value is not None else None for path, value in found.items()}


def read_summaries(paths: Iterable[Path]) -> dict[Path, dict[str, str]]:
    """What `core.named.summaries` says of each file."""
    return _through("built-in", paths, named.summaries, _is_texts)


def _through(
    name: str, paths: Iterable[Path], read: Callable[[Path], Any], fits: Callable[[Any], bool]
) -> dict[Path, Any]:
    """What `read` says of each path, or what it said before of the same content, where that `fits`."""
    paths = list(paths)
    if not paths:
        return {}
    cache = cache_dir() / "plugins" / f"{name}.json"
    stored = _stored(cache)
    found: dict[Path, Any] = {}
    news: dict[str, Any] = {}
    for path in paths:
        stamp = _stamp(path)
        known = stored.get(str(path))
        if isinstance(known, dict) and stamp and known.get("stamp") == stamp and fits(known.get("meta", 0)):
            found[path] = known["meta"]
            continue
        found[path] = read(path)
        if stamp:
            news[str(path)] = {"stamp": stamp, "meta": found[path]}
    if news:
        kept = stored if len(stored) + len(news) <= _MOST_FILES else {}
        _store(cache, {**kept, **news})
    return found


def _as_json(read: Meta | None) -> dict[str, Any] | None:
    return asdict(read) if read is not None else None


def _as_meta(stored: dict[str, Any]) -> Meta:
    return Meta(**{**stored, **{key: tuple(stored[key]) for key in _LISTS}})


def _stamp(path: Path) -> list[int]:
    """Size and modification time; empty where the file cannot be looked at."""
    try:
        status = meta.source_file(path).stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _stored(cache: Path) -> dict[str, Any]:
    import json

    try:
        content = json.loads(cache.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return {}
    files = content.get("files")
    return files if isinstance(files, dict) else {}


def _is_meta(stored: Any) -> bool:
    """Whether a stored value has every field of a Meta in its type, or says that there is none."""
    if stored is None:
        return True
    if not isinstance(stored, dict) or set(stored) != {*_TEXTS, *_LISTS, "toys"}:
        return False
    if toys_of(stored["toys"]) is None:
        return False
    lists = [stored[key] for key in _LISTS]
    return all(isinstance(stored[key], str) for key in _TEXTS) and all(
        isinstance(value, list | tuple) and all(isinstance(text, str) for text in value) for value in lists
    )


def _is_texts(stored: Any) -> bool:
    return isinstance(stored, dict) and all(isinstance(text, str) for text in stored.values())


def _store(cache: Path, files: dict[str, Any]) -> None:
    """Write next to and replace, so that a reader sees the old file or the new one, never a part."""
    import json
    import tempfile

    text = json.dumps({"format": _FORMAT, "files": files}, ensure_ascii=False)
    temporary = ""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=cache.parent, prefix=cache.name)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        Path(temporary).replace(cache)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
