"""Runs evalkit as a user does: a process for each call, its exit code and what it printed."""

import atexit
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cli.forked import Forked

# Threads that wait for each other are slow where other processes want the processors too.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
EVALKIT = (sys.executable, "-m", "evalkit.cli")
LIMIT = 300.0
_PYTESTS_OWN = "PYTEST_CURRENT_TEST"

_forked: list[Forked] = []


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


def evalkit(*arguments: str | Path, cwd: Path, **environment: str) -> Finished:
    """One call of the command line in `cwd`, without a terminal.

    It is forked from a process that has imported what commands need, unless the call, or the test, changes the
    environment otherwise than by evalkit's own variables: libraries read others while they are imported.
    """
    words = list(map(str, arguments))
    whole = {name: value for name, value in os.environ.items() if name != _PYTESTS_OWN} | ONE_THREAD | environment
    others, own = _parted(whole)
    if hasattr(os, "fork"):
        if not _forked and not environment:
            _forked.append(Forked(others))
            atexit.register(_forked[0].close)
        if _forked and _forked[0].environment == others:
            return _checked(Finished(*_forked[0](words, cwd, own, LIMIT)))
    done = subprocess.run([*EVALKIT, *words], cwd=cwd, env=whole, capture_output=True, text=True, timeout=LIMIT)
    return _checked(Finished(done.returncode, done.stdout, done.stderr))


def _parted(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(the others' variables, evalkit's), which it reads when it needs them."""
    own = {name: value for name, value in environment.items() if name.startswith("EVALKIT_")}
    return {name: value for name, value in environment.items() if name not in own}, own


def _checked(done: Finished) -> Finished:
    assert "Traceback" not in done.err, done.err
    return done
