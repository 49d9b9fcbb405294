"""METAs that were read before, kept by path, size and modification time, so that a listing parses what changed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalkit.core.paths import cache_dir
from evalkit.plugins import meta
from evalkit.plugins.meta import Kind, Meta

# Grows when `meta.read` finds something else in the same bytes.
_FORMAT = 1
_MOST_FILES = 2_000


def read_all(kind: Kind, paths: Iterable[Path]) -> dict[Path, Meta | None]:
    """What `meta.read` says of each path; the cache file is a help, never a reason to fail."""
    cache = cache_dir() / "plugins" / f"{kind}.json"
    stored = _stored(cache)
    found: dict[Path, Meta | None] = {}
    news: dict[str, Any] = {}
    for path in paths:
        stamp = _stamp(path)
        known = stored.get(str(path))
        value = _remembered(known, stamp)
        if value is None:
            read = meta.read(path, kind)
            value = {"stamp": stamp, "meta": asdict(read) if read else None}
            if stamp:
                news[str(path)] = value
            found[path] = read
        else:
            found[path] = Meta(**value["meta"]) if value["meta"] else None
    if news:
        kept = stored if len(stored) + len(news) <= _MOST_FILES else {}
        _store(cache, {**kept, **news})
    return found


def _stamp(path: Path) -> list[int]:
    """Size and modification time; empty where the file cannot be looked at."""
    try:
        status = meta.source_file(path).stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _stored(cache: Path) -> dict[str, Any]:
    try:
        content = json.loads(cache.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return {}
    files = content.get("files")
    return files if isinstance(files, dict) else {}


def _remembered(known: Any, stamp: list[int]) -> dict[str, Any] | None:
    """A stored value that fits the file as it is now and has every field in its type, else None."""
    if not isinstance(known, dict) or not stamp or known.get("stamp") != stamp or "meta" not in known:
        return None
    stored = known["meta"]
    if stored is None:
        return {"meta": None}
    texts = ("name", "summary", "problem")
    lists = ("tags", "variants")
    if not isinstance(stored, dict) or set(stored) != {*texts, *lists}:
        return None
    if not all(isinstance(stored[key], str) for key in texts):
        return None
    if not all(isinstance(stored[key], list) and all(isinstance(t, str) for t in stored[key]) for key in lists):
        return None
    return {"meta": {**stored, **{key: tuple(stored[key]) for key in lists}}}


def _store(cache: Path, files: dict[str, Any]) -> None:
    """Write beside and replace, so that a reader sees the old file or the new one, never a part."""
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
