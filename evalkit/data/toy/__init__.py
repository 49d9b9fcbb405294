"""The toy sets that ship with evalkit: small and made up, for trials without a network.

`python -m tools.toys` rebuilds them. Nothing heavy is imported here.
"""

from __future__ import annotations

import difflib
from pathlib import Path

FOLDER: Path = Path(__file__).parent

__all__ = ["FOLDER", "ToySetNotFoundError", "toy_names", "toy_path"]


class ToySetNotFoundError(FileNotFoundError):
    """No toy set has the name that was asked for."""


def toy_names() -> list[str]:
    """The names of the toy sets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def toy_path(name: str) -> Path:
    """The JSONL file of the toy set `name` (`qa` and `qa.jsonl` are the same).

    Raises ToySetNotFoundError, a FileNotFoundError, where there is no such set.
    """
    stem = name.removesuffix(".jsonl")
    names = toy_names()
    if stem in names:
        return FOLDER / f"{stem}.jsonl"
    close = difflib.get_close_matches(stem, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    available = ", ".join(names) or "none"
    raise ToySetNotFoundError(f"no toy set named {name!r}{hint} (available: {available})")
