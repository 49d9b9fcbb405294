"""Installed distributions with plugin folders, found by their entry points without importing any of their modules."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

__all__ = ["ENTRY_POINTS", "InstalledPack", "pack_folders"]

ENTRY_POINTS = "evalkit.packs"


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """An entry point `name` of a distribution (`origin`), and the folder that holds tasks/, judges/ and the like; None
    where its `module` has none."""

    name: str
    module: str
    origin: str
    folder: Path | None

    @property
    def problem(self) -> str:
        """Why it has no folder."""
        return f"entry point {self.name!r} of {self.origin}: no package {self.module!r} with pack folders"


def pack_folders() -> tuple[InstalledPack, ...]:
    """Every distribution that brings plugins."""
    return _among(tuple((place, _changed(place)) for place in sys.path))


@functools.lru_cache(maxsize=8)
def _among(places: tuple[tuple[str, int], ...]) -> tuple[InstalledPack, ...]:
    """Those in the parts of sys.path, each with the time of its last change, at which they are looked up anew."""
    if not any(_may_bring_some(place) for place, _ in places):
        return ()
    from importlib.metadata import entry_points

    return tuple(
        InstalledPack(
            point.name,
            point.module,
            point.dist.name if point.dist is not None else point.name,
            _package_folder(point.module),
        )
        for point in entry_points(group=ENTRY_POINTS)
    )


def _changed(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns  # noqa: PTH116 - for speed
    except OSError:
        return 0


def _may_bring_some(place: str) -> bool:
    """Whether a part of sys.path may hold an entry point of ours.

    Python's own look-up reads the metadata of everything that is installed and takes 20 ms, as long as the rest of
    `evalkit --help`. Reading the files of entry points alone takes a tenth of it; anything but a folder (a zip archive)
    is left to Python.
    """
    try:
        with os.scandir(place or ".") as items:
            infos = [item.path for item in items if item.name.endswith((".dist-info", ".egg-info"))]
    except (FileNotFoundError, PermissionError):
        return False
    except OSError:
        return True
    return any(_names_ours(os.path.join(info, "entry_points.txt")) for info in infos)  # noqa: PTH118 - for speed


def _names_ours(file: str) -> bool:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - for speed
            return ENTRY_POINTS.encode() in opened.read()
    except OSError:
        return False


def _package_folder(module: str) -> Path | None:
    """The folder of a package. `find_spec("a.b")` would import `a`, so the parts are looked up one by one."""
    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first)
        name = first
        for part in rest:
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, spec.submodule_search_locations) if spec is not None else None
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
