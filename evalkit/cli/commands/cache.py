"""`evalkit cache`: how large the response cache and the kept indexes are, and a way to empty them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click

from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core import UsageError, paths
from evalkit.core.terminal import say
from evalkit.models.sqlite_cache import SqliteCache


@click.command("cache", epilog=examples("evalkit cache", "evalkit cache --clear --older-than 30"))
@click.option("--clear", is_flag=True, help="Delete cached replies and document indexes.")
@click.option("--older-than", type=float, metavar="DAYS", help="With --clear: delete only entries older than this.")
@json_option
def command(clear: bool, older_than: float | None, as_json: bool) -> None:
    """Show the response cache, or clear it.

    The cache keeps every reply by model and request, so that a repeated run asks nothing twice. It also keeps document
    indexes.
    """
    if older_than is not None and not clear:
        raise UsageError("--older-than needs --clear", fix="evalkit cache --clear --older-than DAYS")
    cache = SqliteCache(paths.cache_dir())
    try:
        deleted = cache.clear(older_than or 0.0) if clear else 0
        deleted_indexes = _clear_indexes(older_than or 0.0) if clear else 0
        size, indexes = cache.size(), _indexes()
        total = sum(path.stat().st_size for folder in indexes for path in folder.rglob("*") if path.is_file())
        if as_json:
            print_json(
                path=str(size.path), replies=size.entries, bytes=size.bytes, indexes=len(indexes), index_bytes=total,
                deleted_replies=deleted, deleted_indexes=deleted_indexes,
            )  # fmt: skip
            return
        if clear:
            say(f"deleted {_replies(deleted)} and {_document_indexes(deleted_indexes)}")
        say(f"{_replies(size.entries)}, {size.bytes / 1e6:.1f} MB in {size.path}")
        if indexes:
            say(f"{_document_indexes(len(indexes))}, {total / 1e6:.1f} MB in {indexes[0].parent}")
        if not clear and (size.entries or indexes):
            say("next: evalkit cache --clear [--older-than DAYS]")
    finally:
        cache.close()


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count:,} replies"


def _document_indexes(count: int) -> str:
    return "1 document index" if count == 1 else f"{count:,} document indexes"


def _indexes() -> list[Path]:
    """The folders of kept indexes (`rag.indexes`)."""
    return sorted(path for path in (paths.cache_dir() / "rag").glob("*") if path.is_dir())


def _clear_indexes(older_than_days: float) -> int:
    old = [path for path in _indexes() if time.time() - path.stat().st_mtime >= older_than_days * 86_400]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)
