"""What evalkit's own tasks were verified with: the commit of a data set where it is known, and a digest of its rows.

`verified.json` holds it, and `benchmarks/verified_rows.py` renews it:
`{"<owner>/<name>": {"commit": "<40 hex digits>", "rows": {"<config>/<split>": ["<digest>", <rows>]}}}`; "commit" is
left out where nobody knows it. The digest is of the rows alone, so the hub, a mirror and any file format agree on it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evalkit.core import BadRow, OpenedSource, Row
from evalkit.data.scanning import remembered

__all__ = ["FILE", "WARNING", "commit_of", "compared", "rows_digest"]

FILE = Path(__file__).with_name("verified.json")
WARNING = "warning"
"""The fact of a source that says what of it is not what the task was verified with."""


@functools.cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    table: Mapping[str, Mapping[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return table


def commit_of(hub_id: str) -> str | None:
    """The commit of the data set that the tasks were verified with, or None where it is not known."""
    commit: str | None = _table().get(hub_id, {}).get("commit")
    return commit


def compared(opened: OpenedSource, name: str) -> dict[str, str]:
    """What the manifest says of the rows compared with those that were verified; nothing where none of them were.

    `name` is `<owner>/<name>`; config and split are among the source's facts. A stream is not read for it.
    """
    split = f"{opened.facts['config']}/{opened.facts['split']}"
    entry = _table().get(name, {}).get("rows", {}).get(split)
    if entry is None:
        return {}
    if opened.count is None:
        return {"verified": "not compared, being a stream"}
    digest, rows = entry
    found = _remembered_digest(opened)
    if (found, opened.count) == (digest, rows):
        return {"verified": "the rows are those that the task was verified with"}
    there = f"{opened.count:,} rows with digest {found}"
    return {
        WARNING: f"the rows of {name}[{split}] are not those that the task was verified with: "
        f"{there}, then {rows:,} with {digest}"
    }


def _remembered_digest(opened: OpenedSource) -> str:
    if opened.facts.get("commit") == "unknown":
        return rows_digest(opened.rows())
    found = remembered(("rows", opened.digest), lambda: {"rows_digest": rows_digest(opened.rows())})
    return str(found["rows_digest"])


def rows_digest(rows: Iterable[Row | BadRow]) -> str:
    """16 hex digits over the values of all rows in their order.

    What formats write differently counts as equal: the order of columns, a column that is null and one that is not
    there, 1 and 1.0.
    """
    hasher = hashlib.blake2b(digest_size=8)
    for row in rows:
        values = {"unreadable": row.problem} if isinstance(row, BadRow) else _plain(row.values)
        hasher.update(json.dumps(values, sort_keys=True, separators=(",", ":"), default=repr).encode())
        hasher.update(b"\n")
    return hasher.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
