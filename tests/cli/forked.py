"""A process that has imported what every command needs, and forks itself for each call of the command line.

Most of a short command's time goes into importing torch and transformers. Here one process does it once, and what it
forks has its own memory, folder, output and exit code, as a process that a shell starts has.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path

HEAVY = ("torch", "transformers.modeling_utils", "scipy.stats", "scipy.special", "pandas", "jinja2", "rich.progress")
OWN = (
    *("evalkit.cli", "evalkit.comparing", "evalkit.models.hf", "evalkit.models.tiny", "evalkit.prompting"),
    *("evalkit.reporting", "evalkit.runs", "evalkit.scoring"),
)


class Forked:
    """The client's side; `environment` is that of every call, which adds variables to it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._one_at_a_time = threading.Lock()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what libraries say while they are imported
            text=True,
            env=environment,
            cwd=Path(__file__).resolve().parents[2],
        )

    def __call__(
        self, arguments: list[str], cwd: Path, variables: dict[str, str], timeout: float
    ) -> tuple[int, str, str]:
        """(exit code, standard output, standard error) of one command. Raises TimeoutError."""
        with self._one_at_a_time, tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder) / name) for name in ("out", "err")]
            call = {"arguments": arguments, "cwd": str(cwd), "variables": variables, "files": files}
            code = self._asked(call, timeout)
            out, err = (Path(name).read_text(encoding="utf-8") for name in files)
        return code, out, err

    def _asked(self, call: Mapping[str, object], timeout: float) -> int:
        server = self._server
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(call) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            server.kill()
            raise TimeoutError(f"no end after {timeout:.0f} s: {call['arguments']}")
        answer = server.stdout.readline()
        assert answer, f"the process that forks has ended with {server.wait(10)}: python -m tests.cli.forked"
        return int(answer)

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=30)


def serve() -> None:
    """Fork for every line of standard input; the child does what the line says."""
    folders = (importlib.import_module(name) for name in OWN)
    own = [found.name for folder in folders for found in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}.")]
    for name in (*HEAVY, *own):
        if name.endswith("__main__"):
            continue
        with contextlib.suppress(ImportError):  # what belongs to an extra
            importlib.import_module(name)
    # The two pipes are the client's; a command's own standard streams are others.
    asked, answered = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    gc.collect()
    gc.freeze()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for line in iter(asked.readline, ""):
        child = os.fork()
        if child == 0:
            asked.close()
            answered.close()
            code = command(**json.loads(line))
            # What an exit does, except to take down a heap that is shared with the server, which would copy it.
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        answered.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answered.flush()


def command(arguments: list[str], cwd: str, variables: dict[str, str], files: list[str]) -> int:
    """`python -m evalkit.cli` with these arguments, in this process; its exit code."""
    for number, name in enumerate(files, 1):
        opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.update(variables)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv = ["evalkit", *arguments]
    try:
        runpy.run_module("evalkit.cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
