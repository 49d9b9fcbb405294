"""`evalkit cache`: how large the response cache and the kept indexes are, and a way to empty them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click

from evalkit.core import paths
from evalkit.core.terminal import say
from evalkit.models.sqlite_cache import SqliteCache


@click.command("cache")
@click.option("--clear", is_flag=True, help="Delete cached replies and indexes of documents.")
@click.option("--older-than", type=float, metavar="DAYS", help="With --clear: only those of at least this age.")
def command(clear: bool, older_than: float | None) -> None:
    """Show the response cache, or clear it.

    Replies are kept by model identity and request, so that a repeated run asks nothing twice; indexes of documents by
    what they are made of.
    """
    if older_than is not None and not clear:
        raise click.UsageError("--older-than goes with --clear")
    cache = SqliteCache(paths.cache_dir())
    try:
        if clear:
            say(f"deleted {cache.clear(older_than or 0.0):,} replies")
            say(f"deleted {_clear_indexes(older_than or 0.0):,} indexes")
        size = cache.size()
        say(f"{size.entries:,} replies, {size.bytes / 1e6:.1f} MB in {size.path}")
        indexes = _indexes()
        if indexes:
            total = sum(path.stat().st_size for folder in indexes for path in folder.rglob("*") if path.is_file())
            say(f"{len(indexes):,} indexes of documents, {total / 1e6:.1f} MB in {indexes[0].parent}")
        if not clear and (size.entries or indexes):
            say("next: evalkit cache --clear [--older-than DAYS]")
    finally:
        cache.close()


def _indexes() -> list[Path]:
    """The folders of kept indexes (`rag.indexes`)."""
    return sorted(path for path in (paths.cache_dir() / "rag").glob("*") if path.is_dir())


def _clear_indexes(older_than_days: float) -> int:
    old = [path for path in _indexes() if time.time() - path.stat().st_mtime >= older_than_days * 86_400]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)
