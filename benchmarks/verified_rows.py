"""Renews evalkit/data/verified.json: which rows evalkit's tasks were verified with, and of which commit.

    python benchmarks/verified_rows.py --data-dir ../hub        # digests of every split of a mirror
    python benchmarks/verified_rows.py --hub openai/gsm8k       # the commit that main is now, if its rows are those

The mirror must be the one that the parity tests read. With --hub, every split that has a digest is fetched at the
commit that `main` stands for; the commit is written down if all rows are equal, and else the splits that differ are
named and nothing is written (exit code 1). Run the parity tests on the new rows before taking such a difference over.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalkit.core import DataOptions, UsageError
from evalkit.data import files, hub
from evalkit.data.formats import ENDINGS
from evalkit.data.paths import stem_of
from evalkit.data.verified import FILE, rows_digest

Table = dict[str, dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="the mirror that the parity tests read")
    parser.add_argument("--hub", action="append", default=[], metavar="ID", help="a data set whose commit to find")
    parser.add_argument("--out", type=Path, default=FILE)
    given = parser.parse_args()
    table: Table = json.loads(given.out.read_text("utf-8")) if given.out.is_file() else {}
    if given.data_dir:
        table = of_mirror(given.data_dir, table)
    try:
        differ = [name for hub_id in given.hub for name in of_hub(hub_id, table)]
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    if differ:
        print("other rows: " + ", ".join(differ), file=sys.stderr)
        return 1
    write(given.out, table)
    return 0


def of_mirror(folder: Path, before: Table) -> Table:
    """The digests of all splits in a mirror. A commit is kept where the rows are those that it stood for."""
    table: Table = {}
    for path in sorted(path for path in folder.glob("*/*/*/*") if path.name.endswith(ENDINGS)):
        owner, name, config = path.relative_to(folder).parts[:3]
        opened = files(path).open(DataOptions())
        rows = table.setdefault(f"{owner}/{name}", {"rows": {}})["rows"]
        rows[f"{config}/{stem_of(path)}"] = [rows_digest(opened.rows()), opened.count]
    for hub_id, entry in table.items():
        known = before.get(hub_id, {})
        if "commit" in known and known["rows"] == entry["rows"]:
            entry["commit"] = known["commit"]
    return table


def of_hub(hub_id: str, table: Table) -> Iterator[str]:
    """The splits whose rows on the hub are others; where there are none, the commit is put into the table."""
    commits = set()
    differ = False
    for split, known in table[hub_id]["rows"].items():
        config, _, name = split.partition("/")
        opened = hub(hub_id, config=config, split=name).open(DataOptions())
        commits.add(opened.facts["commit"])
        if [rows_digest(opened.rows()), opened.count] != known:
            differ = True
            yield f"{hub_id}[{split}]"
    if not differ and len(commits) == 1:
        table[hub_id]["commit"] = commits.pop()


def write(path: Path, table: Table) -> None:
    """A line for every split, so that a difference shows what changed."""
    entries = []
    for hub_id, entry in sorted(table.items()):
        rows = ",\n".join(f"   {json.dumps(split)}: {json.dumps(row)}" for split, row in sorted(entry["rows"].items()))
        commit = f'  "commit": {json.dumps(entry["commit"])},\n' if "commit" in entry else ""
        entries.append(f' {json.dumps(hub_id)}: {{\n{commit}  "rows": {{\n{rows}\n  }}\n }}')
    path.write_text("{\n" + ",\n".join(entries) + "\n}\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
