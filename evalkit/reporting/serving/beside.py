"""A server next to a run that goes on: a process that the run starts, never waits for, and cannot be hurt by.

The run makes the listening socket and the token, so that it knows the address at once. The server gets both through
its standard input, not through its arguments, which every user of the machine can read. It ends when the run does: its
input ends then, however the run ended, and open pages have some seconds to fetch the last state.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from evalkit.reporting.serving.server import LocalServer, address_of, listening, new_token
from evalkit.reporting.serving.sites import WatchSite

_LAST_SECONDS = 4.0


class Beside:
    """The server of one run folder, in another process and session: Ctrl-C reaches the run alone."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        token = new_token()
        with listening(port) as found:
            self.address = address_of(found, token)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evalkit.reporting.serving.beside"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[found.fileno()],
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
            said = {"socket": found.fileno(), "token": token, "folder": str(folder.resolve())}
        assert self._process.stdin is not None
        # A server that could not start is no reason to end a run.
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(said).encode() + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Say that the run has ended. The server goes by itself; nobody waits for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def _serve() -> None:
    said = json.loads(sys.stdin.buffer.readline())
    site = WatchSite(Path(said["folder"]))
    server = LocalServer(site, socket.socket(fileno=said["socket"]), said["token"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()  # until the run has ended, however
    before, end = site.final, time.monotonic() + _LAST_SECONDS
    while site.asked and site.final == before and time.monotonic() < end:
        time.sleep(0.1)
    site.close()
    os._exit(0)


if __name__ == "__main__":
    _serve()
