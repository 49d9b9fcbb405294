"""What `evalkit judge import` prints, and the labels that it writes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.core import UsageError
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.judging.foreign import Imported

_SHOWN = 3


def show_imported(found: Imported, place: Path, labels: Path | None, *, as_json: bool = False) -> None:
    """How many verdicts there are of what, what repeats, and what can be done with them."""
    repeats = sum(found.repeats.values())
    if as_json:
        from evalkit.cli.rendering.output import write_json

        write_json({
            "layout": found.layout.name, "rows": found.rows, "verdicts": len(found.found), "unjudged": found.unjudged,
            "models": list(found.models), "repeats": dict(found.repeats), "labels": len(found.labels),
            "file": str(place),
        })  # fmt: skip
        return
    questions = len({one.key for one in found.found})
    say(f"{found.layout.about}: {found.rows:,} rows, {len(found.found):,} verdicts ({found.unjudged:,} unjudged) on "
        f"{questions:,} questions about {len(found.models):,} models")  # fmt: skip
    if repeats:
        named = "; ".join(f"{what} ({count + 1} times)" for what, count in list(found.repeats.items())[:_SHOWN])
        kept = len(found.found) == found.rows
        say(
            f"{repeats:,} rows repeat another ({named}): "
            + ("all are kept; --drop-repeats leaves them out" if kept else "they are left out")
        )
    if labels is not None:
        say(f"{len(found.labels):,} labels: {labels}")
    say(f"verdicts: {place}")
    say(f"next: evalkit judge tournament --verdicts {place}; or pairwise, audit --labels CSV")


def write_labels(path: Path, found: Imported) -> None:
    """What is right, as a CSV of labels. Raises UsageError where the file does not say it."""
    if not found.labels:
        raise UsageError(f"{found.layout.about} do not say what is right", fix="leave out --labels")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "a", "b", "label"))
            writer.writerows(found.labels)
    except OSError as error:
        raise UsageError(f"cannot write {path}", found=error.strerror or "") from None
