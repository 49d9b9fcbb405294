"""Where caches, packs and data mirrors lie on this machine."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.terminal import say

_PACKAGE = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """The folder for what can be computed again: `EVALKIT_CACHE`, else `XDG_CACHE_HOME/evalkit`, else
    `~/.cache/evalkit`.

    It is made where it is missing. Where it cannot be written to, a temporary folder takes its place for the life
    of the process, and one line on stderr says so.
    """
    wanted = _wanted_cache_dir()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        writable = os.access(wanted, os.W_OK | os.X_OK)
        problem = "it is not writable"
    except OSError as error:
        writable, problem = False, error.strerror or str(error)
    return wanted if writable else _stand_in(wanted, problem)


def packs_dir(kind: str) -> Path:
    """The folder of built-in plugins of one kind ("tasks", "judges" or "reports").

    In a wheel that is `evalkit/_packs/<kind>`; in a checkout, `<kind>` next to the import package. Raises
    RuntimeError where neither is there, which only a broken installation can cause.
    """
    inside = _PACKAGE / "_packs" / kind
    if inside.is_dir():
        return inside
    # pyproject.toml tells a checkout from site-packages, where a folder named "tasks" could be anybody's.
    root = _PACKAGE.parent
    if (root / "pyproject.toml").is_file() and (root / kind).is_dir():
        return root / kind
    raise RuntimeError(
        f"this installation of evalkit is broken: its {kind} are neither in {inside} nor next to {_PACKAGE}"
    )


def data_mirror() -> Path | None:
    """The folder that `EVALKIT_DATA` names, or None where it is unset or empty. UsageError where it is not a folder."""
    named = os.environ.get("EVALKIT_DATA", "")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise UsageError(
            "EVALKIT_DATA does not name a folder",
            found=f"{folder} ({'a file' if folder.exists() else 'nothing is there'})",
            fix="point EVALKIT_DATA at a folder laid out as <owner>/<name>/<config>/<split>.jsonl, or unset it",
        )
    return folder


def _wanted_cache_dir() -> Path:
    if named := os.environ.get("EVALKIT_CACHE"):
        return Path(named).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser() / "evalkit"
    return Path("~/.cache/evalkit").expanduser()


@functools.cache
def _stand_in(wanted: Path, problem: str) -> Path:
    # A fresh folder rather than a well-known name in the shared temporary folder, which another user could own.
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="evalkit-cache-"))
    say(f"evalkit: cannot use the cache folder {wanted} ({problem}); using {folder}", err=True)
    return folder
