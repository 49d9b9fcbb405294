"""The small sample sets that ship with evalkit, for trials without a network; `python -m tools.toys` rebuilds them.

Nothing heavy is imported here.
"""

from __future__ import annotations

import difflib
from pathlib import Path

SAMPLES: Path = Path(__file__).parent

__all__ = ["SAMPLES", "SampleSetNotFoundError", "sample_names", "sample_path"]


class SampleSetNotFoundError(FileNotFoundError):
    """No bundled sample set has the name that was asked for."""


def sample_names() -> list[str]:
    """The names of the bundled sample sets, sorted."""
    return sorted(path.stem for path in SAMPLES.glob("*.jsonl"))


def sample_path(name: str) -> Path:
    """The JSONL file of the bundled sample set `name` (`qa` and `qa.jsonl` are the same).

    Raises SampleSetNotFoundError, a FileNotFoundError, where there is no such set.
    """
    stem = name.removesuffix(".jsonl")
    names = sample_names()
    if stem in names:
        return SAMPLES / f"{stem}.jsonl"
    close = difflib.get_close_matches(stem, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    available = ", ".join(names) or "none"
    raise SampleSetNotFoundError(f"no bundled sample set named {name!r}{hint} (available: {available})")
