"""`evalkit cache`: how large the response cache is, and a way to empty it."""

from __future__ import annotations

import click

from evalkit import places
from evalkit.store import SqliteCache


@click.command("cache")
@click.option("--clear", is_flag=True, help="Delete cached replies.")
@click.option("--older-than", type=float, metavar="DAYS", help="With --clear: only those of at least this age.")
def command(clear: bool, older_than: float | None) -> None:
    """Show the response cache, or clear it.

    Replies are kept by model identity and request, so that a repeated run asks nothing twice.
    """
    if older_than is not None and not clear:
        raise click.UsageError("--older-than goes with --clear")
    cache = SqliteCache(places.cache_dir())
    try:
        if clear:
            click.echo(f"deleted {cache.clear(older_than or 0.0):,} replies")
        size = cache.size()
        click.echo(f"{size.entries:,} replies, {size.bytes / 1e6:.1f} MB in {size.path}")
        if not clear and size.entries:
            click.echo("next: evalkit cache --clear [--older-than DAYS]")
    finally:
        cache.close()
