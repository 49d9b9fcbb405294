"""What people say of a run: its tags and a note, in a file of the run folder that no measurement reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from evalkit.core import UsageError
from evalkit.core.claims import rewrite

FILE = "labels.json"
MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 60, 10_000


@dataclass(frozen=True, slots=True)
class Labels:
    """Tags in the order they were given, and a note."""

    tags: tuple[str, ...] = ()
    note: str = ""


def checked(tags: object, note: object) -> Labels:
    """Labels made of what came from outside. Raises UsageError for what is not text, or too much of it."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags) or not isinstance(note, str):
        raise UsageError("labels are a list of tags and a note, each a text")
    kept = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in kept):
        raise UsageError(f"a run has at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters")
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"a note has at most {LONGEST_NOTE:,} characters", found=f"{len(note):,}")
    return Labels(kept, note)


def read(folder: Path) -> Labels:
    """A run's labels; none where it has no file of them, or one that cannot be read."""
    try:
        raw = orjson.loads((folder / FILE).read_bytes())
        return checked(raw.get("tags", []), raw.get("note", ""))
    except (OSError, ValueError, AttributeError, UsageError):
        return Labels()


def write(folder: Path, labels: Labels) -> None:
    """Replace a run's labels in one step; a run without any keeps no file. Raises UsageError where the disk refuses.

    The file belongs to no measurement, so the run may be going on meanwhile: its journal is not touched.
    """
    path = folder / FILE
    try:
        if labels == Labels():
            path.unlink(missing_ok=True)
            return
        rewrite(path, orjson.dumps({"tags": labels.tags, "note": labels.note}, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}", found=error.strerror or str(error)) from None
