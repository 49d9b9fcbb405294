"""Runs evalkit as a user does: a process of its own, its exit code and what it printed."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Threads that wait for each other are slow where other processes want the processors too.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
EVALKIT = (sys.executable, "-m", "evalkit.cli")


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


def evalkit(*arguments: str | Path, cwd: Path, **environment: str) -> Finished:
    """One call of the command line in `cwd`, without a terminal."""
    done = subprocess.run(
        [*EVALKIT, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **ONE_THREAD, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)
