"""All runs under a folder as rows of an index, read again only where they changed."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalkit.core import UsageError, digest_of
from evalkit.core.formatting import interval, number
from evalkit.runs.store import Manifest, labels, manifest

Stamp = tuple[int, int, int, int]


class Listing:
    """The runs at any depth below `root`. Links are not followed, so that no folder outside of it is listed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[Stamp, dict[str, Any]]] = {}
        self._folders: dict[str, Path] = {}
        self._looking = threading.Lock()
        self.version = ""
        """Another word after every look that found something changed."""

    def rows(self) -> list[dict[str, Any]]:
        """A row for every run, the newest first; one for each that is damaged, with what is wrong."""
        with self._looking:
            known: dict[str, tuple[Stamp, dict[str, Any]]] = {}
            folders: dict[str, Path] = {}
            for folder in _run_folders(self.root):
                place = folder.relative_to(self.root).as_posix()
                name = digest_of(place)
                stamp = _stamp(folder)
                before = self._known.get(name)
                known[name] = before if before and before[0] == stamp else (stamp, _row(name, place, folder))
                folders[name] = folder
            self._known, self._folders = known, folders
            self.version = digest_of(*(f"{name} {stamp}" for name, (stamp, _) in sorted(known.items())))
        return sorted((row for _, row in known.values()), key=lambda row: (row["created"], row["folder"]), reverse=True)

    def folder(self, name: str) -> Path | None:
        """The folder of a row by its id; None where no run has it."""
        if name not in self._folders:
            self.rows()
        return self._folders.get(name)


def _run_folders(root: Path) -> Iterator[Path]:
    for below, names, files in os.walk(root):
        if manifest.FILE in files:
            names.clear()
            yield Path(below)
        else:
            names.sort()


def _stamp(folder: Path) -> Stamp:
    found = (folder / manifest.FILE).stat()
    try:
        told = (folder / labels.FILE).stat()
    except OSError:
        return (found.st_mtime_ns, found.st_ino, 0, 0)
    return (found.st_mtime_ns, found.st_ino, told.st_mtime_ns, told.st_ino)


def _row(name: str, place: str, folder: Path) -> dict[str, Any]:
    said = labels.read(folder)
    row: dict[str, Any] = {"id": name, "folder": place, "tags": list(said.tags), "note": said.note}
    try:
        return row | _facts(manifest.read(folder))
    except UsageError as error:
        problem = str(error).splitlines()[0]
        return row | {"model": "", "created": "", "status": "damaged", "tasks": [], "samples": 0, "problem": problem}


def _facts(found: Manifest) -> dict[str, Any]:
    tasks = []
    for entry in found.tasks:
        metric = entry.result.metric() if entry.result else None
        known = metric is not None and math.isfinite(metric.estimate.value)
        tasks.append(
            {
                "task": entry.name,
                "toy": entry.toy,
                "metric": metric.name if metric else "",
                "value": metric.estimate.value if metric and known else None,
                "text": number(metric.estimate.value, metric.scale) if metric and known else "",
                "interval": interval(metric.estimate.low, metric.estimate.high, metric.scale) if metric else "",
                "n": metric.estimate.n if metric else 0,
                "failed": entry.result.failed if entry.result else 0,
            }
        )
    samples = sum(entry.result.samples for entry in found.tasks if entry.result)
    return {
        "model": str(found.model["name"]),
        "created": found.created,
        "status": found.status,
        "tasks": tasks,
        "samples": samples,
        "failed": sum(task["failed"] for task in tasks),
        "problem": "",
    }
