"""A cache that is told to forget a reply asks again, also where the old one is just being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.models.sqlite_cache import SqliteCache


def test_what_is_put_while_older_entries_are_written_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = SqliteCache(tmp_path)
    write = cache._write

    def slow(taken: list[tuple[str, bytes]]) -> None:
        write(taken)
        monkeypatch.undo()
        cache.put("key", b"new")

    cache.put("key", b"old")
    monkeypatch.setattr(cache, "_write", slow)
    cache.flush()
    assert cache.get("key") == b"new"
    cache.close()
    again = SqliteCache(tmp_path)
    assert again.get("key") == b"new"
    again.close()
