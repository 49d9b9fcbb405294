"""Folders with a model that a scorer uses: where they are, and which one it was."""

from __future__ import annotations

from pathlib import Path

from evalkit.core import digest_of

_SPECIMEN = 1 << 16


def placed(name: str, base: Path | None) -> str:
    """A path from `base` where there is such a file or folder; else the name as it is."""
    if not name or base is None:
        return name
    path = (base / name).resolve()
    return str(path) if path.exists() else name


def fingerprint(folder: Path) -> str:
    """A digest of the folder's files that is cheap for large ones: names, sizes, and both ends of each."""
    parts: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        size = path.stat().st_size
        with path.open("rb") as file:
            ends = file.read(_SPECIMEN)
            file.seek(max(0, size - _SPECIMEN))
            ends += file.read(_SPECIMEN)
        parts += [path.name, str(size), ends.decode("latin-1")]
    return digest_of(*parts)
